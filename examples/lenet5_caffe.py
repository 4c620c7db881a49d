"""LeNet-5 as Caffe defines it, for grey images of 28 × 28 pixels: what most papers on pruning
call LeNet-5 (Jia et al., Caffe, 2014, ``examples/mnist/lenet_train_test.prototxt``).

Plain PyTorch: ``lenet5_caffe()`` gives the untrained model.
"""

import torch
import torch.nn.functional as F
from torch import nn

SHAPE = (1, 28, 28)


class LeNet5Caffe(nn.Module):
    """Two 5 × 5 convolutions, each with maximum pooling behind it, and two linear layers."""

    def __init__(self, classes: int = 10):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 20, 5)
        self.conv2 = nn.Conv2d(20, 50, 5)
        self.fc1 = nn.Linear(50 * 4 * 4, 500)
        self.fc2 = nn.Linear(500, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.max_pool2d(self.conv1(x), 2)
        x = F.max_pool2d(self.conv2(x), 2)
        return self.fc2(torch.relu(self.fc1(torch.flatten(x, 1))))


def lenet5_caffe() -> nn.Module:
    """The model, untrained, 430 500 weights and 580 biases."""
    return LeNet5Caffe()
