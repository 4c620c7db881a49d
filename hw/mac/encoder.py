"""The encoder of one lane's elements."""

from amaranth.hdl import Const, Module, Value, signed
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from ..hierarchy import Packed, SharedComponent
from ..spec.mac import MacArraySpec
from .arithmetic import arithmetic

__all__ = ["OperandEncoder", "encoded"]


class OperandEncoder(SharedComponent):
    """Encodes the elements of one lane for its multipliers. Combinational.

    Parameters
    ----------
    spec : MacArraySpec

    Members
    -------
    elements : In(halves elements of moving_width bits)
    int4 : In(1)
        Precision of the block that they meet; only where it can be switched.
    operand : Out(bits of the strategy's operand)
    """

    module_name = "operand_encoder"

    def __init__(self, spec: MacArraySpec):
        self._spec = spec
        self._arithmetic = arithmetic(spec)
        elements = data.ArrayLayout(signed(spec.moving_width), spec.halves)
        ports = {"elements": In(Packed(elements)),
                 "operand": Out(Packed(self._arithmetic.operand_layout))}
        if spec.switchable:
            ports["int4"] = In(1)
        super().__init__(ports)

    def elaborate(self, platform):
        m = Module()
        int4 = self.int4 if self._spec.switchable else Const(0, 1)
        m.d.comb += self.operand.eq(
            self._arithmetic.encode(m, list(self.elements), int4, "encoded"))
        return m


def encoded(m: Module, platform, spec: MacArraySpec, elements, int4, name: str):
    """What an :class:`OperandEncoder`, submodule ``name``, makes of one lane's elements."""
    encoder = OperandEncoder(spec)
    encoder.place(m, platform, name)
    m.d.comb += Value.cast(encoder.elements).eq(elements)
    if spec.switchable:
        m.d.comb += encoder.int4.eq(int4)
    return encoder.operand
