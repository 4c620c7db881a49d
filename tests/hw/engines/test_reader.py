# amaranth: UnusedElaboratable=no
"""Readers of vectors against a buffer that others read, and an array that waits for weights."""

import random

import pytest
from amaranth.sim import Simulator

from sparrow.hw.engines.reader import EarlyReader, PromptReader
from sparrow.hw.spec.accelerator import AcceleratorSpec


def make_spec(single=False, latency=2):
    return AcceleratorSpec(lanes=4, columns=4, data_width=32, post_lanes=4, buffer_bytes=1024,
                           weight_fifo_bytes=256, memory_latency=latency,
                           single_port_accumulators=single)


def random_steps(source, lengths, silence):
    """Steps of blocks of so many pixels, and of each its pixel; None if it is silent."""
    steps, pixels = [], []
    for length in lengths:
        finish, pixel = source.getrandbits(1), 0
        while pixel < length:
            silent = int(source.random() < silence)
            steps.append({
                "row": source.randrange(256), "bank": source.getrandbits(1),
                "outside": int(source.random() < 0.1), "alone": 0, "swap": 0, "silent": silent,
                "last": int(pixel == length - 1 and not silent), "start": 0, "finish": finish})
            pixels.append(None if silent else pixel)
            pixel += not silent
    return steps, pixels


def wanted_banks(step, int4):
    return 0 if step["outside"] else 3 if int4 else 1 << step["bank"]


class Bench:
    """Plays loops, buffer, weights and array; keeps the cycles in which steps are taken."""

    def __init__(self, spec, steps, *, seed, others=0.0, weights=1.0, room=1.0, int4=0):
        self.early = spec.memory_latency == 2
        self.reader = (EarlyReader if self.early else PromptReader)(spec=spec)
        self.steps, self.random, self.int4 = steps, random.Random(seed), int4
        self.others, self.weights, self.room = others, weights, room
        self.found = [[None, None] for _ in range(spec.memory_latency)]
        self.taken, self.reserved, self.lost = [], 0, 0
        simulator = Simulator(self.reader)
        simulator.add_clock(1e-6)
        simulator.add_testbench(self._run)
        simulator.run()

    async def _run(self, ctx):
        reader, begun, committed, cycle = self.reader, 0, False, 0
        ctx.set(reader.int4, self.int4)
        while len(self.taken) < len(self.steps):
            assert cycle < 5000
            others = sum((self.random.random() < self.others) << bank for bank in range(2))
            commit = not committed and self.random.random() < self.weights
            ctx.set(reader.others, others)
            if self.early:
                ctx.set(reader.commit, commit)
                ctx.set(reader.room, self.random.random() < self.room)
            ctx.set(reader.steps.valid, begun < len(self.steps))
            if begun < len(self.steps):
                ctx.set(reader.steps.payload, self.steps[begun])
            here = ctx.get(reader.o.payload)
            ctx.set(reader.o.ready, committed or not here["swap"])
            enable = ctx.get(reader.step_enable)
            ctx.set(reader.step_ready, not enable & others)
            taken = ctx.get(reader.o.valid) and ctx.get(reader.o.ready)
            if self.early and ctx.get(reader.o.valid) and not here["swap"]:
                assert taken
            if taken:
                step = self.steps[len(self.taken)]
                assert {name: here[name] for name in step} == step
                for bank in range(2):
                    if wanted_banks(step, self.int4) >> bank & 1:
                        assert self.found[0][bank] == step["row"]
                self.taken.append(cycle)
            self.found = [*self.found[1:], list(self.found[-1])]
            for bank in range(2):
                if others >> bank & 1:
                    self.found[-1][bank] = None
                elif enable >> bank & 1 and not enable & others:
                    self.found[-1][bank] = ctx.get(reader.step_row)
            self.lost += ctx.get(reader.there if self.early else reader.busy) and not ctx.get(
                reader.o.valid)
            if self.early:
                self.reserved += ctx.get(reader.reserve)
            begun += ctx.get(reader.steps.valid) and ctx.get(reader.steps.ready)
            committed = commit or (committed and not (taken and here["swap"]))
            await ctx.tick()
            cycle += 1
        assert not ctx.get(reader.busy)


def blocks(source, count, silence=0.2):
    """Random steps, the first of each block with ``swap``."""
    lengths = [source.choice([1, 1, 2, 2, 3, 4, 5, 6, 9]) for _ in range(count)]
    steps, pixels = random_steps(source, lengths, silence)
    begins = True
    for step in steps:
        step["swap"] = int(begins)
        begins = bool(step["last"])
    return steps, pixels


@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize("others, weights, room, int4, silence", [
    (0, 1, 1, 0, 0.2), (0.4, 0.2, 1, 0, 0.2), (0.3, 0.1, 0.5, 1, 0.2), (0.1, 1, 1, 1, 0.2),
    (0, 0.3, 1, 0, 0.6)])
def test_each_vector_is_there(single, others, weights, room, int4, silence):
    source = random.Random(f"{others} {weights} {room} {int4}")
    steps, pixels = blocks(source, 60, silence)
    bench = Bench(make_spec(single), steps, seed=1, others=others, weights=weights, room=room,
                  int4=int4)
    assert bench.reserved == sum(step["finish"] and not step["silent"] for step in steps)
    assert bench.lost > 5 or not (others > 0.2 and weights < 1)
    summed = [(cycle, pixel) for cycle, pixel in zip(bench.taken, pixels) if pixel is not None]
    for number, (cycle, pixel) in enumerate(summed):
        for before, other in summed[max(0, number - 2):number]:
            assert cycle - before > 2 or pixel != other
            if single and cycle - before == 2:
                assert (pixel ^ other) & 2


@pytest.mark.parametrize("others, weights, int4", [(0, 1, 0), (0.4, 0.2, 0), (0.3, 0.1, 1)])
def test_each_vector_is_there_with_prompt_reads(others, weights, int4):
    steps, _ = blocks(random.Random(f"{others} {weights} {int4}"), 60)
    bench = Bench(make_spec(latency=1), steps, seed=1, others=others, weights=weights, int4=int4)
    assert bench.lost > 5 or not others
    gaps = [later - earlier for earlier, later in zip(bench.taken, bench.taken[1:])]
    assert others or all(gap == 1 or step["swap"] for gap, step in zip(gaps, steps[1:]))


@pytest.mark.parametrize("single, length, period", [
    (False, 1, 3), (False, 2, 3), (False, 3, 3), (False, 7, 7),
    (True, 1, 3), (True, 2, 4), (True, 3, 4), (True, 5, 7), (True, 6, 8), (True, 8, 8)])
def test_cycles_of_a_block(single, length, period):
    step = dict.fromkeys(("row", "bank", "outside", "alone", "start", "finish", "silent"), 0)
    steps = [step | {"swap": int(pixel == 0), "last": int(pixel == length - 1)}
             for _ in range(4) for pixel in range(length)]
    bench = Bench(make_spec(single), steps, seed=0)
    assert {later - earlier for earlier, later in zip(
        bench.taken[length::length], bench.taken[2 * length::length])} == {period}
