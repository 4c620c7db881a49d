"""From weights to streams."""

import dataclasses

import numpy as np

from sparrow.hw.spec.stream import GRANULE

from .assemble import sections, stream
from .choose import Choice, choices
from .deal import Dealing
from .header import CODECS, Header
from .parameters import ParameterFormat, Parameters
from .stream import Stream
from .values import ValueCode

__all__ = ["check_array", "encode_blocks"]

GOALS = "bits", "cycles"
MOST = 65535  # output blocks, and blocks of one
NEAR = 1024  # bits, of the padding that one way to send weights may save against another
MOST_NEAR = 8  # of such ways that are tried
LARGEST_NEAR = 1 << 19  # bits, of streams for which they are: of larger ones padding is 0.2 %


def encode_blocks(blocks: np.ndarray, codec: str, *, four_bit: bool = False,
                  codebook: bool = False, parameters: Parameters | None = None,
                  reuse: bool = False, block_map: bool | None = None, fixed: bool | None = None,
                  goal: str = "bits", word_bytes: int = 8, channels: int | None = None,
                  lean: bool | None = None) -> Stream:
    """The stream of some output blocks.

    Parameters
    ----------
    blocks : numpy.ndarray, int8, shape (output blocks, steps, halves, lanes, columns)
        One half with 8 bits, two with 4. With ``reuse`` those of the first output block.
    codec : str
        ``dense``, ``bitmask``, ``rle``, ``csr`` or ``huffman``.
    four_bit : bool
        Whether weights have 4 bits, not 8.
    codebook : bool
        Whether values are sent as indices into a table of those that occur, at most 32; all but
        ``dense`` leave zero out of it. ``huffman`` with 4 bits always has one, ``dense`` with 4
        bits never.
    parameters : Parameters or None
        Of all output channels, to be sent with the weights. The last output block may have fewer
        channels than columns.
    reuse : bool
        Whether the blocks serve all output blocks; ``parameters`` tell how many there are.
    block_map : bool or None
        Whether steps whose weights are all zero are left out and told by a map; by default
        whichever is better.
    fixed : bool or None
        With ``csr``: whether all blocks have as many entries as the fullest, and no number of
        them is sent (N:M patterns); by default whichever is better.
    goal : str
        ``bits``: the fewest bits. ``cycles``: the least of what takes longer, the steps of the
        decoder or the words of the stream.
    word_bytes : 4, 8, 16 or 32
    channels : int or None
        That the output blocks have in all, if there are no ``parameters`` to tell: by default as
        many as columns.
    lean : bool or None
        Whether lanes get a granule only when they need it, not three at first, and those of
        columns without a channel none where they need none: fewer bytes of padding, but a cycle
        more for each step, two or three for each that needs granules. By default with the goal of
        bits where the stream is smaller then, never with the other one.

    Returns
    -------
    Stream

    Raises
    ------
    TypeError, ValueError
        If an argument isn't as told above.
    """
    _check(blocks, codec, four_bit, codebook, fixed, goal, word_bytes)
    output_blocks, steps, _, _, columns = blocks.shape
    last_columns = columns
    if parameters is not None:
        channels = len(parameters.bias)
    if channels is not None:
        if reuse and parameters is not None:
            output_blocks = max(1, -(-channels // columns))
        last_columns = channels - (output_blocks - 1) * columns
        if not 0 < last_columns <= columns:
            channels = output_blocks * columns
            if parameters is None:
                raise ValueError(f"channels must be more than {channels - columns} and at most "
                                 f"{channels}, not {channels - columns + last_columns}")
    if parameters is not None:
        assert channels is not None
        parameters.check(channels)
    if not 1 <= output_blocks <= MOST or steps > MOST or (reuse and len(blocks) > 1):
        raise ValueError("blocks must be of at most 65535 output blocks of 65535, with reuse of "
                         f"one, not shape {blocks.shape}")
    format_ = ParameterFormat.of(parameters)
    scale = None
    if parameters is not None and format_.shared:
        scale = int(parameters.mantissa[0]), int(parameters.shift[0])
    table = codebook or (codec == "huffman" and four_bit)
    header = Header(codec=codec, four_bit=four_bit, reuse=reuse, parameters=format_, scale=scale,
                    last_columns=last_columns, output_blocks=output_blocks, steps=steps,
                    values=ValueCode(8))
    work = _Work(header, blocks, parameters, table, block_map, fixed, goal, word_bytes)
    ways = work.ways(bool(lean))
    if goal == "cycles" or ways[0].bits > LARGEST_NEAR:
        return work.stream(ways[0])
    ways = _near(ways)
    if lean is None and work.may_rest:
        ways += _near(work.ways(True))
    return min(map(work.stream, ways), key=len)


def check_array(lanes: object, columns: object) -> None:
    """Raise ``ValueError`` if an array can't be of this size."""
    if isinstance(lanes, bool) or lanes not in (4, 8, 16, 32, 64):
        raise ValueError(f"lanes must be a power of two from 4 to 64, not {lanes!r}")
    if isinstance(columns, bool) or not isinstance(columns, int) or not 1 <= columns <= 64:
        raise ValueError(f"columns must be an integer from 1 to 64, not {columns!r}")


def _check(blocks: object, codec: object, four_bit: bool, codebook: bool, fixed: bool | None,
           goal: object, word_bytes: object) -> None:
    if not isinstance(blocks, np.ndarray) or blocks.dtype != np.int8:
        found = blocks.dtype if isinstance(blocks, np.ndarray) else type(blocks).__name__
        raise TypeError(f"blocks must be an array of int8, not {found}")
    if blocks.ndim != 5 or not blocks.size or blocks.shape[2] != 1 + four_bit:
        raise ValueError(f"blocks must have 5 dimensions of at least 1, the third of "
                         f"{1 + four_bit}, not shape {blocks.shape}")
    check_array(*map(int, blocks.shape[3:]))
    if codec not in CODECS:
        raise ValueError(f"codec must be one of {', '.join(CODECS)}, not {codec!r}")
    if four_bit and not -8 <= blocks.min() <= blocks.max() <= 7:
        worst = blocks.min() if blocks.min() < -8 else blocks.max()
        raise ValueError(f"weights must be -8 to 7 in 4 bits, not {int(worst)}")
    if codebook and four_bit and codec == "dense":
        raise ValueError("codebook must not be given with dense weights of 4 bits")
    if fixed and (codec != "csr" or codebook):
        raise ValueError("fixed must be given with csr without a codebook, "
                         f"not with {codec}{' and one' if codebook else ''}")
    if goal not in GOALS:
        raise ValueError(f"goal must be one of {', '.join(GOALS)}, not {goal!r}")
    if word_bytes not in (4, 8, 16, 32):
        raise ValueError(f"word_bytes must be 4, 8, 16 or 32, not {word_bytes!r}")


@dataclasses.dataclass(frozen=True)
class _Way:
    """A way to send some blocks, the better the less its ``score``; ``keep``: the steps that are
    in the stream, ``map``: whether it tells them, ``rests``: see :class:`.symbols.Gaps`."""

    score: tuple[float, ...]
    bits: int
    choice: Choice
    keep: np.ndarray
    map: bool
    lean: bool
    rests: tuple[int, int] | None


def _near(ways: list[_Way]) -> list[_Way]:
    """Those that may be the best with padding counted."""
    return [way for way in ways[:MOST_NEAR] if way.bits <= ways[0].bits + NEAR]


@dataclasses.dataclass(frozen=True, eq=False)
class _Work:
    """Blocks to be sent, with a header that lacks what is chosen yet; the rest as
    :func:`encode_blocks` has it."""

    header: Header
    blocks: np.ndarray
    parameters: Parameters | None
    table: bool
    block_map: bool | None
    fixed: bool | None
    goal: str
    word_bytes: int

    def _rests(self, keep: np.ndarray) -> tuple[int, int] | None:
        """Of a lean stream, with these steps."""
        header, columns = self.header, self.blocks.shape[4]
        if (header.codec not in ("rle", "huffman") or header.last_columns == columns
                or len(keep) < header.output_blocks):
            return None
        return header.last_columns, int(keep[:-1].sum())

    @property
    def may_rest(self) -> bool:
        """Whether lanes have nothing to send where they rest in a lean stream."""
        rests = self._rests(np.ones(self.blocks.shape[:2], bool))
        return rests is None or not self.blocks[-1, ..., rests[0]:].any()

    def ways(self, lean: bool) -> list[_Way]:
        """The best one first."""
        blocks, header = self.blocks, self.header
        if lean and not self.may_rest:
            raise ValueError("blocks must be 0 in columns without channels to be lean")
        # positions: half, then array lane
        laid = np.ascontiguousarray(blocks.transpose(4, 0, 1, 2, 3)).reshape(
            blocks.shape[4], len(blocks) * header.steps, -1)
        present: np.ndarray = (blocks != 0).any(axis=(2, 3, 4))
        present[:, -1] = True
        maps = [present] if self.block_map else [np.ones_like(present)]
        if self.block_map is None and not present.all():
            maps.append(present)
        result = []
        for number, keep in enumerate(maps):
            weights = laid if keep.all() else laid[:, keep.ravel()]
            skips = bool(self.block_map or number)
            own = len(keep) * -(-header.steps // GRANULE) * GRANULE if skips else 0
            rests = self._rests(keep) if lean else None
            for choice in choices(weights, header.codec, four_bit=header.four_bit,
                                  table=self.table, fixed=self.fixed,
                                  steps=self.goal == "cycles", rests=rests):
                bits = choice.bits + own
                score: tuple[float, ...] = (bits, choice.steps or 0)
                if self.goal == "cycles":
                    score = max(choice.steps or 0, bits / 8 / self.word_bytes), bits
                result.append(_Way(score, bits, choice, keep, skips, lean, rests))
        result.reverse()  # of equal ones the later counts
        return sorted(result, key=lambda way: way.score)

    def stream(self, way: _Way) -> Stream:
        """The stream by one of them."""
        choice, keep, columns = way.choice, way.keep, self.blocks.shape[4]
        header = dataclasses.replace(
            self.header, map=way.map, lean=way.lean, values=choice.values, runs=choice.runs,
            count_bits=choice.count_bits, fixed=choice.fixed)
        symbols = choice.symbols(self.blocks.shape[2])
        if way.rests is not None:
            symbols = symbols.resting(*way.rests, int(keep.sum()))
        dealing = Dealing(symbols, columns, int(keep.sum()), lean=way.lean)
        return stream(header, sections(header, keep, self.parameters, columns), dealing,
                      self.blocks.shape[3], columns, self.word_bytes)
