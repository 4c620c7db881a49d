"""Streams for a decompressor, and what golden says must come out."""

import collections
import dataclasses

import numpy as np

from sparrow.golden.codec import (
    Contents,
    Header,
    Parameters,
    StreamError,
    decode_blocks,
    encode_blocks,
    read_header,
)
from sparrow.hw.spec.decode import DecompressorSpec
from sparrow.hw.spec.stream import GRANULE

from .samples import Kind, kinds, random_blocks, random_parameters

__all__ = ["Case", "decoded", "encoded", "every_kind", "random_case", "random_cases"]

_MOST_FIXED = 127  # entries of a block


@dataclasses.dataclass
class Case:
    """A stream and what must become of it.

    Parameters
    ----------
    data : bytes
        Whole bus words.
    blocks : list of np.ndarray
        What the array must hold at each commit, (columns, lanes), as it stores it.
    four_bit : bool
        Of all its blocks.
    steps : list of int
        Transfers of each block; 0 where they aren't known.
    parameters : list of dict
        Transfers on ``parameters``.
    maps : list of (int, int)
        Transfers on ``maps``, and masks of the bits that matter.
    code : int
        The error that golden finds; 0: none.
    others : frozenset of int
        Errors that it may also end in.
    label : str
        What it is, for messages.
    """
    data: bytes
    blocks: list[np.ndarray] = dataclasses.field(default_factory=list)
    four_bit: bool = False
    steps: list[int] = dataclasses.field(default_factory=list)
    parameters: list[dict[str, int]] = dataclasses.field(default_factory=list)
    maps: list[tuple[int, int]] = dataclasses.field(default_factory=list)
    code: int = 0
    others: frozenset[int] = frozenset()
    label: str = ""
    covered: collections.Counter = dataclasses.field(default_factory=collections.Counter)

    def words(self, word_bytes: int) -> list[int]:
        """The stream's bus words."""
        return [int.from_bytes(self.data[begin:begin + word_bytes], "little")
                for begin in range(0, len(self.data), word_bytes)]


def decoded(spec: DecompressorSpec, data: bytes) -> Case:
    """What golden makes of a stream.

    Of one that it refuses, ``code``, and what may come out before: besides the blocks that were
    complete the one in which the fault lies, since a symbol is taken before it is sent.
    """
    try:
        contents = decode_blocks(data, lanes=spec.lanes, columns=spec.columns,
                                 word_bytes=spec.word_bytes)
        case = Case(data)
    except StreamError as error:
        case = Case(data, code=error.code, label=str(error))
        if error.before is None:
            return case
        contents = error.before
    _add_contents(spec, case, contents)
    return case


def _add_contents(spec: DecompressorSpec, case: Case, contents: Contents) -> None:
    case.four_bit = contents.header.four_bit
    begun = len(contents.steps) + (case.code != 0)
    case.blocks = [_stored(block) for block in contents.blocks[contents.kept][:begun]]
    case.steps = [*contents.steps.tolist(), 0][:len(case.blocks)]
    if contents.header.map:
        masks = _granules(np.ones_like(contents.kept[0]))
        if case.code:  # what golden hasn't read isn't known
            masks = [0] * len(masks)
        for kept in contents.kept:
            case.maps += zip(_granules(kept), masks, strict=True)
    if contents.parameters is not None:
        case.parameters = _records(spec, contents.parameters)


def _granules(bits: np.ndarray) -> list[int]:
    """Sixteen bits each."""
    padded = np.append(bits, np.zeros(-len(bits) % GRANULE, bool))
    return (padded.reshape(-1, GRANULE) @ (1 << np.arange(GRANULE))).tolist()


def _stored(block: np.ndarray) -> np.ndarray:
    """(halves, lanes, columns) int8 as what the array stores, (columns, lanes)."""
    if len(block) == 1:
        return block[0].T & np.int64(0xFF)
    return (block[0].T & np.int64(15)) | (block[1].T & np.int64(15)) << 4


def _records(spec: DecompressorSpec, parameters: Parameters) -> list[dict[str, int]]:
    columns = zip(parameters.bias.tolist(), parameters.mantissa.tolist(),
                  parameters.shift.tolist(), strict=True)
    return [{"column": number % spec.columns, "bias": bias & 0xFFFFFFFF, "mantissa": mantissa,
             "shift": shift, "commit": int(number % spec.columns == spec.columns - 1)}
            for number, (bias, mantissa, shift) in enumerate(columns)]


def encoded(spec: DecompressorSpec, kind: Kind, blocks: np.ndarray,
            parameters: Parameters | None = None, *, goal: str = "bits",
            lean: bool | None = None, channels: int | None = None) -> Case:
    """The stream that golden makes of some blocks.

    Parameters
    ----------
    blocks
        See :func:`.samples.random_blocks`.
    goal, lean, channels
        See :func:`sparrow.golden.codec.encode_blocks`.
    """
    stream = encode_blocks(
        blocks, kind.codec, four_bit=kind.four_bit, codebook=kind.table, parameters=parameters,
        reuse=kind.reuse, block_map=kind.mapped, fixed=kind.fixed, goal=goal,
        word_bytes=spec.word_bytes, lean=lean, channels=channels)
    case = decoded(spec, stream.data)
    case.label = str(kind)
    sent = blocks[blocks.any(axis=(2, 3, 4)) | _last(blocks)] if kind.mapped else blocks
    expected = [_stored(block) for block in sent.reshape(-1, *blocks.shape[2:])]
    assert case.code == 0 and len(expected) == len(case.blocks) and all(
        map(np.array_equal, expected, case.blocks)), (
        f"golden doesn't decode what it has encoded: {case.label}")
    assert stream.steps is not None and stream.steps.tolist() == case.steps, (
        f"golden's encoder and decoder count other steps: {case.label}")
    header = read_header(stream.data, lanes=spec.lanes)
    case.covered.update(_covered(kind, blocks, case.steps, header))
    return case


def _last(blocks: np.ndarray) -> np.ndarray:
    """Which blocks are the last ones of their output blocks: they are always sent."""
    return np.arange(blocks.shape[1]) == blocks.shape[1] - 1


def _covered(kind: Kind, blocks: np.ndarray, steps: list[int],
             header: Header) -> dict[str, int]:
    width = "4 bits" if kind.four_bit else "8 bits"
    flags = {"with a table": kind.coded, "with a map": kind.mapped, "with reuse": kind.reuse,
             "with fixed counts": kind.fixed, "with parameters": kind.parameters != "none",
             "lean": header.lean, "with lanes that rest": header.rests
             and len(blocks) == header.output_blocks
             and header.last_columns < blocks.shape[4]}
    return {f"{kind.codec}, {width}": 1, "blocks": len(steps), "steps": sum(steps),
            "nonzero weights": int(np.count_nonzero(blocks)),
            "streams of zeros": int(not blocks.any()),
            **{name: 1 for name, there in flags.items() if there}}


def random_case(spec: DecompressorSpec, random: np.random.Generator, kind: Kind, *,
                outputs: int, steps: int, goal: str = "bits", density: float | None = None,
                style: str | None = None, full: bool = False, lean: bool | None = None) -> Case:
    """A stream of random weights; see :func:`.samples.random_blocks`. The last columns may
    have no channel, and no weights then, if it is lean or may be."""
    blocks = random_blocks(random, spec, kind, outputs=outputs, steps=steps, density=density,
                           style=style, full=full)
    if kind.mapped:
        blocks[random.random(blocks.shape[:2]) < random.choice((0.1, 0.5, 0.9))] = 0
    if kind.fixed and blocks.shape[2] * spec.lanes > _MOST_FIXED:
        blocks[:, :, 0, 0] = 0
    parameters = random_parameters(random, spec, kind, outputs=outputs)
    channels = None
    if lean is not False and len(blocks) == outputs:
        channels = (outputs * spec.columns - int(random.integers(spec.columns))
                    if parameters is None else len(parameters.bias))
        blocks[-1, ..., channels - (outputs - 1) * spec.columns:] = 0
    return encoded(spec, kind, blocks, parameters, goal=goal, lean=lean,
                   channels=channels if parameters is None else None)


def random_cases(spec: DecompressorSpec, *, seed: int, streams: int) -> list[Case]:
    """Streams of all kinds, lengths and densities."""
    random = np.random.default_rng(seed)
    every = kinds(spec)
    return [random_case(spec, random, every[random.integers(len(every))],
                        outputs=int(random.integers(1, 4)),
                        steps=int(random.choice((1, 2, 3, 5, 8, 17, 34))),
                        goal=str(random.choice(("bits", "cycles"))),
                        lean=(None, False, True)[random.integers(3)]) for _ in range(streams)]


def every_kind(spec: DecompressorSpec, *, seed: int) -> list[Case]:
    """A short stream of each kind, in random order."""
    random = np.random.default_rng(seed)
    return [random_case(spec, random, kind, outputs=2, steps=2, lean=bool(random.integers(2)))
            for kind in random.permutation(np.array(kinds(spec), dtype=object))]
