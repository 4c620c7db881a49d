"""Values of layouts as the plain integers that ports carry."""

from amaranth.hdl import Shape
from amaranth.lib import data

__all__ = ["pack", "unpack"]


def pack(layout, value) -> int:
    """The bits of a value: an integer, a list for an array, a dict for a struct.

    Missing fields of a struct are zero.
    """
    if isinstance(layout, data.ArrayLayout):
        width = Shape.cast(layout.elem_shape).width
        return _join([pack(layout.elem_shape, element) for element in value], width)
    if isinstance(layout, data.StructLayout):
        return sum(pack(field.shape, value[name]) << field.offset
                   for name, field in layout if name in value)
    return int(value) & ((1 << Shape.cast(layout).width) - 1)


def _join(values, width):
    if width == 8:
        return int.from_bytes(bytes(values), "little")
    total = 0
    for value in reversed(values):
        total = (total << width) | value
    return total


def unpack(layout, bits: int):
    """The inverse of :func:`pack`, with signed elements where the layout says so."""
    if isinstance(layout, data.ArrayLayout):
        width = Shape.cast(layout.elem_shape).width
        mask = (1 << width) - 1
        return [unpack(layout.elem_shape, (bits >> (position * width)) & mask)
                for position in range(layout.length)]
    if isinstance(layout, data.StructLayout):
        return {name: unpack(field.shape, (bits >> field.offset) & ((1 << field.width) - 1))
                for name, field in layout}
    shape = Shape.cast(layout)
    if shape.signed and bits >> (shape.width - 1):
        return bits - (1 << shape.width)
    return bits
