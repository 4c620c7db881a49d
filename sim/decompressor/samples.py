"""Weights and kinds of streams for decompressors: random ones of every density and shape."""

import dataclasses
import itertools

import numpy as np

from sparrow.golden.codec import Parameters
from sparrow.hw.spec.decode import DecompressorSpec

__all__ = ["DENSITIES", "PARAMETERS", "SHIFT_WIDTH", "STYLES", "Kind", "kinds", "random_blocks",
           "random_parameters"]

DENSITIES = (0, 0.02, 0.05, 0.1, 0.25, 0.5, 0.8, 1)
STYLES = ("even", "one full column", "one empty column", "whole blocks", "drift")
PARAMETERS = ("none", "shared", "shared, wide", "each", "each, wide")
SHIFT_WIDTH = 6  # of what the requantizer takes


@dataclasses.dataclass(frozen=True)
class Kind:
    """What a stream is like.

    Parameters
    ----------
    codec : str
    four_bit, table, mapped, reuse, fixed : bool
        As in the stream's header.
    parameters : str
        One of :data:`PARAMETERS`: none; one scale for all channels, or each its own; biases of
        16 bits, or wide ones of 32.
    """
    codec: str
    four_bit: bool = False
    table: bool = False
    mapped: bool = False
    reuse: bool = False
    fixed: bool = False
    parameters: str = "none"

    def __str__(self) -> str:
        words = [self.codec, "4 bits" if self.four_bit else "8 bits"]
        words += [name for name in ("table", "mapped", "reuse", "fixed") if getattr(self, name)]
        return ", ".join([*words, *([self.parameters] if self.parameters != "none" else [])])

    @property
    def coded(self) -> bool:
        """Whether values come from a table, asked for or not."""
        return self.table or (self.codec == "huffman" and self.four_bit)


def kinds(spec: DecompressorSpec) -> list[Kind]:
    """All kinds of streams that a decompressor is built for."""
    codecs = [codec.value for codec in spec.codecs]
    flags = (False, True)
    found = []
    for codec, four_bit, table, mapped, reuse, fixed, parameters in itertools.product(
            codecs, flags, flags, flags, flags, flags, PARAMETERS):
        kind = Kind(codec, four_bit, table, mapped, reuse, fixed, parameters)
        refused = (four_bit and not spec.int4,
                   kind.coded and spec.codebook == 0,
                   table and four_bit and codec in ("dense", "huffman"),
                   fixed and (codec != "csr" or table))
        if not any(refused):
            found.append(kind)
    return found


def _palette(random: np.random.Generator, spec: DecompressorSpec, kind: Kind,
             full: bool) -> np.ndarray:
    """The values other than 0 that weights may have; with ``full`` as many as a table takes."""
    limit = 8 if kind.four_bit else 128
    values = np.setdiff1d(np.arange(-limit, limit), [0])
    if not full and random.random() < 0.2:
        values = np.array([-limit, -1, 1, limit - 1])
    if kind.coded:
        # a dense stream's table holds 0, too
        most = min(spec.codebook - (kind.codec == "dense"), len(values))
        values = random.choice(values, most if full else random.integers(1, most + 1),
                               replace=False)
    return values


def random_blocks(random: np.random.Generator, spec: DecompressorSpec, kind: Kind, *,
                  outputs: int, steps: int, density: float | None = None,
                  style: str | None = None, full: bool = False) -> np.ndarray:
    """Weights of ``outputs`` output blocks of ``steps`` blocks each.

    Parameters
    ----------
    density : float, optional
        Share of weights that aren't zero, one of :data:`DENSITIES` at random.
    style : str, optional
        How they are spread, one of :data:`STYLES` at random: evenly; only one column has all, or
        none; blocks are all zeros or not; more and more of them towards the end.
    full : bool
        Values are drawn from as many as the largest table has.

    Returns
    -------
    np.int8, (outputs, steps, halves, lanes, columns)
        One output block with reuse.
    """
    density = random.choice(DENSITIES) if density is None else density
    style = str(random.choice(STYLES)) if style is None else style
    shape = (1 if kind.reuse else outputs, steps, 2 if kind.four_bit else 1, spec.lanes,
             spec.columns)
    chance = np.full(shape, float(density))
    column = random.integers(spec.columns)
    if style == "one full column":
        chance[..., column] = 1
    elif style == "one empty column":
        chance[..., column] = 0
    elif style == "whole blocks":
        chance *= random.random(shape[:2])[..., None, None, None] < 0.3
    elif style == "drift":
        chance *= np.linspace(0, 1, steps)[:, None, None, None]
    values = random.choice(_palette(random, spec, kind, full), shape)
    return np.where(random.random(shape) < chance, values, 0).astype(np.int8)


def random_parameters(random: np.random.Generator, spec: DecompressorSpec, kind: Kind, *,
                      outputs: int) -> Parameters | None:
    """Biases, mantissas and shifts of all channels, the ends of their ranges among them."""
    if kind.parameters == "none":
        return None
    # the last output block's last columns may have no channel
    count = outputs * spec.columns - int(random.integers(spec.columns) * random.integers(2))
    wide = kind.parameters.endswith("wide")
    limit = 1 << (31 if wide else 15)
    bias = random.integers(-limit, limit, count)
    bias[random.integers(count)] = random.choice((-limit, limit - 1))
    scales = count if kind.parameters.startswith("each") else 1
    mantissa = random.integers(0, 1 << spec.mantissa_width, scales)
    shift = random.integers(0, 1 << SHIFT_WIDTH, scales)
    if scales == 1:
        mantissa, shift = (np.repeat(values, count) for values in (mantissa, shift))
    return Parameters(bias, mantissa, shift)
