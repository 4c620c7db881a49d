"""What all layers are lowered to: passes over output pixels and output blocks."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from .layout import TensorLayout
from .place import WHOLE, Room
from .unfold import Unfolding

__all__ = ["LARGEST_WINDOW_FIELD", "Pass", "Region", "Span", "blockwise", "spans",
           "window_vectors"]

LARGEST_WINDOW_FIELD = 255  # of a kernel, stride, dilation or padding
LONGEST_PATIENCE = 255
PATIENT = 8  # steps of a result, from which on it can wait for the array to change banks


@dataclasses.dataclass(frozen=True)
class Span:
    """Successive output blocks that one COMPUTE can calculate.

    Parameters
    ----------
    first, count : int
        Output blocks.
    channel : int
        First channel block that the first of them takes.
    channels : int
        Channel blocks that each of them takes.
    move : int
        Channel blocks from the first one of an output block to that of the next.
    """

    first: int
    count: int
    channel: int
    channels: int
    move: int

    def part(self, start: int, count: int) -> "Span":
        """Some of its output blocks, from the ``start``-th on."""
        return dataclasses.replace(self, first=self.first + start, count=count,
                                   channel=self.channel + start * self.move)

    @property
    def end_channel(self) -> int:
        """Channel block after the last one."""
        return self.channel + (self.count - 1) * self.move + self.channels


@dataclasses.dataclass(frozen=True)
class Region:
    """Output pixels that share parameters: rows ``top`` to ``bottom``, columns ``left`` to
    ``right``, ends left out; ``key`` is what distinguishes the parameters."""

    top: int
    left: int
    bottom: int
    right: int
    key: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pass:
    """One way through a layer's tensors: what the accelerator does with one kind of COMPUTE.

    Parameters
    ----------
    layer : str
        Name of the layer.
    sources : tuple of TensorLayout
        One, or two of one form, which lie side by side in the buffer.
    target : TensorLayout
    target_block : int
        Block of the target to which output block 0 goes.
    spans : tuple of Span
        All output blocks in order.
    regions : tuple of Region
        All output pixels.
    kernel, stride, dilation : (int, int)
        Vertical, horizontal.
    padding : (int, int)
        Rows above, columns left of the source.
    pad_value : int
    int4, maximum, reuse, window, down : bool
        As in COMPUTE. With two sources, sums of the kernel's first row are ``shifted``.
    winograd : int
        Pixels of a tile's side by Winograd's algorithm, else 0.
    zero_point, minimum, maximum_value : int
    unfolding : Unfolding or None
        How the source comes to be out of an image; if not None, it lies nowhere in memory.
    alternatives : tuple of Pass
        Others that give the same.
    operand : TensorLayout or None
        What is added to results on their way; of the target's form.
    addition : mapping of str to int
        Fields of COMPUTE for it.
    room : Room
        What it may use of the buffer.
    turns : bool
        Output blocks whose results go to bank 1 take their channel blocks, which are two, the last
        one first; see :meth:`within`.
    parameters : function
        Of an output block and a region's key, biases, mantissas and shifts of its columns.
    blocks : function
        Of an output block, its weight blocks in order, bytes, shape (blocks, lanes, columns).
    """

    layer: str
    sources: tuple[TensorLayout, ...]
    target: TensorLayout
    target_block: int = 0
    spans: tuple[Span, ...]
    regions: tuple[Region, ...]
    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    pad_value: int = 0
    int4: bool = False
    maximum: bool = False
    reuse: bool = False
    window: bool = False
    down: bool = False
    winograd: int = 0
    zero_point: int
    minimum: int
    maximum_value: int
    unfolding: Unfolding | None = None
    alternatives: "tuple[Pass, ...]" = ()
    operand: TensorLayout | None = None
    addition: Mapping[str, int] = dataclasses.field(default_factory=dict)
    room: Room = WHOLE
    turns: bool = False
    parameters: Callable[[int, int], tuple[np.ndarray, np.ndarray, np.ndarray]]
    blocks: Callable[[int], np.ndarray]

    @property
    def ways(self) -> "tuple[Pass, ...]":
        """It and its alternatives."""
        return self, *self.alternatives

    def within(self, room: Room) -> "Pass":
        """The same, and its alternatives, with what they may use of the buffer.

        What is added to an output block's results is read while the array takes the first channel
        block of the next one. If there are two channel blocks, each output block begins with the
        one in the bank that its own results go to, so that the one before it has the other bank.
        """
        assert not self.turns
        own = dataclasses.replace(self, room=room, alternatives=tuple(
            one.within(room) for one in self.alternatives))
        place, target = room.sources, room.target
        if (self.operand is None or len(place) != 1 or target is None or self.int4 or self.window
                or self.winograd
                or place[0].at(0)[0]
                or any((span.channel, span.channels, span.move) != (0, 2, 0)
                       for span in self.spans)):
            return own
        results, blocks = target.after(self.target_block), self.blocks

        def turned(number: int) -> np.ndarray:
            found = blocks(number)
            return np.roll(found, len(found) // 2 * results.at(number)[0], axis=0)

        return dataclasses.replace(own, turns=True, blocks=turned)

    @property
    def reach(self) -> tuple[int, int]:
        """Source rows and columns that a kernel reaches over."""
        return ((self.kernel[0] - 1) * self.dilation[0] + 1,
                (self.kernel[1] - 1) * self.dilation[1] + 1)

    def steps(self, span: Span) -> int:
        """Weight blocks for each output block."""
        if self.window:
            return 1
        if len(self.sources) == 2:
            return 2 * len(self.sources)
        channels = -(-span.channels // 2) if self.int4 else span.channels
        return channels * self.kernel[0] * self.kernel[1]

    def vectors(self, span: Span, height: int, width: int) -> int:
        """Vectors that the array takes for an output block of a tile."""
        if self.winograd:
            tile = self.winograd
            return -(-height // tile) * -(-width // tile) * (tile + 2) ** 2 * span.channels
        if self.window:
            return window_vectors((height, width), self.kernel, self.stride, self.down)
        return height * width * self.steps(span)

    def alternates(self, span: Span) -> bool:
        """Whether an output block takes its channel blocks from one bank, then from the other."""
        return not self.int4 and span.channels > 1 and len(self.sources) == 1

    def patience(self, span: Span) -> int:
        """Cycles that a result waits to be stored while the array reads its bank.

        It may wait until that goes to the other bank; if it doesn't, or soon comes back, a result
        must leave in less time than the next one takes.
        """
        steps = self.steps(span)
        if self.winograd:  # vectors are read a channel block at a time, all of them in one bank
            return LONGEST_PATIENCE if self.alternates(span) else 4
        if self.window:
            steps = (self.kernel[1] * self.stride[0] if self.down
                     else self.kernel[0] * self.stride[1])
        if self.alternates(span) and steps >= PATIENT:
            return LONGEST_PATIENCE
        return max(0, min(3 * steps // 4 - 1, LONGEST_PATIENCE))

    def source_range(self, axis: int, start: int, stop: int) -> tuple[int, int]:
        """Source rows (axis 0) or columns (axis 1) that output rows or columns take.

        Where they take padding alone, it is the nearest one of the source.
        """
        size = self._size(axis)
        first = start * self.stride[axis] - self.padding[axis]
        last = first + self._extent(axis, start, stop)
        return max(min(first, size - 1), 0), min(max(last, 1), size)

    def padding_before(self, axis: int, start: int, stop: int) -> int:
        """Rows or columns of padding before ``source_range``, as COMPUTE has them."""
        first = start * self.stride[axis] - self.padding[axis]
        if first >= self._size(axis):  # all of it is beyond the source: as if it were before it
            return self._extent(axis, start, stop)
        return max(-first, 0)

    def _size(self, axis: int) -> int:
        return (self.sources[0].height, self.sources[0].width)[axis]

    def _extent(self, axis: int, start: int, stop: int) -> int:
        """Rows or columns, padding included, that output rows or columns reach over."""
        return (stop - start - 1) * self.stride[axis] + self.reach[axis]


def spans(needs: Sequence[tuple[int, int]], *, int4: bool) -> tuple[Span, ...]:
    """Group output blocks, given the first channel block and the number that each one takes.

    With ``int4`` the first ones are even.
    """
    result: list[Span] = []
    for block, (channel, channels) in enumerate(needs):
        if result and result[-1].channels == channels:
            last = result[-1]
            move = channel - (last.end_channel - channels)
            possible = move >= 0 and ((move == 1 and not int4) or move % 2 == 0)
            if possible and (last.count == 1 or last.move == move):
                result[-1] = dataclasses.replace(last, count=last.count + 1, move=move)
                continue
        result.append(Span(block, 1, channel, channels, 0))
    return tuple(result)


def window_vectors(size: tuple[int, int], kernel: tuple[int, int], stride: tuple[int, int],
                   down: bool) -> int:
    """Vectors for output pixels of some height and width if a window slides along their lines."""
    along = 0 if down else 1
    line = (size[along] - 1) * stride[along] + kernel[along]
    return size[1 - along] * line * kernel[1 - along]


def blockwise(count: int) -> tuple[Span, ...]:
    """The span of a pass whose output blocks take the channel block of their own number."""
    return (Span(0, count, 0, 1, 1),)
