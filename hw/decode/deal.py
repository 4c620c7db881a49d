"""Granules dealt to those who asked, in the order of asking."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..spec.decode import DecompressorSpec
from ..spec.stream import GRANULE

__all__ = ["CONTROL_GRANULES", "Dealer"]

CONTROL_GRANULES = 4


class Dealer(wiring.Component):
    """Deals the granules of a :class:`.window.Window` to the lanes.

    The lanes that asked in the same step get theirs together, the first ones first if the others'
    granules haven't come yet, and before those that asked later. When nobody waits, the first
    ``CONTROL_GRANULES`` of the stream can be had by others.

    Parameters
    ----------
    spec : DecompressorSpec

    Members
    -------
    ask : ``In(columns)``
        Which lanes ask in this cycle, none if ``full`` or if granules are wanted.
    full, idle : ``Out(1)``
        Two steps' lanes wait; none waits.
    drop : ``In(1)``
        Forget who waits.
    slots, visible, base, used
        The window's.
    deal : ``Out(columns)``
        The lanes that get a granule in this cycle, one each: ``granules``, of 16 bits.
    want : ``In(CONTROL_GRANULES)``
        As many granules as there are ones are wanted, the stream's next ones: those of
        ``granules`` whose bits are 1 here, in order. Only if ``idle``.
    given : ``Out(1)``
        All of them are there.
    take : ``In(1)``
        They are used up, if ``given``.
    scarce : ``Out(1)``
        Some of the granules that are waited for or wanted aren't visible.

    Notes
    -----
    Latency: a granule is dealt in the cycle after it was asked for, if it is visible and nobody
    else waits. Throughput: all visible granules per cycle, to the lanes of one step, no further
    than the first ``window`` lanes among which somebody waits.

    The way from slots to lanes is a tree that halves slots and lanes alike: n lanes have n slots,
    as what they get are neighbours, one of each remainder modulo n.
    """

    def __init__(self, *, spec: DecompressorSpec):
        self._spec = spec
        self._outputs = max(spec.columns, CONTROL_GRANULES)
        super().__init__({
            "ask": In(spec.columns), "full": Out(1), "idle": Out(1), "drop": In(1),
            "slots": In(data.ArrayLayout(GRANULE, spec.window)),
            "visible": In(spec.window), "base": In(range(spec.window)),
            "used": Out(range(spec.window + 1)),
            "deal": Out(spec.columns),
            "granules": Out(data.ArrayLayout(GRANULE, self._outputs)),
            "want": In(CONTROL_GRANULES), "given": Out(1), "take": In(1),
            "scarce": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        spec = self._spec
        waiting = Signal(spec.columns)
        active = Signal(spec.columns)
        mask = Signal(self._outputs)
        served = Signal(self._outputs)
        m.d.comb += [active.eq(self._active(waiting)), mask.eq(active | self.want)]
        slots = [Cat(self.slots[place], self.visible[place]) for place in range(spec.window)]
        # late, so not added up together with the lanes, which it never meets
        asked: Value = _sum(list(self.want))
        for first in range(0, self._outputs, spec.window):
            lanes = range(first, min(first + spec.window, self._outputs))
            leaves = _route(m, slots, self.base, [mask[lane] for lane in lanes], f"from_{first}")
            # all but one section ask for nothing
            asked = asked | _sum([active[lane] for lane in lanes if lane < spec.columns])
            for lane, leaf in zip(lanes, leaves, strict=True):
                m.d.comb += [self.granules[lane].eq(leaf[:GRANULE]),
                             served[lane].eq(mask[lane] & leaf[GRANULE])]
        m.d.comb += [
            self.deal.eq(served & ~self.want.any().replicate(self._outputs)),
            self.given.eq(~self.scarce),
        ]
        there = _sum([self.visible[place] for place in range(spec.window)])
        m.d.comb += self.scarce.eq(there < asked)
        with m.If(~self.want.any() | (self.take & self.given)):
            m.d.comb += self.used.eq(Mux(self.scarce, there, asked))
        self._queue(m, waiting, self.scarce | (waiting & ~active).any())
        return m

    def _active(self, waiting):
        """The lanes that are looked at: those of the first section in which somebody waits."""
        sections = [waiting[first:first + self._spec.window]
                    for first in range(0, self._spec.columns, self._spec.window)]
        looked_at, blocked = [], Const(0)
        for section in sections:
            looked_at.append(section & ~blocked.replicate(len(section)))
            blocked = blocked | section.any()
        return Cat(*looked_at)

    def _queue(self, m, waiting, unfinished):
        """The steps whose lanes wait: ``waiting`` and ``later``, without lanes if there is none."""
        later, following = (Signal.like(waiting, name=name) for name in ("later", "following"))
        m.d.comb += [
            following.eq(later | self.ask),
            self.full.eq(later.any()),
            self.idle.eq(~waiting.any()),
        ]
        with m.If(self.drop):
            m.d.sync += [waiting.eq(0), later.eq(0)]
        with m.Elif(unfinished):
            m.d.sync += [waiting.eq(waiting & ~self.deal), later.eq(following)]
        with m.Else():
            m.d.sync += [waiting.eq(following), later.eq(0)]


def _sum(terms):
    while len(terms) > 1:
        terms = [left + right for left, right in zip(terms[::2], terms[1::2], strict=False)
                 ] + terms[len(terms) & ~1:]
    return terms[0]


def _route(m, slots, base, lanes, name):
    """What the lanes get that are marked, circularly from ``base`` on; others get anything.

    As many slots as a power of two, at least as many as lanes.
    """
    groups, starts = [slots], [base]
    size = len(slots)
    while size > 1:
        size //= 2
        old_groups, old_starts, groups, starts = groups, starts, [], []
        for number in range(-(-len(lanes) // size)):
            start = Signal(range(2 * size), name=f"{name}_start_{size}_{number}")
            parent = old_starts[number // 2]
            if number % 2:
                before = lanes[(number - 1) * size:number * size]
                m.d.comb += start.eq(parent + _sum(before))
            else:
                m.d.comb += start.eq(parent)
            upper, lower = old_groups[number // 2][size:], old_groups[number // 2][:size]
            half = start[size.bit_length() - 1]
            offset = start[:size.bit_length() - 1]
            taken = []
            for slot in range(size):
                choice = Signal(len(lower[slot]), name=f"{name}_slot_{size}_{number}_{slot}")
                is_upper = Signal(name=f"{name}_upper_{size}_{number}_{slot}")
                carry = slot < offset if slot + 1 < size else Const(0, 1)
                m.d.comb += [is_upper.eq(half ^ carry),
                             choice.eq(Mux(is_upper, upper[slot], lower[slot]))]
                taken.append(choice)
            groups.append(taken)
            starts.append(start)
    return [group[0] for group in groups]
