"""A memory with AXI channels that stalls, is late and fails; benches for both masters."""

import collections
import random

import pytest
from amaranth.hdl import Value
from amaranth.sim import Simulator

from sparrow.hw.bus import ReadMaster, WriteMaster

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


class ReadBench(Bench):
    """A read master and its memory."""

    def __init__(self, spec, buffers, **options):
        super().__init__(ReadMaster(spec=spec, buffers=buffers), **options)
        self.buffers = buffers
        self.queue = collections.deque()  # cycle from which it may be answered, addresses
        self.received = [[] for _ in buffers]  # data, last
        self.watch("ar", "r")
        self.simulator.add_testbench(self.serve_ar, background=True)
        self.simulator.add_testbench(self.serve_r, background=True)

    async def serve_ar(self, ctx):
        while True:
            addresses = self.accept(await self.transfer_out(ctx, self.dut.ar, stall=self.stall))
            self.queue.append((self.cycle + self.latency - 1, addresses))
            assert len(self.queue) <= self.spec.outstanding

    async def serve_r(self, ctx):
        while True:
            while not self.queue or self.cycle < self.queue[0][0]:
                await ctx.tick()
            _, addresses = self.queue[0]
            for address in addresses:
                await self.transfer_in(ctx, self.dut.r, {
                    "data": self.word(address), "resp": 2 * (address in self.failing),
                    "last": address == addresses[-1]}, idle=self.stall)
            self.queue.popleft()

    def send(self, client, requests):
        port = getattr(self.dut, f"requests_{client}")

        async def sender(ctx):
            for request in requests:
                await self.transfer_in(ctx, port, request, idle=self.idle)
        return sender

    def receive(self, client, count, *, slow=None):
        """Take ``count`` words; then none may be offered."""
        port = getattr(self.dut, f"data_{client}")

        async def receiver(ctx):
            for _ in range(count):
                payload = await self.transfer_out(ctx, port,
                                                  stall=self.slow if slow is None else slow)
                self.received[client].append((payload.data, payload.last))
            for _ in range(SURPLUS_CYCLES):
                _, _, valid = await ctx.tick().sample(port.valid)
                assert not valid, "a word too many"
        return receiver

    def expected(self, requests):
        """The words of requests, and which is the last of one."""
        return [(self.word(self.address(request) + place * self.spec.word_bytes),
                 int(place == request["words"] - 1))
                for request in requests for place in range(request["words"])]


class WriteBench(Bench):
    """A write master and its memory."""

    def __init__(self, spec, **options):
        super().__init__(WriteMaster(spec=spec), **options)
        self.memory = {}
        self.answers = collections.deque()  # cycle from which it may be given, whether an error
        self.addressed, self.filled = collections.deque(), collections.deque()
        self.offered = 0  # bursts seen on aw, taken or not
        self.written = 0  # bursts
        self.watch("aw", "w", "b")
        self.simulator.add_process(self.order)
        for server in (self.serve_aw, self.serve_w, self.serve_b):
            self.simulator.add_testbench(server, background=True)

    async def order(self, ctx):
        """No word of a burst is offered before its address."""
        aw, w = self.dut.aw, self.dut.w
        fresh, ends = True, 0
        while True:
            _, _, valid, ready, word, taken, last = await ctx.tick().sample(
                aw.valid, aw.ready, w.valid, w.ready, w.payload.last)
            self.offered += valid and fresh
            fresh = not valid or ready
            assert not word or ends < self.offered, "a word before its address"
            ends += word and taken and last

    async def serve_aw(self, ctx):
        while True:
            payload = await self.transfer_out(ctx, self.dut.aw, stall=self.stall)
            self.addressed.append(self.accept(payload))
            self.join()

    async def serve_w(self, ctx):
        words = []
        while True:
            words.append(await self.transfer_out(ctx, self.dut.w, stall=self.stall))
            if words[-1].last:
                self.filled.append(words)
                words = []
                self.join()

    def join(self):
        """Write the bursts of which both address and words have come."""
        while self.addressed and self.filled:
            addresses, words = self.addressed.popleft(), self.filled.popleft()
            assert len(addresses) == len(words), "a burst of a wrong length"
            for address, word in zip(addresses, words):
                assert word.strb in (0, (1 << self.spec.word_bytes) - 1)
                if word.strb:
                    self.memory[address] = word.data
            self.answers.append((self.cycle + self.latency, addresses[0] in self.failing))
            self.written += 1

    async def serve_b(self, ctx):
        while True:
            while not self.answers or self.cycle < self.answers[0][0]:
                await ctx.tick()
            _, failed = self.answers.popleft()
            await self.transfer_in(ctx, self.dut.b, {"resp": 2 * failed}, idle=self.stall)

    def send(self, requests):
        async def sender(ctx):
            for request in requests:
                await self.transfer_in(ctx, self.dut.requests, request, idle=self.idle)
        return sender

    def feed(self, words):
        async def feeder(ctx):
            for word in words:
                await self.transfer_in(ctx, self.dut.data, {"data": word}, idle=self.slow)
        return feeder

    async def wait_idle(self, ctx):
        await ctx.tick()
        while not ctx.get(self.dut.idle):
            await ctx.tick()


@pytest.fixture
def read_bench():
    """The class of benches of read masters."""
    return ReadBench


@pytest.fixture
def write_bench():
    """The class of benches of write masters."""
    return WriteBench
