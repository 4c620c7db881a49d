"""MobileNet (Howard et al., MobileNets: Efficient Convolutional Neural Networks for Mobile Vision
Applications, 2017) of any width.

Plain PyTorch: ``mobilenet()`` gives the untrained model, by default that of MLPerf Tiny's visual
wake words (Banbury et al., MLPerf Tiny Benchmark, 2021): a quarter of the channels, 96 × 96 pixels,
two classes. ``mobilenet_imagenet()`` gives the paper's.
"""

import torch
from torch import nn

SHAPE = (3, 96, 96)
# channels at width 1 and stride of the pointwise and depthwise convolutions after the first one
LAYERS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2),
          (1024, 1))


def _convolution(channels_in: int, channels: int, kernel: int, *, stride: int = 1,
                 groups: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels, kernel, stride, padding=kernel // 2, groups=groups,
                  bias=False),
        nn.BatchNorm2d(channels), nn.ReLU(inplace=True))


class Separable(nn.Sequential):
    """A 3 × 3 depthwise convolution, then a 1 × 1 one."""

    def __init__(self, channels_in: int, channels: int, stride: int):
        super().__init__()
        self.depthwise = _convolution(channels_in, channels_in, 3, stride=stride,
                                      groups=channels_in)
        self.pointwise = _convolution(channels_in, channels, 1)


class MobileNet(nn.Module):
    """A convolution, 13 separable ones, average pooling, a linear layer."""

    def __init__(self, width: float = 0.25, classes: int = 2):
        super().__init__()
        channels = [int(width * count) for count in (32, *(count for count, _ in LAYERS))]
        self.stem = _convolution(3, channels[0], 3, stride=2)
        self.layers = nn.Sequential(*(
            Separable(before, after, stride)
            for before, after, (_, stride) in zip(channels, channels[1:], LAYERS)))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels[-1], classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(torch.flatten(self.pool(self.layers(self.stem(x))), 1))


def mobilenet() -> nn.Module:
    """The model for visual wake words, untrained, 213 586 parameters."""
    return MobileNet()


def mobilenet_imagenet() -> nn.Module:
    """The model of full width for ImageNet, untrained, 4.2 million parameters."""
    return MobileNet(width=1.0, classes=1000)
