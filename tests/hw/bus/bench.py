"""What the benches of both bus masters share: clock, streams, checks of bursts, an AXI memory's
address map."""

import collections
import random

from amaranth.hdl import Value
from amaranth.sim import Simulator

__all__ = ["SURPLUS_CYCLES", "Bench"]

DEADLINE = 30_000
SURPLUS_CYCLES = 30
WINDOWS = ((0x12345, 4), (0x00080, 0x300))  # first page, pages


class Bench:
    """A master under test, its clock, its memory, and a watch over what it offers.

    Parameters
    ----------
    stall : float
        How often the memory isn't ready, or offers nothing, on each of its channels.
    idle, slow : float
        How often clients offer nothing, and don't take what they are offered.
    latency : int
        Cycles from an address to its first word, from a burst's last word to its response.
    """

    def __init__(self, dut, *, seed=0, stall=0.0, idle=0.0, slow=0.0, latency=1,
                 windows=WINDOWS):
        self.dut, self.spec = dut, dut.spec
        self.stall, self.idle, self.slow, self.latency = stall, idle, slow, latency
        self.windows = windows
        self.generator = random.Random(seed)
        self.cycle = 0
        self.failing = set()  # addresses of words, or of bursts, whose response is an error
        self.bursts = []  # cycle, address, words
        self.beats = []  # cycles
        self.pulses = collections.Counter()
        self.simulator = Simulator(dut)
        self.simulator.add_clock(1e-6)
        self.simulator.add_process(self.count)

    def chance(self, probability):
        return self.generator.random() < probability

    def noise(self, ctx, payload):
        bits = Value.cast(payload)
        ctx.set(bits, self.generator.getrandbits(len(bits)))

    async def count(self, ctx):
        names = ("response_error", "window_error", "beat")
        signals = [getattr(self.dut, name) for name in names]
        while True:
            _, _, *values = await ctx.tick().sample(*signals)
            self.cycle += 1
            assert self.cycle < DEADLINE, "the bench hangs"
            for name, value in zip(names, values):
                self.pulses[name] += value
            if values[2]:
                self.beats.append(self.cycle)

    def watch(self, *names):
        """Hold streams to their rule: what is offered stays until it is transferred."""
        for name in names:
            self.simulator.add_process(self._watcher(name))

    def _watcher(self, name):
        port = getattr(self.dut, name)

        async def watcher(ctx):
            offered = None
            while True:
                _, _, valid, ready, bits = await ctx.tick().sample(
                    port.valid, port.ready, Value.cast(port.payload))
                if offered is not None:
                    assert valid, f"{name}.valid fell before the transfer"
                    assert bits == offered, f"{name}.payload changed before the transfer"
                offered = bits if valid and not ready else None
        return watcher

    async def transfer_in(self, ctx, port, payload, *, idle):
        """Offer a payload until it is taken, after random times without an offer."""
        while self.chance(idle):
            ctx.set(port.valid, 0)
            self.noise(ctx, port.payload)
            await ctx.tick()
        ctx.set(port.valid, 1)
        ctx.set(port.payload, payload)
        ready = False
        while not ready:
            _, _, ready = await ctx.tick().sample(port.ready)
        ctx.set(port.valid, 0)
        self.noise(ctx, port.payload)

    async def transfer_out(self, ctx, port, *, stall):
        """Take a transfer, with random times of not being ready; its payload."""
        while True:
            ctx.set(port.ready, not self.chance(stall))
            _, _, valid, ready, payload = await ctx.tick().sample(
                port.valid, port.ready, port.payload)
            if valid and ready:
                ctx.set(port.ready, 0)
                return payload

    def accept(self, payload):
        """Check the address of a burst; the addresses of its words."""
        word_bytes, words = self.spec.word_bytes, payload.len + 1
        address, end = payload.addr, payload.addr + words * word_bytes
        assert address % word_bytes == 0
        assert words <= self.spec.max_burst
        assert address // 4096 == (end - 1) // 4096, "a burst crosses 4 KiB"
        assert any(base << 12 <= address and end <= base + size << 12
                   for base, size in self.windows), f"{address:#x} is in no window"
        self.bursts.append((self.cycle, address, words))
        return range(address, end, word_bytes)

    def word(self, address):
        """What memory holds at first."""
        return random.Random(address).getrandbits(self.spec.data_width)

    def address(self, request):
        return (self.windows[request["window"]][0] << 12) + request["offset"]

    def random_request(self, *, window, words):
        """A request of 1 to ``words`` words anywhere in a window, sometimes up to its end."""
        generator, word_bytes = self.generator, self.spec.word_bytes
        count = generator.randint(1, words)
        places = self.windows[window][1] * self.spec.page_words - count
        place = generator.choice((0, places, generator.randint(0, places)))
        return {"window": window, "offset": place * word_bytes, "words": count}

    async def _steady(self, ctx):
        windows = [{"base": base, "size": size} for base, size in self.windows]
        if hasattr(self.dut, "windows"):
            ctx.set(self.dut.windows, windows)
        else:
            ctx.set(self.dut.window, windows[1])

    def run(self, *testbenches):
        """Run all to their ends, then wait whether anything more happens."""
        left = [len(testbenches)]

        def until_all(testbench):
            async def wrapped(ctx):
                await testbench(ctx)
                left[0] -= 1
                while left[0]:
                    await ctx.tick()
                await ctx.tick().repeat(SURPLUS_CYCLES)
            return wrapped

        self.simulator.add_testbench(self._steady)
        for testbench in testbenches:
            self.simulator.add_testbench(until_all(testbench))
        self.simulator.run()
