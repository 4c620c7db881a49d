"""Which block of which output block it is."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..spec.stream import GRANULE

__all__ = ["NUMBER_BITS", "BlockCounter"]

NUMBER_BITS = 16
_LOW = 4


class BlockCounter(wiring.Component):
    """Counts the blocks of an output block, and output blocks.

    Members
    -------
    load : ``In(1)``
        Take ``output_blocks`` and ``blocks``, 1 to 65 535 each, ``In(16)``. No command before the
        third cycle after it.
    block : ``In(1)``
        A block is complete, and isn't the last one of its output block.
    output_block : ``In(1)``
        An output block is complete, and isn't the last one.
    map : ``In(1)``
        Take a granule of the map, ``bits``, for the blocks that come next.
    bits, kept : ``In(16)``, ``Out(16)``
        The granule, and its bits up to the last step.
    last_block : ``Out(1)``
        The block is the last one of its output block.
    last_of_group : ``Out(1)``
        It is the last one that the map's granule told of.
    last_output_block : ``Out(1)``
    empty, bad_map : ``Out(1)``
        With ``map``: none of the steps is in the stream, and another granule of the map follows;
        the last step of the output block isn't.

    Notes
    -----
    With a map, the blocks of a group are counted as if those that aren't there had been first.
    """
    load: In(1)
    output_blocks: In(NUMBER_BITS)
    blocks: In(NUMBER_BITS)
    block: In(1)
    output_block: In(1)
    map: In(1)
    bits: In(GRANULE)
    kept: Out(GRANULE)
    last_block: Out(1)
    last_of_group: Out(1)
    last_output_block: Out(1)
    empty: Out(1)
    bad_map: Out(1)

    def elaborate(self, platform):
        m = Module()
        left = Signal(NUMBER_BITS, reset_less=True)  # blocks behind this one, of the output block
        all_left = Signal(NUMBER_BITS, reset_less=True)
        outputs = Signal(NUMBER_BITS, reset_less=True)
        loaded, counted = Signal(), Signal()
        last = Signal(reset_less=True)  # known early, as lanes hang on it
        m.d.sync += [loaded.eq(self.load), counted.eq(loaded)]
        last_group = left[_LOW:] == 0
        valid = Cat(Const(1), *(~last_group | (all_left[:_LOW] >= step)
                                for step in range(1, GRANULE)))
        last_bit = Cat(self.bits[step] & (all_left[:_LOW] == step)
                       for step in range(GRANULE)).any()
        number = Signal(range(GRANULE + 1))
        m.d.comb += [
            self.kept.eq(self.bits & valid),
            number.eq(_count(self.kept)),
            self.empty.eq(number == 0),
            self.bad_map.eq(last_group & ~last_bit),
            self.last_block.eq(left == 0),
            self.last_of_group.eq(left[:_LOW] == 0),
            self.last_output_block.eq(last),
        ]
        following = Signal(NUMBER_BITS)
        m.d.comb += following.eq(Cat(Mux(self.map, Const(0, _LOW), left[:_LOW]), left[_LOW:]) - 1)
        with m.If(self.load):
            m.d.sync += [left.eq(self.blocks), outputs.eq(self.output_blocks)]
        with m.Elif(self.map & ~self.empty):
            m.d.sync += left[:_LOW].eq(number - 1)
        with m.Elif(loaded | self.block | self.map):
            m.d.sync += left.eq(following)
        with m.Elif(self.output_block):
            m.d.sync += left.eq(all_left)
        m.d.sync += last.eq(Mux(self.output_block, outputs == 2, outputs == 1))
        with m.If(self.output_block):
            m.d.sync += outputs.eq(outputs - 1)
        with m.If(counted):
            m.d.sync += all_left.eq(left)
        return m


def _count(bits):
    """How many bits are 1."""
    terms = list(bits)
    while len(terms) > 1:
        terms = [left + right for left, right in zip(terms[::2], terms[1::2], strict=True)]
    return terms[0]
