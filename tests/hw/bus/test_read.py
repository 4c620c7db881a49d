# amaranth: UnusedElaboratable=no
"""The read master: data, bursts, turns, room, windows, halt."""

import pytest

from sparrow.hw.bus.read import ReadMaster, words_layout
from sparrow.hw.bus.signature import request_layout, window_layout
from sparrow.hw.spec.bus import BusSpec

SPECS = {
    "default": ({}, (64, 0, 32)),
    "no FIFO": ({"outstanding": 1}, (0,)),
    "narrow": ({"data_width": 32, "max_burst": 10, "outstanding": 3}, (8, 17, 0, 9)),
    "wide": ({"data_width": 256, "address_width": 64, "max_burst": 256, "outstanding": 5},
             (128, 0)),
    "single words": ({"max_burst": 1, "outstanding": 32, "address_width": 40}, (2, 2, 0)),
}
FLOWS = {"fast": {}, "memory stalls": {"stall": 0.6}, "clients stall": {"slow": 0.5, "idle": 0.5},
         "late": {"latency": 37}, "all": {"stall": 0.3, "slow": 0.4, "idle": 0.3, "latency": 9}}


def test_interface():
    spec = BusSpec(data_width=128, address_width=36)
    dut = ReadMaster(spec=spec, buffers=(0, 32))
    assert (dut.spec, dut.buffers, dut.clients) == (spec, (0, 32), 2)
    members = dut.signature.members
    assert set(members) == {"requests_0", "requests_1", "data_0", "data_1", "windows", "halt",
                            "idle", "response_error", "window_error", "beat", "ar", "r"}
    assert request_layout().size == 57
    assert words_layout(spec).size == 129
    assert window_layout(spec).size == 44
    assert members["windows"].shape.as_shape().width == 88


@pytest.mark.parametrize("flow", FLOWS.values(), ids=FLOWS.keys())
@pytest.mark.parametrize("fields, buffers", SPECS.values(), ids=SPECS.keys())
def test_reads(read_bench, fields, buffers, flow):
    spec = BusSpec(**fields)
    bench = read_bench(spec, buffers, seed=len(buffers), **flow)
    generator = bench.generator
    lengths = (1, 20, 3 * spec.burst_words)
    count = min(8, 3 + 64 // spec.burst_words)
    requests = [[bench.random_request(window=generator.randint(0, 1),
                                      words=generator.choice(lengths))
                 for _ in range(count)] for _ in buffers]
    for client, words in enumerate(buffers):
        if words:
            bench.watch(f"data_{client}")
    expected = [bench.expected(some) for some in requests]
    bench.run(*[bench.send(client, some) for client, some in enumerate(requests)],
              *[bench.receive(client, len(some)) for client, some in enumerate(expected)])
    assert bench.received == expected
    total = sum(map(len, expected))
    assert bench.pulses == {"beat": total, "response_error": 0, "window_error": 0}
    assert sum(words for _, _, words in bench.bursts) == total


def test_bursts_end_at_their_boundaries(read_bench):
    bench = read_bench(BusSpec(max_burst=31), (0,))  # 16 words of 8 bytes
    bench.run(bench.send(0, [{"window": 0, "offset": 0x78, "words": 40}]), bench.receive(0, 40))
    assert [(address - (0x12345 << 12), words) for _, address, words in bench.bursts] == [
        (0x78, 1), (0x80, 16), (0x100, 16), (0x180, 7)]


def test_low_bits_of_offsets_are_ignored(read_bench):
    bench = read_bench(BusSpec(), (0,))
    bench.run(bench.send(0, [{"window": 1, "offset": 0x87, "words": 1}]), bench.receive(0, 1))
    assert [address for _, address, _ in bench.bursts] == [0x80080]


@pytest.mark.parametrize("buffer", [0, 64])
def test_latency(read_bench, buffer):
    bench = read_bench(BusSpec(), (buffer,))
    cycles = {}

    async def watch(ctx):
        dut, cycle = bench.dut, 0
        while "data" not in cycles:
            names = {"request": dut.requests_0, "address": dut.ar, "word": dut.r,
                     "data": dut.data_0}
            _, _, *valid = await ctx.tick().sample(*[port.valid for port in names.values()])
            cycle += 1
            for name, up in zip(names, valid):
                if up:
                    cycles.setdefault(name, cycle)

    bench.run(bench.send(0, [{"window": 0, "offset": 0, "words": 1}]), bench.receive(0, 1), watch)
    assert cycles["address"] - cycles["request"] == 2
    assert cycles["data"] - cycles["word"] == (2 if buffer else 0)


@pytest.mark.parametrize("latency, buffers, fields", [
    (1, (0,), {"max_burst": 2}),
    (100, (0,), {}),
    (60, (128,), {}),
    (60, (128, 128), {"data_width": 32}),
    (25, (0, 64), {"max_burst": 4, "outstanding": 16}),
])
def test_a_word_per_cycle(read_bench, latency, buffers, fields):
    bench = read_bench(BusSpec(**fields), buffers, latency=latency)
    words = 400
    request = {"window": 1, "offset": 0, "words": words}
    bench.run(*[bench.send(client, [request]) for client in range(len(buffers))],
              *[bench.receive(client, words) for client in range(len(buffers))])
    total = len(buffers) * words
    assert len(bench.beats) == total
    assert bench.beats[-1] - bench.beats[0] == total - 1


def test_short_requests_take_two_cycles(read_bench):
    bench = read_bench(BusSpec(), (0, 0), latency=5)
    requests = [{"window": 1, "offset": 8 * place, "words": 1} for place in range(20)]
    bench.run(*[bench.send(client, requests) for client in (0, 1)],
              *[bench.receive(client, 20) for client in (0, 1)])
    assert bench.beats[-1] - bench.beats[0] == 2 * 39


def test_clients_take_turns(read_bench):
    bench = read_bench(BusSpec(), (0, 0, 0))
    requests = [{"window": 1, "offset": client << 16, "words": 160} for client in range(3)]
    bench.run(*[bench.send(client, [request]) for client, request in enumerate(requests)],
              *[bench.receive(client, 160) for client in range(3)])
    turns = [(address - 0x80000) >> 16 for _, address, _ in bench.bursts]
    assert turns == turns[:3] * 10
    assert sorted(turns[:3]) == [0, 1, 2]


@pytest.mark.parametrize("buffer, words", [(32, 32), (47, 32), (16, 16)])
def test_a_full_client_does_not_stop_others(read_bench, buffer, words):
    bench = read_bench(BusSpec(), (buffer, 0))
    request = {"window": 1, "offset": 0, "words": 200}

    async def first(ctx):
        """Takes nothing until the other has all."""
        while len(bench.received[1]) < 200:
            await ctx.tick()
        assert len(bench.beats) == 200 + words
        await bench.receive(0, 200)(ctx)

    bench.run(bench.send(0, [request]), bench.send(1, [request]), first, bench.receive(1, 200))
    assert bench.received[0] == bench.received[1] == bench.expected([request])


@pytest.mark.parametrize("window, offset, words, inside", [
    (0, 0, 4 * 512, True),
    (0, 0, 4 * 512 + 1, False),
    (0, 8, 4 * 512, False),
    (0, 4 * 4096 - 8, 1, True),
    (0, 4 * 4096 - 8, 2, False),
    (0, 4 * 4096, 1, False),
    (0, 0xFFFF_FFF8, 1, False),
    (0, 0xFFFF_FFF8, 2, False),  # would wrap around to the window's first word
    (0, 0xFFFF_FFF8, 0xFF_FFFF, False),
    (0, 0, 0, False),
    (0, 8, 0, False),
    (1, 0x2F_FFF8, 1, True),
    (1, 0x2F_FFF8, 2, False),
])
def test_windows(read_bench, window, offset, words, inside):
    bench = read_bench(BusSpec(), (0,))
    request = {"window": window, "offset": offset, "words": words}
    good = {"window": 0, "offset": 16, "words": 3}
    requests = [good, request, good]
    expected = bench.expected([good, *[request] * inside, good])
    bench.run(bench.send(0, requests), bench.receive(0, len(expected)))
    assert bench.received == [expected]
    assert bench.pulses["window_error"] == (not inside)


def test_an_empty_window(read_bench):
    bench = read_bench(BusSpec(), (0,), windows=((5, 0), (7, 1)))
    bench.run(bench.send(0, [{"window": 0, "offset": 0, "words": 1}]), bench.receive(0, 0))
    assert bench.pulses["window_error"] == 1
    assert not bench.bursts


def test_the_largest_window(read_bench):
    bench = read_bench(BusSpec(address_width=40), (0,), windows=((0xABCD123, 0xFFFFF), (0, 0)))
    requests = [{"window": 0, "offset": 0xFFFF_F000 - 8 * words, "words": words}
                for words in (1, 20)]
    bench.run(bench.send(0, requests), bench.receive(0, 21))
    assert bench.received == [bench.expected(requests)]


def test_errors_are_reported(read_bench):
    bench = read_bench(BusSpec(), (0, 16))
    bench.failing = {0x80000 + 8 * place for place in (3, 17, 18)}
    requests = [{"window": 1, "offset": offset, "words": 20} for offset in (0, 0x200)]
    bench.run(*[bench.send(client, [request]) for client, request in enumerate(requests)],
              *[bench.receive(client, 20) for client in range(2)])
    assert bench.pulses["response_error"] == 3
    assert bench.received == [bench.expected([request]) for request in requests]


@pytest.mark.parametrize("moment", [*range(1, 9), 20, 33, 61])
@pytest.mark.parametrize("stall", [0, 0.5])
def test_halt(read_bench, moment, stall):
    bench = read_bench(BusSpec(), (32, 0), seed=moment, stall=stall, latency=4)
    dut = bench.dut

    async def halt(ctx):
        """Nobody takes data after the halt, and the bus falls silent all the same."""
        for client in range(2):
            port = getattr(dut, f"requests_{client}")
            ctx.set(port.valid, 1)
            ctx.set(port.payload, {"window": 1, "offset": 0, "words": 5000})
            ctx.set(getattr(dut, f"data_{client}").ready, 1)
        await ctx.tick().repeat(moment)
        ctx.set(dut.halt, 1)
        offered = ctx.get(dut.ar.valid)
        for client in range(2):
            ctx.set(getattr(dut, f"data_{client}").ready, 0)
        begun = len(bench.bursts)
        while not ctx.get(dut.idle):
            assert not ctx.get(dut.data_1.valid)
            await ctx.tick()
        assert len(bench.bursts) == begun + offered
        for _ in range(50):
            await ctx.tick()
            assert ctx.get(dut.idle)
            assert not ctx.get(dut.ar.valid)

    bench.run(halt)
    assert len(bench.beats) == sum(words for _, _, words in bench.bursts)


def test_halt_refuses_nothing(read_bench):
    bench = read_bench(BusSpec(), (0,))

    async def halt(ctx):
        ctx.set(bench.dut.halt, 1)
        ctx.set(bench.dut.requests_0.valid, 1)
        ctx.set(bench.dut.requests_0.payload, {"window": 0, "offset": 1 << 31, "words": 1})
        await ctx.tick().repeat(10)
        assert not ctx.get(bench.dut.requests_0.ready)

    bench.run(halt)
    assert bench.pulses["window_error"] == 0


def test_words_that_nobody_asked_for_are_not_taken(read_bench):
    bench = read_bench(BusSpec(), (0,))

    async def intrude(ctx):
        ctx.set(bench.dut.data_0.ready, 1)
        await bench.transfer_in(ctx, bench.dut.r, {"data": 1, "resp": 0, "last": 1}, idle=0)

    bench.simulator.add_testbench(intrude, background=True)

    async def wait(ctx):
        await ctx.tick().repeat(10)
        assert not ctx.get(bench.dut.data_0.valid)

    bench.run(wait)
    assert bench.pulses["beat"] == 0


@pytest.mark.parametrize("changes, error, text", [
    ({"spec": 3}, TypeError, "spec must be a BusSpec, not 3"),
    ({"buffers": [0]}, TypeError, "buffers must be a tuple, not [0]"),
    ({"buffers": ()}, ValueError, "buffers must be of 1 to 8 clients, not 0"),
    ({"buffers": (0,) * 9}, ValueError, "buffers must be of 1 to 8 clients, not 9"),
    ({"buffers": (0, 15)}, ValueError,
     "buffers[1], unless 0, must be an integer from 16 to 65536, not 15"),
    ({"buffers": (65537,)}, ValueError,
     "buffers[0], unless 0, must be an integer from 16 to 65536, not 65537"),
    ({"buffers": (1.5,)}, TypeError,
     "buffers[0], unless 0, must be an integer from 16 to 65536, not 1.5"),
    ({"buffers": (False,)}, TypeError,
     "buffers[0], unless 0, must be an integer from 16 to 65536, not False"),
    ({"buffers": (1,), "spec": BusSpec(max_burst=1)}, ValueError,
     "buffers[0], unless 0, must be an integer from 2 to 65536, not 1"),
])
def test_refuses(changes, error, text):
    with pytest.raises(error) as caught:
        ReadMaster(**{"spec": BusSpec(), "buffers": (0,)} | changes)
    assert str(caught.value) == text
