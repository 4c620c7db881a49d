"""The checksum of a weight stream, a word per cycle."""

import functools
import heapq

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..spec.base import SpecError, require_integer

__all__ = ["RESIDUE", "Checksum"]

RESIDUE = 0xDEBB20E3
_POLYNOMIAL = 0xEDB88320
_WIDTH = 32


class Checksum(wiring.Component):
    """CRC-32 as in zlib, over words whose lowest byte comes first.

    Parameters
    ----------
    data_width : int
        Bits of a word, a multiple of 32, 32 to 256.

    Members
    -------
    word : ``In(data_width)``
    enable : ``In(1)``
        Take the word.
    restart : ``In(1)``
        Forget all words before, and the one in this cycle.
    good : ``Out(1)``
        The last 4 bytes so far are the checksum of those before.

    Raises
    ------
    TypeError, SpecError
        If ``data_width`` is no integer or none of these.

    Notes
    -----
    Latency: ``good`` tells of a word from the next cycle on. Throughput: a word per cycle. The
    first word needs a ``restart`` before it, or a reset.
    """

    def __init__(self, *, data_width: int):
        require_integer("data_width", data_width, _WIDTH, 256)
        if data_width % _WIDTH:
            raise SpecError(f"data_width must be a multiple of {_WIDTH}, not {data_width!r}")
        self._data_width = data_width
        super().__init__({"word": In(data_width), "enable": In(1), "restart": In(1),
                          "good": Out(1)})

    @property
    def data_width(self) -> int:
        """Bits of a word."""
        return self._data_width

    def elaborate(self, platform):
        m = Module()
        state = Signal(_WIDTH, init=(1 << _WIDTH) - 1)
        terms = [state[bit] ^ self.word[bit] for bit in range(_WIDTH)]
        terms += [self.word[bit] for bit in range(_WIDTH, self._data_width)]
        pairs, sums = _network(self._data_width)
        for left, right in pairs:
            pair = Signal(name=f"pair_{len(terms)}")
            m.d.comb += pair.eq(terms[left] ^ terms[right])
            terms.append(pair)
        following = Cat(functools.reduce(lambda left, right: left ^ right,
                                         [terms[number] for number in numbers])
                        for numbers in sums)
        m.d.sync += state.eq(Mux(self.enable, following, state) | self.restart.replicate(_WIDTH))
        m.d.comb += self.good.eq(state == RESIDUE)
        return m


def _column(bit: int, data_width: int) -> int:
    """The state after a word in which, state and all, this bit alone is 1; linear in them."""
    state = 0
    for number in range(data_width):
        state ^= number == bit
        state = state >> 1 ^ (_POLYNOMIAL if state & 1 else 0)
    return state


@functools.cache
def _network(data_width: int) -> tuple[list[tuple[int, int]], list[list[int]]]:
    """A small network of XOR: sums of two terms each, and the terms that each bit is the sum of.

    Takes again and again the two terms that most bits have in common (Paar, "Optimized arithmetic
    for Reed-Solomon encoders", 1997). Terms are the bits of the word, the lowest with the state
    in them, and then the pairs.
    """
    columns = [_column(bit, data_width) for bit in range(data_width)]
    pairs: list[tuple[int, int]] = []
    heap: list[tuple[int, int, int]] = []

    def offer(left, right):
        common = (columns[left] & columns[right]).bit_count()
        if common > 1:
            heapq.heappush(heap, (-common, left, right))

    for right in range(data_width):
        for left in range(right):
            offer(left, right)
    while heap:
        number, left, right = heapq.heappop(heap)
        common = columns[left] & columns[right]
        if common.bit_count() != -number:
            offer(left, right)
            continue
        columns[left] &= ~common
        columns[right] &= ~common
        columns.append(common)
        pairs.append((left, right))
        for other in range(len(columns) - 1):
            offer(other, len(columns) - 1)
    sums = [[number for number, column in enumerate(columns) if column >> bit & 1]
            for bit in range(_WIDTH)]
    return pairs, sums
