"""A column of a dot-product array: ``lanes`` multipliers and one exact sum."""

from amaranth.hdl import Const, Module, Signal, Value, signed
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from ..hierarchy import Packed, SharedComponent
from ..spec.mac import BlockLoad, Dataflow, MacArraySpec
from .arithmetic import arithmetic, registered
from .cell import MacCell
from .ports import load_layout

__all__ = ["DotColumn", "place_loads"]


def place_loads(m: Module, spec: MacArraySpec, cells: list, load, transfer) -> None:
    """Connect ``value`` and ``write`` of a column's cells.

    ``load`` is a view of :func:`.ports.load_layout`, taken while ``transfer`` is one.
    """
    for lane, cell in enumerate(cells):
        if spec.load is BlockLoad.PARALLEL:
            m.d.comb += cell.value.eq(load[lane])
            if spec.dataflow is not Dataflow.OUTPUT_STATIONARY:
                m.d.comb += cell.write.eq(transfer)
            continue
        chosen = Signal(name=f"chosen{lane}")
        enable = load.enable if spec.halves == 2 else Const(1, 1)
        m.d.comb += [chosen.eq(transfer & load.valid & (load.index == lane)),
                     cell.value.eq(load.value),
                     cell.write.eq(Value.cast(enable) & chosen.replicate(spec.halves))]


class DotColumn(SharedComponent):
    """``lanes`` multipliers on a broadcast vector, and the sum of their products.

    Latency: ``pipeline_stages`` - 1 cycles from the operands to ``sum``; a sum per cycle.

    Parameters
    ----------
    spec : MacArraySpec

    Members
    -------
    operands : In(lanes operands)
    correction : In(sum_width)
        Only with strategies that need it.
    int4 : In(1)
        Precision of the operands; only where it can be switched.
    load, transfer : In
        See :func:`place_loads`; no ``transfer`` in an output-stationary array.
    swap, clear : In(1)
        See :class:`MacCell`; ``clear`` only with an indexed load.
    newest, own, slide : In
        With a window: what is kept of the operand of the column's own channel; whether the first
        ``window`` lanes take operands of that channel, lane l the one of l ``slide`` before,
        rather than those that are broadcast; whether ``newest`` is taken into the window.
    enable : In(1)
        Moves the pipeline on; only if there are stages behind the operands.
    sum : Out(signed(sum_width))
    """

    module_name = "mac_column"

    def __init__(self, spec: MacArraySpec):
        self._spec = spec
        self._arithmetic = arithmetic(spec)
        operands = data.ArrayLayout(self._arithmetic.operand_layout, spec.lanes)
        ports = {
            "operands": In(Packed(operands)),
            "load": In(Packed(load_layout(spec))), "swap": In(1),
            "sum": Out(signed(spec.sum_width)),
        }
        if spec.pipeline_stages > 1:
            ports["enable"] = In(1)
        if spec.dataflow is not Dataflow.OUTPUT_STATIONARY:
            ports["transfer"] = In(1)
        if self._arithmetic.corrected:
            ports["correction"] = In(spec.sum_width)
        if spec.switchable:
            ports["int4"] = In(1)
        if spec.load is BlockLoad.INDEXED:
            ports["clear"] = In(1)
        if spec.window:
            ports |= {"newest": In(self._arithmetic.kept_width), "own": In(1), "slide": In(1)}
        super().__init__(ports)

    def elaborate(self, platform):
        spec = self._spec
        m = Module()
        cells = [MacCell(spec) for _ in range(spec.lanes)]
        place_loads(m, spec, cells, self.load, getattr(self, "transfer", None))
        operands = self._operands(m)
        for lane, cell in enumerate(cells):
            cell.place(m, platform, f"cell{lane}")
            m.d.comb += [cell.operand.eq(operands[lane]), cell.swap.eq(self.swap)]
            if spec.load is BlockLoad.INDEXED:
                m.d.comb += cell.clear.eq(self.clear)

        def register(stage):
            return lambda value, name="value": registered(m, value, self.enable,
                                                          f"stage{stage}_{name}")

        total = self._arithmetic.sum(
            m, platform, [cell.product for cell in cells],
            self.correction if self._arithmetic.corrected else None,
            self.int4 if spec.switchable else Const(0, 1),
            width=spec.sum_width,
            terms=[term for operand in operands[:spec.window]
                   for term in self._arithmetic.own_terms(operand)],
            registers=[register(stage) for stage in range(2, spec.pipeline_stages)])
        result = Signal(signed(spec.sum_width))
        m.d.comb += result.eq(self._arithmetic.finish(total))
        if spec.pipeline_stages > 1:
            result = registered(m, result, self.enable, "sum_register")
        m.d.comb += self.sum.eq(result)
        return m

    def _operands(self, m):
        """The operands of all lanes, broadcast or the column's own."""
        operands = [self.operands[lane] for lane in range(self._spec.lanes)]
        kept = self.newest if self._spec.window else None
        for age in range(self._spec.window):
            operands[age] = self._arithmetic.choose(m, operands[age], kept, self.own,
                                                    f"operand{age}")
            if age + 1 < self._spec.window:
                kept = registered(m, kept, self.slide, f"window{age + 1}")
        return operands
