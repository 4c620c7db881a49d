"""Layers whose commands take turns."""

import itertools

import pytest

from sparrow.compiler import Program, compile_network
from sparrow.compiler.predict import Timing
from sparrow.compiler.schedule import merged
from sparrow.flow.memory_image import listing

PADDING = (1, 1, 1, 1)


def network(tools, *, shortcut_first=False, kernel=(1, 1)):
    """A residual block with a shortcut, whose results come every cycle."""
    builder = tools.Builder((4, 8, 8))
    first = builder.conv("input", 4, padding=PADDING)
    layers = [lambda: builder.conv(first, 8, padding=PADDING),
              lambda: builder.conv(first, 8, kernel, padding=(0, 0, kernel[0] - 1, 0))]
    made = [make() for make in (layers[::-1] if shortcut_first else layers)]
    long, short = made[::-1] if shortcut_first else made
    builder.residual_add(builder.conv(long, 8, padding=PADDING), short)
    return builder.network()


def slow(tools):
    """An accelerator whose requantizer takes 4 cycles for a result."""
    return tools.small_spec(post_lanes=1, result_fifo_depth=32)


@pytest.mark.parametrize("shortcut_first", [False, True])
def test_results_that_come_too_fast_alternate_with_others(tools, shortcut_first, tmp_path):
    source, spec = network(tools, shortcut_first=shortcut_first), slow(tools)
    program = tools.check(source, spec, tools.images(source, 3)[2:], keep_all=False,
                          orders=("eager", "lazy", 1), timing=Timing())
    first, second = [info for info in program.layers if info.scattered]
    assert {first.name, second.name} == {"layer1", "layer2"}
    assert sorted(itertools.chain.from_iterable(info.numbers for info in program.layers)) == list(
        range(len(program.commands()) - 1))
    commands = program.commands()
    assert [commands[info.numbers[-1]][1]["retire"] for info in (first, second)] == [1, 1]
    assert first.numbers[-1] < second.numbers[-1]
    program.save(tmp_path)
    assert Program.load(tmp_path).layers == program.layers
    text = listing(program)
    assert min(text.count(f"; {info.name}:") for info in (first, second)) > 1
    names = [line[2:8] for line in text.splitlines() if line[0] == ";"]
    assert all(one != other for one, other in itertools.pairwise(names))


@pytest.mark.parametrize("changes", [{"kernel": (4, 1)}, {"timing": None}, {"keep_all": True},
                                     {"residency": False}])
def test_others_stand_together(tools, changes):
    """Of as many steps as cycles; without predictions; where something is stored, or loaded."""
    source = network(tools, kernel=changes.pop("kernel", (1, 1)))
    options = {"keep_all": False, "timing": Timing()} | changes
    program = compile_network(source, slow(tools), **options)
    assert not any(info.scattered for info in program.layers)


def test_the_second_one_is_last():
    for counts in itertools.product(range(1, 6), repeat=2):
        own, others = ([f"{name}{number}" for number in range(2 * count)]
                       for name, count in zip("ab", counts))
        order = merged(own, others)
        assert [one for one in order if one[0] == "a"] == own and order[-1] == others[-1]
        assert [one for one in order if one[0] == "b"] == others
        assert all(order[place][0] == order[place + 1][0] for place in range(0, len(order), 2))
