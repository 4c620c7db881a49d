"""A lane's bits, written down symbol by symbol: the reference for tests of lanes."""

import dataclasses
import random


@dataclasses.dataclass(frozen=True)
class Form:
    """How a lane's values are sent; fields as in a stream's header.

    ``runs``, ``values``: prefix codes as strings of bits, by rank; ``entries``: the table.
    """
    codec: str
    lanes: int = 16
    four_bit: bool = False
    argument: int = 0
    fixed: bool = False
    entries: tuple[int, ...] = ()
    runs: tuple[str, ...] = ()
    values: tuple[str, ...] = ()

    @property
    def halves(self):
        return 2 if self.four_bit else 1

    @property
    def positions(self):
        return self.lanes * self.halves

    def number(self, value, width):
        return "".join(str(value >> bit & 1) for bit in range(width))

    def value(self, value):
        if self.entries:
            place = self.entries.index(value)
            if self.codec == "huffman":
                return self.values[place]
            return self.number(place, max(1, (len(self.entries) - 1).bit_length()))
        return self.number(value, 4 if self.four_bit else 8)


def canonical(counts):
    """Codes of lengths 1, 2 …, as many as told; a single one of no bits if there are none."""
    codes, code = [], 0
    for length, count in enumerate(counts, 1):
        code <<= 1
        for _ in range(count):
            codes.append(f"{code:0{length}b}")
            code += 1
    return tuple(codes) or ("",)


def symbols(form, blocks):
    """``(block, bits, position or None, value)`` of every symbol, in order."""
    return {"dense": _dense, "bitmask": _bitmask, "csr": _csr, "rle": _runs,
            "huffman": _runs}[form.codec](form, blocks)


def _dense(form, blocks):
    for number, block in enumerate(blocks):
        for lane in range(form.lanes):
            if form.four_bit:
                low, high = (value & 15 for value in block[lane::form.lanes])
                yield number, form.number(low | high << 4, 8), lane, low | high << 4
            else:
                yield number, form.value(block[lane]), lane, block[lane]


def _bitmask(form, blocks):
    for number, block in enumerate(blocks):
        for start in range(0, form.positions, 8):
            part = block[start:start + 8]
            yield number, "".join(str(int(value != 0)) for value in part), None, 0
            for place, value in enumerate(part):
                if value:
                    yield number, form.value(value), start + place, value


def _csr(form, blocks):
    for number, block in enumerate(blocks):
        places = [place for place, value in enumerate(block) if value]
        if form.fixed:
            free = [place for place, value in enumerate(block) if not value]
            places = sorted(places + free[:form.argument - len(places)])
        else:
            yield number, form.number(len(places), form.argument), None, 0
        for place in places:
            bits = form.number(place, (form.positions - 1).bit_length())
            yield number, bits + form.value(block[place]), place, block[place]


def _runs(form, blocks):
    huffman = form.codec == "huffman"
    limit = len(form.runs) - 1 if huffman else (1 << form.argument) - 1
    before = -1
    for number, block in enumerate(blocks):
        for place, value in enumerate(block):
            if not value:
                continue
            position = number * form.positions + place
            run = position - before - 1
            while run >= limit:
                before += limit
                run -= limit
                bits = form.runs[form.argument] if huffman else form.number(limit, form.argument)
                yield before // form.positions, bits, None, 0
            before = position
            rank = run + (run >= form.argument)
            bits = form.runs[rank] if huffman else form.number(run, form.argument)
            yield number, bits + form.value(value), place, value


def padding(form):
    """What a lane's bits go on with."""
    if form.codec == "rle":
        return form.number(-1, form.argument)
    return form.runs[form.argument] if form.codec == "huffman" else "0"


def random_blocks(form, count, density, source: random.Random):
    """Blocks of values that the form can send."""
    choices = form.entries or (range(-8, 8) if form.four_bit else range(-128, 128))
    blocks = []
    for _ in range(count):
        most = form.argument if form.fixed else form.positions
        block = [0] * form.positions
        for place in source.sample(range(form.positions), most):
            if source.random() < density:
                block[place] = source.choice([value for value in choices if value])
        if form.codec == "dense" and form.entries:
            block = [source.choice(form.entries) for _ in block]
        blocks.append(block)
    return blocks
