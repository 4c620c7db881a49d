# amaranth: UnusedElaboratable=no
"""What comes in: streams' lengths and checksums, and what is kept of their words."""

import random
import zlib

import pytest
from amaranth.sim import Simulator

from sparrow.hw.decode.intake import Intake
from sparrow.hw.spec.decode import DecompressorSpec
from sparrow.hw.spec.faults import StreamFault

WIDTHS = [32, 64, 128, 256]


def stream_of(spec, granules, generator):
    """Words of a stream of so many granules, at least 4."""
    size = 2 * granules + 4
    size += -size % spec.word_bytes
    body = bytearray(generator.randbytes(size - 4))
    body[4:8] = (granules | generator.getrandbits(6) << 26).to_bytes(4, "little")
    body[2 * granules:] = bytes(size - 4 - 2 * granules)
    data = bytes(body) + zlib.crc32(body).to_bytes(4, "little")
    words = [int.from_bytes(data[place:place + spec.word_bytes], "little")
             for place in range(0, size, spec.word_bytes)]
    return [(word, number == len(words) - 1) for number, word in enumerate(words)]


def take(spec, streams, *, finish, seed=0):
    """Words written, with what of them is useful, and the fault, as (stream, fault) or ``None``."""
    dut = Intake(spec=spec)
    generator = random.Random(seed)
    written, state = [], {"finished": 0, "fault": None}
    words = [entry for stream in streams for entry in stream]

    async def bench(ctx):
        left, rest = list(words), 100
        while left or rest:
            rest -= not left
            offers = bool(left) and generator.random() < 0.8
            ctx.set(dut.words.valid, offers)
            if offers:
                ctx.set(dut.words.payload, {"data": left[0][0], "last": left[0][1]})
            ctx.set(dut.room, generator.random() < 0.8)
            finishes = bool(ctx.get(dut.whole)) and generator.random() < finish
            ctx.set(dut.finish, finishes)
            if ctx.get(dut.write):
                written.append((ctx.get(dut.word), ctx.get(dut.useful)))
                assert ctx.get(dut.room)
            fault = ctx.get(dut.fault)
            if fault:
                state["fault"] = state["fault"] or (state["finished"], StreamFault(fault))
            if offers and ctx.get(dut.words.ready):
                del left[0]
            await ctx.tick()
            state["finished"] += finishes

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return written, state["finished"], state["fault"]


def kept(spec, granules, stream):
    """What is to be written of a stream."""
    words = granules // spec.granules + 1
    useful = [(1 << min(spec.granules, granules - number * spec.granules)) - 1
              for number in range(words)]
    return [(word, mask) for (word, _), mask in zip(stream, useful)]


@pytest.mark.parametrize("data_width", WIDTHS)
@pytest.mark.parametrize("finish", [1, 0.05])
def test_good_streams(data_width, finish):
    spec = DecompressorSpec(data_width=data_width, fifo_bytes=1024)
    generator = random.Random(data_width)
    lengths = [*range(6, 6 + 2 * spec.granules), 100]
    streams = [stream_of(spec, length, generator) for length in lengths]
    written, finished, fault = take(spec, streams, finish=finish)
    assert fault is None
    expected = [kept(spec, length, stream) for length, stream in zip(lengths, streams)]
    if finish == 1:
        assert finished == len(streams)
    assert written == [entry for words in expected for entry in words][:len(written)]
    assert sum(map(len, expected[:finished])) <= len(written)


@pytest.mark.parametrize("data_width", WIDTHS)
@pytest.mark.parametrize("granules", [
    20, 21, 22, 47, *(pytest.param(granules, marks=pytest.mark.heavy) for granules in (23, 40))])
def test_faults(data_width, granules):
    spec = DecompressorSpec(data_width=data_width, fifo_bytes=1024)
    generator = random.Random(granules)
    good, bad = stream_of(spec, 19, generator), stream_of(spec, granules, generator)
    truncated = [*bad[:-2], (bad[-2][0], True)]
    trailing = [*bad[:-1], (bad[-1][0], False), (generator.getrandbits(32), True)]
    place = generator.choice([number for number in range(len(bad)) if number != 0
                              and (data_width > 32 or number != 1)])
    flipped = [(word ^ (1 << generator.randrange(data_width) if number == place else 0), last)
               for number, (word, last) in enumerate(bad)]
    for stream, fault in ((truncated, StreamFault.TRUNCATED), (trailing, StreamFault.TRAILING),
                          (flipped, StreamFault.CHECKSUM)):
        if stream is truncated and len(bad) < 3:
            continue
        assert take(spec, [good, stream, good], finish=0.1)[1:] == (1, (1, fault))
