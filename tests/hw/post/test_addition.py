# amaranth: UnusedElaboratable=no
"""A requantizer that adds another tensor to its results, against golden twice."""

import itertools
import random

import pytest
import torch
from amaranth.sim import Simulator

from sparrow.golden.post import requantize
from sparrow.hw.post import Requantize
from sparrow.hw.post.addition import AdditionLane
from sparrow.hw.spec.mac import Multiplier
from sparrow.hw.spec.requantize import RequantizeSpec, Rounding


@pytest.mark.parametrize("more", [
    {}, {"accumulator_width": 26}, {"multiplier": Multiplier.OPERATOR}])
def test_products_are_exact(more):
    """All corners of all factors and elements, and random ones."""
    spec, source = make_spec(4, 2, **more), random.Random(1)
    dut, width = AdditionLane(spec=spec), spec.accumulator_width
    elements, factors = (-128, -127, -1, 0, 1, 127), (0, 1, 2, 1 << 14, (1 << 15) - 1)
    cases = list(itertools.product(elements, elements, factors, (0, 1),
                                   (0, -1, 1 << 22, -(1 << 23))))
    cases += [(source.randint(-128, 127), source.randint(-128, 127), source.getrandbits(15),
               source.getrandbits(1), source.randint(-(1 << 23), (1 << 23) - 1))
              for _ in range(500)]

    async def bench(ctx):
        for value, operand, factor, scale_result, offset in cases:
            ctx.set(dut.value, value)
            ctx.set(dut.operand, operand)
            ctx.set(dut.addition, {"factor": factor, "scale_result": scale_result,
                                   "offset": offset})
            await ctx.delay(1e-9)
            multiplied, other = (value, operand) if scale_result else (operand, value)
            total = sum(ctx.get(dut.rows[number]) for number in range(2))
            assert (total - multiplied * factor - other * 2**14 - offset) % 2**width == 0

    simulator = Simulator(dut)
    simulator.add_testbench(bench)
    simulator.run()


def make_spec(columns, lanes, **more):
    return RequantizeSpec(columns=columns, lanes=lanes, bias=True, stalls=False, **more)


def _parameters(source, spec):
    """A set of parameters whose results are all over the range."""
    low, high = sorted(source.choice([-128, -128, source.randint(-128, 127), 127])
                       for _ in range(2))
    return {"bias": [source.randint(-3000, 3000) for _ in range(spec.columns)],
            "mantissa": [source.randint(1 << 14, 65535) for _ in range(spec.columns)],
            "shift": [source.randint(23, 25) for _ in range(spec.columns)],
            "zero_point": source.randint(-128, 127), "minimum": low, "maximum": high}


def _addition(source):
    factor = source.choice([0, 1, 1 << 14, 32767, source.randint(0, 1 << 14)])
    zeros = source.randint(-128, 127), source.randint(-128, 127)
    low, high = sorted((source.choice([-128, source.randint(-128, 127)]),
                        source.choice([127, source.randint(-128, 127)])))
    return {"factor": factor, "scale_result": source.getrandbits(1),
            "offset": max(-(zeros[0] << 14) - zeros[1] * factor, -(1 << 23)),
            "scale": {"mantissa": source.choice([65535, source.randint(1 << 15, 65535)]),
                      "shift": source.randint(29, 31)},
            "tensor": {"zero_point": source.randint(-128, 127), "minimum": low, "maximum": high}}


def _expected(spec, sets, vectors, operands, addition):
    """Golden's values of all vectors."""
    result, number = [], -1
    for vector, operand in zip(vectors, operands, strict=True):
        number += vector["first"]
        one = sets[number]
        values = requantize(spec, torch.tensor(vector["sums"]), torch.tensor(one["mantissa"]),
                            torch.tensor(one["shift"]), one["zero_point"], one["minimum"],
                            one["maximum"], torch.tensor(one["bias"]))
        if vector["add"]:
            pair = values, torch.tensor(operand)
            multiplied, other = pair if addition["scale_result"] else pair[::-1]
            sums = multiplied * addition["factor"] + other * 2**14 + addition["offset"]
            scale = addition["scale"]
            values = requantize(spec.replace(bias=False), sums,
                                torch.full((spec.columns,), scale["mantissa"]),
                                torch.full((spec.columns,), scale["shift"]),
                                *addition["tensor"].values())
        result.append(values.tolist())
    return result


def run(spec, sets, vectors, operands, addition, *, idle, seed, latency=1):
    """What comes out, and in which cycles."""
    dut = Requantize(spec=spec, additions=True, memory_latency=latency)
    source = random.Random(seed)
    found, cycles = [], []
    bytes_of = [int.from_bytes(bytes(value & 255 for value in operand), "little")
                for operand in operands]
    wanted = [number for number, vector in enumerate(vectors) if vector["add"]]

    async def send_sets(ctx):
        for one in sets:
            for column in range(spec.columns):
                ctx.set(dut.parameters.payload, {
                    "column": column, **{name: one[name][column]
                                         for name in ("bias", "mantissa", "shift")},
                    **{name: one[name] for name in ("zero_point", "minimum", "maximum")},
                    "commit": column == spec.columns - 1})
                ctx.set(dut.parameters.valid, 1)
                await ctx.tick().until(dut.parameters.ready)
            ctx.set(dut.parameters.valid, 0)

    async def send_vectors(ctx):
        ctx.set(dut.addition, addition)
        for vector in vectors:
            while source.random() < idle:
                await ctx.tick()
            ctx.set(dut.i.payload, {name: vector[name] for name in ("sums", "first", "last")})
            ctx.set(dut.add, vector["add"])
            ctx.set(dut.i.valid, 1)
            await ctx.tick().until(dut.i.ready)
            ctx.set(dut.i.valid, 0)

    async def send_operands(ctx):
        """``latency`` cycles after ``fetch`` alone; ``behind`` tells how many are out."""
        fetches, coming = 0, [None] * latency
        while True:
            _, _, fetch, behind = await ctx.tick().sample(dut.fetch, dut.behind)
            if fetch:
                assert not (behind and vectors[wanted[fetches]]["first"])
                assert wanted[fetches] == len(found) + behind - (
                    len(cycles) > 0 and cycles[-1] == now[0] and behind)
                coming[-1] = bytes_of[wanted[fetches]]
                fetches += 1
            operand = coming.pop(0)
            coming.append(None)
            ctx.set(dut.operand, source.getrandbits(8 * spec.columns) if operand is None
                    else operand)

    now = [0]

    async def receive(ctx):
        ctx.set(dut.o.ready, 1)
        while len(found) < len(vectors):
            _, _, valid, payload = await ctx.tick().sample(dut.o.valid, dut.o.payload)
            now[0] += 1
            assert now[0] < 20_000
            if valid:
                vector = vectors[len(found)]
                assert (payload.first, payload.last) == (vector["first"], vector["last"])
                found.append(list(payload["values"]))
                cycles.append(now[0])

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(receive)
    for bench in (send_sets, send_vectors):
        simulator.add_testbench(bench, background=True)
    simulator.add_testbench(send_operands, background=True)
    simulator.run()
    return found, cycles


def _vectors(source, spec, lengths, adds):
    vectors = []
    for length, add in zip(lengths, adds, strict=True):
        vectors += [{"sums": [source.randint(-60_000, 60_000) for _ in range(spec.columns)],
                     "first": int(place == 0), "last": int(place == length - 1), "add": add}
                    for place in range(length)]
    return vectors


@pytest.mark.parametrize("columns, lanes, latency", [
    (16, 4, 1), (4, 2, 1), (4, 4, 1), (8, 1, 1), (5, 3, 1), (16, 2, 1), (4, 2, 2)])
@pytest.mark.parametrize("idle", [0, 0.7])
def test_sums_are_those_of_golden(columns, lanes, latency, idle):
    spec, source = make_spec(columns, lanes), random.Random(columns + lanes)
    for seed in range(2):
        lengths = [source.randint(1, 9) for _ in range(6)]
        sets = [_parameters(source, spec) for _ in lengths]
        adds = [1, 1, 0, 0, 1, 0] if seed % 2 else [0, 0, 1, 1, 1, 0]
        vectors = _vectors(source, spec, lengths, adds)
        operands = [[source.randint(-128, 127) for _ in range(columns)] for _ in vectors]
        addition = _addition(source)
        found, _ = run(spec, sets, vectors, operands, addition, idle=idle, seed=seed,
                       latency=latency)
        assert found == _expected(spec, sets, vectors, operands, addition)


@pytest.mark.parametrize("columns, lanes, period, latency", [
    (16, 4, 8, 1), (4, 2, 6, 1), (4, 4, 5, 1), (16, 2, 16, 1), (5, 3, 6, 1), (5, 1, 13, 1),
    (4, 4, 5, 2)])
def test_cycles(columns, lanes, period, latency):
    spec, source = make_spec(columns, lanes), random.Random(1)
    vectors = _vectors(source, spec, [9], [1])
    operands = [[0] * columns for _ in vectors]
    _, cycles = run(spec, [_parameters(source, spec)], vectors, operands, _addition(source),
                    idle=0, seed=0, latency=latency)
    assert {later - earlier for earlier, later in itertools.pairwise(cycles)} == {period}


@pytest.mark.parametrize("more", [{"rounding": Rounding.HALF_EVEN},
                                  {"multiplier": Multiplier.OPERATOR, "accumulator_width": 27}])
def test_other_numbers(more):
    spec, source = make_spec(4, 2, **more), random.Random(2)
    vectors = _vectors(source, spec, [40], [1])
    sets, addition = [_parameters(source, spec)], _addition(source)
    operands = [[source.randint(-128, 127) for _ in range(4)] for _ in vectors]
    found, _ = run(spec, sets, vectors, operands, addition, idle=0, seed=0)
    assert found == _expected(spec, sets, vectors, operands, addition)


@pytest.mark.parametrize("more", [{"bias": False}, {"stalls": True}, {"collect": False}])
def test_additions_need_other_options(more):
    with pytest.raises(ValueError, match="^additions need a specification with bias and collect, "
                                         "without stalls$"):
        Requantize(spec=make_spec(4, 2).replace(**more), additions=True)
