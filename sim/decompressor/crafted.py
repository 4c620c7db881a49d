"""Streams of one column that no encoder would choose: any codes, numbers of bits and arguments."""

import dataclasses
import random
import zlib
from collections.abc import Iterator

import numpy as np

from sparrow.golden.codec.header import Header
from sparrow.golden.codec.prefix import PrefixCode
from sparrow.golden.codec.runs import RunCode
from sparrow.golden.codec.values import ValueCode
from sparrow.hw.spec.decode import DecompressorSpec
from sparrow.hw.spec.stream import (
    CHECKSUM_BYTES,
    MOST_RUN_CODES,
    RUN_BITS,
    RUN_CODE_BITS,
    VALUE_CODE_BITS,
)

from .faults import judged
from .samples import Kind
from .scenario import Case

__all__ = ["CRAFTED", "crafted"]

CRAFTED = ("bitmask", "rle", "csr", "huffman")
_SYMBOLS = 40
_COUNT_BITS = 7
_Symbol = tuple[int, int]  # bits, the first one lowest, and their number


def crafted(spec: DecompressorSpec, kind: Kind, source: random.Random) -> Case:
    """A stream of random symbols for a decompressor of one column, and what golden makes of it.

    Tables are full or not, prefix codes of any lengths, numbers of csr entries of any bits; some
    streams end in bits that are no symbol.

    Parameters
    ----------
    kind : Kind
        Of one of the codecs in :data:`CRAFTED`, without map, reuse and parameters.
    """
    positions = spec.lanes * (2 if kind.four_bit else 1)
    values = _values(spec, kind, source)
    settings: dict = {}
    if kind.codec in ("bitmask", "csr"):
        if kind.codec == "bitmask":
            symbols = list(_masks(positions, values, source))
        else:
            name = "fixed" if kind.fixed else "count_bits"
            settings[name] = source.randint(1, min(positions, 127) if kind.fixed else _COUNT_BITS)
            symbols = list(_entries(positions, values, source, **settings))
        steps = sum(1 for symbol in symbols if symbol == _END)
        symbols = [symbol for symbol in symbols if symbol != _END]
    else:
        runs = RunCode(run_bits=source.randint(1, RUN_BITS))
        if kind.codec == "huffman":
            size = source.randint(2, source.choice((4, MOST_RUN_CODES)))
            runs = RunCode(code=_code(size, RUN_CODE_BITS, source),
                           escape_rank=source.randrange(size))
        settings["runs"] = runs
        symbols = list(_runs(runs, values, source))
        steps = source.randint(1, 120)
        if kind.codec == "huffman" and source.random() < 0.3:
            symbols.append((source.getrandbits(16), 16))
    header = Header(codec=kind.codec, four_bit=kind.four_bit, output_blocks=1, steps=steps,
                    values=values, **settings)
    case = judged(spec, _stream(spec, header, symbols))
    case.label = f"crafted {kind}; {case.label}"
    return case


_END: _Symbol = (0, -1)  # of a block


def _values(spec: DecompressorSpec, kind: Kind, source: random.Random) -> ValueCode:
    bits = 4 if kind.four_bit else 8
    if not kind.coded:
        return ValueCode(bits)
    numbers = [number for number in range(-1 << bits - 1, 1 << bits - 1) if number]
    most = min(spec.codebook, len(numbers))
    entries = tuple(source.sample(numbers, source.choice((most, source.randint(1, most)))))
    if kind.codec != "huffman":
        return ValueCode(bits, entries)
    size = source.choice((len(entries), source.randint(1, len(entries))))
    return ValueCode(bits, entries, _code(size, VALUE_CODE_BITS, source))


def _code(size: int, most: int, source: random.Random) -> PrefixCode:
    """A code of random lengths up to ``most`` for so many ranks; of no bits for one."""
    if size == 1:
        return PrefixCode(())
    widths, longest = [0], source.randint((size - 1).bit_length(), most)
    while len(widths) < size:  # one code becomes two, a bit longer
        place = source.choice([place for place, width in enumerate(widths) if width < longest])
        widths.append(widths[place] + 1)
        widths[place] += 1
    return PrefixCode(tuple(np.bincount(widths)[1:].tolist()))


def _value(values: ValueCode, source: random.Random) -> _Symbol:
    if values.entries is None:
        return source.getrandbits(values.bits), values.bits
    if values.code is None:
        return source.randrange(len(values.entries)), values.width
    rank = source.randrange(values.code.size)
    return int(values.code.codes[rank]), int(values.code.widths[rank])


def _runs(runs: RunCode, values: ValueCode, source: random.Random) -> Iterator[_Symbol]:
    numbers, widths = runs.symbols
    for _ in range(source.randint(1, _SYMBOLS)):
        place = source.randrange(len(numbers))
        yield int(numbers[place]), int(widths[place])
        if place != runs.limit:
            yield _value(values, source)


def _masks(positions: int, values: ValueCode, source: random.Random) -> Iterator[_Symbol]:
    group = min(positions, 8)
    for _ in range(source.randint(1, 8)):
        for _ in range(positions // group):
            mask = source.getrandbits(group)
            yield mask, group
            for _ in range(mask.bit_count()):
                yield _value(values, source)
        yield _END


def _entries(positions: int, values: ValueCode, source: random.Random, *, count_bits: int = 0,
             fixed: int = 0) -> Iterator[_Symbol]:
    """Blocks of entries; the last one's number may be one beyond the block."""
    most = min(positions, (1 << count_bits) - 1)
    beyond = [positions + (1 << bit) for bit in range(count_bits)]
    beyond = [number for number in beyond if number < 1 << count_bits]
    for _ in range(source.randint(1, 8)):
        count = fixed or source.randint(0, most)
        if count_bits:
            yield count, count_bits
        for place in sorted(source.sample(range(positions), count)):
            yield place, (positions - 1).bit_length()
            yield _value(values, source)
        yield _END
    if beyond and source.random() < 0.4:
        yield source.choice(beyond), count_bits
        for _ in range(positions):
            yield source.getrandbits(16), 16
        yield _END


def _stream(spec: DecompressorSpec, header: Header, symbols: list[_Symbol]) -> bytes:
    """Symbols in whole words behind the header, and a checksum."""
    payload, length = 0, 0
    for bits, width in symbols:
        payload |= bits << length
        length += width
    size = -(-max(length, 1) // 16) * 2
    if header.runs is not None:  # of which a decoder has whole words
        size += -size % spec.word_bytes
    parts = header.parts()
    first = sum(map(len, parts.values()))
    header = dataclasses.replace(header, granules=first + size // 2)
    data = np.concatenate([*header.parts().values()]).astype("<u2").tobytes()
    data += payload.to_bytes(size, "little")
    data += bytes(-(len(data) + CHECKSUM_BYTES) % spec.word_bytes)
    return data + zlib.crc32(data).to_bytes(CHECKSUM_BYTES, "little")
