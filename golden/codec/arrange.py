"""Where a layer's weights lie in the streams of the lanes."""

import dataclasses
import functools

import numpy as np

__all__ = ["Arrangement"]

FEW = 4  # parts of the lanes: input channels that fill at most one lie side by side


@dataclasses.dataclass(frozen=True)
class Arrangement:
    """The order in which the weights of one output channel are consumed, and their blocks.

    Steps come in the order channel block, kernel row, kernel column; a channel block has
    ``lanes`` input channels, the last one those that are left. With 4-bit values a step has two
    blocks: the even channel block, then the odd one, where there is one. A layer with at most
    ``lanes / 4`` input channels and several kernel elements is stored as if it had one kernel
    element and these channels: kernel row, kernel column, input channel.

    Parameters
    ----------
    shape : (int, int, int, int)
        Output channels, input channels (of a group), kernel height, kernel width.
    four_bit : bool
    lanes, columns : int
    """

    shape: tuple[int, int, int, int]
    four_bit: bool
    lanes: int
    columns: int

    @property
    def output_blocks(self) -> int:
        """Blocks of ``columns`` output channels, the last one perhaps with fewer."""
        return -(-self.shape[0] // self.columns)

    @property
    def index_bits(self) -> int:
        """Bits of an index into a block."""
        return max(1, (self.lanes - 1).bit_length())

    @property
    def last_columns(self) -> int:
        """Output channels in the last output block."""
        return self.shape[0] - self.columns * (self.output_blocks - 1)

    def columns_of(self, output_block: int) -> int:
        """Output channels of an output block: that many lanes have positions in it."""
        return self.last_columns if output_block == self.output_blocks - 1 else self.columns

    @functools.cached_property
    def _layout(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        _, channels, height, width = self.shape
        taps = height * width
        # where in the weights of an output channel a (channel, tap) of the stored layer lies
        places = np.arange(channels * taps).reshape(channels, taps)
        if taps > 1 and channels * FEW <= self.lanes:
            places = places.T.reshape(-1, 1)
        halves = 2 if self.four_bit else 1
        order, sizes, steps, step = [], [], [], 0
        for first in range(0, len(places), halves * self.lanes):
            for tap in range(places.shape[1]):
                for start in range(first, min(first + halves * self.lanes, len(places)),
                                   self.lanes):
                    order.append(places[start:start + self.lanes, tap])
                    sizes.append(len(order[-1]))
                    steps.append(step)
                step += 1
        return np.concatenate(order), np.array(sizes, np.int64), np.array(steps, np.int64)

    @property
    def order(self) -> np.ndarray:
        """Indices into the weights of an output channel, in the order of consumption."""
        return self._layout[0]

    @property
    def sizes(self) -> np.ndarray:
        """Positions of each block of an output block."""
        return self._layout[1]

    @property
    def steps(self) -> np.ndarray:
        """The step that each block of an output block belongs to."""
        return self._layout[2]

    @property
    def step_count(self) -> int:
        """Steps of an output block."""
        return int(self.steps[-1]) + 1

    def lay(self, weights: np.ndarray) -> np.ndarray:
        """Weights of ``shape`` by lane, shape (columns, output blocks, positions)."""
        ordered = weights.reshape(self.shape[0], -1)[:, self.order]
        padding = self.output_blocks * self.columns - self.shape[0]
        padded = np.pad(ordered, ((0, padding), (0, 0)))
        return np.ascontiguousarray(
            padded.reshape(self.output_blocks, self.columns, -1).transpose(1, 0, 2))

    def gather(self, laid: np.ndarray) -> np.ndarray:
        """The weights that ``lay`` makes ``laid`` of."""
        ordered = laid.transpose(1, 0, 2).reshape(-1, len(self.order))[:self.shape[0]]
        weights = np.zeros_like(ordered)
        weights[:, self.order] = ordered
        return weights.reshape(self.shape)
