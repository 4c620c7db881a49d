"""LeNet-300-100 for grey images of 28 × 28 pixels (LeCun et al., Gradient-Based Learning Applied
to Document Recognition, 1998), with rectifiers: what many papers on pruning begin with.

Plain PyTorch: ``lenet300()`` gives the untrained model.
"""

import torch
from torch import nn

SHAPE = (1, 28, 28)


class LeNet300(nn.Module):
    """Three linear layers of 300, 100 and as many outputs as there are classes."""

    def __init__(self, classes: int = 10):
        super().__init__()
        self.fc1 = nn.Linear(28 * 28, 300)
        self.fc2 = nn.Linear(300, 100)
        self.fc3 = nn.Linear(100, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.fc1(torch.flatten(x, 1)))
        return self.fc3(torch.relu(self.fc2(x)))


def lenet300() -> nn.Module:
    """The model, untrained, 266 610 parameters."""
    return LeNet300()
