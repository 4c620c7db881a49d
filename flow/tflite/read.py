"""The layers with weights of a TensorFlow Lite file, in PyTorch's layouts.

The schema is the ``tflite`` package's; networks are described in TensorFlow's
``tensorflow/compiler/mlir/lite/schema/schema.fbs``.
"""

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import tflite
import torch

from sparrow.flow.errors import UserError

__all__ = ["FileLayer", "read_layers"]

_OPTIONS = {"CONV_2D": tflite.Conv2DOptions, "DEPTHWISE_CONV_2D": tflite.DepthwiseConv2DOptions,
            "FULLY_CONNECTED": tflite.FullyConnectedOptions}
_TYPES = {value: name for name, value in vars(tflite.TensorType).items() if name.isupper()}
_REAL = (tflite.TensorType.FLOAT32, tflite.TensorType.FLOAT16, tflite.TensorType.INT8)
_LIMITS = {tflite.ActivationFunctionType.NONE: (None, None),
           tflite.ActivationFunctionType.RELU: (0.0, None),
           tflite.ActivationFunctionType.RELU_N1_TO_1: (-1.0, 1.0),
           tflite.ActivationFunctionType.RELU6: (0.0, 6.0)}


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class FileLayer:
    """A convolution or fully connected layer of a file.

    Parameters
    ----------
    operation : str
        Number and kind, for errors.
    weight : torch.Tensor, float32, shape (out, in / groups, height, width) or (out, features)
        Features of an image in PyTorch's order: channels, height, width.
    bias : torch.Tensor, float32, shape (out,)
    limits : (float or None, float or None)
        Of the activation.
    geometry : dict
        Of a convolution, by the names of ``ConvNode``: ``stride``, ``dilation``, ``groups`` and
        ``padding``, as it comes out for the file's sizes.
    """

    operation: str
    weight: torch.Tensor
    bias: torch.Tensor
    limits: tuple[float | None, float | None]
    geometry: dict[str, Any]


def read_layers(path: Path) -> list[FileLayer]:
    """The layers with weights of a file, in the order in which they are computed.

    INT8 weights of operations in floating point (post-training "dynamic range" quantization) are
    multiplied by their scales.

    Raises
    ------
    UserError
        If the file can't be read, isn't of the form, computes with integers, or has constants in
        other operations.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    try:
        if not tflite.Model.ModelBufferHasIdentifier(content, 0):
            raise ValueError("no identifier 'TFL3'")
        model = tflite.Model.GetRootAs(content, 0)
        if model.SubgraphsLength() != 1:
            raise UserError(f"{path} must have one graph, not {model.SubgraphsLength()}")
        reader = _Reader(path, model)
        return [layer for number in range(reader.graph.OperatorsLength())
                if (layer := reader.layer(number)) is not None]
    except UserError:
        raise
    except Exception as error:  # of a file in part, errors of many types
        raise UserError(f"{path} must be a file of TensorFlow Lite: {type(error).__name__}: "
                        f"{error}") from None


class _Reader:
    """Walks the operations of a graph."""

    def __init__(self, path: Path, model: Any):
        self._path, self._model = path, model
        self.graph = model.Subgraphs(0)
        self._flattened: dict[int, int] = {}  # by a reshape's output, its input

    def layer(self, number: int) -> FileLayer | None:
        """What an operation is; ``None`` of one without weights."""
        operation = self.graph.Operators(number)
        code = self._model.OperatorCodes(operation.OpcodeIndex())
        kind = tflite.opcode2name(max(code.BuiltinCode(), code.DeprecatedBuiltinCode()))
        inputs = [int(index) for index in operation.InputsAsNumpy()]
        subject = f"operation {number} ({kind})"
        if kind not in _OPTIONS:
            if kind == "RESHAPE":
                self._flattened[int(operation.Outputs(0))] = inputs[0]
            self._check_no_constants(subject, inputs)
            return None
        source = self.graph.Tensors(inputs[0])
        if source.Type() != tflite.TensorType.FLOAT32:
            raise UserError(f"{self._path} must be a float network, but its {subject} is of "
                            f"{_TYPES[source.Type()]}; weights of integer networks are not "
                            "supported")
        options = _OPTIONS[kind]()
        table = operation.BuiltinOptions()
        options.Init(table.Bytes, table.Pos)
        limits = _LIMITS.get(options.FusedActivationFunction())
        if limits is None:
            raise UserError(f"{self._path}: the activation of {subject} must be none, RELU, "
                            f"RELU_N1_TO_1 or RELU6, not {options.FusedActivationFunction()}")
        weight = self._constant(inputs[1], f"weights of {subject}")
        bias = (self._constant(inputs[2], f"bias of {subject}")
                if len(inputs) > 2 and inputs[2] >= 0 else torch.zeros(
                    weight.shape[3 if kind == "DEPTHWISE_CONV_2D" else 0]))
        shape = [int(size) for size in source.ShapeAsNumpy()]
        geometry: dict[str, Any] = {}
        if kind == "FULLY_CONNECTED":
            weight = self._features(inputs[0], weight)
        else:
            order = (0, 3, 1, 2) if kind == "CONV_2D" else (3, 0, 1, 2)
            weight = weight.permute(order)
            geometry = _geometry(options, shape, weight)
        return FileLayer(operation=subject, weight=weight.contiguous(), bias=bias, limits=limits,
                         geometry=geometry)

    def _features(self, source: int, weight: torch.Tensor) -> torch.Tensor:
        """Weights whose features, of an image, come channel by channel."""
        source = self._flattened.get(source, source)
        shape = [int(size) for size in self.graph.Tensors(source).ShapeAsNumpy()]
        if len(shape) != 4 or math.prod(shape[1:]) != weight.shape[1]:
            return weight
        return weight.view(-1, *shape[1:]).permute(0, 3, 1, 2).flatten(1)

    def _constant(self, index: int, subject: str) -> torch.Tensor:
        """A tensor of the file as real numbers."""
        tensor = self.graph.Tensors(index)
        kind = _TYPES.get(tensor.Type(), str(tensor.Type()))
        buffer = self._model.Buffers(tensor.Buffer())
        if not buffer.DataLength() or kind not in ("FLOAT32", "INT8"):
            raise UserError(f"{self._path}: {subject} must be constants of FLOAT32 or INT8, not "
                            + (kind if buffer.DataLength() else "computed"))
        shape = [int(size) for size in tensor.ShapeAsNumpy()]
        if kind == "FLOAT32":
            values = buffer.DataAsNumpy().view(np.float32).reshape(shape)
            return torch.from_numpy(values.copy())
        return self._scaled(tensor, buffer.DataAsNumpy().view(np.int8).reshape(shape), subject)

    def _scaled(self, tensor: Any, values: np.ndarray, subject: str) -> torch.Tensor:
        """INT8 values times their scales."""
        form = tensor.Quantization()
        if form is None or not form.ScaleLength() or np.any(form.ZeroPointAsNumpy()):
            raise UserError(f"{self._path}: {subject} must have scales and zero points of 0")
        around = [1] * values.ndim
        around[form.QuantizedDimension()] = form.ScaleLength()
        return torch.from_numpy(values.astype(np.float32) * form.ScaleAsNumpy().reshape(around))

    def _check_no_constants(self, subject: str, inputs: list[int]) -> None:
        for index in inputs:
            tensor = self.graph.Tensors(index) if index >= 0 else None
            if (tensor is not None and tensor.Type() in _REAL
                    and self._model.Buffers(tensor.Buffer()).DataLength()):
                raise UserError(f"{self._path}: constants must be those of "
                                f"{', '.join(_OPTIONS)}, not of {subject}")


def _geometry(options: Any, shape: list[int], weight: torch.Tensor) -> dict[str, Any]:
    """Stride, dilation, groups, and padding at top, left, bottom and right.

    ``SAME`` makes outputs of the input's size over the stride, rounded up, with the odd one of
    the zeros at the bottom and the right.
    """
    stride = (options.StrideH(), options.StrideW())
    dilation = (options.DilationHFactor(), options.DilationWFactor())
    around = [0, 0]
    if options.Padding() == tflite.Padding.SAME:
        around = [max(0, (-(-size // step) - 1) * step + (taps - 1) * gap + 1 - size)
                  for size, step, taps, gap in zip(shape[1:3], stride, weight.shape[2:], dilation)]
    return {"stride": stride, "dilation": dilation, "groups": shape[3] // weight.shape[1],
            "padding": (around[0] // 2, around[1] // 2, -(-around[0] // 2), -(-around[1] // 2))}
