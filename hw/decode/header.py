"""The header of a weight stream: checked, and kept for the lanes and for the control."""

import enum

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..spec.decode import Codec, DecompressorSpec
from ..spec.faults import StreamFault
from ..spec.stream import (
    FIRST_WORD,
    GRANULE,
    GRANULES_BITS,
    MOST_RUN_CODES,
    RUN_BITS,
    STREAM_VERSION,
)
from .codes import CodeReader
from .config import header_layout
from .deal import CONTROL_GRANULES

__all__ = ["HeaderReader", "first_word_layout", "flags_layout"]

_WORD = 2 * GRANULE


def first_word_layout() -> data.StructLayout:
    """The first word of a stream."""
    return data.StructLayout(dict(FIRST_WORD))


def flags_layout() -> data.StructLayout:
    """What is in a stream besides weights, by the names of :func:`first_word_layout`."""
    return data.StructLayout({"map": 1, "parameters": 1, "wide": 1, "each": 1, "reuse": 1,
                              "lean": 1})


class _Part(enum.Enum):
    """What comes next."""
    FIRST = 0
    LENGTH = 1
    NUMBERS = 2
    SETTLE = 3
    SCALE = 4
    ENTRIES = 5
    RUNS = 6
    VALUES = 7
    END = 8


class HeaderReader(wiring.Component):
    """Reads headers.

    Parameters
    ----------
    spec : DecompressorSpec

    Members
    -------
    enable : ``In(1)``
        There is a header to be read; otherwise it waits for the next one's beginning.
    want, given, word
        The dealer's: ``word`` is granules 0 and 1.
    take : ``Out(1)``
        What is given is used up.
    numbers : ``Out(1)``
        ``word`` is the numbers of output blocks, in the lower half, and of blocks of an output
        block.
    scale : ``Out(1)``
        Granules 2 and 3 are a scale for all channels.
    done : ``Out(1)``
        All that follows is steady. A pulse, not before the third cycle after ``numbers``.
    header : ``Out(header_layout(spec))``
    flags : ``Out(flags_layout())``
    last_column : ``Out(range(columns))``
        The last one of the last output block that has a channel.
    fault : ``Out(StreamFault)``
        Of what is read in this cycle.
    at_rest : ``Out(1)``
        Nothing has been read of the header.
    clear : ``In(1)``

    Notes
    -----
    Throughput: two granules per cycle, those of a prefix code in 9 or 8 cycles.
    """

    def __init__(self, *, spec: DecompressorSpec):
        self._spec = spec
        super().__init__({
            "enable": In(1), "want": Out(CONTROL_GRANULES), "given": In(1), "word": In(_WORD),
            "take": Out(1), "numbers": Out(1), "scale": Out(1), "done": Out(1),
            "header": Out(header_layout(spec)), "flags": Out(flags_layout()),
            "last_column": Out(range(max(2, spec.columns))),
            "fault": Out(StreamFault), "at_rest": Out(1), "clear": In(1),
        })

    def elaborate(self, platform):
        m = Module()
        spec = self._spec
        part = Signal(_Part)
        number = Signal(max(1, spec.place_width - 2), reset_less=True)  # of a word of entries
        following = self._following()
        m.d.comb += [self.at_rest.eq(part == _Part.FIRST), self.take.eq(self.enable)]
        codes = None
        if spec.has(Codec.HUFFMAN):
            m.submodules.codes = codes = CodeReader()
            m.d.comb += [codes.word.eq(self.word), codes.given.eq(self.given),
                         codes.clear.eq(self.clear)]
        with m.If(self.enable), m.Switch(part):
            with m.Case(_Part.FIRST):
                self._simple(m, part, _Part.LENGTH)
                m.d.sync += number.eq(0)
                with m.If(self.given):
                    self._first(m)
            with m.Case(_Part.LENGTH):
                self._length(m, part)
            with m.Case(_Part.NUMBERS):
                self._numbers(m, part)
            with m.Case(_Part.SETTLE):
                m.d.sync += part.eq(following[_Part.SCALE])
            with m.Case(_Part.SCALE):
                self._simple(m, part, following[_Part.ENTRIES])
                m.d.comb += [self.want.eq(0b1100), self.scale.eq(self.given)]
            if spec.codebook:
                with m.Case(_Part.ENTRIES):
                    self._entries(m, part, number, following[_Part.RUNS])
            if codes is not None:
                self._codes(m, part, codes)
            with m.Case(_Part.END):
                m.d.comb += self.done.eq(1)
                m.d.sync += part.eq(_Part.FIRST)
        with m.If(self.clear):
            m.d.sync += part.eq(_Part.FIRST)
        return m

    def _following(self):
        """What comes next where a part could be that not every stream has."""
        runs = self._if_codes(_Part.RUNS, _Part.END)
        entries = Mux(self.header.table, _Part.ENTRIES, runs) if self._spec.codebook else runs
        shared = self.flags.parameters & ~self.flags.each
        return {_Part.RUNS: runs, _Part.ENTRIES: entries,
                _Part.SCALE: Mux(shared, _Part.SCALE, entries)}

    def _simple(self, m, part, following):
        """A part of one word."""
        m.d.comb += self.want.eq(0b11)
        with m.If(self.given):
            m.d.sync += part.eq(following)

    def _length(self, m, part):
        """The second word."""
        self._simple(m, part, _Part.NUMBERS)
        m.d.sync += self.last_column.eq(self.word[GRANULES_BITS:])
        with m.If(self.given & (self.word[GRANULES_BITS:] >= self._spec.columns)):
            m.d.comb += self.fault.eq(StreamFault.FORMAT)

    def _numbers(self, m, part):
        """The third word."""
        self._simple(m, part, _Part.SETTLE)
        m.d.comb += self.numbers.eq(self.given)
        with m.If(self.given & ((self.word[:16] == 0) | (self.word[16:] == 0))):
            m.d.comb += self.fault.eq(StreamFault.SIZE)

    def _if_codes(self, yes, no):
        if not self._spec.has(Codec.HUFFMAN):
            return Const(no.value, 4)
        return Mux(self.header.codec.huffman, yes, no)

    def _first(self, m):
        """Keep and check the first word."""
        spec, header = self._spec, self.header
        word = Signal(first_word_layout())
        m.d.comb += word.eq(self.word)
        m.d.sync += [header.fixed.eq(word.fixed), header.argument.eq(word.argument)]
        for codec in spec.codecs:
            m.d.sync += header.codec[codec.value].eq(word.codec == codec.number)
        if spec.int4:
            m.d.sync += header.four_bit.eq(word.four_bit)
        if spec.codebook:
            m.d.sync += [header.table.eq(word.table), header.last_entry.eq(word.last_entry)]
        for name, _ in flags_layout():
            m.d.sync += self.flags[name].eq(word[name])
        with m.If(word.version != STREAM_VERSION):
            m.d.comb += self.fault.eq(StreamFault.VERSION)
        with m.Elif(self._misfits(word)):
            m.d.comb += self.fault.eq(StreamFault.FORMAT)
        with m.Elif(self._out_of_range(word)):
            m.d.comb += self.fault.eq(StreamFault.TABLE)

    def _misfits(self, word):
        """Whether something isn't built, or doesn't go together."""
        spec = self._spec
        dense, csr, huffman = (word.codec == codec.number
                               for codec in (Codec.DENSE, Codec.CSR, Codec.HUFFMAN))
        misfits = Cat(
            ~Cat(word.codec == codec.number for codec in spec.codecs).any(),
            word.long, word.spare.any(),
            (word.wide | word.each) & ~word.parameters,
            word.fixed & ~csr,
            word.four_bit & dense & word.table,
            word.four_bit & huffman & ~word.table,
        )
        largest = word.table & (word.last_entry >= spec.codebook) if spec.codebook else word.table
        misfits = Cat(misfits, largest)
        if not spec.int4:
            misfits = Cat(misfits, word.four_bit)
        return misfits.any()

    def _out_of_range(self, word):
        spec = self._spec
        largest: Value = Const(spec.lanes, 8)
        if spec.int4:
            largest = Mux(word.four_bit, 2 * spec.lanes, spec.lanes)
        counts = Mux(word.four_bit, 8, 7) if spec.positions == 128 else 7
        argument = word.argument
        wrong = argument != 0  # dense, bitmask
        wrong = Mux(word.codec == Codec.RLE.number,
                    (argument == 0) | (argument > RUN_BITS), wrong)
        wrong = Mux(word.codec == Codec.CSR.number,
                    (argument == 0) | Mux(word.fixed, argument > largest, argument > counts), wrong)
        wrong = Mux(word.codec == Codec.HUFFMAN.number, argument[6], wrong)
        return wrong | (~word.table & word.last_entry.any())

    def _entries(self, m, part, number, following):
        """The table of values, four at a time."""
        entries, count = self.header.entries, self._spec.codebook
        m.d.comb += self.want.eq(0b11)
        if self._spec.int4:
            signs = [self.word.word_select(place, 8)[3:] for place in range(_WORD // 8)]
            beyond = Cat(bits.any() & ~bits.all() for bits in signs).any()
            with m.If(self.given & self.header.four_bit & beyond):
                m.d.comb += self.fault.eq(StreamFault.TABLE)
        with m.If(self.given):
            m.d.sync += number.eq(number + 1)
            for first in range(0, count, 4):
                with m.If(number == first // 4):
                    m.d.sync += [entries[place].eq(self.word.word_select(place - first, 8))
                                 for place in range(first, min(first + 4, count))]
            with m.If(number == Cat(self.header.last_entry, Const(0, 1))[2:][:len(number)]):
                m.d.sync += part.eq(following)

    def _codes(self, m, part, codes):
        """The prefix codes of runs and of values."""
        header = self.header
        tables = [(_Part.RUNS, header.runs, Const(MOST_RUN_CODES, 6))]
        if self._spec.codebook:
            tables.append((_Part.VALUES, header.values, header.last_entry + 1))
        for number, (state, table, most) in enumerate(tables):
            with m.Case(state):
                single = Const(0, 1)
                m.d.comb += [codes.enable.eq(1), codes.values.eq(number), self.want.eq(codes.want),
                             self.take.eq(codes.take)]
                codes.keep(m, table)
                m.d.sync += part.eq(Mux(codes.done, _Part.END, state))
                if number == 0:
                    m.d.sync += header.escape_run.eq(codes.total - 1)
                    with m.If(codes.done & (header.argument >= codes.total)):
                        m.d.comb += self.fault.eq(StreamFault.TABLE)
                    if len(tables) == 2:
                        with m.If(codes.done & header.table):
                            m.d.sync += part.eq(_Part.VALUES)
                else:
                    single = header.single
                    with m.If(codes.told):
                        m.d.sync += single.eq(codes.total == 0)
                with m.If(codes.done & (codes.total > most) & ~single):
                    m.d.comb += self.fault.eq(StreamFault.CODE)
                with m.If(codes.excess | codes.told & (codes.total > most)):
                    m.d.comb += self.fault.eq(StreamFault.TABLE)
