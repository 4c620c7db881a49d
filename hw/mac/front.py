"""The vector's way into the array: encoding and operand registers."""

from amaranth.hdl import Cat, Const, Module, Value, signed
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from ..hierarchy import Packed, SharedComponent
from ..spec.mac import MacArraySpec, Topology
from .arithmetic import arithmetic, registered
from .encoder import encoded

__all__ = ["Front"]


class Front(SharedComponent):
    """Registers a vector, encoded for the multipliers of its lanes, and its correction.

    Latency: 1 cycle; one vector per cycle.

    Parameters
    ----------
    spec : MacArraySpec

    Members
    -------
    vector : In(halves × lanes elements of moving_width bits)
        The first ``lanes`` elements meet the low halves of the stored bits, the others the high.
    int4 : In(1)
        Precision of the block that the vector meets; only where it can be switched.
    enable : In(1)
        Takes the vector.
    operands : Out(lanes operands)
        Dot product: encoded. Systolic: the elements of each lane, which every cell encodes for
        itself, since registers cost more than the encoder.
    own : In(1)
        With a window: the columns take operands of their own. Those of the window's lanes are then
        0 here, so that both can be joined by an OR.
    kept : Out(lanes values)
        With a window: of each operand, what the window of the column of that number holds.
    correction : Out(sum_width)
        What must be added to the products; only with strategies that need it.
    """

    module_name = "mac_front"

    def __init__(self, spec: MacArraySpec):
        self._spec = spec
        self._arithmetic = arithmetic(spec)
        layout = self._arithmetic.operand_layout
        if spec.topology is Topology.SYSTOLIC:
            layout = data.ArrayLayout(signed(spec.moving_width), spec.halves)
        vector = data.ArrayLayout(signed(spec.moving_width), spec.lanes * spec.halves)
        ports = {
            "vector": In(Packed(vector)),
            "enable": In(1), "operands": Out(Packed(data.ArrayLayout(layout, spec.lanes))),
        }
        if self._arithmetic.corrected:
            ports["correction"] = Out(spec.sum_width)
        if spec.switchable:
            ports["int4"] = In(1)
        if spec.window:
            kept = data.ArrayLayout(self._arithmetic.kept_width, spec.lanes)
            ports |= {"kept": Out(Packed(kept)), "own": In(1)}
        super().__init__(ports)

    def elaborate(self, platform):
        spec = self._spec
        m = Module()
        int4 = self.int4 if spec.switchable else Const(0, 1)
        elements = [Cat(self.vector[half * spec.lanes + lane] for half in range(spec.halves))
                    for lane in range(spec.lanes)]
        operands = [encoded(m, platform, spec, element, int4, f"encoder{lane}")
                    for lane, element in enumerate(elements)]
        if self._arithmetic.corrected:
            correction = self._arithmetic.correction(m, platform, operands, int4, spec.sum_width)
            m.d.comb += self.correction.eq(
                registered(m, correction, self.enable, "correction_register"))
        if spec.topology is Topology.SYSTOLIC:
            operands = elements
        for lane, operand in enumerate(operands):
            whole = registered(m, operand, self.enable, f"operand{lane}")
            if spec.window:
                view = self._arithmetic.operand_layout(whole)
                m.d.comb += self.kept[lane].eq(self._arithmetic.keep(view))
            if lane < spec.window:
                whole = whole & ~self.own.replicate(len(whole))
            m.d.comb += Value.cast(self.operands[lane]).eq(whole)
        return m
