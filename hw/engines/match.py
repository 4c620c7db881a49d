"""Whether the weight blocks that a COMPUTE takes are such as it says."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..spec.accelerator import AcceleratorSpec

__all__ = ["BlockMatch", "block_layout"]


def block_layout(spec: AcceleratorSpec) -> data.StructLayout:
    """What is told of a weight block, by the WEIGHTS that it comes from.

    ``first`` of its output block; ``reuse``; with 4-bit weights ``int4``; with codecs ``map``.
    """
    fields = {"first": 1, "reuse": 1}
    if spec.int4:
        fields["int4"] = 1
    if spec.codecs:
        fields["map"] = 1
    return data.StructLayout(fields)


class BlockMatch(wiring.Component):
    """Compares each weight block with the step of the COMPUTE whose first vector it meets.

    Parameters
    ----------
    spec : AcceleratorSpec

    Members
    -------
    commit, kind : ``In(1)``, ``In(block_layout(spec))``
        A block is complete; what it is.
    asks, taken : ``In(1)``
        There is a vector that takes the next block; it takes it.
    wanted : ``In(block_layout(spec))``
        What that block must be; but for ``first`` also while nothing asks.
    waits, told : ``In(1)``
        With codecs: the command has a map, and which of its steps have weights isn't known yet;
        there is a granule of some stream's map.
    error : ``Out(1)``
        A block was another one than wanted; until reset.

    Notes
    -----
    A block waits here as it does in the array: from ``commit`` until it is taken. A granule of a
    map comes only when all blocks of the streams before it have been complete, so that it belongs
    to the block that comes next. Latency: a cycle.
    """

    def __init__(self, *, spec: AcceleratorSpec):
        self._spec = spec
        kind = block_layout(spec)
        super().__init__({
            "commit": In(1), "kind": In(kind), "asks": In(1), "taken": In(1), "wanted": In(kind),
            **({"waits": In(1), "told": In(1)} if spec.codecs else {}), "error": Out(1)})

    def elaborate(self, platform):
        m = Module()
        there = Signal()
        kind = Signal(block_layout(self._spec), reset_less=True)
        with m.If(self.commit):
            m.d.sync += [there.eq(1), kind.eq(self.kind)]
        with m.Elif(self.taken):
            m.d.sync += there.eq(0)
        with m.If(there & self.asks & (kind.as_value() != self.wanted.as_value())):
            m.d.sync += self.error.eq(1)
        if self._spec.codecs:
            with m.If((there & self.waits & ~kind.map)
                      | (~there & self.asks & self.told & ~self.wanted.map)):
                m.d.sync += self.error.eq(1)
        return m
