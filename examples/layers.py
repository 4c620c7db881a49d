"""Large layers, for figures of the accelerator.

Plain PyTorch: each function gives an untrained model.
"""

from torch import nn


def linear() -> nn.Module:
    """A linear layer of 4096 inputs (1×64×64) and 4096 outputs."""
    return nn.Sequential(nn.Flatten(), nn.Linear(4096, 4096))


def convolutions() -> nn.Module:
    """Two 3 × 3 convolutions of 256×14×14 to as many, as in the third stage of a ResNet.

    What the second one reads is in the accelerator already, as in the midst of a network.
    """
    return nn.Sequential(nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(),
                         nn.Conv2d(256, 256, 3, padding=1), nn.ReLU())
