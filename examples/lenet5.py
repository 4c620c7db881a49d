"""LeNet-5 for grey images of 28 × 28 pixels (LeCun et al., Gradient-Based Learning Applied to
Document Recognition, 1998), with rectifiers and maximum pooling.

Plain PyTorch: ``lenet5()`` gives the untrained model.
"""

import torch
import torch.nn.functional as F
from torch import nn

SHAPE = (1, 28, 28)


class LeNet5(nn.Module):
    """Two convolutions with pooling, three linear layers."""

    def __init__(self, classes: int = 10):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5, padding=2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = x.view(x.size(0), -1)
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return self.fc3(x)


def lenet5() -> nn.Module:
    """The model, untrained, 61 706 parameters."""
    return LeNet5()
