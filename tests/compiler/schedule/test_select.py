"""Ways to carry out passes that go well with each other."""

import itertools

from sparrow.compiler.footprint import Footprint, Instruction
from sparrow.compiler.layout import allocate
from sparrow.compiler.lower import lower
from sparrow.compiler.predict import Timing
from sparrow.compiler.schedule import Choice, best_choices, good_choices
from sparrow.hw.spec.commands import Opcode


def choice(cycles, rest, *, reads, writes):
    """Of a pass whose COMPUTEs touch rows of bank 0."""
    first, last = (Instruction(Opcode.COMPUTE, {}, reads=Footprint([(0, *reads)])),
                   Instruction(Opcode.COMPUTE, {}, writes=Footprint([(0, *writes)])))
    return Choice(None, None, cycles, rest, first, last)


def test_a_pass_may_be_slower_if_the_next_one_needs_not_wait():
    whole = choice(1000, 300, reads=(0, 9), writes=(10, 20))
    halves = choice(1010, 150, reads=(0, 9), writes=(15, 20))
    all_first = choice(500, 0, reads=(10, 20), writes=(30, 40))
    half_first = choice(600, 0, reads=(10, 15), writes=(30, 40))
    assert best_choices([[whole, halves], [all_first]]) == [halves, all_first]
    assert best_choices([[whole, halves], [all_first, half_first]]) == [halves, half_first]
    assert best_choices([[whole], [all_first, half_first]]) == [whole, all_first]


def test_what_is_under_way_at_the_end_counts():
    assert best_choices([[choice(1000, 300, reads=(0, 9), writes=(10, 20)),
                          last := choice(1100, 100, reads=(0, 9), writes=(10, 20))]]) == [last]
    assert best_choices([]) == []


def test_a_first_tile_may_be_smaller(tools):
    """The array begins as soon as that is loaded."""
    builder = tools.Builder((4, 64, 16))
    builder.conv("input", 4, padding=(1, 1, 1, 1))
    network, spec = builder.network(), tools.small_spec(
        accumulator_depth=256, buffer_bytes=1 << 14)
    layouts, _ = allocate(network, spec, keep_all=True)
    (work,) = lower(network.layers[-1], network, spec, layouts)
    choices = good_choices(work, spec, Timing())
    heads = [one for one in choices if one.tiling.head]
    plain = min(one.cycles for one in choices if not one.tiling.head)
    assert min(one.cycles for one in heads) < plain
    for one in heads:
        tiles = list(one.tiling.tiles(work))
        assert tiles[0].bottom == one.tiling.head < one.tiling.height == tiles[1].bottom - tiles[
            1].top
        assert all(above.bottom == below.top for above, below in itertools.pairwise(tiles))
