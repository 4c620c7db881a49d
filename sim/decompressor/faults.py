"""Streams that aren't as they should be: changed at random, or with a fault of a kind."""

import itertools
import random
import zlib
from collections.abc import Callable, Sequence

import numpy as np

from sparrow.golden.codec import CODECS, ERRORS, read_header
from sparrow.hw.spec.decode import Codec, DecompressorSpec
from sparrow.hw.spec.stream import (
    CHECKSUM_BYTES,
    CODE_COUNT_BITS,
    GRANULES_BITS,
    first_word,
    first_word_fields,
)

from .samples import SHIFT_WIDTH, Kind, kinds
from .scenario import Case, decoded, random_case

__all__ = ["changed", "expected_errors", "faulty", "header_flips", "judged",
           "maps_beyond", "with_blocks"]

_SIZES = 4, 8, 10  # where granules, output blocks and blocks are told
_MOST_BLOCKS = 300  # of a stream that is tried
_OF_LANES = frozenset(ERRORS[name] for name in ("ENTRY", "COUNT"))
_TRIALS = 200
_Change = Callable[[bytearray, random.Random, int], None]


def _sealed(data: bytes) -> bytes:
    """A stream with its checksum made right."""
    content = data[:-CHECKSUM_BYTES]
    return content + zlib.crc32(content).to_bytes(CHECKSUM_BYTES, "little")


def _flip_bits(data: bytearray, source: random.Random, word: int) -> None:
    for _ in range(source.choice((1, 1, 2, 5))):
        place = source.randrange(8 * len(data))
        data[place // 8] ^= 1 << place % 8


def _flip_header(data: bytearray, source: random.Random, word: int) -> None:
    place = source.randrange(8 * min(24, len(data)))
    data[place // 8] ^= 1 << place % 8


def _flip_first_word(data: bytearray, source: random.Random, word: int) -> None:
    place = source.randrange(32)
    data[place // 8] ^= 1 << place % 8


def _change_sizes(data: bytearray, source: random.Random, word: int) -> None:
    begin = min(source.choice(_SIZES), len(data) - 2)
    value = int.from_bytes(data[begin:begin + 2], "little") + source.choice((-3, -1, 1, 2, 16))
    data[begin:begin + 2] = (value % (1 << 16)).to_bytes(2, "little")


def _clear_sizes(data: bytearray, source: random.Random, word: int) -> None:
    begin = min(source.choice(_SIZES), len(data) - 2)
    data[begin:begin + 2] = source.choice((0, 0, 4)).to_bytes(2, "little")


def _replace_byte(data: bytearray, source: random.Random, word: int) -> None:
    data[source.randrange(len(data))] = source.choice((0, 0xFF, source.getrandbits(8)))


def _fill_granule(data: bytearray, source: random.Random, word: int) -> None:
    begin = 2 * source.randrange(len(data) // 2)
    data[begin:begin + 2] = b"\xff\xff"


def _remove_word(data: bytearray, source: random.Random, word: int) -> None:
    begin = word * source.randrange(len(data) // word)
    del data[begin:begin + word]


def _add_word(data: bytearray, source: random.Random, word: int) -> None:
    begin = word * source.randint(0, len(data) // word)
    data[begin:begin] = source.choice((bytes(word), source.randbytes(word), data[:word]))


def _swap_words(data: bytearray, source: random.Random, word: int) -> None:
    first, second = (word * source.randrange(len(data) // word) for _ in range(2))
    data[first:first + word], data[second:second + word] = (
        data[second:second + word], data[first:first + word])


def _cut(data: bytearray, source: random.Random, word: int) -> None:
    del data[word * source.randint(1, len(data) // word):]


def _append_word(data: bytearray, source: random.Random, word: int) -> None:
    data += source.choice((bytes(word), source.randbytes(word)))


def _fewer_entries(data: bytearray, source: random.Random, word: int) -> None:
    """The table's last entry isn't there, what stands behind it stays in its place."""
    if data[3] & 3:
        data[3] -= 1


def _other_entry(data: bytearray, source: random.Random, word: int) -> None:
    """Some byte of the table is another one."""
    place = _table(data)
    if place:
        data[source.choice(place)] = source.choice((source.randrange(256), 8, 0x77, 0xF7, 0x87))


def _higher_count(data: bytearray, source: random.Random, word: int) -> None:
    """Numbers of csr's entries have the most bits, and one granule or some are ones."""
    first = int.from_bytes(data[:4], "little")
    fields = first_word_fields(first) | {"argument": source.choice((7, 8))}
    data[:4] = first_word(**fields).to_bytes(4, "little")
    begin = _table(data).stop + 2 * source.choice((0, source.randrange(len(data) // 2)))
    if begin + 6 <= len(data):
        data[begin:begin + 6] = b"\xff" * 6


def _fewer_codes(data: bytearray, source: random.Random, word: int) -> None:
    """A number of huffman's codes is less by one, or of what stands there."""
    place = _table(data)
    ends = itertools.accumulate(CODE_COUNT_BITS * (1 + bool(place)), initial=8 * place.stop)
    content = int.from_bytes(data, "little")
    places = [place for place, end in itertools.pairwise(ends)
              if content >> place & (1 << end - place) - 1]
    if places:
        data[:] = (content - (1 << source.choice(places))).to_bytes(len(data), "little")


_CHANGES: tuple[_Change, ...] = (
    _flip_bits, _flip_header, _flip_first_word, _change_sizes, _clear_sizes, _replace_byte,
    _fill_granule, _remove_word, _add_word, _swap_words, _cut, _append_word, _fewer_entries,
    _other_entry, _fewer_codes)
# What may bring an error, and the codecs of the streams that are changed.
_FAULTS: dict[str, tuple[Sequence[_Change], Sequence[str]]] = {
    "VERSION": ((_flip_first_word,), CODECS),
    "FORMAT": ((_flip_first_word,), CODECS),
    "TABLE": ((_flip_first_word, _flip_header, _fewer_entries, _other_entry), CODECS),
    "CODE": ((_fewer_codes,), ("huffman",)),
    "ENTRY": ((_fewer_entries,), ("dense", "bitmask", "rle", "csr")),
    "COUNT": ((_flip_bits, _fill_granule, _higher_count), ("csr",)),
    "RUN": ((_change_sizes,), ("rle", "huffman")),
    "TRUNCATED": ((_cut, _change_sizes), CODECS),
    "TRAILING": ((_append_word, _change_sizes), CODECS),
    "CHECKSUM": ((_flip_bits, _replace_byte, _swap_words), CODECS),
    "SIZE": ((_clear_sizes,), CODECS),
}


def changed(spec: DecompressorSpec, case: Case, *, seed: int,
            changes: Sequence[_Change] = _CHANGES, seal: float = 0.6) -> Case:
    """A stream after a random change, and what golden makes of it.

    Bits flipped or bytes replaced anywhere or in the header, sizes and tables changed, bus words
    added, removed or swapped, an end cut off.

    Parameters
    ----------
    seal : float
        Chance that the checksum is made right again.
    """
    source = random.Random(seed)
    while True:
        data = bytearray(case.data)
        change = source.choice(changes)
        change(data, source, spec.word_bytes)
        if len(data) >= max(12, spec.word_bytes) and _blocks(data) <= _MOST_BLOCKS:
            break
    sealed = source.random() < seal
    result = judged(spec, _sealed(bytes(data)) if sealed else bytes(data))
    result.label = (f"seed {seed}, {case.label}, {change.__name__[1:]}, checksum "
                    f"{'made right' if sealed else 'as it was'}; {result.label}")
    return result


def with_blocks(case: Case, outputs: int, steps: int) -> bytes:
    """A stream with other numbers of output blocks, and of the blocks of each, in its header."""
    numbers = (outputs | steps << 16).to_bytes(4, "little")
    return _sealed(case.data[:_SIZES[1]] + numbers + case.data[_SIZES[1] + 4:])


def header_flips(spec: DecompressorSpec, case: Case) -> list[Case]:
    """A stream with each bit of its first two words wrong."""
    found = []
    for place in range(64):
        data = bytearray(case.data)
        data[place // 8] ^= 1 << place % 8
        found.append(judged(spec, _sealed(bytes(data))))
        found[-1].label = f"{case.label}, bit {place} of the header wrong; {found[-1].label}"
    return found


def maps_beyond(spec: DecompressorSpec, kind: Kind, *, seed: int) -> list[Case]:
    """Streams of 1 to 16 steps, whose maps are ones behind the last one."""
    generator, found = np.random.default_rng(seed), []
    for steps in range(1, 17):
        case = random_case(spec, generator, kind, outputs=1, steps=steps, density=0.5)
        data = bytearray(case.data)
        header = read_header(case.data, lanes=spec.lanes)
        place = 2 * sum(len(part) for part in header.parts().values())
        bits = int.from_bytes(data[place:place + 2], "little") | 0xFFFF << steps & 0xFFFF
        data[place:place + 2] = bits.to_bytes(2, "little")
        found.append(judged(spec, _sealed(bytes(data))))
        found[-1].label = f"{case.label}, a map of {steps} steps; {found[-1].label}"
    return found


def _granules(data: bytes) -> int:
    """Granules that a stream claims to have."""
    return int.from_bytes(data[4:8], "little") & (1 << GRANULES_BITS) - 1


def _table(data: bytes | bytearray) -> range:
    """The bytes of the table of values; of none, where it would be."""
    first = first_word_fields(int.from_bytes(data[:4], "little"))
    begin = 12 + 4 * (first["parameters"] and not first["each"])
    return range(begin, begin + (first["last_entry"] // 4 * 4 + 4 if first["table"] else 0))


def _blocks(data: bytes | bytearray) -> int:
    """Blocks that a stream claims to hold."""
    outputs, blocks = (int.from_bytes(data[begin:begin + 2], "little") for begin in _SIZES[1:])
    return outputs * blocks


def judged(spec: DecompressorSpec, data: bytes) -> Case:
    """What must become of a stream: what golden says, but for what the hardware isn't built for.

    Length and checksum are told when the last word has come, whatever else golden finds before;
    of the faults of several lanes in one step, any, and of a symbol behind the last block that is
    none also that it is behind it.
    """
    case = decoded(spec, data)
    first = first_word_fields(int.from_bytes(data[:4], "little"))
    built = (not first["long"] and first["codec"] in [codec.number for codec in spec.codecs]
             and (spec.int4 or not first["four_bit"])
             and (first["last_entry"] < spec.codebook or not first["table"]))
    if not built and case.code != ERRORS["VERSION"]:
        case = Case(data, code=ERRORS["FORMAT"], label="not built")
    scales = [(record["mantissa"], record["shift"]) for record in case.parameters]
    if first["parameters"] and not first["each"] and len(data) >= 16:
        shared = int.from_bytes(data[12:16], "little")
        scales.append((shared & 0xFFFFFF, shared >> 24))
    if any(mantissa >> spec.mantissa_width or shift >> SHIFT_WIDTH for mantissa, shift in scales):
        case.others |= {case.code} - {0}
        case.code = ERRORS["FORMAT"]
    if case.code:
        if _granules(data) < 4:  # even the second word is behind the end
            case.others |= {ERRORS["SIZE"]}
        if case.code in (ERRORS["TRUNCATED"], ERRORS["SIZE"]) and not case.blocks:
            # it ends within the header, whose codes may be wrong before
            case.others |= {ERRORS["TABLE"], ERRORS["CODE"]}
        if case.code in _OF_LANES:
            case.others |= _OF_LANES | {ERRORS["RUN"], ERRORS["TRUNCATED"]}
            if first["each"]:  # parameters may be read before the lane's symbol, and be too wide
                case.others |= {ERRORS["FORMAT"]}
        case.others |= _errors_of_length(spec, data)
    return case


def _errors_of_length(spec: DecompressorSpec, data: bytes) -> set[int]:
    """What is wrong with a stream's number of words, or else with its checksum."""
    size = 2 * _granules(data) + CHECKSUM_BYTES
    wanted, found = -(-size // spec.word_bytes), len(data) // spec.word_bytes
    if wanted != found:
        return {ERRORS["TRUNCATED" if found < wanted else "TRAILING"]}
    return set() if _sealed(data) == data else {ERRORS["CHECKSUM"]}


def expected_errors(spec: DecompressorSpec) -> list[str]:
    """The errors that streams for a specification can end in."""
    missing = set()
    if not spec.has(Codec.HUFFMAN):
        missing.add("CODE")
    if not spec.has(Codec.RLE, Codec.HUFFMAN):
        missing.add("RUN")
    if not spec.has(Codec.CSR):
        missing.add("COUNT")
    if spec.codebook < 3 or spec.codecs == (Codec.HUFFMAN,):
        missing.add("ENTRY")
    return [error for error in ERRORS if error not in missing]


def faulty(spec: DecompressorSpec, error: str, *, seed: int, streams: int,
           among: Sequence[Kind] = ()) -> list[Case]:
    """Streams that end in an error, found by changing some; fewer where few are found.

    Parameters
    ----------
    among : sequence of Kind, optional
        The kinds of the streams that are changed.
    """
    number = ERRORS[error]
    changes, codecs = _FAULTS[error]
    candidates = [kind for kind in among or kinds(spec) if kind.codec in codecs
                  and (error != "ENTRY" or kind.coded)]
    generator, source = np.random.default_rng(seed), random.Random(seed)
    found: list[Case] = []
    for trial in range(_TRIALS if candidates else 0):
        case = random_case(spec, generator, source.choice(candidates), outputs=source.randint(1, 2),
                           steps=source.randint(1, 4), density=source.choice((0.3, 0.7, 1)),
                           lean=source.choice((None, False, True)))
        result = changed(spec, case, seed=seed + trial, changes=changes,
                         seal=error != "CHECKSUM")
        if result.code == number:
            found.append(result)
        if len(found) == streams:
            break
    return found
