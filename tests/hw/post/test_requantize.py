# amaranth: UnusedElaboratable=no
"""The requantizer against golden, its throughput, its parameter sets, its reset."""

import random

import pytest
from amaranth.hdl import signed
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from sparrow.hw.post import Requantize
from sparrow.hw.spec.requantize import RequantizeSpec

SPECS = {
    "default": {},
    "one column": {"columns": 1, "lanes": 1},
    "one lane": {"columns": 3, "lanes": 1, "rounding": "half_even"},
    "all columns at once": {"columns": 4, "lanes": 4, "mantissa_width": 31},
    "part-filled last step": {"columns": 5, "lanes": 3, "shift_width": 5},
    "half even, wide": {"columns": 7, "lanes": 4, "mantissa_width": 31, "rounding": "half_even",
                        "output_width": 16},
    "tflite": {"columns": 5, "lanes": 2, "mantissa_width": 31, "shift_width": 5,
               "rounding": "tflite"},
    "tflite, narrow sums": {"columns": 2, "lanes": 2, "accumulator_width": 24,
                            "mantissa_width": 31, "shift_width": 4, "rounding": "tflite",
                            "output_width": 16},
    "tiny": {"columns": 3, "lanes": 2, "accumulator_width": 8, "mantissa_width": 4,
             "shift_width": 1, "output_width": 2},
    "outputs wider than products": {"columns": 2, "lanes": 1, "accumulator_width": 8,
                                    "mantissa_width": 4, "shift_width": 3, "output_width": 16,
                                    "rounding": "half_even"},
}
SPECS |= {
    "bias": {"columns": 6, "lanes": 2, "bias": True},
    "bias, one step": {"columns": 3, "lanes": 3, "bias": True, "rounding": "half_even"},
    "bias, one column": {"columns": 1, "lanes": 1, "bias": True, "accumulator_width": 8},
    "bias, part-filled last step": {"columns": 5, "lanes": 3, "bias": True, "collect": False,
                                    "mantissa_width": 31, "shift_width": 5, "rounding": "tflite"},
    "not collected": {"columns": 5, "lanes": 2, "collect": False},
    "not collected, one step": {"columns": 3, "lanes": 3, "collect": False},
}
# what multiplies doesn't matter here, and ``*`` is quick to simulate
SPECS = {name: {"multiplier": "operator"} | values for name, values in SPECS.items()}
FLOWS = [(0, 0), (0.6, 0), (0, 0.6), (0.4, 0.4)]


def random_tensors(make_tensor, spec, lengths, seed):
    generator = random.Random(seed)
    return [make_tensor.random(spec, length, generator) for length in lengths]


@pytest.mark.parametrize("idle, stall", FLOWS)
@pytest.mark.parametrize("name", SPECS)
def test_equals_golden(make_bench, make_tensor, name, idle, stall):
    spec = RequantizeSpec(**SPECS[name])
    tensors = random_tensors(make_tensor, spec, [1, 17, 1, 1, 32, 13], f"{name} {idle} {stall}")
    make_bench(spec, seed=5, idle=idle, stall=stall).check(tensors)


def test_saturates_at_both_ends(make_bench, make_tensor):
    """Far beyond and one beyond the limits, with the zero point against and along."""
    spec = RequantizeSpec(columns=2, lanes=2, multiplier="operator")
    sums = [-2**31, -2**31 + 1, -513, -512, -257, -256, -255, -129, -128, -1, 0,
            127, 128, 254, 255, 256, 257, 511, 512, 2**31 - 1]
    tensors = [make_tensor(mantissa=[1, 2**16 - 1], shift=[0, 16], zero_point=zero_point,
                           minimum=minimum, maximum=maximum,
                           vectors=[[value, value] for value in sums])
               for zero_point, minimum, maximum in (
                   (0, -128, 127), (-128, -128, 127), (127, -128, 127), (127, 0, 6), (3, -5, -5))]
    values = {value for vector, _, _ in tensors[0].expected(spec) for value in vector}
    assert {-128, 127} < values
    make_bench(spec).check(tensors)


@pytest.mark.parametrize("options", [{}, {"bias": True}, {"collect": False}], ids=str)
@pytest.mark.parametrize("columns, lanes", [(16, 8), (5, 3), (4, 4), (3, 1)])
def test_a_vector_takes_its_steps_and_a_set_change_nothing(make_bench, make_tensor, columns,
                                                           lanes, options):
    """Sets that load while the one before is in use, and a consumer that is always ready."""
    spec = RequantizeSpec(columns=columns, lanes=lanes, multiplier="operator", **options)
    length = 2 * lanes + 2
    tensors = random_tensors(make_tensor, spec, [length] * 3, 1)
    cycles = make_bench(spec).check(tensors)
    assert cycles == [cycles[0] + number * spec.steps for number in range(3 * length)]
    # a set, a cycle until it is there, then the latency
    assert cycles[0] == columns + 1 + spec.steps + 3 + spec.bias


def test_a_consumer_as_fast_as_the_lanes_costs_nothing(make_bench, make_tensor):
    """Ready in one cycle of as many as a vector takes, whichever it is."""
    spec = RequantizeSpec(columns=3, lanes=1, multiplier="operator")
    [tensor] = random_tensors(make_tensor, spec, [12], 6)
    bench = make_bench(spec)
    cycles = []

    async def sums(ctx):
        await bench.send_set(ctx, tensor)
        await bench.send_vectors(ctx, tensor)

    async def values(ctx):
        expected = tensor.expected(spec)
        while expected:
            ctx.set(bench.dut.o.ready, bench.cycle % spec.steps == 0)
            _, _, valid, ready, payload = await ctx.tick().sample(
                bench.dut.o.valid, bench.dut.o.ready, bench.dut.o.payload)
            if valid and ready:
                assert list(payload["values"]) == expected.pop(0)[0]
                cycles.append(bench.cycle)

    bench.run(sums, values)
    assert cycles == list(range(cycles[0], cycles[0] + 12 * spec.steps, spec.steps))


def test_a_set_that_is_late_holds_its_first_vector_up(make_bench, make_tensor):
    spec = RequantizeSpec(columns=3, lanes=2, multiplier="operator")
    tensors = random_tensors(make_tensor, spec, [2, 2], seed=2)
    bench = make_bench(spec)
    before, after = (tensor.expected(spec) for tensor in tensors)

    async def vectors(ctx):
        for tensor in tensors:
            await bench.send_vectors(ctx, tensor)

    async def parameters_and_values(ctx):
        await bench.no_surplus(ctx)
        for tensor, expected in zip(tensors, (before, after)):
            await bench.send_set(ctx, tensor)
            for vector in expected:
                assert (await bench.receive(ctx))[0] == vector
            await bench.no_surplus(ctx)

    bench.run(vectors, parameters_and_values)


def test_a_set_waits_for_first_and_keeps_the_next_one_out(make_bench, make_tensor):
    spec = RequantizeSpec(columns=2, lanes=1, multiplier="operator")
    one, two, three = random_tensors(make_tensor, spec, [6, 4, 4], seed=3)
    bench = make_bench(spec)

    async def whole(ctx):
        await bench.send_set(ctx, one)
        await bench.send(ctx, bench.dut.i, {"sums": one.vectors[0], "first": 1})
        await bench.send_set(ctx, two)
        assert not ctx.get(bench.dut.parameters.ready)
        for index, sums in enumerate(one.vectors[1:], start=2):
            await bench.send(ctx, bench.dut.i, {"sums": sums, "last": index == len(one.vectors)})
            assert not ctx.get(bench.dut.parameters.ready)
        await bench.send_vectors(ctx, two)
        assert ctx.get(bench.dut.parameters.ready)
        await bench.send_set(ctx, three)
        await bench.send_vectors(ctx, three)

    async def values(ctx):
        for vector in [vector for tensor in (one, two, three) for vector in tensor.expected(spec)]:
            assert (await bench.receive(ctx))[0] == vector
        await bench.no_surplus(ctx)

    bench.run(whole, values)


@pytest.mark.parametrize("options", [{}, {"bias": True, "collect": False}], ids=str)
@pytest.mark.parametrize("delay", range(1, 14))
def test_reset_in_mid_flight(make_bench, make_tensor, delay, options):
    """What was on its way is gone, the sets too; what follows is exact, its frame restarted."""
    spec = RequantizeSpec(columns=3, lanes=1, **options)
    lost, kept, next_ = random_tensors(make_tensor, spec, [9, 4, 4], seed=4)
    bench = make_bench(spec)
    i, parameters, o = bench.dut.i, bench.dut.parameters, bench.dut.o

    async def whole(ctx):
        await bench.send_set(ctx, lost)
        ctx.set(o.ready, 1)
        ctx.set(i.payload, {"sums": lost.vectors[0], "first": 1})
        ctx.set(i.valid, 1)
        ctx.set(parameters.payload, {"column": 0, "commit": 1})  # a set for nobody
        ctx.set(parameters.valid, 1)
        await ctx.tick().repeat(delay)
        ctx.set(i.valid, 0)
        ctx.set(parameters.valid, 0)
        ctx.set(bench.reset, 1)
        await ctx.tick()
        ctx.set(bench.reset, 0)
        await bench.no_surplus(ctx)
        assert ctx.get(parameters.ready)
        ctx.set(o.ready, 0)
        await bench.send_set(ctx, kept)
        # the first vector after a reset takes a set even when it isn't marked
        await bench.send(ctx, i, {"sums": kept.vectors[0]})
        values, _, _ = kept.expected(spec)[0]
        assert (await bench.receive(ctx))[0] == (values, 0, 0)
        await bench.send_set(ctx, next_)
        for sums, (values, first, _) in zip(next_.vectors, next_.expected(spec)):
            await bench.send(ctx, i, {"sums": sums, "first": first})
            assert (await bench.receive(ctx))[0] == (values, first, 0)
        await bench.no_surplus(ctx)

    bench.run(whole)


def test_a_column_that_isnt_there_is_reported(make_bench, make_tensor):
    spec = RequantizeSpec(columns=5, lanes=3, multiplier="operator")
    [tensor] = random_tensors(make_tensor, spec, [3], seed=5)
    bench = make_bench(spec)

    async def whole(ctx):
        await bench.send_set(ctx, tensor)
        await bench.send(ctx, bench.dut.i, {"sums": tensor.vectors[0], "first": 1})
        await bench.receive(ctx)
        assert not ctx.get(bench.dut.error)
        for column in (5, 7):
            await bench.send(ctx, bench.dut.parameters, {"column": column, "mantissa": 1})
            assert ctx.get(bench.dut.error)
        await bench.send_set(ctx, tensor)
        await bench.send(ctx, bench.dut.i, {"sums": tensor.vectors[0], "first": 1})
        values, first, _ = tensor.expected(spec)[0]
        assert (await bench.receive(ctx))[0] == (values, first, 0)
        assert ctx.get(bench.dut.error)
        ctx.set(bench.reset, 1)
        await ctx.tick()
        assert not ctx.get(bench.dut.error)

    bench.run(whole)


@pytest.mark.parametrize("minimum, maximum, commit, error", [
    (-1, -2, 1, 1), (-1, -2, 0, 0), (3, 3, 1, 0), (-128, 127, 1, 0), (127, -128, 1, 1)])
def test_a_minimum_above_the_maximum_is_reported(make_bench, minimum, maximum, commit, error):
    bench = make_bench(RequantizeSpec(columns=1, lanes=1))

    async def whole(ctx):
        await bench.send(ctx, bench.dut.parameters,
                         {"minimum": minimum, "maximum": maximum, "commit": commit})
        assert ctx.get(bench.dut.error) == error

    bench.run(whole)


def test_interface():
    dut = Requantize(spec=RequantizeSpec(columns=3, lanes=2, accumulator_width=20,
                                         mantissa_width=15, shift_width=5, output_width=4))
    output = signed(4)
    ends = {"first": 1, "last": 1}
    assert dict(dut.signature.members) == {
        "i": In(stream.Signature(data.StructLayout(
            {"sums": data.ArrayLayout(signed(20), 3), **ends}))),
        "parameters": In(stream.Signature(data.StructLayout(
            {"column": 2, "mantissa": 15, "shift": 5, "zero_point": output,
             "minimum": output, "maximum": output, "commit": 1}))),
        "o": Out(stream.Signature(data.StructLayout(
            {"values": data.ArrayLayout(output, 3), **ends}))),
        "error": Out(1),
    }
    assert dut.spec.steps == 2


def test_optional_interfaces():
    spec = RequantizeSpec(columns=7, lanes=3, accumulator_width=20, output_width=4, bias=True,
                          collect=False)
    dut = Requantize(spec=spec)
    assert dut.parameters.payload.shape()["bias"].shape == signed(20)
    assert dut.o.payload.shape() == data.StructLayout(
        {"values": data.ArrayLayout(signed(4), 3), "step": 2, "first": 1, "last": 1, "end": 1})
    assert Requantize(spec=spec.replace(lanes=7)).o.payload.shape()["step"].shape == 1


def test_refuses_what_is_no_specification():
    with pytest.raises(TypeError) as caught:
        Requantize(spec={"columns": 3})
    assert str(caught.value) == "spec must be a RequantizeSpec, not {'columns': 3}"
