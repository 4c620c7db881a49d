"""Streams against an encoder that goes step by step, as docs/weight-stream.md tells."""

import itertools
import zlib

import numpy as np
import pytest

from sparrow.golden.codec import CODECS, Parameters, decode_blocks, encode_blocks

INDEX = {8: 3, 16: 4, 32: 5}


def number(value, width):
    """Bits, the lowest first."""
    return format(value & ((1 << width) - 1), f"0{width}b")[::-1] if width else ""


def codewords(code):
    """Canonical codes, the highest bit first."""
    words, value = [], 0
    for width, count in enumerate(code.counts, 1):
        words += [format(value + place, f"0{width}b") for place in range(count)]
        value = value + count << 1
    return words or [""]


def value_bits(header, value):
    values = header.values
    if values.entries is None:
        return number(value, values.bits)
    place = values.entries.index(value)
    if values.code is not None:
        return codewords(values.code)[place]
    return number(place, max(1, (len(values.entries) - 1).bit_length()))


def block_symbols(header, block):
    """Symbols of a lane in a block, all codecs but rle and huffman."""
    def send(places):
        return [value_bits(header, block[place]) for place in places]
    nonzeros = [place for place, value in enumerate(block) if value]
    if header.codec == "dense":
        lanes = len(block) // (2 if header.four_bit else 1)
        bits = send(range(len(block)))
        return ["".join(bits[i::lanes]) for i in range(lanes)]
    if header.codec == "bitmask":
        result = []
        for first in range(0, len(block), 8):
            group = range(first, min(first + 8, len(block)))
            result.append("".join("01"[bool(block[place])] for place in group))
            result += send(place for place in group if block[place])
        return result
    zeros = [place for place, value in enumerate(block) if not value]
    sent = sorted(nonzeros + zeros[:max(0, header.fixed - len(nonzeros))])
    heads = [] if header.fixed else [number(len(sent), header.count_bits)]
    width = INDEX[len(block)]
    return heads + [number(place, width) + bits for place, bits in zip(sent, send(sent))]


def lane_symbols(header, blocks):
    """Block, bits and whether they matter, of each symbol of a lane."""
    if header.runs is None:
        for place, block in enumerate(blocks):
            for bits in block_symbols(header, block):
                yield place, bits, True
        return
    runs = header.runs
    if runs.code is None:
        words = [number(run, runs.run_bits) for run in range(1 << runs.run_bits)]
        escape = words.pop()
    else:
        words = codewords(runs.code)
        escape = words.pop(runs.escape_rank)
    size, zeros, place = len(blocks[0]), [], 0
    for place, value in enumerate(value for block in blocks for value in block):
        if not value:
            zeros.append(place)
            continue
        while len(zeros) >= len(words):
            yield zeros[len(words) - 1] // size, escape, True
            zeros = zeros[len(words):]
        yield place // size, words[len(zeros)] + value_bits(header, value), True
        zeros = []
    place -= len(zeros) - 1 if zeros else -1
    while True:
        place += len(words)
        yield (place - 1) // size, escape, False


class SlowLane:
    def __init__(self, header, blocks):
        self.symbols = lane_symbols(header, blocks)
        self.bits, self.needed, self.ends = "", 0, []
        self.block, self.behind = None, []
        self.ahead = header.codec == "huffman"

    def take(self, final):
        """Take a symbol; whether what is read with it uses up a granule."""
        uses = self.read(final)
        self.block = self.behind.pop(0)
        return uses

    def read(self, final=False):
        before = len(self.bits) // 16
        block, bits, matters = next(self.symbols, (None, "", False))
        assert block is not None or final
        self.behind.append(block)
        assert len(bits) <= 16
        self.bits += bits
        if bits:
            self.ends.append(len(self.bits))
        if matters:
            self.needed = -(-len(self.bits) // 16)
        return len(self.bits) // 16 > before


def deal(lanes, blocks, controls, lean, awake):
    """Granules in order, and for each block how many there are up to the last that is for no
    lane, and the symbols that each lane has taken by its end.

    ``controls`` are pairs of a number of blocks before, and a granule; ``awake`` are for each block
    the lanes that don't rest. Lanes get 3 granules at first, or, ``lean``, only what they need.
    """
    granted = [0] * len(lanes)
    order, taken, last = [], [], 0

    def ask(lane):
        order.append((lane, granted[lane]))
        granted[lane] += 1

    def read(lane, uses):
        # what a lean stream's lane hasn't got comes in front of the step in which it is read
        if len(lanes[lane].bits) > 16 * granted[lane] if lean else uses:
            ask(lane)

    def control(block):
        while controls and controls[0][0] == block:
            order.append((None, controls.pop(0)[1]))
    control(0)
    for lane in awake[0] * (0 if lean else 3):
        ask(lane)
    for lane in awake[0]:
        read(lane, lanes[lane].ahead and lanes[lane].read())
    for lane in awake[0]:
        read(lane, lanes[lane].take(False))
    for block in range(blocks):
        control(block)
        last = next((place for place in range(len(order), 0, -1) if order[place - 1][0] is None), 0)
        while True:
            here = [lane for lane in awake[block] if lanes[lane].block == block]
            for lane in here:
                read(lane, lanes[lane].take(block == blocks - 1))
            if not any(lanes[lane].block == block for lane in awake[block]):
                break
        taken.append((last, [len(own.ends) for own in lanes]))
    control(blocks)
    return order, taken


def slow_stream(stream, blocks, parameters):
    """The granules behind the header, and what must have been dealt by the end of each block."""
    columns = blocks.shape[4]
    found = decode_blocks(stream.data, lanes=blocks.shape[3], columns=columns)
    header, kept = found.header, found.kept
    laid = [[np.concatenate(step[..., column]).tolist()
             for step in blocks[kept]] for column in range(columns)]
    lanes = [SlowLane(header, own) for own in laid]
    controls, count, awake = [], 0, []
    for output_block in range(header.output_blocks):
        if parameters is not None:
            for channel in range(output_block * columns,
                                 min((output_block + 1) * columns, len(parameters.bias))):
                controls += [(count, granule) for granule in parameter_granules(
                    header.parameters, parameters, channel)]
        for step in range(header.steps if output_block < len(kept) else 0):
            if header.map and step % 16 == 0:
                bits = kept[output_block, step:step + 16]
                controls.append((count, sum(1 << i for i, bit in enumerate(bits) if bit)))
            count += kept[output_block, step]
            rest = (header.lean and header.codec in ("rle", "huffman")
                    and output_block == header.output_blocks - 1)
            if kept[output_block, step]:
                awake.append(list(range(header.last_columns if rest else columns)))
    order, taken = deal(lanes, count, controls, header.lean, awake)
    last = max((place for place, (lane, what) in enumerate(order)
                if lane is None or what < lanes[lane].needed), default=-1)
    order = order[:last + 1]
    granted = [sum(lane == own for lane, _ in order) for own in range(columns)]
    result = []
    for own, granules in zip(lanes, granted):
        while len(own.bits) < 16 * granules:
            bits = next(own.symbols, (0, "", False))[1]
            own.bits += bits or "0" * 16
    for lane, what in order:
        result.append(what if lane is None else
                      int(lanes[lane].bits[16 * what:16 * what + 16][::-1], 2))
    where = {granule: place for place, granule in enumerate(order, 1)}
    ends, symbols = [0], [0] * columns
    for last, counts in taken:
        places = [where[lane, (end - 1) // 16] for lane, own in enumerate(lanes)
                  for end in own.ends[symbols[lane]:counts[lane]] if end <= 16 * granted[lane]]
        ends.append(max([ends[-1], last, *places]))
        symbols = counts
    return result, np.array(ends[1:]), header


def parameter_granules(format_, parameters, channel):
    bias = int(parameters.bias[channel]) & 0xFFFFFFFF
    yield bias & 0xFFFF
    if format_.bias_bits == 32:
        yield bias >> 16
    if not format_.shared:
        mantissa, shift = int(parameters.mantissa[channel]), int(parameters.shift[channel])
        yield mantissa & 0xFFFF
        yield from (mantissa >> 16, shift) if format_.long else (mantissa >> 16 | shift << 8,)


CASES = [*itertools.product(CODECS, (False, True), (0.0, 0.03, 0.3, 1.0))]


@pytest.mark.parametrize("codec, four_bit, density", CASES)
@pytest.mark.parametrize("options", [
    {}, {"parameters": 1}, {"parameters": 2, "block_map": True},
    {"parameters": 2, "reuse": True}, {"codebook": True, "block_map": True},
    {"goal": "cycles", "parameters": 1}, {"parameters": 3},
    {"fixed": False, "parameters": 1}, {"lean": True, "parameters": 2, "block_map": True},
    {"lean": True, "outputs": 1, "channels": 3}, {"lean": True, "channels": 13},
    {"lean": True, "parameters": 2, "reuse": True}, {"lean": True, "goal": "cycles"},
    {"lean": False, "parameters": 3}], ids=str)
def test_dealing(codec, four_bit, density, options):
    options = dict(options)
    if codec == "dense" and four_bit:
        options.pop("codebook", None)
    generator = np.random.default_rng(int(100 * density))
    reuse = options.get("reuse", False)
    outputs = options.pop("outputs", 3)
    shape = (1 if reuse else outputs, 21, 1 + four_bit, 8 if density < 1 else 16, 5)
    kept = (generator.random(shape) < density) & (
        generator.random((shape[0], 21, 1, 1, 1)) < 0.5) & (
        generator.random(shape[4]) < [1, 1, 1, 0.05, 0.5])
    blocks = (generator.integers(-8, 8, shape) * kept).astype(np.int8)
    parameters = None
    match options.pop("parameters", 0):
        case 1:
            parameters = Parameters(np.arange(13) - 7, np.full(13, 2**24 - 1), np.full(13, 255))
        case 2:
            parameters = Parameters(np.arange(11) - 2**31, np.arange(11) + 2**23, np.arange(11))
        case 3:
            parameters = Parameters(np.arange(15), 2**32 - 1 - np.arange(15), np.arange(15) + 9)
    channels = options.get("channels", 15) if parameters is None else len(parameters.bias)
    if options.get("lean") and not reuse:
        blocks[-1, ..., channels - 5 * (outputs - 1):] = 0
    stream = encode_blocks(blocks, codec, four_bit=four_bit, parameters=parameters, **options)
    granules, dealt, header = slow_stream(stream, blocks, parameters)
    size = header.granules - len(granules)
    found = np.frombuffer(stream.data, "<u2")
    assert found[size:header.granules].tolist() == granules
    assert not found[header.granules:-2].any()
    assert len(stream) == -(-(2 * header.granules + 4) // 8) * 8
    assert zlib.crc32(stream.data[:-4]).to_bytes(4, "little") == stream.data[-4:]
    assert (stream.dealt == size + dealt).all()
