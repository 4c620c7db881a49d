"""Where tensors lie in the data window, and in which order their channels."""

import dataclasses
import math
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from sparrow.golden.network import Add, Concat, Layer, Linear, Network, Pool
from sparrow.hw.spec.accelerator import AcceleratorSpec

from .errors import CompileError, refuse
from .unfold import unfolding_choices

__all__ = ["TensorLayout", "allocate", "kept", "members"]

LARGEST_WINDOW = 2**32 - 4096
FORMATS = "blocks", "image", "flat", "chip"


@dataclasses.dataclass(frozen=True, kw_only=True)
class TensorLayout:
    """A feature map in memory, a byte for each element.

    Its format is ``"blocks"``, ``[channel block][row][column][lane]``, or ``"image"``,
    ``[row][column][channel]``, each row padded to a multiple of ``lanes`` bytes; or ``"flat"``,
    ``[channel][row][column]``, padded at the end; or ``"chip"``, blocks that stay in the
    accelerator and lie nowhere in memory.

    Parameters
    ----------
    name : str
    height, width : int
    segments : tuple of int
        Channels that lie together; each segment begins with a new channel block, and what its
        last block has beyond them is padding.
    lanes : int
        Channels of a block.
    offset : int
        First byte in the data window.
    format : str
    """

    name: str
    height: int
    width: int
    segments: tuple[int, ...]
    lanes: int
    offset: int = 0
    format: str = "blocks"

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise ValueError(f"format of {self.name} must be one of {', '.join(FORMATS)}, "
                             f"not {self.format!r}")

    @property
    def channels(self) -> int:
        """Channels, padding left out."""
        return sum(self.segments)

    @property
    def blocks(self) -> int:
        """Channel blocks."""
        return sum(-(-channels // self.lanes) for channels in self.segments)

    @property
    def plane_bytes(self) -> int:
        """Bytes of a channel block."""
        return self.height * self.width * self.lanes

    @property
    def row_bytes(self) -> int:
        """Bytes of a row of an image."""
        return -(-self.width * self.channels // self.lanes) * self.lanes

    @property
    def size(self) -> int:
        """Bytes."""
        if self.format == "image":
            return self.height * self.row_bytes
        if self.format == "flat":
            return self.as_blocks.size
        return self.blocks * self.plane_bytes

    @property
    def positions(self) -> np.ndarray:
        """For each channel its place among all lanes of all blocks, ascending."""
        starts, block = [], 0
        for channels in self.segments:
            starts.append(np.arange(channels) + block * self.lanes)
            block += -(-channels // self.lanes)
        return np.concatenate(starts)

    @property
    def as_blocks(self) -> "TensorLayout":
        """What is flat as blocks: its elements are the channels of one pixel."""
        if self.format != "flat":
            return self
        return dataclasses.replace(self, height=1, width=1, format="blocks", segments=(
            self.channels * self.height * self.width,))

    @property
    def on_chip(self) -> bool:
        """Whether it lies nowhere in memory."""
        return self.format == "chip"

    def write(self, memory: np.ndarray, tensor: np.ndarray) -> None:
        """Put an int8 tensor of shape (channels, height, width) into memory; padding becomes 0."""
        shape = self.channels, self.height, self.width
        if tensor.dtype != np.int8 or tensor.shape != shape:
            raise ValueError(f"{self.name} must be an int8 tensor of shape {shape}, "
                             f"not {tensor.dtype} of shape {tensor.shape}")
        if self.format == "flat":
            self.as_blocks.write(memory, tensor.reshape(-1, 1, 1))
            return
        if self.format == "image":
            rows = np.zeros((self.height, self.row_bytes), np.int8)
            rows[:, :self.width * self.channels] = tensor.transpose(1, 2, 0).reshape(
                self.height, -1)
            memory[self.offset:self.offset + self.size] = rows.reshape(-1).view(memory.dtype)
            return
        lanes = np.zeros((self.blocks * self.lanes, self.height, self.width), np.int8)
        lanes[self.positions] = tensor
        blocks = lanes.reshape(self.blocks, self.lanes, self.height, self.width)
        memory[self.offset:self.offset + self.size] = (
            blocks.transpose(0, 2, 3, 1).reshape(-1).view(memory.dtype))

    def read(self, memory: np.ndarray) -> np.ndarray:
        """The int8 tensor of shape (channels, height, width) that is in memory."""
        if self.format == "flat":
            return self.as_blocks.read(memory).reshape(-1, self.height, self.width)
        content = np.asarray(memory[self.offset:self.offset + self.size]).view(np.int8)
        if self.format == "image":
            rows = content.reshape(self.height, -1)[:, :self.width * self.channels]
            return rows.reshape(self.height, self.width, -1).transpose(2, 0, 1).copy()
        blocks = content.reshape(
            self.blocks, self.height, self.width, self.lanes)
        lanes = blocks.transpose(0, 3, 1, 2).reshape(-1, self.height, self.width)
        return lanes[self.positions].copy()


def allocate(network: Network, spec: AcceleratorSpec, *,
             keep_all: bool, readers: Mapping[str, Sequence[str]] | None = None,
             on_chip: Collection[str] = ()) -> tuple[dict[str, TensorLayout], int]:
    """Places of all tensors by name, and the bytes that they take together.

    The network's input is an image if it is unfolded, see :mod:`.unfold`, and flat if linear layers
    alone read it; all else is blocks.
    A tensor that a ``Concat`` only copies lies inside the concatenated tensor, once: its producer
    writes it there.

    Parameters
    ----------
    keep_all : bool
        Whether every tensor has memory of its own. If not, memory is used again after the last
        layer that reads it.
    readers : mapping of str to sequence of str
        For each tensor the layers in whose place something reads it, if not its consumers.
    on_chip : collection of str
        Tensors that take no memory, all of those that lie inside one another.

    Raises
    ------
    CompileError
        If the inputs of an ``Add`` have their channels in different order, or memory of 4 GiB is
        not enough.
    """
    layouts = {network.input_name: _layout(network, network.input_name, spec,
                                           (network.input.shape[0],))}
    layouts[network.input_name] = dataclasses.replace(
        layouts[network.input_name], format=_input_format(network, spec))
    for layer in network:
        layouts[layer.name] = _layout(network, layer.name, spec, _segments(layer, layouts))
    for name in on_chip:
        layouts[name] = dataclasses.replace(layouts[name], format="chip")
    return _place(network, spec, layouts, keep_all, readers)


def _input_format(network: Network, spec: AcceleratorSpec) -> str:
    readers = list(network.consumers(network.input_name))
    if unfolding_choices(network, spec):
        return "image"
    pixels = network.input.shape[1] * network.input.shape[2]
    return ("flat" if pixels > 1 and readers and all(isinstance(one, Linear) for one in readers)
            else "blocks")


def members(network: Network, layouts: Mapping[str, TensorLayout]) -> dict[str, tuple[str, int]]:
    """For each tensor the largest one that it is part of, and its first block there.

    A tensor that a ``Concat`` only copies is part of the concatenated one; others are their own.
    """
    inside: dict[str, tuple[str, int]] = {}
    for layer in network:
        if isinstance(layer, Concat):
            block = 0
            for name in layer.inputs:
                if name not in inside and network.type_of(name).same_numbers(layer.output):
                    inside[name] = layer.name, block
                block += layouts[name].blocks

    def root(name: str) -> tuple[str, int]:
        block = 0
        while name in inside:
            name, first = inside[name]
            block += first
        return name, block

    return {name: root(name) for name in layouts}


def kept(network: Network, layouts: Mapping[str, TensorLayout]) -> tuple[str, ...]:
    """Layers whose outputs are in memory after a run: nothing was written there later."""
    roots = members(network, layouts)
    names = [layer.name for layer in network]

    def overwritten(number: int) -> bool:
        own = layouts[names[number]]
        return any(roots[later][0] != roots[own.name][0] and not layouts[later].on_chip
                   and layouts[later].offset < own.offset + own.size
                   and own.offset < layouts[later].offset + layouts[later].size
                   for later in names[number + 1:])

    return tuple(name for number, name in enumerate(names)
                 if not layouts[name].on_chip and not overwritten(number))


def _layout(network: Network, name: str, spec: AcceleratorSpec,
            segments: tuple[int, ...]) -> TensorLayout:
    _, height, width = network.type_of(name).shape
    return TensorLayout(name=name, height=height, width=width, segments=segments,
                        lanes=spec.lanes)


def _segments(layer: Layer, layouts: Mapping[str, TensorLayout]) -> tuple[int, ...]:
    sources = [layouts[name].segments for name in layer.inputs]
    if isinstance(layer, Add) and sources[0] != sources[1]:
        raise refuse(layer.name, "inputs", "in one order of channel segments",
                     " and ".join(map(str, sources)))
    if isinstance(layer, Concat):
        return sum(sources, ())
    return sources[0] if isinstance(layer, (Add, Pool)) else (layer.output.shape[0],)


def _place(network: Network, spec: AcceleratorSpec, layouts: Mapping[str, TensorLayout],
           keep_all: bool, readers: Mapping[str, Sequence[str]] | None,
           ) -> tuple[dict[str, TensorLayout], int]:
    """Give every tensor that isn't part of another one the lowest place that is free."""
    roots = members(network, layouts)
    order = [network.input_name, *(layer.name for layer in network)]
    index = {name: number for number, name in enumerate(order)}
    lives: dict[str, list[int]] = {}
    for name in order:
        if layouts[name].on_chip:
            continue
        uses = [index[name], *(index[layer] for layer in (
            [layer.name for layer in network.consumers(name)] if readers is None
            else readers[name]))]
        if name == network.output or keep_all:
            uses.append(len(order))
        lives.setdefault(roots[name][0], []).extend(uses)

    step = max(spec.lanes, spec.bus.burst_words * spec.bus.word_bytes)
    placed: list[tuple[int, int, int, int]] = []  # first byte, end, first and last use
    offsets: dict[str, int] = {}
    for name in sorted(lives, key=lambda name: min(lives[name])):
        first, last = min(lives[name]), max(lives[name])
        size = -(-layouts[name].size // step) * step
        offset = 0
        for start, end, born, dead in sorted(placed):
            if not (keep_all or (born <= last and first <= dead)):
                continue
            if start >= offset + size:
                break
            offset = max(offset, end)
        placed.append((offset, offset + size, first, last))
        offsets[name] = offset
    total = max(end for _, end, _, _ in placed)
    if total > LARGEST_WINDOW:
        raise CompileError(f"Network {network.name!r}: tensors must take at most {LARGEST_WINDOW} "
                           f"bytes, not {total}")
    result = {}
    for name, layout in layouts.items():
        base, block = roots[name]
        offset = 0 if layout.on_chip else offsets[base] + block * layout.plane_bytes
        result[name] = dataclasses.replace(layout, offset=offset)
    return result, math.ceil(total / 4096) * 4096
