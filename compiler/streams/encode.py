"""Layers of integer networks as weight streams: which codec, and what it takes to decode them."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import torch

from sparrow.golden.codec import CODECS, LARGEST_TABLE, Parameters, Stream, decode, encode
from sparrow.golden.codec.arrange import Arrangement
from sparrow.golden.network import Linear, Network, Weighted
from sparrow.hw.spec.accelerator import AcceleratorSpec

from .container import Container, Part

__all__ = ["AUTO", "GOALS", "EncodedLayer", "EncodeError", "StreamTarget", "Tried",
           "decode_container", "decoder_cycles", "encode_layer", "layer_streams"]

AUTO = "auto"
GOALS = "cycles", "bytes"


class EncodeError(ValueError):
    """A layer can't be encoded as wanted; the text names it and the value."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class StreamTarget:
    """What streams are for.

    Parameters
    ----------
    lanes, columns : int
        Of the array.
    word_bytes : int
        Of a bus word.
    codecs : tuple of str
        That the decoder knows.
    codebook : int, 0 to 32
        Entries of the largest table that it holds.
    int4 : bool
        Whether it knows 4-bit weights.
    mantissa_width : int
        Bits of the requantizer's mantissas.
    """

    lanes: int = 16
    columns: int = 16
    word_bytes: int = 8
    codecs: tuple[str, ...] = CODECS
    codebook: int = LARGEST_TABLE
    int4: bool = True
    mantissa_width: int = 32

    @classmethod
    def of(cls, spec: AcceleratorSpec) -> "StreamTarget":
        """The one of an accelerator; if that decodes nothing, of one that decodes all."""
        found = cls(lanes=spec.lanes, columns=spec.columns, word_bytes=spec.bus.word_bytes,
                    int4=spec.int4, mantissa_width=spec.mantissa_width)
        if not spec.codecs:
            return found
        return dataclasses.replace(found, codebook=spec.codebook,
                                   codecs=tuple(codec.value for codec in spec.codecs))


@dataclasses.dataclass(frozen=True)
class Tried:
    """What a codec would give.

    Parameters
    ----------
    bytes : int
        Of all streams of a layer.
    cycles : int
        Predicted.
    """

    bytes: int
    cycles: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class EncodedLayer:
    """A layer's streams.

    Parameters
    ----------
    name, kind : str
    weights, nonzeros : int
    weight_bits : 8 or 4
    codec : str
    streams : tuple of Stream
    container : Container
        All of them.
    tried : mapping of str to Tried
        By codec, each with or without a codebook, whichever is better.
    """

    name: str
    kind: str
    weights: int
    nonzeros: int
    weight_bits: int
    codec: str
    streams: tuple[Stream, ...]
    container: Container
    tried: Mapping[str, Tried]

    @property
    def bytes(self) -> int:
        """Of all streams; the container's directory isn't among them."""
        return sum(map(len, self.streams))

    @property
    def bits_per_weight(self) -> float:
        """Everything in the streams counted, by the layer's own weights."""
        return 8 * self.bytes / self.weights

    @property
    def steps(self) -> int:
        """That a decoder takes for all blocks."""
        return sum(int(stream.steps.sum()) for stream in self.streams if stream.steps is not None)

    @property
    def blocks(self) -> int:
        """Blocks that are in the streams."""
        return sum(len(stream.steps) for stream in self.streams if stream.steps is not None)

    @property
    def cycles(self) -> int:
        """Predicted, see :func:`decoder_cycles`."""
        return sum(map(decoder_cycles, self.streams))


def decoder_cycles(stream: Stream) -> int:
    """Cycles that a decoder needs for a stream, latencies left out.

    A step takes a cycle, and so does a bus word; both go on at the same time. In a lean stream
    some steps wait for the one before.
    """
    assert stream.steps is not None
    return max(int(stream.steps.sum()) + stream.stalls, len(stream) // stream.word_bytes)


def encode_layer(layer: Weighted, network: Network, target: StreamTarget, *, codec: str = AUTO,
                 goal: str = "cycles", span: int | None = None) -> EncodedLayer:
    """A layer's streams, by one codec.

    Parameters
    ----------
    layer : Weighted
        Of ``network``. The kernel of a linear layer is its whole input.
    codec : str
        Or ``auto``: the best of those that the decoder knows.
    goal : str
        ``cycles``: the fewest, then the fewest bytes; ``bytes``: the other way round.
    span : int or None
        Output blocks of a stream, but for the last one; by default a stream has all.

    Raises
    ------
    EncodeError
        If the decoder doesn't know the codec, 4-bit weights or so wide a mantissa, or a stream
        can't be so long.
    """
    names = target.codecs if codec == AUTO else (codec,)
    if not set(names) <= set(target.codecs):
        raise EncodeError(f"codec must be {AUTO}, {', '.join(target.codecs)}, not {codec!r}")
    if layer.weight_bits == 4 and not target.int4:
        raise EncodeError(f"Layer {layer.name!r}: weight_bits must be 8 for an array without "
                          "4-bit weights, not 4")
    if int(layer.mantissa.max()) >> target.mantissa_width:
        raise EncodeError(f"Layer {layer.name!r}: mantissa must be 0 to "
                          f"{2**target.mantissa_width - 1}, not {int(layer.mantissa.max())}")
    pieces = _pieces(layer, network, target, span)
    found = {name: streams for name in names
             if (streams := _best(pieces, layer, target, name, goal)) is not None}
    if not found:
        raise EncodeError(f"Layer {layer.name!r}: codec must be another one than "
                          f"{', '.join(names)}, which needs a larger codebook than of "
                          f"{target.codebook} entries")
    best = min(found, key=lambda name: _cost(found[name], goal))
    weights = _weights(layer, network)
    container = Container(
        (weights.shape[0], weights.shape[1], weights.shape[2], weights.shape[3]), target.lanes,
        target.columns, target.word_bytes,
        tuple(Part(piece.first, -(-len(piece.weights) // target.columns), stream.data)
              for piece, stream in zip(pieces, found[best], strict=True)))
    return EncodedLayer(
        name=layer.name, kind=type(layer).__name__, weights=weights.numel(),
        nonzeros=int(weights.count_nonzero()), weight_bits=layer.weight_bits, codec=best,
        streams=tuple(found[best]), container=container,
        tried={name: Tried(sum(map(len, streams)), sum(map(decoder_cycles, streams)))
               for name, streams in found.items()})


def decode_container(container: Container) -> torch.Tensor:
    """The weights, int8, of the container's shape; raises ``StreamError`` if they can't be read,
    ``ValueError`` if there are others outside of it."""
    rows, columns = container.shape[0], container.columns
    return torch.cat([decode(Stream(
        data=part.data, lanes=container.lanes, columns=columns, word_bytes=container.word_bytes,
        shape=(min(part.count * columns, rows - part.first * columns), *container.shape[1:])))
        for part in container.parts])


def layer_streams(layer: Weighted, network: Network, target: StreamTarget) -> dict[str, Stream]:
    """A layer's streams by codec, each in the form with the fewest bytes.

    Raises ``EncodeError`` as :func:`encode_layer`.
    """
    pieces = _pieces(layer, network, target, None)
    found = {codec: _best(pieces, layer, target, codec, "bytes") for codec in target.codecs}
    return {codec: streams[0] for codec, streams in found.items() if streams is not None}


@dataclasses.dataclass(frozen=True, eq=False)
class _Piece:
    """Some output blocks of a layer, from the ``first`` on."""

    first: int
    weights: torch.Tensor
    parameters: Parameters


def _weights(layer: Weighted, network: Network) -> torch.Tensor:
    """As those of a convolution."""
    if isinstance(layer, Linear):
        return layer.weight.reshape(-1, *network.input_types(layer)[0].shape)
    return layer.weight


def _pieces(layer: Weighted, network: Network, target: StreamTarget,
            span: int | None) -> list[_Piece]:
    weights = _weights(layer, network)
    size = len(weights) if span is None else span * target.columns
    return [_Piece(first // target.columns, weights[first:first + size], Parameters(
        *(values[first:first + size].numpy()
          for values in (layer.bias, layer.mantissa, layer.shift))))
        for first in range(0, len(weights), size)]


def _best(pieces: Sequence[_Piece], layer: Weighted, target: StreamTarget, codec: str,
          goal: str) -> list[Stream] | None:
    """A layer's best streams by a codec; None if all need a larger codebook."""
    try:
        return min(([encode(piece.weights, codec, bits=bits, codebook=table,
                            parameters=piece.parameters, lanes=target.lanes,
                            columns=target.columns, word_bytes=target.word_bytes,
                            goal="cycles" if goal == "cycles" else "bits") for piece in pieces]
                    for bits, table in _forms(pieces[0].weights, layer, target, codec, goal)),
                   key=lambda streams: _cost(streams, goal), default=None)
    except ValueError as error:
        raise EncodeError(f"Layer {layer.name!r}: {error}") from None


def _forms(weights: torch.Tensor, layer: Weighted, target: StreamTarget,
           codec: str, goal: str) -> Iterator[tuple[int, bool]]:
    """Bits that values may have in a stream, and whether by a codebook."""
    values = set(layer.weight.unique().tolist()) - {0}
    size = max(1, len(values) + (codec == "dense"))  # 0 fills its blocks
    fits = size <= min(target.codebook, LARGEST_TABLE)
    for bits in _widths(weights, layer, target, goal):
        if not (bits == 4 and codec == "huffman"):
            yield bits, False
        if fits and not (bits == 4 and codec == "dense"):
            yield bits, True


def _widths(weights: torch.Tensor, layer: Weighted, target: StreamTarget,
            goal: str) -> tuple[int, ...]:
    """4, if the array then takes fewer steps and cycles count; 8 bits can be better where fewer
    positions aren't there, as in the other half of each block."""
    if layer.weight_bits != 4:
        return (8,)
    if goal == "bytes":
        return 8, 4
    outputs, inputs, height, width = weights.shape
    wide, narrow = (Arrangement((outputs, inputs, height, width), four_bit, target.lanes,
                                target.columns).steps for four_bit in (False, True))
    return (4,) if narrow < wide else (8, 4)


def _cost(streams: Sequence[Stream], goal: str) -> tuple[int, int]:
    """The less, the better."""
    found = sum(map(decoder_cycles, streams)), sum(map(len, streams))
    return found if goal == "cycles" else found[::-1]
