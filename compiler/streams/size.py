"""How many bytes a network takes where it is stored compressed."""

import dataclasses
from collections.abc import Mapping

from sparrow.golden.codec import PARTS, read_header
from sparrow.golden.network import Add, Concat, Layer, Network, Table, Weighted

from .encode import StreamTarget, layer_streams

__all__ = ["LayerSize", "Sizes", "network_size"]

FLOAT_BYTES = 4
LIMIT_BYTES = 3  # zero point of the output, smallest and largest element


@dataclasses.dataclass(frozen=True, kw_only=True)
class LayerSize:
    """Bytes of a layer.

    Parameters
    ----------
    name, kind : str
    shape : tuple of int
        Of the weights; empty for a layer without.
    weights, nonzeros : int
    bits : int or None
        Of a weight as it is stored: of its value, or of its index into a codebook.
    before : int
        Bytes of weights and biases as float32.
    codecs : mapping of str to int
        Bytes of the stream by codec, each with or without a codebook, whichever is less.
    codec : str or None
        The one with the fewest.
    after : int
        Bytes that it takes to run the layer, the program left out: the stream, and zero point and
        limits of the output; scales and tables of layers without weights.
    parts : mapping of str to float
        What the bytes are; see :class:`sparrow.golden.codec.Stream`.
    """

    name: str
    kind: str
    shape: tuple[int, ...] = ()
    weights: int = 0
    nonzeros: int = 0
    bits: int | None = None
    before: int = 0
    codecs: Mapping[str, int] = dataclasses.field(default_factory=dict)
    codec: str | None = None
    after: int
    parts: Mapping[str, float]

    @property
    def kept(self) -> float | None:
        """The part of the weights that isn't zero."""
        return self.nonzeros / self.weights if self.weights else None

    @property
    def ratio(self) -> float | None:
        """Bytes before over bytes after."""
        return self.before / self.after if self.before else None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sizes:
    """Bytes of a network.

    Parameters
    ----------
    name : str
    layers : tuple of LayerSize
        Those that take any.
    """

    name: str
    layers: tuple[LayerSize, ...]

    @property
    def before(self) -> int:
        """Bytes of all weights and biases as float32."""
        return sum(layer.before for layer in self.layers)

    @property
    def after(self) -> int:
        """All bytes that it takes to run the network, the program left out."""
        return sum(layer.after for layer in self.layers)

    @property
    def ratio(self) -> float | None:
        """Bytes before over bytes after; ``None`` without weights."""
        return self.before / self.after if self.before else None

    @property
    def kept(self) -> float | None:
        """The part of the weights that isn't zero; ``None`` without weights."""
        weights = sum(layer.weights for layer in self.layers)
        return sum(layer.nonzeros for layer in self.layers) / weights if weights else None

    @property
    def parts(self) -> dict[str, float]:
        """What the bytes of all layers are."""
        total: dict[str, float] = {}
        for layer in self.layers:
            for name, count in layer.parts.items():
                total[name] = total.get(name, 0) + count
        return total

    def to_mapping(self) -> dict[str, object]:
        """Everything as plain values, by name."""
        derived = ("before", "after", "ratio", "kept", "parts")
        layers = [dataclasses.asdict(layer) | {"kept": layer.kept, "ratio": layer.ratio}
                  for layer in self.layers]
        return {"name": self.name, **{name: getattr(self, name) for name in derived},
                "layers": layers}


def network_size(network: Network, *, lanes: int = 16, columns: int = 16) -> Sizes:
    """The size of a network, every layer by its best codec.

    Parameters
    ----------
    network : Network
    lanes : int, a power of two from 4 to 64
    columns : int, 1 to 64
        Of the array that the streams are for.

    Raises
    ------
    ValueError
        If ``lanes`` or ``columns`` is out of range.
    """
    target = StreamTarget(lanes=lanes, columns=columns)
    sizes = (_weighted(layer, network, target) if isinstance(layer, Weighted)
             else _other(layer) for layer in network)
    return Sizes(name=network.name, layers=tuple(size for size in sizes if size is not None))


def _weighted(layer: Weighted, network: Network, target: StreamTarget) -> LayerSize:
    streams = layer_streams(layer, network, target)
    codec = min(streams, key=lambda name: len(streams[name]))
    best = streams[codec]
    parts = {name: best.bits[name] / 8 for name in PARTS} | {"limits": float(LIMIT_BYTES)}
    return LayerSize(
        name=layer.name, kind=type(layer).__name__, shape=tuple(layer.weight.shape),
        weights=layer.weight.numel(), nonzeros=int(layer.weight.count_nonzero()),
        bits=read_header(best.data, lanes=target.lanes).values.width,
        before=FLOAT_BYTES * (layer.weight.numel() + layer.channels),
        codecs={name: len(stream) for name, stream in streams.items()}, codec=codec,
        after=len(best) + LIMIT_BYTES, parts=parts)


def _other(layer: Layer) -> LayerSize | None:
    """Layers without weights; ``None`` for those that need nothing."""
    parts: dict[str, float]
    if isinstance(layer, Table):
        parts = {"tables": layer.entries.numel()}
    elif isinstance(layer, Add | Concat):
        mantissa = 2 if max(layer.mantissas) < 2**16 else 4
        parts = {"scales": (mantissa + 1) * len(layer.mantissas), "limits": LIMIT_BYTES}
    else:
        return None
    return LayerSize(name=layer.name, kind=type(layer).__name__, after=int(sum(parts.values())),
                     parts=parts)
