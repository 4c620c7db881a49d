"""Files of TensorFlow Lite, made here."""

import flatbuffers
import numpy as np
import pytest
import tflite

FLOAT, INT8 = tflite.TensorType.FLOAT32, tflite.TensorType.INT8


class Writer:
    """Makes a file with one graph; tensors and operations are added in order."""

    def __init__(self):
        self.builder = flatbuffers.Builder(1024)
        self.buffers, self.tensors, self.operations = [b""], [], []

    def tensor(self, shape, *, kind=FLOAT, values=None, scales=None, dimension=0, zero=0):
        """The index of a new tensor, of a constant where ``values`` are given."""
        if values is not None:
            self.buffers.append(values.tobytes())
        self.tensors.append((list(shape), kind, len(self.buffers) - 1 if values is not None else 0,
                             scales, dimension, zero))
        return len(self.tensors) - 1

    def constant(self, values, **settings):
        kind = {np.dtype(np.float32): FLOAT, np.dtype(np.int8): INT8,
                np.dtype(np.float16): tflite.TensorType.FLOAT16}[values.dtype]
        return self.tensor(values.shape, kind=kind, values=values, **settings)

    def operation(self, kind, inputs, output, **options):
        """An operation; ``kind`` as ``Conv2D``."""
        self.operations.append((kind, inputs, output, options))

    def _vector(self, start, items, add):
        start(self.builder, len(items))
        for item in reversed(items):
            add(item)
        return self.builder.EndVector()

    def _offsets(self, start, items):
        return self._vector(start, items, self.builder.PrependUOffsetTRelative)

    def _tensor(self, shape, kind, buffer, scales, dimension, zero):
        b = self.builder
        sizes = self._vector(tflite.TensorStartShapeVector, shape, b.PrependInt32)
        name = b.CreateString("t")
        form = None
        if scales is not None:
            scales = self._vector(tflite.QuantizationParametersStartScaleVector, list(scales),
                                  b.PrependFloat32)
            zeros = self._vector(tflite.QuantizationParametersStartZeroPointVector, [zero],
                                 b.PrependInt64)
            tflite.QuantizationParametersStart(b)
            tflite.QuantizationParametersAddScale(b, scales)
            tflite.QuantizationParametersAddZeroPoint(b, zeros)
            tflite.QuantizationParametersAddQuantizedDimension(b, dimension)
            form = tflite.QuantizationParametersEnd(b)
        tflite.TensorStart(b)
        tflite.TensorAddShape(b, sizes)
        tflite.TensorAddType(b, kind)
        tflite.TensorAddBuffer(b, buffer)
        tflite.TensorAddName(b, name)
        if form is not None:
            tflite.TensorAddQuantization(b, form)
        return tflite.TensorEnd(b)

    def _operation(self, number, kind, inputs, output, options):
        b = self.builder
        given = self._vector(tflite.OperatorStartInputsVector, inputs, b.PrependInt32)
        made = self._vector(tflite.OperatorStartOutputsVector, [output], b.PrependInt32)
        table = f"{kind}Options"
        if hasattr(tflite, f"{table}Start"):
            getattr(tflite, f"{table}Start")(b)
            for name, value in options.items():
                getattr(tflite, f"{table}Add{name}")(b, value)
            content = getattr(tflite, f"{table}End")(b)
        tflite.OperatorStart(b)
        tflite.OperatorAddOpcodeIndex(b, number)
        tflite.OperatorAddInputs(b, given)
        tflite.OperatorAddOutputs(b, made)
        if hasattr(tflite, f"{table}Start"):
            tflite.OperatorAddBuiltinOptions(b, content)
        return tflite.OperatorEnd(b)

    def _code(self, kind):
        names = {"Conv2D": "CONV_2D", "DepthwiseConv2D": "DEPTHWISE_CONV_2D", "Reshape": "RESHAPE",
                 "FullyConnected": "FULLY_CONNECTED", "Mul": "MUL"}
        code = getattr(tflite.BuiltinOperator, names[kind])
        tflite.OperatorCodeStart(self.builder)
        tflite.OperatorCodeAddDeprecatedBuiltinCode(self.builder, code)
        tflite.OperatorCodeAddBuiltinCode(self.builder, code)
        return tflite.OperatorCodeEnd(self.builder)

    def _buffer(self, content):
        b = self.builder
        data = b.CreateByteVector(content) if content else None
        tflite.BufferStart(b)
        if data is not None:
            tflite.BufferAddData(b, data)
        return tflite.BufferEnd(b)

    def bytes(self, graphs=1):
        """The content of the file."""
        b = self.builder
        buffers = self._offsets(tflite.ModelStartBuffersVector,
                                [self._buffer(content) for content in self.buffers])
        codes = self._offsets(tflite.ModelStartOperatorCodesVector,
                              [self._code(kind) for kind, *_ in self.operations])
        tensors = self._offsets(tflite.SubGraphStartTensorsVector,
                                [self._tensor(*tensor) for tensor in self.tensors])
        operations = self._offsets(tflite.SubGraphStartOperatorsVector, [
            self._operation(number, *each) for number, each in enumerate(self.operations)])
        tflite.SubGraphStart(b)
        tflite.SubGraphAddTensors(b, tensors)
        tflite.SubGraphAddOperators(b, operations)
        graph = tflite.SubGraphEnd(b)
        graphs = self._offsets(tflite.ModelStartSubgraphsVector, [graph] * graphs)
        tflite.ModelStart(b)
        tflite.ModelAddVersion(b, 3)
        tflite.ModelAddBuffers(b, buffers)
        tflite.ModelAddOperatorCodes(b, codes)
        tflite.ModelAddSubgraphs(b, graphs)
        b.Finish(tflite.ModelEnd(b), b"TFL3")
        return bytes(b.Output())


@pytest.fixture
def writer():
    return Writer()


@pytest.fixture
def numbers():
    """A function from a shape to float32 values."""
    generator = np.random.default_rng(0)
    return lambda *shape: generator.standard_normal(shape).astype(np.float32)
