# amaranth: UnusedElaboratable=no
"""The dealer against a queue of lanes."""

import random

import pytest
from amaranth.sim import Simulator

from sparrow.hw.decode.deal import CONTROL_GRANULES, Dealer
from sparrow.hw.spec.decode import DecompressorSpec


class Model:
    """A window of numbered granules, some of which are visible, and the lanes that wait."""

    def __init__(self, dut, spec, generator):
        self.dut, self.spec, self.generator = dut, spec, generator
        self.first, self.seen = generator.randrange(spec.window), 0
        self.steps = []

    def show(self, ctx, most):
        """More granules become visible."""
        window = self.spec.window
        self.seen = self.generator.randint(min(self.seen, most), max(self.seen, most))
        slots = [self.generator.getrandbits(16) for _ in range(window)]
        for index in range(self.seen):
            slots[(self.first + index) % window] = (self.first + index) & 0xFFFF
        ctx.set(self.dut.slots, slots)
        ctx.set(self.dut.visible, sum(1 << (self.first + index) % window
                                      for index in range(self.seen)))
        ctx.set(self.dut.base, self.first % window)

    def use(self, count):
        self.first, self.seen = self.first + count, self.seen - count


def check(spec, *, most, asking, cycles=300, seed=0):
    """Steps at random; the number of granules that were dealt."""
    dut = Dealer(spec=spec)
    generator = random.Random(seed)
    model = Model(dut, spec, generator)
    dealt = 0

    async def bench(ctx):
        nonlocal dealt
        for _ in range(cycles):
            model.show(ctx, min(most, spec.window))
            steps = model.steps
            assert ctx.get(dut.full) == (len(steps) == 2)
            assert ctx.get(dut.idle) == (not steps)
            want, take = 0, generator.getrandbits(1)
            if not steps:
                want = generator.choice((0, 0, 0, 1, 3, 7, 15, 13, 12, 2))
            ask = []
            if not ctx.get(dut.full) and not want and generator.random() < 0.8:
                ask = [lane for lane in range(spec.columns) if generator.random() < asking]
            ctx.set(dut.ask, sum(1 << lane for lane in ask))
            ctx.set(dut.want, want)
            ctx.set(dut.take, take)
            deal, used = ctx.get(dut.deal), ctx.get(dut.used)
            granules = [ctx.get(dut.granules[lane])
                        for lane in range(max(spec.columns, CONTROL_GRANULES))]
            if want:
                given = want.bit_count() <= model.seen
                assert ctx.get(dut.given) == given and not deal
                assert used == (want.bit_count() if given and take else 0)
                if given:
                    places = [place for place in range(CONTROL_GRANULES) if want >> place & 1]
                    assert [granules[place] for place in places] == [
                        (model.first + index) & 0xFFFF for index in range(len(places))]
            elif steps:
                section = steps[0][0] // spec.window
                asked = [lane for lane in steps[0] if lane // spec.window == section]
                served = asked[:model.seen]
                assert deal == sum(1 << lane for lane in served) and used == len(served)
                assert [granules[lane] for lane in served] == [
                    (model.first + index) & 0xFFFF for index in range(used)]
                assert ctx.get(dut.scarce) == (len(served) < len(asked))
                dealt += used
                steps[0] = [lane for lane in steps[0] if lane not in served]
                if not steps[0]:
                    del steps[0]
            else:
                assert not deal and not used
            drop = generator.random() < 0.02
            ctx.set(dut.drop, drop)
            model.use(used)
            if ask:
                steps.append(ask)
            if drop:
                steps.clear()
            await ctx.tick()

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return dealt


@pytest.mark.parametrize("columns", [
    1, 4, 5, 16, *(pytest.param(columns, marks=pytest.mark.heavy) for columns in (2, 3, 8, 13))])
def test_granules_go_to_those_who_asked_in_order(columns):
    spec = DecompressorSpec(columns=columns)
    assert check(spec, most=16, asking=0.4, seed=columns)
    assert check(spec, most=5, asking=0.8, seed=columns)


@pytest.mark.parametrize(("columns", "data_width"), [
    (17, 64), (40, 256), *(pytest.param(*case, marks=pytest.mark.heavy)
                           for case in ((16, 32), (33, 64)))])
def test_more_lanes_than_granules_at_hand(columns, data_width):
    spec = DecompressorSpec(columns=columns, data_width=data_width)
    assert check(spec, most=64, asking=0.5, seed=columns)
    assert check(spec, most=64, asking=0.05, seed=columns)


def test_a_step_of_all_lanes_takes_a_cycle():
    assert check(DecompressorSpec(), most=16, asking=1, cycles=60) > 200
