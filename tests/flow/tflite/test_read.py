"""The layers of TensorFlow Lite's files, and what is refused."""

import numpy as np
import pytest
import tflite
import torch

from sparrow.flow.errors import UserError
from sparrow.flow.tflite import read_layers

SAME, VALID = tflite.Padding.SAME, tflite.Padding.VALID
STEP = {"StrideH": 1, "StrideW": 1, "DilationHFactor": 1, "DilationWFactor": 1}
RELU = tflite.ActivationFunctionType.RELU


@pytest.fixture
def read(tmp_path, writer):
    """A function that writes the file and reads it."""
    def get(**settings):
        path = tmp_path / "m.tflite"
        path.write_bytes(writer.bytes(**settings))
        return read_layers(path)
    return get


@pytest.mark.parametrize("padding, size, stride, dilation, expected", [
    (SAME, (49, 10), (2, 2), (1, 1), (4, 1, 5, 1)), (VALID, (49, 10), (2, 2), (1, 1), (0,) * 4),
    (SAME, (20, 20), (1, 1), (2, 1), (9, 1, 9, 2)), (SAME, (20, 20), (10, 4), (1, 1), (0,) * 4),
    (SAME, (20, 20), (16, 5), (1, 1), (3, 0, 3, 0))])
def test_convolution(writer, numbers, read, padding, size, stride, dilation, expected):
    weight, bias = numbers(6, 10, 4, 3), numbers(6)
    writer.operation("Conv2D", [writer.tensor((1, *size, 3)), writer.constant(weight),
                                writer.constant(bias)], writer.tensor((1, 1, 1, 6)),
                     Padding=padding, StrideH=stride[0], StrideW=stride[1],
                     DilationHFactor=dilation[0], DilationWFactor=dilation[1],
                     FusedActivationFunction=RELU)
    layer, = read()
    assert np.array_equal(layer.weight, weight.transpose(0, 3, 1, 2))
    assert np.array_equal(layer.bias, bias) and layer.limits == (0.0, None)
    assert layer.geometry == {"stride": stride, "dilation": dilation, "groups": 1,
                              "padding": expected}


def test_depthwise(writer, numbers, read):
    weight = numbers(1, 3, 3, 8)
    writer.operation("DepthwiseConv2D", [writer.tensor((1, 5, 5, 4)), writer.constant(weight), -1],
                     writer.tensor((1, 5, 5, 8)), Padding=SAME, DepthMultiplier=2, **STEP)
    layer, = read()
    assert np.array_equal(layer.weight, weight.transpose(3, 0, 1, 2))
    assert not layer.bias.any() and len(layer.bias) == 8 and layer.limits == (None, None)
    assert layer.geometry["groups"] == 4 and layer.geometry["padding"] == (1, 1, 1, 1)


@pytest.mark.parametrize("reshaped", [True, False])
def test_features_of_an_image(writer, numbers, read, reshaped):
    """Their order is that of PyTorch: the same sums for the same image."""
    image, weight = numbers(1, 2, 3, 4), numbers(5, 24)
    source = writer.tensor(image.shape)
    if reshaped:
        flat = writer.tensor((1, 24))
        writer.operation("Reshape", [source, writer.tensor((2,), kind=tflite.TensorType.INT32,
                                                           values=np.array([1, 24]))], flat)
        source = flat
    writer.operation("FullyConnected", [source, writer.constant(weight)], writer.tensor((1, 5)))
    layer, = read()
    found = torch.from_numpy(image.transpose(0, 3, 1, 2)).flatten(1) @ layer.weight.T
    assert np.allclose(found, image.reshape(1, 24) @ weight.T, atol=1e-5)
    assert layer.geometry == {} and len(layer.bias) == 5


@pytest.mark.parametrize("dimension, scales", [(0, [0.5]), (0, [0.5, 2.0]), (3, [1.0, 0.5, 4.0])])
def test_scaled_weights(writer, numbers, read, dimension, scales):
    values = np.arange(-6, 6, dtype=np.int8).reshape(2, 1, 2, 3)
    writer.operation("Conv2D", [
        writer.tensor((1, 4, 4, 3)), writer.constant(values, scales=scales, dimension=dimension),
        writer.constant(numbers(2))], writer.tensor((1, 4, 4, 2)), Padding=SAME, **STEP)
    around = [1, 1, 1, 1]
    around[dimension] = len(scales)
    expected = values * np.array(scales).reshape(around)
    assert np.array_equal(read()[0].weight, expected.transpose(0, 3, 1, 2))


def dense(writer, weight, **settings):
    source = writer.tensor((1, weight.shape[1]), kind=settings.pop("kind", 0))
    writer.operation("FullyConnected", [source, writer.constant(weight, **settings)],
                     writer.tensor((1, len(weight))))


@pytest.mark.parametrize("add, text", [
    (lambda w, n: dense(w, n(2, 3), kind=tflite.TensorType.INT8),
     " must be a float network, but its operation 0 (FULLY_CONNECTED) is of INT8; weights of "
     "integer networks are not supported"),
    (lambda w, n: w.operation("FullyConnected", [w.tensor((1, 3)), w.tensor((2, 3))],
                              w.tensor((1, 2))),
     ": weights of operation 0 (FULLY_CONNECTED) must be constants of FLOAT32 or INT8, not "
     "computed"),
    (lambda w, n: dense(w, n(2, 3).astype(np.float16)),
     ": weights of operation 0 (FULLY_CONNECTED) must be constants of FLOAT32 or INT8, not "
     "FLOAT16"),
    (lambda w, n: dense(w, np.ones((2, 3), np.int8)),
     ": weights of operation 0 (FULLY_CONNECTED) must have scales and zero points of 0"),
    (lambda w, n: dense(w, np.ones((2, 3), np.int8), scales=[1.0], zero=3),
     ": weights of operation 0 (FULLY_CONNECTED) must have scales and zero points of 0"),
    (lambda w, n: w.operation("Mul", [w.tensor((1, 3)), w.constant(n(3))], w.tensor((1, 3))),
     ": constants must be those of CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED, not of operation "
     "0 (MUL)"),
    (lambda w, n: w.operation("FullyConnected", [w.tensor((1, 3)), w.constant(n(2, 3))],
                              w.tensor((1, 2)), FusedActivationFunction=4),
     ": the activation of operation 0 (FULLY_CONNECTED) must be none, RELU, RELU_N1_TO_1 or RELU6, "
     "not 4"),
])
def test_networks_that_are_refused(tmp_path, writer, numbers, read, add, text):
    add(writer, numbers)
    with pytest.raises(UserError) as caught:
        read()
    assert str(caught.value) == f"{tmp_path / 'm.tflite'}{text}"


def test_files_that_are_refused(tmp_path, writer, numbers, read):
    path = tmp_path / "m.tflite"
    with pytest.raises(UserError) as caught:
        read_layers(path)
    assert str(caught.value) == f"{path}: No such file or directory"
    dense(writer, numbers(2, 3))
    with pytest.raises(UserError) as caught:
        read(graphs=2)
    assert str(caught.value) == f"{path} must have one graph, not 2"
    whole = type(writer)()
    dense(whole, numbers(2, 3))
    content = whole.bytes()
    for part in (b"", b"nothing at all", content[:len(content) // 2], content[:-8]):
        path.write_bytes(part)
        with pytest.raises(UserError) as caught:
            read_layers(path)
        assert str(caught.value).startswith(f"{path} must be a file of TensorFlow Lite: ")


def test_real_networks(data_file):
    """The weights are those of the architecture, in its order."""
    layers = read_layers(data_file("models/mlperf-tiny/kws_ref_model_float32.tflite"))
    separable = [(64, 1, 3, 3), (64, 64, 1, 1)]
    assert [tuple(layer.weight.shape) for layer in layers] == [
        (64, 1, 10, 4), *separable * 4, (12, 64)]
    assert layers[0].geometry["padding"] == (4, 1, 5, 1)
    layers = read_layers(data_file("models/mlperf-tiny/pretrainedResnet.tflite"))
    assert sum(layer.weight.numel() + layer.bias.numel() for layer in layers) == 77_706
