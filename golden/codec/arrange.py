"""Where a layer's weights lie in the blocks of an array."""

import dataclasses

import numpy as np

__all__ = ["Arrangement"]

FEW = 4  # parts of the lanes: input channels that fill at most one lie side by side


@dataclasses.dataclass(frozen=True)
class Arrangement:
    """The blocks of a layer, in the order in which they are consumed.

    Steps come in the order channel block, kernel row, kernel column; a channel block has
    ``lanes`` input channels. With 4-bit values a step has two channel blocks, the even one and
    the odd one after it. A layer with at most ``lanes / 4`` input channels and several kernel
    elements is stored as if it had one kernel element and these channels: kernel row, kernel
    column, input channel. What isn't there is zero.

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
    def halves(self) -> int:
        """Channel blocks of a step."""
        return 2 if self.four_bit else 1

    @property
    def folded(self) -> bool:
        """Whether kernel elements lie side by side."""
        _, channels, height, width = self.shape
        return height * width > 1 and channels * FEW <= self.lanes

    @property
    def _sizes(self) -> tuple[int, int]:
        """Input channels and kernel elements as they are stored."""
        _, channels, height, width = self.shape
        taps = height * width
        return (channels * taps, 1) if self.folded else (channels, taps)

    @property
    def output_blocks(self) -> int:
        """Blocks of ``columns`` output channels."""
        return -(-self.shape[0] // self.columns)

    @property
    def channel_blocks(self) -> int:
        """Blocks of ``halves * lanes`` input channels."""
        return -(-self._sizes[0] // (self.halves * self.lanes))

    @property
    def steps(self) -> int:
        """Steps of an output block."""
        return self.channel_blocks * self._sizes[1]

    def lay(self, weights: np.ndarray) -> np.ndarray:
        """Weights of ``shape`` as blocks, shape (output blocks, steps, halves, lanes, columns)."""
        channels, taps = self._sizes
        stored = weights.reshape(len(weights), *self.shape[1:2], -1)
        if self.folded:
            stored = stored.transpose(0, 2, 1).reshape(len(weights), channels, 1)
        positions = self.channel_blocks * self.halves * self.lanes
        padded = np.zeros((self.output_blocks * self.columns, positions, taps), weights.dtype)
        padded[:len(weights), :channels] = stored
        return np.ascontiguousarray(padded.reshape(
            self.output_blocks, self.columns, self.channel_blocks, self.halves, self.lanes, taps,
        ).transpose(0, 2, 5, 3, 4, 1)).reshape(
            self.output_blocks, self.steps, self.halves, self.lanes, self.columns)

    def gather(self, blocks: np.ndarray) -> np.ndarray:
        """The weights that ``lay`` makes ``blocks`` of.

        Raises ``ValueError`` if there are others than zero where a layer of ``shape`` has none.
        """
        channels, taps = self._sizes
        stored = blocks.reshape(
            self.output_blocks, self.channel_blocks, taps, self.halves, self.lanes, self.columns,
        ).transpose(0, 5, 1, 3, 4, 2).reshape(self.output_blocks * self.columns, -1, taps)
        if stored[self.shape[0]:].any() or stored[:, channels:].any():
            raise ValueError(f"weights outside of shape {self.shape} must be zero")
        stored = stored[:self.shape[0], :channels]
        if self.folded:
            stored = stored.reshape(self.shape[0], -1, self.shape[1]).transpose(0, 2, 1)
        return np.ascontiguousarray(stored).reshape(self.shape)
