"""MLPerf Tiny's weights in the examples."""

import pytest
import torch

from sparrow.compress.train import float_accuracy
from sparrow.flow.datasets import dataset
from sparrow.flow.errors import UserError
from sparrow.flow.tflite import load_tflite


def test_dscnn(data_file, example):
    """It reaches the accuracy of the benchmark's INT8 version, 90.2 %, on all inputs."""
    path = data_file("models/mlperf-tiny/kws_ref_model_float32.tflite")
    data_file("models/kws01/kws01_int8.npz")
    module, data = example("dscnn"), dataset("kws01")
    model = module.dscnn().eval()
    load_tflite(model, path, module.SHAPE)
    images = torch.cat([data.train_images, data.test_images])
    labels = torch.cat([data.train_labels, data.test_labels])
    assert float_accuracy(model, images, labels) == pytest.approx(0.901)


def test_resnet8(data_file, example):
    """The example pads like PyTorch's networks, both sides, where TensorFlow pads one."""
    path = data_file("models/mlperf-tiny/pretrainedResnet.tflite")
    module = example("resnet8")
    with pytest.raises(UserError) as caught:
        load_tflite(module.resnet8().eval(), path, module.SHAPE)
    assert str(caught.value) == (
        f"Layer 'layer2.conv1': padding must be (0, 0, 1, 1), as of operation 4 (CONV_2D) of "
        f"{path}, not (1, 1, 1, 1)")
