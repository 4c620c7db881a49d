"""A column of a systolic array with a stationary operand (H. T. Kung, "Why Systolic
Architectures?", 1982): vectors move from column to column, partial sums from lane to lane."""

from amaranth.hdl import Const, Module, Signal, Value, signed
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from ..hierarchy import Packed, SharedComponent
from ..spec.mac import BlockLoad, MacArraySpec
from .arithmetic import arithmetic, registered
from .cell import MacCell
from .column import place_loads
from .encoder import encoded
from .ports import load_layout

__all__ = ["SystolicCell", "SystolicColumn", "wave_layout"]


def wave_layout(spec: MacArraySpec) -> data.StructLayout:
    """What a lane passes from column to column: its elements and their precision.

    ``swap`` runs one cycle ahead of the first elements that need the new block.
    """
    fields = {"elements": data.ArrayLayout(signed(spec.moving_width), spec.halves), "swap": 1}
    if spec.switchable:
        fields["int4"] = 1
    return data.StructLayout(fields)


class SystolicCell(SharedComponent):
    """A multiplier that adds its product to a partial sum and passes its elements on.

    Latency: 1 cycle, for the partial sum and for the elements.

    Parameters
    ----------
    spec : MacArraySpec

    Members
    -------
    wave, next_wave : In, Out(wave_layout)
    addend, sum : In, Out(sum_width)
        Partial sums, in the multiplier strategy's own form.
    value, write, clear
        See :class:`MacCell`.
    enable : In(1)
        Moves all registers but the shadow on.
    """

    module_name = "systolic_cell"

    def __init__(self, spec: MacArraySpec):
        self._spec = spec
        self._arithmetic = arithmetic(spec)
        ports = {"wave": In(Packed(wave_layout(spec))), "next_wave": Out(Packed(wave_layout(spec))),
                 "addend": In(spec.sum_width), "sum": Out(spec.sum_width),
                 "value": In(spec.storage_width), "enable": In(1)}
        ports["write"] = In(spec.halves if spec.load is BlockLoad.INDEXED else 1)
        if spec.load is BlockLoad.INDEXED:
            ports["clear"] = In(1)
        super().__init__(ports)

    def elaborate(self, platform):
        spec, wave = self._spec, self.wave
        m = Module()
        cell = MacCell(spec)
        cell.place(m, platform, "cell")
        int4 = wave.int4 if spec.switchable else Const(0, 1)
        swap = Signal()
        m.d.comb += [
            swap.eq(wave.swap & self.enable), cell.swap.eq(swap),
            cell.value.eq(self.value), cell.write.eq(self.write),
            cell.operand.eq(encoded(m, platform, spec, wave.elements, int4, "encoder")),
        ]
        if spec.load is BlockLoad.INDEXED:
            m.d.comb += cell.clear.eq(self.clear | swap)
        total = self._arithmetic.sum(m, platform, [cell.product], Value.cast(self.addend), int4,
                                     width=spec.sum_width, registers=[])
        next_swap = Signal()
        with m.If(self.enable):
            m.d.sync += next_swap.eq(wave.swap)
        m.d.comb += [
            self.sum.eq(registered(m, total, self.enable, "sum_register")),
            Value.cast(self.next_wave.elements).eq(
                registered(m, wave.elements, self.enable, "elements_register")),
            self.next_wave.swap.eq(next_swap),
        ]
        if spec.switchable:
            m.d.comb += self.next_wave.int4.eq(
                registered(m, wave.int4, self.enable, "int4_register"))
        return m


class SystolicColumn(SharedComponent):
    """``lanes`` systolic cells in a row, and the registers that pass a correction on.

    Latency: ``lanes`` cycles from the first lane's elements to ``sum``; a sum per cycle.

    Parameters
    ----------
    spec : MacArraySpec

    Members
    -------
    waves, next_waves : In, Out(lanes of wave_layout)
        Elements of lane ``n`` come ``n`` cycles after those of lane 0.
    correction, next_correction : In, Out(sum_width)
        Arrives with the elements of lane 0.
    load, transfer : In
        See :func:`.column.place_loads`.
    clear : In(1)
        Clears all shadow registers (indexed load only).
    enable : In(1)
        Moves the waves on.
    sum : Out(signed(sum_width))
    """

    module_name = "systolic_column"

    def __init__(self, spec: MacArraySpec):
        self._spec = spec
        self._arithmetic = arithmetic(spec)
        waves = Packed(data.ArrayLayout(wave_layout(spec), spec.lanes))
        ports = {"waves": In(waves), "next_waves": Out(waves),
                 "load": In(Packed(load_layout(spec))),
                 "transfer": In(1), "enable": In(1), "sum": Out(signed(spec.sum_width))}
        if self._arithmetic.corrected:
            ports |= {"correction": In(spec.sum_width), "next_correction": Out(spec.sum_width)}
        if spec.load is BlockLoad.INDEXED:
            ports["clear"] = In(1)
        super().__init__(ports)

    def elaborate(self, platform):
        spec = self._spec
        m = Module()
        partial = Const(0, spec.sum_width)
        if self._arithmetic.corrected:
            partial = self.correction
            m.d.comb += self.next_correction.eq(
                registered(m, self.correction, self.enable, "correction_register"))
        cells = [SystolicCell(spec) for _ in range(spec.lanes)]
        for lane, cell in enumerate(cells):
            cell.place(m, platform, f"cell{lane}")
            m.d.comb += [cell.wave.eq(self.waves[lane]), cell.enable.eq(self.enable),
                         self.next_waves[lane].eq(cell.next_wave), cell.addend.eq(partial)]
            if spec.load is BlockLoad.INDEXED:
                m.d.comb += cell.clear.eq(self.clear)
            partial = cell.sum
        place_loads(m, spec, cells, self.load, self.transfer)
        m.d.comb += self.sum.eq(self._arithmetic.finish(Value.cast(partial)))
        return m
