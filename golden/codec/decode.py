"""From streams to weights, as the lanes of a decoder do it, symbol by symbol."""

import dataclasses
import zlib
from collections import Counter

import numpy as np

from sparrow.hw.spec.stream import CHECKSUM_BYTES, GRANULE

from .errors import StreamError
from .header import MOST_COLUMNS, Header
from .lanes import LANES, Lane
from .parameters import Parameters
from .symbols import DEPTH

__all__ = ["Contents", "decode_blocks", "read_header"]

LARGEST = 2**28  # weights


@dataclasses.dataclass(eq=False)
class SymbolCounts:
    """What lanes sent, without escapes that no value comes behind.

    Parameters
    ----------
    bits : int
    values : Counter
        How often each was sent, as :meth:`.values.ValueCode.value` takes them.
    runs : Counter
        How often runs were sent, by their zeros.
    escapes : int
    """

    bits: int = 0
    values: Counter[int] = dataclasses.field(default_factory=Counter)
    runs: Counter[int] = dataclasses.field(default_factory=Counter)
    escapes: int = 0

    def add(self, lane: Lane) -> None:
        """Count the symbol that a lane sends; escapes once the value behind them comes."""
        if lane.escape:
            lane.escapes.append(lane.width)
            return
        self.bits += lane.width + sum(lane.escapes)
        self.values.update(lane.sent)
        if lane.run is not None:
            self.runs[lane.run] += 1
        if lane.escapes:
            self.escapes += len(lane.escapes)
            lane.escapes.clear()


@dataclasses.dataclass(frozen=True, eq=False)
class Contents:
    """What is in a stream.

    Parameters
    ----------
    header : Header
    blocks : numpy.ndarray, int8, shape (output blocks, steps, halves, lanes, columns)
        Zeros where the map skips a step. With reuse those of one output block.
    kept : numpy.ndarray, bool, shape (output blocks, steps)
        Which steps are in the stream.
    parameters : Parameters or None
        Of all columns of all output blocks; zeros for columns without a channel.
    steps : numpy.ndarray, int64, shape (blocks in the stream,)
        That each took.
    stalls : int
        See :class:`.stream.Stream`.
    symbols : SymbolCounts
        Those of the lanes.
    """

    header: Header
    blocks: np.ndarray
    kept: np.ndarray
    parameters: Parameters | None
    steps: np.ndarray
    stalls: int
    symbols: SymbolCounts


def decode_blocks(data: bytes, *, lanes: int, columns: int, word_bytes: int = 8,
                  check: bool = True) -> Contents:
    """All that is in a stream.

    Parameters
    ----------
    data : bytes
    lanes, columns : int
        Of the array.
    word_bytes : int
    check : bool
        Whether the checksum is compared.

    Raises
    ------
    StreamError
        By the first fault that a decoder meets; ``before`` are the contents up to there, ``None``
        if it is in the header. ``steps`` are then those of the blocks that were complete.
    """
    return _Decoder(data, lanes, columns, word_bytes).run(check)


def read_header(data: bytes, *, lanes: int, columns: int = MOST_COLUMNS) -> Header:
    """What stands at the beginning of a stream; raises ``StreamError`` if that isn't well formed.
    """
    return Header.read(_Granules(data).word, lanes, columns)


class _Granules:
    """The granules of a stream, one after the other."""

    def __init__(self, data: bytes):
        self._data, self.position = data, 0

    def next(self) -> int:
        """The next one; raises ``StreamError`` if it isn't there."""
        first = GRANULE // 8 * self.position
        if first + GRANULE // 8 > len(self._data):
            raise StreamError("TRUNCATED", f"Stream must have granule {self.position}, not end "
                              f"after {len(self._data)} bytes: it is truncated")
        self.position += 1
        return int.from_bytes(self._data[first:first + GRANULE // 8], "little")

    def word(self) -> int:
        """The next two."""
        return self.next() | self.next() << GRANULE


class _Decoder:
    """The lanes, the hand that deals granules to them, and the control of both."""

    def __init__(self, data: bytes, lanes: int, columns: int, word_bytes: int):
        self._data, self._word_bytes, self._columns = data, word_bytes, columns
        self._granules = _Granules(data)
        self._header = header = Header.read(self._granules.word, lanes, columns)
        halves = 2 if header.four_bit else 1
        outputs = 1 if header.reuse else header.output_blocks
        shape = (outputs, header.steps, halves, lanes, columns)
        if np.prod(shape, dtype=float) > LARGEST:
            raise StreamError("SIZE", f"Stream must have at most {LARGEST} weights, not "
                              f"{' × '.join(map(str, shape))}")
        # positions of a block: half, then array lane
        self._blocks = np.zeros((outputs, header.steps, lanes * halves, columns), np.int8)
        self._shape = shape
        self._kept = np.ones((outputs, header.steps), bool)
        self._lanes: list[Lane] = [LANES[header.codec](header, lanes * halves)
                                   for _ in range(columns)]
        self._steps: list[int] = []
        self._stalls = 0
        self._symbols = SymbolCounts()
        self._bias: list[int] = []
        self._scales: list[tuple[int, int]] = []
        self._missing: StreamError | None = None  # a granule that a lane should have had

    def run(self, check: bool) -> Contents:
        try:
            self._output_blocks()
            self._end(check)
        except StreamError as error:
            error.before = self._contents()
            raise
        return self._contents()

    def _output_blocks(self) -> None:
        header = self._header
        for number in range(header.output_blocks):
            if header.parameters.bias_bits:
                self._parameters(header.last_columns if number == header.output_blocks - 1
                                 else self._columns)
            if number == 0 or not header.reuse:
                self._output_block(number)
        if self._missing:
            raise self._missing
        if self._granules.position < header.granules:
            raise StreamError("TRAILING", "Stream must have as many granules as are asked for, "
                              f"not {header.granules - self._granules.position} more")

    def _parameters(self, channels: int) -> None:
        """Those of some columns; the others have zeros."""
        header = self._header
        format_ = header.parameters
        for column in range(self._columns):
            if column >= channels:
                self._bias.append(0)
                self._scales.append((0, 0))
                continue
            value = self._control() | (self._control() << 16 if format_.bias_bits == 32 else 0)
            self._scales.append(header.scale or format_.scale(
                [self._control() for _ in range(format_.scale_granules)]))
            self._bias.append(value - (value >> format_.bias_bits - 1 << format_.bias_bits))

    def _contents(self) -> Contents:
        """What has been found so far."""
        parameters = None
        if self._bias:
            parts = self._bias, *zip(*self._scales)
            parameters = Parameters(*(np.array(part, np.int64) for part in parts))
        return Contents(self._header, self._blocks.reshape(self._shape), self._kept, parameters,
                        np.array(self._steps, np.int64), self._stalls, self._symbols)

    def _control(self) -> int:
        """A granule that is for no lane."""
        if self._granules.position >= self._header.granules:
            raise StreamError("TRUNCATED", f"Stream must have granules for what stands between "
                              f"those of lanes, not {self._header.granules} in all: it is "
                              "truncated")
        return self._granules.next()

    def _output_block(self, number: int) -> None:
        header, bits = self._header, 0
        last_block = number == header.output_blocks - 1
        columns = list(range(self._columns))
        if header.rests and last_block:
            del columns[header.last_columns:]
        for step in range(header.steps):
            if header.map:
                if step % GRANULE == 0:
                    bits = self._control()
                    last = header.steps - 1 - step
                    if last < GRANULE and not bits >> last & 1:
                        raise StreamError("FORMAT", f"Map of output block {number} must have its "
                                          "last step, but hasn't")
                self._kept[number, step] = keep = bool(bits >> step % GRANULE & 1)
                if not keep:
                    continue
            final = step == header.steps - 1 and (header.reuse or last_block)
            self._block(self._blocks[number, step], columns, final,
                        f"output block {number}, step {step}")
        if final:
            for column, lane in enumerate(self._lanes):
                if lane.block is not None and not lane.escape:
                    raise StreamError("RUN", f"Lane {column}: run must end in the layer, but ends "
                                      "behind its last block")

    def _block(self, block: np.ndarray, columns: list[int], final: bool, where: str) -> None:
        """All steps of a block, shape (positions, columns), by the lanes of some columns; the
        others rest."""
        number = len(self._steps)
        if not number:
            self._first(columns, where)
        count = 0
        while True:
            here = [column for column in columns if self._lanes[column].block == number]
            if self._header.lean:
                self._stalls += 1 + self._fill(here, final)
            for column in here:
                lane = self._lanes[column]
                self._symbols.add(lane)
                for place, value in lane.load:
                    block[place, column] = value
            self._take(here, final, where)
            count += 1
            if not any(self._lanes[column].block == number for column in columns):
                break
        self._steps.append(count)

    def _first(self, columns: list[int], where: str) -> None:
        """Let lanes take their first symbols."""
        lean = self._header.lean
        if lean:
            self._fill(columns, False, begin=True)
        for _ in range(0 if lean else DEPTH):
            self._deal(columns)
        uses = [column for column in columns if self._lanes[column].begin()]
        if lean:
            self._fill(columns, False)
        else:
            self._deal(uses)
        self._take(columns, False, where)

    def _fill(self, columns: list[int], final: bool, *, begin: bool = False) -> int:
        """Deal a granule to each lane that needs it; the cycles that this takes."""
        wants = [column for column in columns
                 if self._lanes[column].wants(final=final, begin=begin)]
        wants = wants[:self._header.granules - self._granules.position]
        empty = any(not self._lanes[column].held for column in wants)
        self._deal(wants)
        return bool(wants) + empty

    def _take(self, columns: list[int], final: bool, where: str) -> None:
        """Let some lanes take symbols, and deal what they ask for."""
        asks, errors = [], []
        for column in columns:
            try:
                if self._lanes[column].take(final=final):
                    asks.append(column)
                if self._missing and self._lanes[column].lacks and not final:
                    raise self._missing
            except StreamError as error:
                if self._missing and error.name == "TRUNCATED":
                    raise self._missing from None
                errors.append((error.code, column, error))
        if errors:
            _, column, first = min(errors, key=lambda entry: entry[:2])
            raise StreamError(first.name, f"Lane {column}, {where}: {first}")
        if not self._header.lean:
            self._deal(asks)

    def _deal(self, columns: list[int]) -> None:
        """A granule to each, while there are any; where the stream breaks off is a fault once a
        lane needs one that isn't there."""
        for column in columns:
            if self._granules.position < self._header.granules and not self._missing:
                try:
                    self._lanes[column].deal(self._granules.next())
                except StreamError as error:
                    self._missing = error

    def _end(self, check: bool) -> None:
        """Whole words, and the checksum."""
        size = GRANULE // 8 * self._header.granules + CHECKSUM_BYTES
        size += -size % self._word_bytes
        found = len(self._data)
        if found < size:
            raise StreamError("TRUNCATED", f"Stream must have {size} bytes, not end after "
                              f"{found}: it is truncated")
        if found > size:
            raise StreamError("TRAILING", f"Stream must end after {size} bytes, not {found}: "
                              "words trail")
        wanted = zlib.crc32(self._data[:-CHECKSUM_BYTES])
        told = int.from_bytes(self._data[-CHECKSUM_BYTES:], "little")
        if check and told != wanted:
            raise StreamError("CHECKSUM", f"Stream must have the checksum {wanted:#010x}, "
                              f"not {told:#010x}")
