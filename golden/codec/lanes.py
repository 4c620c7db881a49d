"""What a lane of a decoder does: symbols from bits, and weights of a column from symbols."""

from collections.abc import Iterator, Mapping

import numpy as np

from .bits import GRANULE
from .errors import StreamError
from .header import Header

__all__ = ["LANES", "Lane"]


class Lane:
    """Base of the lanes.

    Parameters
    ----------
    name : str
        For errors.
    header : Header
    index_bits : int
        Of an index into a block.
    """

    def __init__(self, name: str, header: Header, index_bits: int):
        self._name, self._where, self._header = name, "", header
        self._index_bits = index_bits
        self._bits, self.held = 0, 0
        self._row = np.zeros(0, np.int8)
        self._work: Iterator[None] = iter(())

    def take(self, granule: int) -> None:
        """Append 16 bits to those that are held."""
        self._bits |= granule << self.held
        self.held += GRANULE

    def begin(self, row: np.ndarray, where: str) -> None:
        """Begin a block, whose weights go to ``row``."""
        self._row, self._where, self._work = row, where, self._block()

    def step(self) -> bool:
        """Do a step of the block; false if there was nothing left to do."""
        try:
            return next(self._work, self) is None
        except StreamError as error:
            raise StreamError(f"{self._name}, {self._where}: {error}") from None

    def close(self) -> None:
        """End the layer; raises ``StreamError`` if something was sent that nobody needed."""
        if self._bits:
            raise StreamError(f"{self._name}: bits behind the last block must be zeros, "
                              "but aren't")

    def _block(self) -> Iterator[None]:
        """One block; yields after every step."""
        raise NotImplementedError

    def _use(self, width: int) -> int:
        """The next bits."""
        if width > self.held:
            raise StreamError(f"symbol must be whole, not end after {self.held} bits: the lane's "
                              "granules are at their end")
        value = self._bits & ((1 << width) - 1)
        self._bits >>= width
        self.held -= width
        return value

    def _value(self) -> int:
        """The next value."""
        found = self._header.values.find(self._bits, self.held)
        value, width = (0, self.held + 1) if found is None else found
        self._use(width)
        return value


class _Dense(Lane):
    def _block(self) -> Iterator[None]:
        pace = 2 if self._header.values.width <= 4 else 1
        for place in range(len(self._row)):
            self._row[place] = self._value()
            if place % pace == pace - 1 or place == len(self._row) - 1:
                yield


class _Csr(Lane):
    def _block(self) -> Iterator[None]:
        size = len(self._row)
        count = self._use(self._header.count_bits)
        if count > size:
            raise StreamError(f"number of nonzeros must be at most {size}, not {count}")
        yield
        before = -1
        for _ in range(count):
            index = self._use(self._index_bits)
            if index >= size:
                raise StreamError(f"index must be below {size}, not {index}")
            if index <= before:
                raise StreamError(f"index must be above the one before, {before}, not {index}")
            self._row[index] = self._value()
            before = index
            yield


class _Bitmask(Lane):
    def _block(self) -> Iterator[None]:
        for start in range(0, len(self._row), GRANULE):
            size = min(GRANULE, len(self._row) - start)
            mask = self._use(size)
            yield
            for place in range(size):
                if mask >> place & 1:
                    self._row[start + place] = self._value()
                    yield


class _Runs(Lane):
    """Runs go on from block to block: ``_place`` is where the next one begins in this block."""

    def __init__(self, name: str, header: Header, index_bits: int):
        super().__init__(name, header, index_bits)
        self._place = 0

    def _block(self) -> Iterator[None]:
        assert self._header.runs is not None
        find, limit = self._header.runs.find, self._header.runs.limit
        while True:
            found = find(self._bits, self.held)
            if found is None:
                break  # the lane's granules are at their end: zeros
            run, width = found
            escape = run == limit
            target = self._place + run - escape
            if target >= len(self._row):
                break
            self._use(width)
            if not escape:
                self._row[target] = self._value()
            self._place = target + 1
            yield
        self._place -= len(self._row)

    def close(self) -> None:
        assert self._header.runs is not None
        while True:
            found = self._header.runs.find(self._bits, self.held)
            if found is None:
                return
            if found[0] != self._header.runs.limit:
                raise StreamError(f"{self._name}: run must end in the layer, but ends behind its "
                                  "last block")
            self._use(found[1])


LANES: Mapping[str, type[Lane]] = {"dense": _Dense, "bitmask": _Bitmask, "rle": _Runs,
                                   "csr": _Csr, "huffman": _Runs}
