"""What comes out of a memory two cycles after it is read, held until it is taken."""

from amaranth.hdl import Module, Mux, Signal, Value

__all__ = ["LateReads"]


class LateReads:
    """Reads under way in a memory of two cycles that nobody else reads, in the module ``m``.

    Two at most: in the memory's first register, or on its output, or kept when another one comes
    out there. So a row can be taken in every cycle.

    Parameters
    ----------
    m : Module
    fetch : Signal
        A row is read; not without ``room``.
    ready : Value
        The one on offer, if it is ``valid``, is taken.

    Attributes
    ----------
    valid, taken : Signal
        One is on offer; it is taken.
    fetched : Signal
        How many are under way.
    room : Value
        Another one can be read in this cycle; depends on ``ready``.
    """

    def __init__(self, m: Module, fetch: Signal, ready):
        self._m, self._fetch = m, fetch
        coming, read, kept = (Signal(name=name) for name in ("coming", "read", "kept"))
        self.valid, self.taken, self.fetched = (
            Signal(name="offered"), Signal(name="taken"), Signal(2, name="fetched"))
        self._kept = kept
        self.room = ~self.fetched[1] | self.taken
        m.d.comb += [
            self.fetched.eq(coming + read + kept),
            self.valid.eq(read | kept),
            self.taken.eq(self.valid & ready),
        ]
        m.d.sync += [coming.eq(fetch), read.eq(coming | (read & (kept | ~self.taken))),
                     kept.eq(~self.taken & (kept | (coming & read)))]

    def keep(self, value, name: str) -> Value:
        """What is made of the memory's output, for the row on offer."""
        value = Value.cast(value)
        word = Signal(len(value), name=name, reset_less=True)
        with self._m.If(~self._kept):
            self._m.d.sync += word.eq(value)
        return Mux(self._kept, word, value)

    def follow(self, value, name: str) -> Signal:
        """What is known when a row is read, beside it on the memory's output."""
        value = Value.cast(value)
        found = Signal(len(value), name=name, reset_less=True)
        with self._m.If(self._fetch):
            self._m.d.sync += found.eq(value)
        return self.later(found)

    def later(self, found: Signal) -> Signal:
        """What is known in the cycle after a row was read, beside it on the memory's output."""
        out = Signal.like(found, name=f"{found.name}_out", reset_less=True)
        self._m.d.sync += out.eq(found)
        return out
