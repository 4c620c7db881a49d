"""Which codec a weight stream gets: the one with the fewest cycles."""

import dataclasses
import itertools
import math
from collections.abc import Iterator

import numpy as np

from sparrow.golden.codec import LARGEST_TABLE, Parameters, encode_blocks
from sparrow.hw.spec.accelerator import AcceleratorSpec
from sparrow.hw.spec.decode import Codec

from ..errors import CompileError
from ..lower import block_values, weight_stream
from ..passes import Pass, Span
from ..predict.decoding import GRANULE_BYTES, HEADER, SET_CYCLES, Decoding
from .cost import BUS_SHARE, Rates

__all__ = ["AUTO", "PLAIN", "Coded", "Coder", "check_codec"]

AUTO, PLAIN = "auto", "plain"
WORTH = 0.95  # of the bytes of plain weights that others may take at most to be tried


def check_codec(codec: object, spec: AcceleratorSpec) -> None:
    """Raise ``CompileError`` if weights can't be sent so: ``auto``, ``plain`` or a codec."""
    names = [AUTO, PLAIN, *(own.value for own in spec.codecs)]
    if codec not in names:
        raise CompileError(f"codec must be one of {', '.join(map(repr, names))} with this "
                           f"accelerator, not {codec!r}")


@dataclasses.dataclass(frozen=True, eq=False)
class Coded:
    """A weight stream, and how it is decoded; ``None`` if it is plain."""

    data: bytes
    decoding: Decoding | None = None


class Coder:
    """Makes weight streams.

    Parameters
    ----------
    spec : AcceleratorSpec
    codec : str
        ``plain``; a codec, for all streams that it can hold; or ``auto``: for each stream what
        takes the fewest cycles, of several the fewest bytes.
    """

    def __init__(self, spec: AcceleratorSpec, codec: str = AUTO):
        check_codec(codec, spec)
        self._spec, self._codec, self._rates = spec, codec, Rates(spec)
        self._found: dict[tuple, list[Coded]] = {}

    def stream(self, work: Pass, span: Span, key: int, size: tuple[int, int]) -> Coded:
        """The stream of a span's output blocks for the region of ``key``.

        ``size`` are the rows and columns of pixels that a weight block meets.
        """
        plain = Coded(weight_stream(work, span, key))
        if self._codec == PLAIN or not self._spec.codecs:
            return plain
        mapped = not (work.reuse or work.maximum or work.window or work.winograd
                      or len(work.sources) > 1)
        name = plain.data, span.count, work.steps(span), work.int4, work.reuse, mapped
        if name not in self._found:
            self._found[name] = list(self._candidates(work, span, key, mapped, len(plain.data)))
        others = self._found[name]
        if self._codec == AUTO:
            others = [plain, *others]
        if not others:
            return plain
        return min(others, key=lambda one: self._score(one, work, span, size))

    def _candidates(self, work: Pass, span: Span, key: int, mapped: bool,
                    plain: int) -> Iterator[Coded]:
        """All ways to compress a stream that may be worth it."""
        blocks = _blocks(work, span)
        parameters = _parameters(work, span, key, blocks)
        if self._codec == AUTO and _least_bits(blocks, work.int4) > 8 * WORTH * plain:
            return
        kept: np.ndarray = (blocks != 0).any(axis=(2, 3, 4))
        kept[:, -1] = True
        maps = (False, True) if mapped and not kept.all() else (False,)
        codecs = [own for own in self._spec.codecs if self._codec in (AUTO, own.value)]
        for codec, table, skips in itertools.product(codecs, (False, True), maps):
            if not self._fits(codec, table, skips, blocks, work.int4):
                continue
            stream = encode_blocks(
                blocks, codec.value, four_bit=work.int4, codebook=table, parameters=parameters,
                reuse=work.reuse, block_map=skips, goal="cycles",
                word_bytes=self._spec.bus.word_bytes)
            text = codec.value + ", table" * table + ", map" * skips
            yield Coded(stream.data, Decoding.of(stream, text, kept if skips
                                                 else np.ones_like(kept)))

    def _fits(self, codec: Codec, table: bool, skips: bool, blocks: np.ndarray,
              int4: bool) -> bool:
        """Whether a stream can be of a codec, and isn't as if it were plain."""
        if codec is Codec.DENSE and (int4 if table else self._codec == AUTO and not skips):
            return False
        if not table:
            return not (int4 and codec is Codec.HUFFMAN)
        values = np.unique(blocks)
        count = len(values) - (0 in values and codec is not Codec.DENSE)
        return max(1, count) <= min(self._spec.codebook, LARGEST_TABLE)

    def _score(self, coded: Coded, work: Pass, span: Span, size: tuple[int, int]) -> float:
        """About the cycles in which a tile's COMPUTE takes a stream."""
        rates, decoding = self._rates, coded.decoding
        words = len(coded.data) / self._spec.bus.word_bytes
        if decoding is None:
            times = np.full(1 if work.reuse else span.count * work.steps(span), rates.block)
            first, apart = float(rates.parameters), np.ones(len(times))
        else:
            steps, dealt = np.array(decoding.steps), np.array(decoding.dealt)
            granules = np.diff(dealt[steps > 0], prepend=decoding.header)
            times = np.maximum(steps[steps > 0],
                               granules * GRANULE_BYTES / self._spec.bus.word_bytes)
            first = decoding.header / HEADER + self._spec.columns + SET_CYCLES
            apart = np.diff(np.flatnonzero(steps), append=len(steps))
        vectors = work.vectors(span, *size) / work.steps(span)
        taken = np.maximum.reduce([np.full(len(times), vectors), np.append(times[1:], 0),
                                   apart]).sum()
        if work.reuse:
            taken = max(times.sum(), vectors * work.steps(span) * span.count)
        results = span.count * size[0] * size[1] * rates.results(work)
        return first + times[0] + max(taken, results) + BUS_SHARE * words


def _blocks(work: Pass, span: Span) -> np.ndarray:
    """Weights, int8, shape (output blocks, steps, halves, lanes, columns)."""
    numbers = range(span.first, span.first + (1 if work.reuse else span.count))
    return np.stack([block_values(work.blocks(number), work.int4) for number in numbers])


def _parameters(work: Pass, span: Span, key: int, blocks: np.ndarray) -> Parameters:
    """Those of all columns but the last ones whose sums are always 0; if the others whose sums
    aren't have one scale, all have it."""
    sets = [work.parameters(number, key) for number in range(span.first, span.first + span.count)]
    bias, mantissa, shift = (np.concatenate(part).astype(np.int64)
                             for part in zip(*sets, strict=True))
    unused = (bias == 0) & np.tile(~blocks.any(axis=(1, 2, 3)).ravel(),
                                   span.count // len(blocks))
    scales = np.unique(np.stack([mantissa, shift])[:, ~unused], axis=1)
    if scales.shape[1] == 1:
        mantissa, shift = (np.full_like(bias, scale) for scale in scales[:, 0])
    columns = len(unused) // span.count
    used = np.flatnonzero(~unused[-columns:])
    channels = len(unused) - columns + int(used.max(initial=0)) + 1
    return Parameters(bias[:channels], mantissa[:channels], shift[:channels])


def _least_bits(blocks: np.ndarray, int4: bool) -> float:
    """Bits that weights take at least: those of nonzero ones, by what they tell."""
    counts = np.bincount(blocks.view(np.uint8).ravel(), minlength=256)[1:]
    counts = counts[counts > 0]
    if not len(counts):
        return 0
    told = math.log2(counts.sum()) - (counts * np.log2(counts)).sum() / counts.sum()
    return float(counts.sum() * min(told, 4 if int4 else 8))
