"""A systolic array with a stationary operand."""

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import wiring

from ..spec.mac import BlockLoad, MacArraySpec
from .arithmetic import registered
from .control import tag_pipeline
from .dot_product import connect_block_control
from .front import Front
from .ports import array_ports
from .systolic_column import SystolicColumn

__all__ = ["SystolicArray", "delayed"]


def delayed(m: Module, value, enable, cycles: int, name: str) -> Value:
    """``value`` as it was ``cycles`` enabled cycles ago."""
    value = Value.cast(value)
    for cycle in range(cycles):
        value = registered(m, value, enable, f"{name}_delayed{cycle + 1}")
    return value


class SystolicArray(wiring.Component):
    """Weight- or input-stationary systolic array; see :class:`.array.MacArray`.

    A swap runs through the array as a wave, ahead of the first vector of its block. While a wave
    is under way (``lanes + columns - 1`` cycles) no block is loaded.
    """

    def __init__(self, spec: MacArraySpec):
        self._spec = spec
        super().__init__(array_ports(spec))

    def elaborate(self, platform):
        spec = self._spec
        m = Module()
        control, load, vector = connect_block_control(m, spec, self,
                                                      latency=spec.lanes + spec.columns)
        self._follow_wave(m, control)
        front = Front(spec)
        front.place(m, platform, "front0")
        m.d.comb += [front.vector.eq(vector.vector), front.enable.eq(control.advance)]
        if spec.switchable:
            m.d.comb += front.int4.eq(control.int4)
        self._place_columns(m, platform, control, front, load)
        return m

    def _follow_wave(self, m, control):
        """Keep loads waiting until the last cell of the array has swapped."""
        length = self._spec.lanes + self._spec.columns - 2
        remaining = Signal(range(length + 1))
        with m.If(control.swap):
            m.d.sync += remaining.eq(length)
        with m.Elif(control.advance & (remaining != 0)):
            m.d.sync += remaining.eq(remaining - 1)
        m.d.comb += control.busy.eq((remaining != 0) | (control.swap if length else 0))

    def _place_columns(self, m, platform, control, front, load):
        spec, advance = self._spec, control.advance
        columns = [SystolicColumn(spec) for _ in range(spec.columns)]
        _, int4 = tag_pipeline(m, control.accept, [control.int4], advance, 1)
        for lane in range(spec.lanes):
            wave = columns[0].waves[lane]
            m.d.comb += Value.cast(wave.elements).eq(
                delayed(m, front.operands[lane], advance, lane, f"operand{lane}"))
            swap = control.swap
            for cycle in range(lane):
                following = Signal(name=f"swap{lane}_delayed{cycle + 1}")
                with m.If(advance):
                    m.d.sync += following.eq(swap)
                swap = following
            m.d.comb += wave.swap.eq(swap)
            if spec.switchable:
                m.d.comb += wave.int4.eq(delayed(m, int4, advance, lane, f"int4_{lane}"))
        correction = getattr(front, "correction", None)
        for number, column in enumerate(columns):
            column.place(m, platform, f"column{number}")
            m.d.comb += [
                column.enable.eq(advance), column.load.eq(load.loads[number]),
                column.transfer.eq(control.transfer),
                self.sums.payload.sums[number].eq(
                    delayed(m, column.sum, advance, spec.columns - 1 - number,
                            f"sum{number}").as_signed()),
            ]
            if number + 1 < spec.columns:
                m.d.comb += Value.cast(columns[number + 1].waves).eq(column.next_waves)
            if correction is not None:
                m.d.comb += column.correction.eq(correction)
                correction = column.next_correction
            if spec.load is BlockLoad.INDEXED:
                m.d.comb += column.clear.eq(control.starting)
