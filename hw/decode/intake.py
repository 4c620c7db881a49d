"""A weight stream's words as they come: their number, and their checksum."""

import enum

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..spec.decode import DecompressorSpec
from ..spec.faults import StreamFault
from ..spec.stream import GRANULES_BITS
from .checksum import Checksum

__all__ = ["Intake", "word_layout"]

_LENGTH_PLACE = 32  # of the number of granules, in a stream
_MOST_AHEAD = 2
_LATENCY = 2  # cycles until a word that is written can be seen in the window


def word_layout(spec: DecompressorSpec) -> data.StructLayout:
    """A word of a weight stream: ``data``, and whether it is the ``last`` one."""
    return data.StructLayout({"data": spec.data_width, "last": 1})


class _Part(enum.Enum):
    """What comes next."""
    FIRST = 0
    LENGTH = 1
    BODY = 2
    CHECKSUM = 3  # alone in the last word
    JUDGE = 4
    REFUSE = 5


class Intake(wiring.Component):
    """Checks that streams are as long as their second word of 32 bits tells, and their checksum.

    Parameters
    ----------
    spec : DecompressorSpec

    Members
    -------
    words : ``In(stream.Signature(word_layout(spec)))``
        Streams, one after the other, up to ``_MOST_AHEAD`` of them while one is decoded.
    word, useful, write, room
        The window's; a word that holds nothing but the checksum isn't written.
    whole : ``Out(1)``
        The stream that is decoded has come, and nothing is wrong with it.
    finish : ``In(1)``
        It is decoded, and ``whole``: the next one is that.
    fault : ``Out(StreamFault)``
        Of the stream that is decoded: ``TRUNCATED``, ``TRAILING``, ``CHECKSUM``. Stays, until
        ``clear``.
    idle : ``Out(1)``
        Nothing of any stream has come.
    refuse : ``In(1)``
        Take words and forget them, from now on until ``clear``.
    clear : ``In(1)``
        A new stream begins with the next word, nothing has come.

    Notes
    -----
    Latency: a word is written in the cycle of its transfer; its fault is told when the window
    shows it, that of a checksum a cycle later. Throughput: a word per cycle, and a cycle between
    streams.
    """

    def __init__(self, *, spec: DecompressorSpec):
        self._spec = spec
        super().__init__({
            "words": In(stream.Signature(word_layout(spec))),
            "word": Out(spec.data_width), "useful": Out(spec.granules),
            "write": Out(1), "room": In(1),
            "whole": Out(1), "finish": In(1), "fault": Out(StreamFault), "idle": Out(1),
            "refuse": In(1), "clear": In(1),
        })

    def elaborate(self, platform):
        m = Module()
        words = self.words
        part = Signal(_Part)
        ahead = Signal(range(_MOST_AHEAD + 1))
        m.submodules.checksum = checksum = Checksum(data_width=self._spec.data_width)
        moves, accepts = Signal(), Signal()
        m.d.comb += [
            accepts.eq((part != _Part.JUDGE)
                       & ~((part == _Part.FIRST) & (ahead == _MOST_AHEAD))),
            words.ready.eq((accepts & self.room) | (part == _Part.REFUSE) | self.refuse),
            moves.eq(words.valid & accepts & self.room & (part != _Part.REFUSE) & ~self.refuse),
            self.word.eq(words.payload.data),
            self.write.eq(moves & (part != _Part.CHECKSUM)),
            checksum.word.eq(words.payload.data),
            checksum.enable.eq(moves),
            checksum.restart.eq((part == _Part.JUDGE) | self.clear),
            self.whole.eq(ahead != 0),
            self.idle.eq((part == _Part.FIRST) & ~self.whole),
        ]
        fault = Signal(StreamFault, reset_less=True)
        refused = Signal(_LATENCY)
        m.d.sync += refused.eq(Cat(part == _Part.REFUSE, refused))
        with m.If((part == _Part.REFUSE) & refused.all() & ~self.whole):
            m.d.comb += self.fault.eq(fault)
        arrived = Signal()
        m.d.comb += arrived.eq((part == _Part.JUDGE) & checksum.good)
        m.d.sync += ahead.eq(ahead + arrived - self.finish)
        with m.If(moves):
            self._follow(m, part, fault, self._count(m, part))
        with m.If(part == _Part.JUDGE):
            m.d.sync += part.eq(_Part.FIRST)
            with m.If(~checksum.good):
                m.d.sync += [part.eq(_Part.REFUSE), fault.eq(StreamFault.CHECKSUM)]
        with m.If(self.clear):
            m.d.sync += [part.eq(_Part.FIRST), ahead.eq(0)]
        return m

    def _count(self, m, part):
        """The number of words, counted down; how the word stands to the end of the granules."""
        spec, words = self._spec, self.words
        low = spec.granules.bit_length() - 1
        narrow = spec.data_width == _LENGTH_PLACE  # the number is in the second word
        told = words.payload.data[-_LENGTH_PLACE:] if narrow else \
            words.payload.data[_LENGTH_PLACE:2 * _LENGTH_PLACE]
        tells = part == (_Part.LENGTH if narrow else _Part.FIRST)
        left = Signal(GRANULES_BITS)
        current = Signal(GRANULES_BITS)
        ends = Signal()
        m.d.comb += current.eq(Mux(tells, told, left))
        number = current[low:]
        m.d.comb += ends.eq((number[1:] if narrow else number) == 0)
        with m.If(words.valid & words.ready):
            m.d.sync += left.eq(Cat(current[:low], number - 1))
        if narrow:
            with m.If(part == _Part.FIRST):
                m.d.comb += ends.eq(0)
        m.d.comb += self.useful.eq(Cat((current[:low] > granule) | ~ends
                                       for granule in range(spec.granules)))
        return {"ends": ends, "alone": current[:low].all()}

    def _follow(self, m, part, fault, count):
        """What comes behind a word."""
        last = self.words.payload.last
        truncated, trailing = Signal(), Signal()
        with m.If(part == _Part.CHECKSUM):
            m.d.comb += trailing.eq(~last)
            m.d.sync += part.eq(_Part.JUDGE)
        with m.Elif(count["ends"]):
            m.d.comb += [truncated.eq(count["alone"] & last), trailing.eq(~count["alone"] & ~last)]
            m.d.sync += part.eq(Mux(count["alone"], _Part.CHECKSUM, _Part.JUDGE))
        with m.Else():
            m.d.comb += truncated.eq(last)
            narrow = self._spec.data_width == _LENGTH_PLACE
            m.d.sync += part.eq(Mux(part == _Part.FIRST, _Part.LENGTH, _Part.BODY)
                                if narrow else _Part.BODY)
        with m.If(truncated | trailing):
            m.d.sync += [part.eq(_Part.REFUSE),
                         fault.eq(Mux(truncated, StreamFault.TRUNCATED, StreamFault.TRAILING))]
