"""Bits of a draft's weights."""

from ..draft import Draft

__all__ = ["average_bits", "layer_bits_of", "total_bits"]


def layer_bits_of(draft: Draft) -> dict[str, int]:
    """Bits of a weight by layer, of the layers that have a format."""
    return {name: draft.formats[name].bits for name in draft.weighted if name in draft.formats}


def total_bits(draft: Draft, bits: dict[str, int]) -> int:
    """Bits of all weights that masks keep, with widths by layer; positions aren't counted."""
    return sum(width * int(draft.mask(name).sum()) for name, width in bits.items())


def average_bits(draft: Draft) -> float:
    """Mean bits of a kept weight, over the layers that have a format."""
    bits = layer_bits_of(draft)
    return total_bits(draft, bits) / max(1, total_bits(draft, dict.fromkeys(bits, 1)))
