"""Tokens: enough, none too many, and in pairs."""

import numpy as np
import pytest

from sparrow.compiler import compile_network
from sparrow.compiler.dependencies import PAIRS, set_tokens
from sparrow.compiler.errors import CompileError
from sparrow.compiler.footprint import Footprint, Instruction
from sparrow.golden.accelerator import Machine, MachineError
from sparrow.hw.spec.commands import COMMAND_BYTES, Opcode, encode


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


def test_too_many_tokens():
    chain = [step(Opcode.LOAD, writes=[row]) for row in range(16)]
    chain += [step(Opcode.COMPUTE, reads=[row]) for row in range(16)]
    with pytest.raises(CompileError) as info:
        set_tokens(chain)
    assert str(info.value) == ("Layer 'layer': tokens that wait to be taken must be at most 15, "
                               "not 16")
    set_tokens([step(Opcode.LOAD, writes=[row]) for row in range(15)]
               + [step(Opcode.COMPUTE, reads=[row]) for row in range(15)])


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
