"""ResNet-20 for colour images of 32 × 32 pixels, CIFAR-10's classes (He et al., Deep Residual
Learning for Image Recognition, 2015, section 4.2).

Plain PyTorch: ``resnet20()`` gives the untrained model. Its tensors have the names of
https://github.com/akamaster/pytorch_resnet_cifar10, whose weights it takes.
"""

import torch
import torch.nn.functional as F
from torch import nn

SHAPE = (3, 32, 32)


class Shortcut(nn.Module):
    """The paper's way without parameters (option A): every second pixel, new channels are zero.

    As a convolution with ones and zeros, the old channels in the middle of the new ones.
    """

    def __init__(self, channels_in: int, channels: int):
        super().__init__()
        weight = torch.zeros(channels, channels_in, 1, 1)
        first = (channels - channels_in) // 2
        weight[first:first + channels_in, :, 0, 0] = torch.eye(channels_in)
        self.register_buffer("weight", weight, persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.conv2d(x, self.weight, stride=2)


class BasicBlock(nn.Module):
    """Two 3 × 3 convolutions and a way around them."""

    def __init__(self, channels_in: int, channels: int):
        super().__init__()
        same = channels_in == channels
        self.conv1 = nn.Conv2d(channels_in, channels, 3, 1 if same else 2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.shortcut = nn.Identity() if same else Shortcut(channels_in, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


class ResNet20(nn.Module):
    """A convolution, three layers of ``blocks`` blocks, average pooling, a linear layer."""

    def __init__(self, blocks: int = 3, classes: int = 10):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = self._layer(16, 16, blocks)
        self.layer2 = self._layer(16, 32, blocks)
        self.layer3 = self._layer(32, 64, blocks)
        self.linear = nn.Linear(64, classes)

    @staticmethod
    def _layer(channels_in: int, channels: int, blocks: int) -> nn.Sequential:
        return nn.Sequential(*(BasicBlock(channels if block else channels_in, channels)
                               for block in range(blocks)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.linear(x.mean((2, 3)))


def resnet20() -> nn.Module:
    """The model, untrained, 269 722 parameters."""
    return ResNet20()
