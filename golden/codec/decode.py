"""From streams to weights, as the lanes of a decoder do it."""

import dataclasses
import zlib

import numpy as np
import torch

from .arrange import Arrangement
from .bits import GRANULE, BitReader
from .deal import DEPTH
from .errors import StreamError
from .header import Header
from .lanes import LANES, Lane
from .parameters import Parameters
from .stream import ALIGNMENT, Stream

__all__ = ["Contents", "decode", "read", "read_header"]

LARGEST_LAYER = 2**28  # weights


@dataclasses.dataclass(frozen=True, eq=False)
class Contents:
    """What is in a stream.

    Parameters
    ----------
    header : Header
    weights : torch.Tensor, int8, shape as in the header
    parameters : Parameters or None
    """

    header: Header
    weights: torch.Tensor
    parameters: Parameters | None


def decode(stream: Stream) -> torch.Tensor:
    """The weights, int8, shape (output channels, input channels, kernel height, width).

    Raises
    ------
    StreamError
        If the stream isn't well formed.
    """
    return read(stream).weights


def read_header(stream: Stream) -> Header:
    """What stands at the beginning of a stream; raises ``StreamError`` if that isn't well formed.
    """
    return Header.read(BitReader(stream.data, 0, "header"), stream.columns)


def read(stream: Stream) -> Contents:
    """All that is in a stream; raises ``StreamError`` if it isn't well formed."""
    return _Decoder(stream).run()


class _Decoder:
    """The lanes, and the hand that deals granules to them."""

    def __init__(self, stream: Stream):
        self._stream, self._data = stream, stream.data
        reader = BitReader(self._data, 0, "header")
        self._header = header = Header.read(reader, stream.columns)
        self._position = reader.close()
        if min(header.shape) < 1:
            raise StreamError(f"Stream must have sizes of at least 1, "
                              f"not {' × '.join(map(str, header.shape))}")
        if np.prod(header.shape, dtype=float) > LARGEST_LAYER:
            raise StreamError(f"Stream must have at most {LARGEST_LAYER} weights, "
                              f"not {' × '.join(map(str, header.shape))}")
        self._left, self._tails = header.granules, list(header.tails)
        if sum(self._tails) > self._left:
            raise StreamError(f"Stream must have tails of at most its {self._left} granules, "
                              f"not of {sum(self._tails)}")
        self._arrangement = Arrangement(header.shape, header.bits == 4, stream.lanes,
                                        stream.columns)
        self._laid = np.zeros((stream.columns, self._arrangement.output_blocks,
                               len(self._arrangement.order)), np.int8)
        self._lanes: list[Lane] = [
            LANES[header.codec](f"Lane {number}", header, self._arrangement.index_bits)
            for number in range(stream.columns)]

    def run(self) -> Contents:
        arrangement, header = self._arrangement, self._header
        bias: list[int] = []
        scales: list[tuple[int, int]] = []
        self._deal()
        for number in range(arrangement.output_blocks):
            columns = arrangement.columns_of(number)
            reader = BitReader(self._data, self._position, f"parameters of output block {number}")
            steps = [reader.read(1) for _ in range(arrangement.step_count if header.skips else 0)]
            for _ in range(columns if header.parameters.bias_bits else 0):
                value, scale = header.parameters.read_channel(reader)
                bias.append(value)
                scales.append(scale or header.scale or (0, 0))
            self._position = reader.close()
            self._output_block(number, columns, steps)
        if self._left:
            raise StreamError(f"Stream must have as many granules as its lanes ask for, "
                              f"not {self._left} more")
        for lane in self._lanes:
            lane.close()
        self._end()
        parameters = None
        if bias:
            mantissa, shift = np.array(scales, np.int64).T
            parameters = Parameters(np.array(bias, np.int64), mantissa, shift)
        return Contents(header, torch.from_numpy(arrangement.gather(self._laid)), parameters)

    def _output_block(self, number: int, columns: int, steps: list[int]) -> None:
        arrangement = self._arrangement
        lanes, start = self._lanes[:columns], 0
        for size, step in zip(arrangement.sizes.tolist(), arrangement.steps.tolist()):
            if not steps or steps[step]:
                for lane, row in zip(lanes, self._laid[:, number, start:start + size]):
                    lane.begin(row, f"output block {number}, step {step}")
                while sum(lane.step() for lane in lanes):
                    self._deal()
            start += size

    def _deal(self) -> None:
        """A granule to every lane that has room for one, until none has."""
        again = True
        while again:
            again = False
            for number, lane in enumerate(self._lanes):
                if lane.held > GRANULE * (DEPTH - 1) or not self._left:
                    continue
                if self._left == sum(self._tails):
                    if not self._tails[number]:
                        continue
                    self._tails[number] -= 1
                reader = BitReader(self._data, self._position, "granules of the lanes")
                lane.take(reader.read(GRANULE))
                self._position += GRANULE // 8
                self._left -= 1
                again = True

    def _end(self) -> None:
        """Checksum, and zeros up to the end of a word."""
        reader = BitReader(self._data, self._position, "checksum")
        found, wanted = reader.read(32), zlib.crc32(self._data[:self._position])
        if found != wanted:
            raise StreamError(f"Stream must have the checksum {wanted:#010x}, not {found:#010x}")
        end = self._position + 4
        whole = end + -end % ALIGNMENT
        if len(self._data) < whole:
            raise StreamError(f"Stream must be a multiple of {ALIGNMENT} bytes, "
                              f"not end after {len(self._data)} bytes: it is truncated")
        if len(self._data) > whole:
            raise StreamError(f"Stream must end after {whole} bytes, not {len(self._data)}: "
                              "words trail")
        if any(self._data[end:]):
            raise StreamError("Stream must have zeros behind the checksum, but hasn't")
