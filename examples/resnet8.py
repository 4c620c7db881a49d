"""ResNet-8 for colour images of 32 × 32 pixels: the image classifier of MLPerf Tiny (Banbury et
al., MLPerf Tiny Benchmark, 2021).

Plain PyTorch: ``resnet8()`` gives the untrained model.
"""

import torch
from torch import nn

SHAPE = (3, 32, 32)


class Block(nn.Module):
    """Two 3 × 3 convolutions and a way around them, 1 × 1 where the shape changes."""

    def __init__(self, channels_in: int, channels: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut = (nn.Identity() if stride == 1 and channels_in == channels
                         else nn.Conv2d(channels_in, channels, 1, stride))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        y += self.shortcut(x)
        return self.relu(y)


class ResNet8(nn.Module):
    """A convolution, three blocks of 16, 32 and 64 channels, average pooling, a linear layer."""

    def __init__(self, classes: int = 10):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.relu = nn.ReLU(inplace=True)
        self.layer1 = Block(16, 16, 1)
        self.layer2 = Block(16, 32, 2)
        self.layer3 = Block(32, 64, 2)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(64, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.fc(self.pool(x).flatten(1))


def resnet8() -> nn.Module:
    """The model, untrained, 78 000 parameters."""
    return ResNet8()
