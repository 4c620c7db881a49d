"""DS-CNN for keyword spotting, small (Zhang et al., Hello Edge: Keyword Spotting on
Microcontrollers, 2017), as in MLPerf Tiny: 10 cepstral coefficients of 49 frames, 12 classes.

Plain PyTorch: ``dscnn()`` gives the untrained model.
"""

import torch
from torch import nn

SHAPE = (1, 49, 10)


def _convolution(channels_in: int, channels: int, kernel: int | tuple[int, int], *,
                 stride: int = 1, padding: int = 0, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels, kernel, stride, padding, groups=groups, bias=False),
        nn.BatchNorm2d(channels), nn.ReLU())


class Separable(nn.Sequential):
    """A 3 × 3 depthwise convolution, then a 1 × 1 one."""

    def __init__(self, channels: int):
        super().__init__()
        self.depthwise = _convolution(channels, channels, 3, padding=1, groups=channels)
        self.pointwise = _convolution(channels, channels, 1)


class DSCNN(nn.Module):
    """A 10 × 4 convolution, four separable ones, average pooling, a linear layer."""

    def __init__(self, channels: int = 64, classes: int = 12):
        super().__init__()
        self.padding = nn.ZeroPad2d((1, 1, 4, 5))  # TensorFlow's SAME, for 25 × 5 outputs
        self.stem = _convolution(1, channels, (10, 4), stride=2)
        self.layers = nn.Sequential(*(Separable(channels) for _ in range(4)))
        self.dropout = nn.Dropout(0.4)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.dropout(self.layers(self.stem(self.padding(x))))
        return self.fc(torch.flatten(self.pool(x), 1))


def dscnn() -> nn.Module:
    """The model, untrained, 23 180 parameters."""
    return DSCNN()
