"""Dot products with a stationary operand: one vector meets all columns at once."""

from amaranth.hdl import Const, Module
from amaranth.lib import wiring

from ..spec.mac import BlockLoad, Dataflow, MacArraySpec
from .column import DotColumn
from .control import BlockControl, tag_pipeline
from .front import Front
from .ports import array_ports

__all__ = ["DotProductArray", "connect_block_control"]


def connect_block_control(m: Module, spec: MacArraySpec, array, *, latency: int) -> tuple:
    """The control of an array with a stationary operand, connected to its streams.

    Parameters
    ----------
    array
        The component that has the streams.
    latency : int
        Cycles from a vector to its sums.

    Returns
    -------
    control : BlockControl
    stationary, moving
        The payloads that bring blocks and vectors.
    """
    stationary, moving, sums = array.weights, array.activations, array.sums
    if spec.dataflow is Dataflow.INPUT_STATIONARY:
        stationary, moving = moving, stationary
    control = BlockControl()
    m.submodules.control = control
    load, vector = stationary.payload, moving.payload
    silent = vector.slide & vector.silent if spec.window else Const(0, 1)
    valid, tags = tag_pipeline(m, control.accept & ~silent,
                               [vector.first, vector.last, vector.mode], control.advance, latency)
    m.d.comb += [
        control.load_valid.eq(stationary.valid),
        stationary.ready.eq(control.load_ready),
        control.load_commit.eq(load.commit if spec.load is BlockLoad.INDEXED else Const(1, 1)),
        control.load_int4.eq(load.int4 if spec.switchable else Const(0, 1)),
        control.vector_valid.eq(moving.valid),
        moving.ready.eq(control.vector_ready),
        control.vector_first.eq(vector.first),
        control.advance.eq(~sums.valid | sums.ready), sums.valid.eq(valid),
        sums.payload.first.eq(tags[0]), sums.payload.last.eq(tags[1]),
        sums.payload.mode.eq(tags[2:]),
    ]
    return control, load, vector


class DotProductArray(wiring.Component):
    """Weight- or input-stationary dot products; see :class:`.array.MacArray`."""

    def __init__(self, spec: MacArraySpec):
        self._spec = spec
        super().__init__(array_ports(spec))

    def elaborate(self, platform):
        spec = self._spec
        m = Module()
        control, load, vector = connect_block_control(m, spec, self, latency=spec.pipeline_stages)
        front = self._place_front(m, platform, control, vector)
        int4 = control.int4
        if spec.switchable:
            _, int4 = tag_pipeline(m, control.accept, [control.int4], control.advance, 1)
        if spec.window:
            own, _ = tag_pipeline(m, control.accept & vector.slide, [], control.advance, 1)
            m.d.comb += front.own.eq(own)
        for number in range(spec.columns):
            column = DotColumn(spec)
            column.place(m, platform, f"column{number}")
            m.d.comb += [
                column.operands.eq(front.operands),
                column.load.eq(load.loads[number]),
                column.transfer.eq(control.transfer), column.swap.eq(control.swap),
                self.sums.payload.sums[number].eq(column.sum),
            ]
            if spec.pipeline_stages > 1:
                m.d.comb += column.enable.eq(control.advance)
            if spec.load is BlockLoad.INDEXED:
                m.d.comb += column.clear.eq(control.swap | control.starting)
            if spec.switchable:
                m.d.comb += column.int4.eq(int4)
            if hasattr(column, "correction"):
                m.d.comb += column.correction.eq(front.correction)
            if spec.window:
                m.d.comb += [column.newest.eq(front.kept[number]), column.own.eq(own),
                             column.slide.eq(own & control.advance)]
        return m

    def _place_front(self, m, platform, control, vector):
        front = Front(self._spec)
        front.place(m, platform, "front")
        m.d.comb += [front.vector.eq(vector.vector), front.enable.eq(control.advance)]
        if self._spec.switchable:
            m.d.comb += front.int4.eq(control.int4)
        return front
