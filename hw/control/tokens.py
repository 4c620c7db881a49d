"""Token counters, by which engines wait for each other."""

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..spec.base import require_integer
from ..spec.commands import TOKEN_MAXIMUM, TOKENS

__all__ = ["Tokens"]


class Tokens(wiring.Component):
    """``TOKENS`` counters from 0 to ``TOKEN_MAXIMUM`` that several engines take from and give to.

    Parameters
    ----------
    engines : int
        Engines, 1 to 16.

    Members
    -------
    take_{i}, give_{i} : ``In(TOKENS)``
        What engine ``i`` asks for: to take one of each token named, or to give one of each. At
        most one of both isn't zero, and it stays until ``done_{i}``.
    done_{i} : ``Out(1)``
        It happens in this cycle: all that are taken are there, all that are given fit.

    Notes
    -----
    One request is served per cycle, the lowest engine number first among those that can be
    served; the others wait. Counters are 0 after a reset.
    """

    def __init__(self, *, engines: int):
        require_integer("engines", engines, 1, 16)
        self._engines = engines
        super().__init__({f"{kind}_{engine}": flow
                          for engine in range(engines)
                          for kind, flow in (("take", In(TOKENS)), ("give", In(TOKENS)),
                                             ("done", Out(1)))})

    @property
    def engines(self) -> int:
        """Engines."""
        return self._engines

    def elaborate(self, platform):
        m = Module()
        counts = [Signal(range(TOKEN_MAXIMUM + 1), name=f"count_{token}")
                  for token in range(TOKENS)]
        empty, full = Signal(TOKENS), Signal(TOKENS)
        m.d.comb += [empty.eq(Cat(count == 0 for count in counts)),
                     full.eq(Cat(count == TOKEN_MAXIMUM for count in counts))]
        taken, given = Const(0, TOKENS), Const(0, TOKENS)
        earlier = Const(0, 1)
        for engine in range(self._engines):
            take, give = getattr(self, f"take_{engine}"), getattr(self, f"give_{engine}")
            possible = Signal(name=f"possible_{engine}")
            done = getattr(self, f"done_{engine}")
            m.d.comb += [possible.eq((take | give).any() & ~((take & empty) | (give & full)).any()),
                         done.eq(possible & ~earlier)]
            taken |= take & done.replicate(TOKENS)
            given |= give & done.replicate(TOKENS)
            earlier |= possible
        for token, count in enumerate(counts):
            with m.If(given[token]):
                m.d.sync += count.eq(count + 1)
            with m.Elif(taken[token]):
                m.d.sync += count.eq(count - 1)
        return m
