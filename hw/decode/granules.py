"""The bits of one lane: three granules, and how far they are used up."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..spec.stream import GRANULE

__all__ = ["GRANULE", "HELD", "Granules", "shifted"]

HELD = 3


def shifted(m: Module, value: Value, amount: Value, width: int, name: str) -> Value:
    """``width`` bits of ``value`` from bit ``amount`` on; those beyond its end are anything.

    The long shifts come first, so that later levels have fewer bits to choose.
    """
    for level in reversed(range(len(amount))):
        distance = 1 << level
        result = Signal(min(width + distance - 1, len(value)), name=f"{name}_{level}")
        for bit in range(len(result)):
            beyond = bit + distance >= len(value)
            m.d.comb += result[bit].eq(
                value[bit] if beyond else Mux(amount[level], value[bit + distance], value[bit]))
        value = result
    return value[:width]


class Granules(wiring.Component):
    """Holds up to three granules, and shows the next bits of them.

    Parameters
    ----------
    window : int, 1 to 16
        Bits that are shown.

    Members
    -------
    clear : ``In(1)``
        Forgets all. Nothing is defined before the first.
    deal, granule : ``In(1)``, ``In(16)``
        Appends a granule. Not while three are held.
    width, more : ``In(5)``, ``In(4)``
        Bits that the next symbol has, 0 to 16 together; may depend on ``window``, ``more`` the
        later of the two.
    take : ``In(1)``
        Uses up so many bits. Where they don't fit nothing ever does again, until ``clear``.
    window : ``Out(window)``
        The next bits; those that aren't there yet are anything.
    fits : ``Out(1)``
        There are so many bits.
    other_width, other_fits : ``In(5)``, ``Out(1)``
        The same of another symbol, 0 to 16 bits, for those who can't wait for ``more``.
    plenty : ``Out(1)``
        There are as many bits as any symbol has.
    settled : ``Out(1)``
        What is held is in its place, as ``fits`` takes for granted: from the second cycle after a
        ``deal`` on.
    spent : ``Out(1)``
        ``take`` would use up a granule.
    """

    def __init__(self, *, window: int):
        super().__init__({
            "clear": In(1), "deal": In(1), "granule": In(GRANULE), "width": In(5), "more": In(4),
            "take": In(1), "window": Out(window), "fits": Out(1),
            "other_width": In(5), "other_fits": Out(1), "plenty": Out(1),
            "settled": Out(1), "spent": Out(1)})

    def elaborate(self, platform):
        m = Module()
        held = [Signal(GRANULE, name=f"granule{number}", reset_less=True)
                for number in range(HELD)]
        there = [Signal(name=f"there{number}", reset_less=True) for number in range(HELD)]
        offset = Signal(range(GRANULE), reset_less=True)
        bits = Signal(2 * GRANULE)
        end, other_end = Signal(5), Signal(5)
        m.d.comb += [
            bits.eq(Cat(held[0], held[1])),
            self.window.eq(shifted(m, bits, offset, len(self.window), "window")),
            end.eq((offset + self.width)[:5] + self.more),
            self.fits.eq(there[1] | there[0] & ~(end[4] & end[:4].any())),
            other_end.eq(offset + self.other_width),
            self.other_fits.eq(there[1] | there[0] & ~(other_end[4] & other_end[:4].any())),
            self.plenty.eq(there[0] & there[1]),
            self.settled.eq(there[0] | ~there[1]),
            self.spent.eq(end[4]),
        ]
        self._hold(m, held, there)
        with m.If(self.take):
            m.d.sync += offset.eq(end[:4])
        with m.If(self.clear):
            m.d.sync += offset.eq(0)
        return m

    def _hold(self, m, held, there):
        """Granules go into the second place, or behind it, and on from there to the first.

        A place that isn't full takes what is offered, so that it needs no enable.
        """
        moves = Signal()
        m.d.comb += moves.eq(self.take & self.spent | ~there[0])
        m.d.sync += [
            held[0].eq(Mux(moves, held[1], held[0])),
            held[1].eq(Mux(there[1] & ~moves, held[1], Mux(there[2], held[2], self.granule))),
            held[2].eq(Mux(there[2], held[2], self.granule)),
            there[0].eq(~self.clear & (there[1] | ~moves)),
            there[1].eq(~self.clear & Mux(moves, there[2] | self.deal, there[1] | self.deal)),
            there[2].eq(~self.clear & ~moves & (there[2] | there[1] & self.deal)),
        ]
