"""How large the sums of a layer can get, from its real weights."""

import dataclasses

import torch

from .checks import NetworkError, require_int, shown
from .network import Network
from .weighted import Weighted

__all__ = ["AccumulatorBound", "accumulator_bound", "check_accumulators"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class AccumulatorBound:
    """Limits of a layer's sums, over all inputs and in any order of summation.

    Parameters
    ----------
    minimum, maximum : int
        What no sum of any of a channel's products, with or without its bias, goes below or above,
        in any channel.
    channel : int
        The output channel that needs the most bits.
    """

    minimum: int
    maximum: int
    channel: int

    @property
    def magnitude(self) -> int:
        """The larger of both limits' magnitudes."""
        return max(-self.minimum, self.maximum)

    @property
    def width(self) -> int:
        """Bits of the narrowest signed accumulator that holds every sum."""
        return max(max(0, -self.minimum - 1).bit_length(), self.maximum.bit_length()) + 1


def accumulator_bound(layer: Weighted, *, input_bits: int = 8) -> AccumulatorBound:
    """The limits of a layer's sums when its input is any tensor of ``input_bits`` signed bits.

    They are reached, by an input of extremes chosen by the signs of the weights, up to the bias
    where it has the other sign.

    Parameters
    ----------
    layer : Conv or Linear
    input_bits : int, 1 to 8
        Bits of an element of the input, whose zero point may be any: it is part of the bias.

    Raises
    ------
    TypeError
        If ``layer`` has no weights.
    """
    if not isinstance(layer, Weighted):
        raise TypeError(f"layer must be a Conv or Linear, not {shown(layer)}")
    require_int("input_bits", input_bits, 1, 8)
    lowest, highest = -(2**(input_bits - 1)), 2**(input_bits - 1) - 1
    weight = layer.weight.flatten(1)
    positive = weight.clamp(min=0).sum(1, dtype=torch.int64)
    negative = weight.clamp(max=0).sum(1, dtype=torch.int64)
    smallest = positive * lowest + negative * highest + layer.bias.clamp(max=0)
    largest = positive * highest + negative * lowest + layer.bias.clamp(min=0)
    worst = torch.maximum(-smallest - 1, largest)
    return AccumulatorBound(minimum=int(smallest.min()), maximum=int(largest.max()),
                            channel=int(worst.argmax()))


def check_accumulators(network: Network) -> None:
    """Check that no sum of any layer can leave ``network.numbers.accumulator_width`` bits.

    Raises
    ------
    NetworkError
        If one can, for some input; the text names the layer and the limits.
    """
    width = network.numbers.accumulator_width
    for layer in network:
        if isinstance(layer, Weighted):
            bits = network.input_types(layer)[0].bits
            bound = accumulator_bound(layer, input_bits=bits)
            if bound.width > width:
                raise NetworkError(
                    f"Layer {layer.name!r}: sums must stay in the {width} bits of an accumulator, "
                    f"but reach from {bound.minimum} to {bound.maximum}, {bound.width} bits "
                    f"(channel {bound.channel})")
