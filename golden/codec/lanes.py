"""What a lane of a decoder does: symbols from bits, and weights of a column from symbols."""

import copy
from collections.abc import Mapping

from sparrow.hw.spec.stream import GRANULE

from .errors import StreamError
from .header import Header
from .symbols import MASK

__all__ = ["LANES", "Lane"]

_Run = tuple[int, int | None, int]  # zeros, what is sent of the value behind them, bits


class Lane:
    """Base of the lanes.

    A lane has always one symbol that is *taken* and waits to be sent. With huffman there is
    another one behind it that it has read.

    Parameters
    ----------
    header : Header
    positions : int
        Of a block.

    Attributes
    ----------
    block : int or None
        Where the taken symbol belongs, counted over all blocks of the stream; ``None`` without
        one, which is so until the first is taken and when no more is to come.
    load : tuple of (int, int)
        What it loads: positions in the block, and values.
    escape : bool
        Whether it stands for zeros alone.
    lacks : bool
        Whether what is left is no whole symbol.
    width : int
        Bits of the taken symbol.
    sent : tuple of int
        Its values, as :meth:`.values.ValueCode.value` takes them.
    run : int or None
        Zeros that it stands for, with ``rle`` and ``huffman``.
    escapes : list of int
        Bits of the escapes that have been sent since the last value.
    """

    def __init__(self, header: Header, positions: int):
        self._header, self._positions = header, positions
        self._bits, self._held, self._used = 0, 0, 0
        self.block: int | None = None
        self.load: tuple[tuple[int, int], ...] = ()
        self.escape = self.lacks = False
        self.width = 0
        self.sent: tuple[int, ...] = ()
        self.run: int | None = None
        self.escapes: list[int] = []

    def deal(self, granule: int) -> None:
        """Append 16 bits to those that are held."""
        self._bits |= granule << self._held
        self._held += GRANULE

    def begin(self) -> bool:
        """Read what is behind the first symbol to be taken; whether that uses up a granule."""
        return False

    def take(self, *, final: bool) -> bool:
        """Take the next symbol; whether what is read with it uses up a granule.

        Parameters
        ----------
        final : bool
            Whether the block that is being sent is the last one.

        Raises
        ------
        StreamError
            If there is no such symbol, or its bits aren't there.
        """
        before = self._used
        self.load, self.sent = (), ()
        self._take(final)
        return before // GRANULE < self._used // GRANULE

    @property
    def held(self) -> int:
        """Bits that have been dealt and not read."""
        return self._held

    def wants(self, *, final: bool, begin: bool = False) -> bool:
        """Whether what :meth:`take` would read, or :meth:`begin`, isn't all there."""
        lane = copy.copy(self)
        try:
            if begin:
                lane.begin()
            else:
                lane.take(final=final)
        except StreamError as error:
            return error.name == "TRUNCATED"
        return lane.lacks

    def _take(self, final: bool) -> None:
        raise NotImplementedError

    def _peek(self, width: int) -> int:
        return self._bits & ((1 << width) - 1)

    def _skip(self, width: int) -> None:
        self._bits >>= width
        self._held -= width
        self._used += width

    def _use(self, width: int) -> int:
        """The next bits."""
        if width > self._held:
            raise StreamError("TRUNCATED", f"symbol must be whole, not end after {self._held} "
                              "bits: the stream has no more granules for the lane, it is "
                              "truncated")
        value = self._peek(width)
        self._skip(width)
        return value

    def _value(self) -> int:
        """The next value."""
        values = self._header.values
        found = values.find(self._bits, self._held)
        number, width = (0, self._held + 1) if found is None else found
        self._use(width)
        self.sent += number,
        return values.value(number)


class _Blocks(Lane):
    """Lanes that send at least one symbol in each block: ``_left`` are still to come in it."""

    def __init__(self, header: Header, positions: int):
        super().__init__(header, positions)
        self._left = 0

    def _take(self, final: bool) -> None:
        before = self._used
        if self._left:
            self._continue()
        elif final and self.block is not None:
            self.block = None
        else:
            self.block = 0 if self.block is None else self.block + 1
            self._begin()
        self.width = self._used - before

    def _begin(self) -> None:
        """Take the first symbol of a block."""
        raise NotImplementedError

    def _continue(self) -> None:
        """Take another one."""
        raise NotImplementedError


class _Dense(_Blocks):
    def _begin(self) -> None:
        self._lanes = self._positions // (2 if self._header.four_bit else 1)
        self._left = self._lanes
        self._continue()

    def _continue(self) -> None:
        first = self._lanes - self._left
        self.load = tuple((place, self._value())
                          for place in range(first, self._positions, self._lanes))
        self._left -= 1


class _Csr(_Blocks):
    def _begin(self) -> None:
        if self._header.fixed:
            self._left = self._header.fixed
            self._continue()
            return
        self._left = self._use(self._header.count_bits)
        if self._left > self._positions:
            raise StreamError("COUNT", f"number of nonzeros must be at most {self._positions}, "
                              f"not {self._left}: it goes beyond the block")

    def _continue(self) -> None:
        index = self._use((self._positions - 1).bit_length())
        self.load = ((index, self._value()),)
        self._left -= 1


class _Bitmask(_Blocks):
    """``_left`` is nonzero while masks or values are to come: positions that are still open in
    the highest bits, the ones of the last mask in ``_mask``."""

    def _begin(self) -> None:
        self._start, self._mask = -min(MASK, self._positions), 0
        self._continue()

    def _continue(self) -> None:
        size = min(MASK, self._positions)
        if self._mask:
            place = (self._mask & -self._mask).bit_length() - 1
            self._mask &= self._mask - 1
            self.load = ((self._start + place, self._value()),)
        else:
            self._start += size
            self._mask = self._use(size)
        self._left = self._positions - self._start - size + self._mask


class _Runs(Lane):
    """Runs go on from block to block: ``_place`` is where the next one begins."""

    def __init__(self, header: Header, positions: int):
        super().__init__(header, positions)
        self._place = 0

    def _take(self, final: bool) -> None:
        self._send(self._read())

    def _read(self) -> _Run | None:
        """The next symbol; ``None`` if the lane's granules are at their end: zeros."""
        runs = self._header.runs
        assert runs is not None
        self.lacks = True
        number = None
        found = runs.find(self._bits, self._held)
        if found is None:
            return None  # zeros, whatever bits are left
        run, width = found
        if run < runs.limit:
            behind = self._header.values.find(self._bits >> width, self._held - width)
            if behind is None:
                return None
            number, value_width = behind
            width += value_width
        self._skip(width)
        self.lacks = False
        return run, number, width

    def _send(self, symbol: _Run | None) -> None:
        """Make a symbol the taken one."""
        self.block, self.escape = None, True
        if symbol is None:
            return
        self.run, number, self.width = symbol
        self.escape = number is None
        run = self.run
        self.block, place = divmod(self._place + run - self.escape, self._positions)
        self._place += run + (not self.escape)
        if number is not None:
            self.sent = number,
            self.load = ((place, self._header.values.value(number)),)


class _Huffman(_Runs):
    """Has read the symbol behind the taken one, too."""

    def __init__(self, header: Header, positions: int):
        super().__init__(header, positions)
        self._behind: _Run | None = None

    def begin(self) -> bool:
        self._behind = self._read()
        return self._used >= GRANULE

    def _take(self, final: bool) -> None:
        self._send(self._behind)
        self._behind = self._read()


LANES: Mapping[str, type[Lane]] = {"dense": _Dense, "bitmask": _Bitmask, "rle": _Runs,
                                   "csr": _Csr, "huffman": _Huffman}
