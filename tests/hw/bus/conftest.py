"""A memory with AXI channels that stalls, is late and fails; benches for both masters."""

import collections

import pytest

from sparrow.hw.bus import ReadMaster, WriteMaster

from .bench import SURPLUS_CYCLES, Bench


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
