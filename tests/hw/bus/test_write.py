# amaranth: UnusedElaboratable=no
"""The write master: what gets to memory, bursts, answers, windows, halt."""

import pytest

from sparrow.hw.bus.write import WriteMaster
from sparrow.hw.spec.bus import BusSpec

SPECS = {
    "default": {},
    "one at a time": {"outstanding": 1},
    "narrow": {"data_width": 32, "max_burst": 10, "outstanding": 3},
    "wide": {"data_width": 256, "address_width": 64, "max_burst": 256},
    "single words": {"max_burst": 1, "outstanding": 32, "address_width": 40},
}
FLOWS = {"fast": {}, "memory stalls": {"stall": 0.6}, "client stalls": {"slow": 0.5, "idle": 0.5},
         "late": {"latency": 37}, "all": {"stall": 0.3, "slow": 0.4, "idle": 0.3, "latency": 9}}
DATA = 0x80 << 12  # where the data window begins


def test_interface():
    dut = WriteMaster(spec=BusSpec(data_width=128, outstanding=5))
    assert dut.spec == BusSpec(data_width=128, outstanding=5)
    members = dut.signature.members
    assert set(members) == {"requests", "data", "window", "halt", "idle", "outstanding", "answered",
                            "response_error", "window_error", "beat", "aw", "w", "b"}
    assert members["w"].signature.members["payload"].shape.size == 128 + 16 + 1


@pytest.mark.parametrize("flow", FLOWS.values(), ids=FLOWS.keys())
@pytest.mark.parametrize("fields", SPECS.values(), ids=SPECS.keys())
def test_writes(write_bench, fields, flow):
    spec = BusSpec(**fields)
    bench = write_bench(spec, seed=spec.outstanding, **flow)
    generator = bench.generator
    lengths = (1, 20, 2 * spec.burst_words)
    requests = [bench.random_request(window=1, words=generator.choice(lengths))
                for _ in range(12)]
    words, expected = [], {}
    for request in requests:
        for place in range(request["words"]):
            words.append(generator.getrandbits(spec.data_width))
            expected[bench.address(request) + place * spec.word_bytes] = words[-1]

    async def finish(ctx):
        await bench.send(requests)(ctx)
        await bench.wait_idle(ctx)
        assert bench.memory == expected
        assert not bench.answers
        assert ctx.get(bench.dut.outstanding) == 0

    bench.run(finish, bench.feed(words))
    assert bench.pulses == {"beat": len(words), "response_error": 0, "window_error": 0}
    assert sum(words for _, _, words in bench.bursts) == len(words)
    assert bench.written == len(bench.bursts)


def test_bursts_end_at_their_boundaries(write_bench):
    bench = write_bench(BusSpec(max_burst=31))  # 16 words of 8 bytes
    bench.run(bench.send([{"window": 1, "offset": 0x78, "words": 40}]), bench.feed(range(40)))
    assert [(address - DATA, words) for _, address, words in bench.bursts] == [
        (0x78, 1), (0x80, 16), (0x100, 16), (0x180, 7)]


def test_latency(write_bench):
    bench = write_bench(BusSpec())
    cycles = {}

    async def watch(ctx):
        dut, cycle = bench.dut, 0
        while "word" not in cycles:
            _, _, *valid = await ctx.tick().sample(
                dut.requests.valid, dut.aw.valid, dut.w.valid)
            cycle += 1
            for name, up in zip(("request", "address", "word"), valid):
                if up:
                    cycles.setdefault(name, cycle)

    bench.run(bench.send([{"window": 1, "offset": 0, "words": 1}]), bench.feed([1]), watch)
    assert cycles["address"] == cycles["word"] == cycles["request"] + 1


@pytest.mark.parametrize("fields, latency, words", [
    ({}, 1, [300]),
    ({}, 40, [300, 17, 1, 1, 40]),
    ({"max_burst": 1, "outstanding": 32}, 20, [100]),
    ({"outstanding": 16}, 10, [1] * 50),
])
def test_a_word_per_cycle(write_bench, fields, latency, words):
    bench = write_bench(BusSpec(**fields), latency=latency)
    requests = [{"window": 1, "offset": number << 12, "words": count}
                for number, count in enumerate(words)]
    bench.run(bench.send(requests), bench.feed(range(sum(words))))
    assert len(bench.beats) == sum(words)
    assert bench.beats[-1] - bench.beats[0] == sum(words) - 1


def test_memory_may_want_words_before_it_takes_the_address(write_bench):

    class Late(write_bench):
        async def serve_aw(self, ctx):
            while True:
                while not self.filled:
                    await ctx.tick()
                self.addressed.append(self.accept(
                    await self.transfer_out(ctx, self.dut.aw, stall=0)))
                self.join()

    bench = Late(BusSpec())
    bench.run(bench.send([{"window": 1, "offset": 0, "words": 40}]), bench.feed(range(40)))
    assert bench.memory == {DATA + 8 * place: place for place in range(40)}


@pytest.mark.parametrize("window, offset, words, inside", [
    (1, 0, 0x300 * 512, True),
    (1, 0, 0x300 * 512 + 1, False),
    (1, 0x2F_FFF8, 1, True),
    (1, 0x2F_FFF8, 2, False),
    (1, 0x30_0000, 1, False),
    (1, 0xFFFF_FFF8, 2, False),
    (1, 0, 0, False),
    (0, 0, 1, False),
    (0, 0, 100, False),
])
def test_windows(write_bench, window, offset, words, inside):
    bench = write_bench(BusSpec())
    request = {"window": window, "offset": offset, "words": words}
    if inside and words > 1000:
        async def first(ctx):
            ctx.set(bench.dut.requests.valid, 1)
            ctx.set(bench.dut.requests.payload, request)
            while not bench.bursts:
                await ctx.tick()
        bench.run(first)
    else:
        good = {"window": 1, "offset": 16, "words": 3}
        bench.run(bench.send([good, request, good]), bench.feed(range(6 + words * inside)))
        assert len(bench.bursts) == 2 + inside
    assert bench.pulses["window_error"] == (not inside)


def test_errors_are_reported(write_bench):
    bench = write_bench(BusSpec(), latency=3)
    bench.failing = {DATA + 128, DATA + 256}
    bench.run(bench.send([{"window": 1, "offset": 0, "words": 64}]), bench.feed(range(64)))
    assert bench.pulses["response_error"] == 2


def test_idle(write_bench):
    bench = write_bench(BusSpec(), latency=30)

    async def send(ctx):
        assert ctx.get(bench.dut.idle)
        await bench.send([{"window": 1, "offset": 0, "words": 40}])(ctx)
        highest = 0
        while not ctx.get(bench.dut.idle):
            highest = max(highest, ctx.get(bench.dut.outstanding))
            await ctx.tick()
        assert highest == 3
        assert bench.written == 3
        assert bench.cycle >= bench.beats[-1] + 30

    bench.run(send, bench.feed(range(40)))


def test_part_of_a_request_is_not_idle(write_bench):
    bench = write_bench(BusSpec(outstanding=1), latency=2)
    idle = []

    async def watch(ctx):
        while len(bench.beats) < 40:
            _, _, up = await ctx.tick().sample(bench.dut.idle)
            idle.append(up)

    bench.run(bench.send([{"window": 1, "offset": 0, "words": 40}]), bench.feed(range(40)), watch)
    assert not any(idle[2:])


@pytest.mark.parametrize("moment", [*range(1, 9), 20, 33, 61])
@pytest.mark.parametrize("stall", [0, 0.5])
def test_halt(write_bench, moment, stall):
    bench = write_bench(BusSpec(), seed=moment, stall=stall, latency=4)
    dut = bench.dut

    async def halt(ctx):
        """No data comes after the halt, and the bus falls silent all the same."""
        ctx.set(dut.requests.valid, 1)
        ctx.set(dut.requests.payload, {"window": 1, "offset": 0, "words": 5000})
        ctx.set(dut.data.valid, 1)
        ctx.set(dut.data.payload.data, 7)
        await ctx.tick().repeat(moment)
        ctx.set(dut.halt, 1)
        begun = len(bench.bursts) + ctx.get(dut.aw.valid)
        waiting = ctx.get(dut.w.valid)
        written = len(bench.beats)
        while waiting and not ctx.get(dut.w.ready):
            await ctx.tick()  # the rule of streams: this word stays
        await ctx.tick()
        ctx.set(dut.data.valid, 0)
        while not ctx.get(dut.idle):
            await ctx.tick()
        assert len(bench.bursts) == bench.written == begun
        assert len(bench.memory) <= written + 1
        for _ in range(50):
            await ctx.tick()
            assert ctx.get(dut.idle)
            assert not ctx.get(dut.aw.valid) and not ctx.get(dut.w.valid)

    bench.run(halt)
    assert len(bench.beats) == sum(words for _, _, words in bench.bursts)


def test_answers_that_nobody_waits_for_are_not_taken(write_bench):
    bench = write_bench(BusSpec())

    async def intrude(ctx):
        await bench.transfer_in(ctx, bench.dut.b, {"resp": 2}, idle=0)

    bench.simulator.add_testbench(intrude, background=True)

    async def wait(ctx):
        await ctx.tick().repeat(10)
        assert ctx.get(bench.dut.idle)

    bench.run(wait)
    assert bench.pulses["response_error"] == 0


def test_refuses():
    with pytest.raises(TypeError) as caught:
        WriteMaster(spec=None)
    assert str(caught.value) == "spec must be a BusSpec, not None"
