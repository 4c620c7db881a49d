"""Tokens: enough, none too many, and in pairs."""

import numpy as np
import pytest

from sparrow.compiler import compile_network
from sparrow.compiler.dependencies import PAIRS, set_retirements, set_tokens
from sparrow.compiler.footprint import Footprint, Instruction
from sparrow.golden.accelerator import Machine, MachineError
from sparrow.hw.spec.commands import COMMAND_BYTES, TOKENS, Engine, Opcode, encode


def step(opcode, reads=(), writes=()):
    return Instruction(opcode, {}, "layer", Footprint((0, row, row + 1) for row in reads),
                       Footprint((0, row, row + 1) for row in writes))


def masks(instructions):
    """For each command, pairs of engines that it waits for, and to which it signals."""
    def names(mask):
        return ["".join(engine.value[0] for engine in pair)
                for number, pair in enumerate(PAIRS) if mask >> number & 1]
    return [(names(one.values.get("wait", 0)), names(one.values.get("signal", 0)))
            for one in instructions]


def test_a_chain():
    chain = [step(Opcode.LOAD, writes=[0]), step(Opcode.COMPUTE, reads=[0], writes=[1]),
             step(Opcode.STORE, reads=[1])]
    set_tokens(chain)
    assert masks(chain) == [([], ["lc"]), (["lc"], ["cs"]), (["cs"], [])]


def test_what_is_implied_needs_no_token():
    """The last load overwrites what the store reads, which comes after all that came before."""
    chain = [step(Opcode.LOAD, writes=[0]), step(Opcode.COMPUTE, reads=[0], writes=[1]),
             step(Opcode.STORE, reads=[1]), step(Opcode.LOAD, writes=[0, 1])]
    set_tokens(chain)
    assert masks(chain)[-1] == (["sl"], [])


def test_commands_of_an_engine_are_in_order_anyway():
    chain = [step(Opcode.LOAD, writes=[0]), step(Opcode.LOAD, writes=[0])]
    set_tokens(chain)
    assert masks(chain) == [([], []), ([], [])]


def test_only_conflicts_are_ordered():
    chain = [step(Opcode.LOAD, writes=[0]), step(Opcode.COMPUTE, reads=[1], writes=[2]),
             step(Opcode.STORE, reads=[0]), step(Opcode.COMPUTE, reads=[0], writes=[3])]
    set_tokens(chain)
    # Both read row 0: they wait for the load, not for each other.
    assert masks(chain) == [([], ["ls", "lc"]), ([], []), (["ls"], []), (["lc"], [])]


def counts(instructions):
    """For each token the most that wait to be taken, commands being executed in order."""
    most, now = [0] * TOKENS, [0] * TOKENS
    for one in instructions:
        for token in range(TOKENS):
            now[token] += one.values.get("signal", 0) >> token & 1
            now[token] -= one.values.get("wait", 0) >> token & 1
            assert now[token] >= 0
            most[token] = max(most[token], now[token])
    assert not any(now)
    return most


@pytest.mark.parametrize("loads, waits", [(15, 15), (16, 15), (40, 15)])
def test_no_more_tokens_than_fit(loads, waits):
    """The 15th waits for the last load, so that those behind it need no token."""
    chain = [step(Opcode.LOAD, writes=[row]) for row in range(loads)]
    chain += [step(Opcode.COMPUTE, reads=[row]) for row in range(loads)]
    clocks = set_tokens(chain)
    assert max(counts(chain)) == 15
    assert [bool(one.values.get("wait")) for one in chain] == (
        [False] * loads + [True] * waits + [False] * (loads - waits))
    assert [clocks[one][Engine.LOAD] for one in chain[loads:]] == [
        *range(1, 15), *[loads] * (loads - 14)]


def test_later_tokens_are_left_as_they_are():
    """Loads that come after those that wait have their own tokens."""
    chain = [step(Opcode.LOAD, writes=[row]) for row in range(20)]
    chain += [step(Opcode.COMPUTE, reads=[row]) for row in range(20)]
    chain += [step(Opcode.LOAD, writes=[30]), step(Opcode.COMPUTE, reads=[30])]
    set_tokens(chain)
    assert max(counts(chain)) == 15
    assert masks(chain)[-2:] == [([], ["lc"]), (["lc"], [])]


def test_results_of_the_compute_before_are_waited_for():
    """All earlier ones are complete when the next but one begins."""
    chain = [step(Opcode.COMPUTE, writes=[0]), step(Opcode.COMPUTE, reads=[0], writes=[1]),
             step(Opcode.COMPUTE, reads=[0], writes=[2]), step(Opcode.COMPUTE, writes=[2])]
    set_tokens(chain)
    assert [one.values.get("ordered", 0) for one in chain] == [0, 1, 0, 0]


def test_layers_retire_in_order():
    """A STORE that nothing waits for could be later than the next layer's COMPUTE."""
    stored = [step(Opcode.COMPUTE, writes=[0]), step(Opcode.STORE, reads=[0])]
    free = [step(Opcode.COMPUTE, reads=[0], writes=[1])]
    last = [step(Opcode.COMPUTE, reads=[1], writes=[2]), step(Opcode.STORE, reads=[2])]
    bound = [step(Opcode.COMPUTE, writes=[0])]  # overwrites what is stored
    for layers, wanted in (([stored, free, last], [0, 2, 4]), ([stored, [], last], [1, 3]),
                           ([stored, bound], [1, 2])):
        commands = [one for layer in layers for one in layer]
        for one in commands:
            one.values.clear()
        set_retirements(layers, set_tokens(commands))
        assert [number for number, one in enumerate(commands)
                if one.values.get("retire")] == wanted


def test_footprints():
    footprint = Footprint([(0, 5, 9), (0, 1, 5), (1, 0, 4), (0, 11, 12)])
    assert footprint.intervals == ((0, 1, 9), (0, 11, 12), (1, 0, 4))
    assert footprint.overlaps(Footprint([(1, 3, 8)]))
    assert not footprint.overlaps(Footprint([(0, 9, 11), (1, 4, 8), (2, 0, 99)]))
    assert not footprint.overlaps(Footprint())


@pytest.fixture
def example(tools):
    """A program in which every engine waits for every other one, and an image."""
    builder = tools.Builder((7, 9, 9), seed=2)
    builder.conv("input", 9, padding=(1, 1, 1, 1))
    builder.add("layer0", builder.conv("layer0", 9, (1, 1)))
    builder.max_pool("layer2")
    spec = tools.small_spec(buffer_bytes=8 * 128, accumulator_depth=32)
    return compile_network(builder.network(), spec, keep_all=False, timing=None), builder.image()


def execute(program, image, code, order):
    memory = np.random.default_rng(1).integers(0, 256, program.data_size, np.uint8)
    program.write_input(memory, image)
    Machine(program.spec, order=order).run(code, memory)
    return memory


def test_every_token_is_needed(example):
    """Without a token and the wait for it the machine finds a race, in any order."""
    program, image = example
    execute(program, image, program.program_bytes, "eager")
    commands = program.commands()
    seen = set()
    for token in range(8):
        signals, waits = ([number for number, (_, values) in enumerate(commands)
                           if values[field] >> token & 1] for field in ("signal", "wait"))
        assert len(signals) == len(waits)
        if signals:
            seen.add(token)
        for signal, wait in list(zip(signals, waits))[:6]:
            code = bytearray(program.program_bytes)
            for number, field in ((signal, "signal"), (wait, "wait")):
                kind, values = commands[number]
                changed = {name: value for name, value in values.items() if name != "opcode"}
                changed[field] &= ~(1 << token)
                start = number * COMMAND_BYTES
                code[start:start + COMMAND_BYTES] = encode(kind.opcode, **changed)
            for order in ("eager", "lazy"):
                with pytest.raises(MachineError) as info:
                    execute(program, image, bytes(code), order)
                assert info.value.code in ("RACE", "POISON")
    assert len(seen) >= 5
