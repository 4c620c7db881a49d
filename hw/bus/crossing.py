"""From one clock to another: single bits, streams, the channels of a bus."""

from collections.abc import Mapping

from amaranth.hdl import Module, Shape, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..spec.base import SpecError, require_integer

__all__ = ["BusCrossing", "StreamCrossing", "synchronized"]

_DEPTH = 8


def synchronized(m: Module, value: Value, domain: str, *, name: str,
                 reset_less: bool = False) -> Signal:
    """A value of registers of another clock, behind two registers of ``domain``.

    Of several bits no more than one may change at a time. The registers are called
    ``{name}_synchronizer_first`` and ``{name}_synchronizer_second``.
    """
    first = Signal.like(value, name=f"{name}_synchronizer_first", reset_less=reset_less)
    second = Signal.like(value, name=f"{name}_synchronizer_second", reset_less=reset_less)
    m.d[domain] += [first.eq(value), second.eq(first)]
    return second


class StreamCrossing(wiring.Component):
    """A stream from one clock to another.

    ::

        i ── words ──────────────── o          pointers in Gray code,
             written ── 2 registers ─► empty   of which one bit changes at a time
             full ◄── 2 registers ── taken

    Parameters
    ----------
    shape
        Of the payload.
    i_domain, o_domain : str
        Clock domains of the two sides, whatever their clocks.
    depth : int
        Words on the way, a power of two, 4 to 256.

    Members
    -------
    i : ``In(stream.Signature(shape))``
    o : ``Out(stream.Signature(shape))``

    Raises
    ------
    SpecError, TypeError
        If ``depth`` is no power of two in range.

    Notes
    -----
    Latency: a word is on ``o`` 2 to 3 edges of ``o_domain`` after the edge of ``i_domain`` that
    transferred it. Throughput: with 8 words one per cycle of the slower clock. Back-pressure:
    ``i.ready`` and ``o.valid`` depend on no input within the cycle. ``o.payload`` is read from
    registers of ``i_domain`` that stay as they are meanwhile.

    **Reset.** Both domains must be reset together: each side must still be in reset when the
    other's pointer has come through its two registers. From the first edge of its reset on, a side
    offers nothing.
    """

    def __init__(self, shape, *, i_domain: str, o_domain: str, depth: int = _DEPTH):
        require_integer("depth", depth, 4, 256)
        if depth & (depth - 1):
            raise SpecError(f"depth must be a power of two from 4 to 256, not {depth!r}")
        self._shape, self._depth = shape, depth
        self._i_domain, self._o_domain = i_domain, o_domain
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    @property
    def depth(self) -> int:
        """Words on the way."""
        return self._depth

    def elaborate(self, platform):
        m = Module()
        m.submodules.words = words = Memory(shape=Shape.cast(self._shape), depth=self._depth,
                                            init=[])
        write, read = words.write_port(domain=self._i_domain), words.read_port(domain="comb")
        puts, takes = Signal(), Signal()
        written, written_gray = self._pointer(m, "written", self._i_domain, puts)
        taken, taken_gray = self._pointer(m, "taken", self._o_domain, takes)
        written_there = synchronized(m, written_gray, self._o_domain, name="written")
        taken_here = synchronized(m, taken_gray, self._i_domain, name="taken")
        m.d.comb += [
            # as many words as there are: in Gray code the two upper bits differ
            self.i.ready.eq(written_gray != taken_here ^ 3 * self._depth // 2),
            puts.eq(self.i.valid & self.i.ready),
            write.en.eq(puts),
            write.addr.eq(written),
            write.data.eq(self.i.payload),
            self.o.valid.eq(taken_gray != written_there),
            takes.eq(self.o.valid & self.o.ready),
            read.addr.eq(taken),
            Value.cast(self.o.payload).eq(read.data),
        ]
        return m

    def _pointer(self, m, name, domain, step):
        """A counter modulo ``2 * depth``, and the same in Gray code."""
        count = Signal(range(2 * self._depth), name=name)
        gray = Signal.like(count, name=f"{name}_gray")
        following = Signal.like(count, name=f"{name}_next")
        m.d.comb += following.eq(count + step)
        m.d[domain] += [count.eq(following), gray.eq(following ^ (following >> 1))]
        return count, gray


class BusCrossing(wiring.Component):
    """The channels of a bus from one clock to another, each through a :class:`StreamCrossing`.

    Parameters
    ----------
    channels : mapping of str to Member
        Streams, as they are to be outside.
    inside, outside : str
        Clock domains.

    Members
    -------
    channels, inner_{channel}
        The channels outside, and what connects to whoever has them inside.

    Notes
    -----
    Order is kept in each channel, and nothing is held between channels: an answer comes later
    than what it answers, and words of a write may come before their address, as without it.
    """

    def __init__(self, channels: Mapping[str, wiring.Member], *, inside: str, outside: str):
        self._channels, self._inside, self._outside = dict(channels), inside, outside
        super().__init__({**channels, **{f"inner_{name}": member.flip()
                                         for name, member in channels.items()}})

    @property
    def channels(self) -> tuple[str, ...]:
        """The names of the channels."""
        return tuple(self._channels)

    def elaborate(self, platform):
        m = Module()
        for name, member in self._channels.items():
            outer, inner = getattr(self, name), getattr(self, f"inner_{name}")
            shape = member.signature.members["payload"].shape
            if member.flow is Out:
                crossing = StreamCrossing(shape, i_domain=self._inside, o_domain=self._outside)
                starts, ends = inner, outer
            else:
                crossing = StreamCrossing(shape, i_domain=self._outside, o_domain=self._inside)
                starts, ends = outer, inner
            m.submodules[name] = crossing
            wiring.connect(m, wiring.flipped(starts), crossing.i)
            wiring.connect(m, crossing.o, wiring.flipped(ends))
        return m
