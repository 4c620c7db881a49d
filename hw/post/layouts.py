"""Layouts of what goes into a requantizer, through it, and out of it."""

from amaranth.hdl import signed
from amaranth.lib import data

from ..spec.requantize import RequantizeSpec

__all__ = ["addition_layout", "parameter_layout", "scale_layout", "sums_layout", "tensor_layout",
           "values_layout"]


def sums_layout(spec: RequantizeSpec) -> data.StructLayout:
    """A vector of sums: ``sums`` of all columns, and whether it is ``first``, ``last``."""
    return data.StructLayout({
        "sums": data.ArrayLayout(signed(spec.accumulator_width), spec.columns),
        "first": 1,
        "last": 1,
    })


def values_layout(spec: RequantizeSpec) -> data.StructLayout:
    """A vector of requantized values: ``values`` of all columns, ``first`` and ``last``.

    If not collected, a ``step`` of it: ``values`` of ``lanes`` columns, its number, ``first`` and
    ``last`` of its vector, and whether it is the ``end`` of that vector.
    """
    values = data.ArrayLayout(signed(spec.output_width),
                              spec.columns if spec.collect else spec.lanes)
    if spec.collect:
        return data.StructLayout({"values": values, "first": 1, "last": 1})
    return data.StructLayout({"values": values, "step": max(1, (spec.steps - 1).bit_length()),
                              "first": 1, "last": 1, "end": 1})


def parameter_layout(spec: RequantizeSpec) -> data.StructLayout:
    """One column's scale and, if any, bias; with ``commit``, also what the whole tensor has."""
    return data.StructLayout({
        "column": max(1, (spec.columns - 1).bit_length()),
        "mantissa": spec.mantissa_width,
        "shift": spec.shift_width,
        **({"bias": signed(spec.accumulator_width)} if spec.bias else {}),
        "zero_point": signed(spec.output_width),
        "minimum": signed(spec.output_width),
        "maximum": signed(spec.output_width),
        "commit": 1,
    })


def addition_layout(spec: RequantizeSpec) -> data.StructLayout:
    """How an operand is added to results.

    ``factor`` of the result with ``scale_result``, else of the operand; the other one's is
    ``2**14``. To both products comes ``offset``; the sum is requantized with ``scale`` and
    ``tensor``.
    """
    return data.StructLayout({"factor": 15, "scale_result": 1, "offset": signed(24),
                              "scale": scale_layout(spec), "tensor": tensor_layout(spec)})


def scale_layout(spec: RequantizeSpec) -> data.StructLayout:
    """The scale of one column: ``mantissa`` and ``shift``."""
    return data.StructLayout({"mantissa": spec.mantissa_width, "shift": spec.shift_width})


def tensor_layout(spec: RequantizeSpec) -> data.StructLayout:
    """What holds for a whole tensor: ``zero_point``, ``minimum`` and ``maximum``."""
    output = signed(spec.output_width)
    return data.StructLayout({"zero_point": output, "minimum": output, "maximum": output})
