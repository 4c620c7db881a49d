"""A test bench for requantizers: drivers, a monitor that holds the stream rule, and golden."""

import dataclasses
import random

import pytest
import torch
from amaranth.hdl import ResetInserter, Signal, Value
from amaranth.sim import Simulator

from sparrow.golden.post import requantize
from sparrow.hw.post import Requantize
from sparrow.hw.spec.requantize import RequantizeSpec

SURPLUS_CYCLES = 40
DEADLINE = 20_000


@dataclasses.dataclass
class Tensor:
    """A set of parameters and the vectors of sums that use it."""

    mantissa: list[int]
    shift: list[int]
    zero_point: int
    minimum: int
    maximum: int
    vectors: list[list[int]]
    bias: list[int] | None = None

    @classmethod
    def random(cls, spec: RequantizeSpec, length: int, generator: random.Random):
        """Random parameters and sums, about half of them corner cases."""
        limit = 2**(spec.accumulator_width - 1)
        corners = (-limit, 1 - limit, -2, -1, 0, 1, 2, limit // 2, -limit // 2, limit - 1)
        highest = spec.maximum_mantissa
        extremes = (spec.output_minimum, spec.output_maximum)

        def pick(corners, low, high):
            return generator.choice((generator.choice(corners), generator.randint(low, high)))

        minimum, maximum = sorted(pick(extremes, *extremes) for _ in range(2))
        bias = [pick(corners, -limit, limit - 1) * spec.bias for _ in range(spec.columns)]
        vectors = [[pick(corners, *generator.choice(((-limit, limit - 1), (-127, 127))))
                    for _ in range(spec.columns)] for _ in range(length)]
        return cls(
            mantissa=[pick((0, 1, highest // 2 + 1, highest), 0, highest)
                      for _ in range(spec.columns)],
            shift=[pick((0, 1, spec.maximum_shift), 0, spec.maximum_shift)
                   for _ in range(spec.columns)],
            zero_point=pick(extremes, *extremes),
            minimum=minimum,
            maximum=maximum,
            # what the sums are with their biases must fit
            vectors=[[min(max(value, -limit - offset), limit - 1 - offset)
                      for value, offset in zip(vector, bias)] for vector in vectors],
            bias=bias if spec.bias else None)

    def expected(self, spec: RequantizeSpec) -> list[tuple[list[int], int, int]]:
        """What golden makes of it: values, first, last."""
        values = requantize(spec, torch.tensor(self.vectors), torch.tensor(self.mantissa),
                            torch.tensor(self.shift), self.zero_point, self.minimum, self.maximum,
                            None if self.bias is None else torch.tensor(self.bias))
        ends = range(len(self.vectors))
        return [(vector, int(index == ends[0]), int(index == ends[-1]))
                for index, vector in enumerate(values.tolist())]


class Bench:
    """A requantizer under test, its clock, and one test bench for each stream."""

    def __init__(self, spec: RequantizeSpec, *, seed: int = 0, idle: float = 0, stall: float = 0):
        self.spec = spec
        self.dut = Requantize(spec=spec)
        self.reset = Signal()
        self.idle, self.stall = idle, stall
        self.generator = random.Random(seed)
        self.simulator = Simulator(ResetInserter(self.reset)(self.dut))
        self.simulator.add_clock(1e-6)
        self.simulator.add_process(self.watch)
        self.cycle = 0

    async def watch(self, ctx):
        """The stream rule: what is offered on ``o`` stays as it is until it is transferred."""
        o, offered = self.dut.o, None
        while True:
            _, _, reset, valid, ready, payload = await ctx.tick().sample(
                self.reset, o.valid, o.ready, o.payload)
            self.cycle += 1
            assert self.cycle < DEADLINE, "the test bench hangs"
            if offered is not None:
                assert valid, "o.valid fell before the transfer"
                assert payload.as_bits() == offered, "o.payload changed before the transfer"
            offered = payload.as_bits() if valid and not (ready or reset) else None

    async def send(self, ctx, port, payload):
        """One transfer on a stream, after a random time with no offer and any payload.

        Neither ``until`` nor ``async for`` here: left behind by a test that fails, their
        generators raise, and pytest blames the tests that follow.
        """
        while self.generator.random() < self.idle:
            self.scramble(ctx, port)
            await ctx.tick()
        ctx.set(port.payload, payload)
        ctx.set(port.valid, 1)
        ready = False
        while not ready:
            _, _, ready = await ctx.tick().sample(port.ready)
        ctx.set(port.valid, 0)
        self.scramble(ctx, port)

    def scramble(self, ctx, port):
        """Any payload, which nobody may look at while ``valid`` is down."""
        bits = Value.cast(port.payload)
        ctx.set(bits, self.generator.getrandbits(len(bits)))

    async def send_set(self, ctx, tensor: Tensor):
        """All columns of a set in random order, tensor values only with the commit."""
        columns = self.generator.sample(range(self.spec.columns), self.spec.columns)
        for column in columns:
            payload = {"column": column, "mantissa": tensor.mantissa[column],
                       "shift": tensor.shift[column], "commit": 0}
            if tensor.bias is not None:
                payload["bias"] = tensor.bias[column]
            if column == columns[-1]:
                payload |= {"zero_point": tensor.zero_point, "minimum": tensor.minimum,
                            "maximum": tensor.maximum, "commit": 1}
            await self.send(ctx, self.dut.parameters, payload)

    async def send_vectors(self, ctx, tensor: Tensor):
        """The vectors of a tensor, framed by first and last."""
        for index, sums in enumerate(tensor.vectors):
            await self.send(ctx, self.dut.i, {"sums": sums, "first": index == 0,
                                              "last": index == len(tensor.vectors) - 1})

    async def receive(self, ctx):
        """One vector on ``o``: (values, first, last) and the cycle its last step came in."""
        o, values = self.dut.o, []
        while True:
            ctx.set(o.ready, self.generator.random() >= self.stall)
            _, _, valid, ready, payload = await ctx.tick().sample(o.valid, o.ready, o.payload)
            if not (valid and ready):
                continue
            values += list(payload["values"])
            if not self.spec.collect:
                assert payload.step == len(values) // self.spec.lanes - 1
                assert payload.end == (payload.step == self.spec.steps - 1)
                if not payload.end:
                    continue
            ctx.set(o.ready, 0)
            return (values[:self.spec.columns], payload.first, payload.last), self.cycle

    async def no_surplus(self, ctx):
        """Nothing more comes out."""
        ctx.set(self.dut.o.ready, 1)
        for _ in range(SURPLUS_CYCLES):
            _, _, valid = await ctx.tick().sample(self.dut.o.valid)
            assert not valid, "o is valid after the last vector"

    def run(self, *testbenches):
        """Run until all test benches are through."""
        for testbench in testbenches:
            self.simulator.add_testbench(testbench)
        self.simulator.run()

    def check(self, tensors: list[Tensor]) -> list[int]:
        """Send tensors, compare all that comes out with golden; the cycles of the transfers."""
        expected = [vector for tensor in tensors for vector in tensor.expected(self.spec)]
        cycles = []

        async def parameters(ctx):
            for tensor in tensors:
                await self.send_set(ctx, tensor)

        async def vectors(ctx):
            for tensor in tensors:
                await self.send_vectors(ctx, tensor)

        async def values(ctx):
            for vector in expected:
                received, cycle = await self.receive(ctx)
                assert received == vector
                cycles.append(cycle)
            await self.no_surplus(ctx)
            cycles.append(None)

        self.run(parameters, vectors, values)
        assert cycles.pop() is None
        return cycles


@pytest.fixture
def make_bench():
    """The class of test benches."""
    return Bench


@pytest.fixture
def make_tensor():
    """The class of tensors."""
    return Tensor
