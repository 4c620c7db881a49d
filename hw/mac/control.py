"""Handshakes of an array: which block is live, and what is in the pipeline."""

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .arithmetic import registered

__all__ = ["BlockControl", "tag_pipeline"]


class BlockControl(wiring.Component):
    """Decides when blocks are loaded and swapped.

    A block is loaded into the shadow registers by transfers, the last of which commits it. The
    first vector that is marked ``first`` after that (or any vector, as long as no block is live)
    waits for a committed block and swaps it in. The next block can be loaded from that very
    cycle on.

    Members
    -------
    load_valid, load_ready, load_commit, load_int4
        Handshake of the loads; the last transfer of a block carries ``commit`` and its
        precision.
    vector_valid, vector_ready, vector_first
        Handshake of the vectors.
    advance : In(1)
        The pipeline can move on.
    busy : In(1)
        An earlier swap is still on its way, the shadow registers aren't free.
    transfer, accept : Out(1)
        A load, a vector is taken.
    swap : Out(1)
        The vector that is taken meets the new block.
    starting : Out(1)
        The cycle after a reset, in which shadow registers must be cleared.
    int4 : Out(1)
        Precision of the block that a vector taken in this cycle meets.
    """
    load_valid: In(1)
    load_ready: Out(1)
    load_commit: In(1)
    load_int4: In(1)
    vector_valid: In(1)
    vector_ready: Out(1)
    vector_first: In(1)
    advance: In(1)
    busy: In(1)
    transfer: Out(1)
    accept: Out(1)
    swap: Out(1)
    starting: Out(1, init=1)
    int4: Out(1)

    def elaborate(self, platform):
        m = Module()
        committed = Signal()
        occupied = Signal()
        shadow_int4 = Signal()
        live_int4 = Signal()
        needs_block = Signal()
        m.d.sync += self.starting.eq(0)
        m.d.comb += [
            needs_block.eq(self.vector_first | ~occupied),
            self.vector_ready.eq(self.advance & (committed | ~needs_block)),
            self.accept.eq(self.vector_valid & self.vector_ready),
            self.swap.eq(self.accept & needs_block),
            self.load_ready.eq(~self.starting & ~self.busy & (~committed | self.swap)),
            self.transfer.eq(self.load_valid & self.load_ready),
            self.int4.eq((needs_block & shadow_int4) | (~needs_block & live_int4)),
        ]
        with m.If(self.swap):
            m.d.sync += [committed.eq(0), occupied.eq(1), live_int4.eq(shadow_int4)]
        with m.If(self.transfer & self.load_commit):
            m.d.sync += [committed.eq(1), shadow_int4.eq(self.load_int4)]
        return m


def tag_pipeline(m: Module, accept: Value, tags, advance: Value, length: int) -> tuple:
    """``length`` registers beside the pipeline, for what belongs to a vector.

    Returns
    -------
    valid, tags : Signal, Signal
        Of the last stage.
    """
    valid, tags = accept, Cat(tags)
    for stage in range(1, length + 1):
        following = Signal(name=f"valid{stage}")
        with m.If(advance):
            m.d.sync += following.eq(valid)
        valid, tags = following, registered(m, tags, advance, f"tags{stage}")
    return valid, tags
