"""The sequencer: commands to their queues, what isn't one to ``illegal``."""

import random

import pytest
from amaranth.sim import Simulator

from sparrow.hw.control.layout import field_width
from sparrow.hw.control.sequencer import ENGINES, Sequencer
from sparrow.hw.spec.accelerator import AcceleratorSpec
from sparrow.hw.spec.commands import COMMAND_BYTES, COMMANDS, Engine, Opcode, encode

_ENGINE_OPCODES = [kind.opcode for kind in COMMANDS if kind.engine is not Engine.SEQUENCER]


def _spec(data_width):
    return AcceleratorSpec(lanes=32, columns=32, data_width=data_width)


def _random_command(source, opcode):
    kind = next(kind for kind in COMMANDS if kind.opcode == opcode)
    widths = {field.name: field_width(field, _spec(64)) for field in kind.fields}
    return encode(opcode, **{
        field.name: source.randint(field.minimum, min(field.maximum, (1 << widths[field.name]) - 1))
        for field in kind.fields if field.name != "opcode"})


def _run(data_width, program, *, seed=0, cycles=2000):
    """Feed a program; what each queue got, the requests, and whether it ended or was illegal."""
    source = random.Random(seed)
    sequencer = Sequencer(spec=_spec(data_width))
    word_bytes = data_width // 8
    words = [int.from_bytes(program[place:place + word_bytes], "little")
             for place in range(0, len(program), word_bytes)]
    queues = {engine: [] for engine in ENGINES}
    seen = {"requests": [], "illegal": False, "finished": False, "commands": 0}

    async def bench(ctx):
        ctx.set(sequencer.offset, 640)
        ctx.set(sequencer.start, 1)
        await ctx.tick()
        ctx.set(sequencer.start, 0)
        partial = {}
        waiting = list(words)
        valid = False
        for _ in range(cycles):
            ctx.set(sequencer.requests.ready, source.random() < 0.5)
            ctx.set(sequencer.queue_full, sum(source.getrandbits(1) << n for n in range(4)))
            ctx.set(sequencer.quiet, source.random() < 0.3)
            valid = bool(waiting) and (valid or source.random() < 0.7)
            ctx.set(sequencer.words.valid, valid)
            if valid:
                ctx.set(sequencer.words.payload.data, waiting[0])
            full = ctx.get(sequencer.queue_full)
            if ctx.get(sequencer.requests.valid) and ctx.get(sequencer.requests.ready):
                request = ctx.get(sequencer.requests.payload)
                seen["requests"].append((request.window, request.offset, request.words))
            write, index = ctx.get(sequencer.queue_write), ctx.get(sequencer.queue_index)
            for number, engine in enumerate(ENGINES):
                if write >> number & 1:
                    if index == 0:
                        assert not full >> number & 1
                        partial[engine] = b""
                    partial[engine] += ctx.get(sequencer.queue_data).to_bytes(word_bytes, "little")
                    if ctx.get(sequencer.queue_last):
                        queues[engine].append(partial.pop(engine))
            seen["illegal"] |= bool(ctx.get(sequencer.illegal))
            seen["commands"] += ctx.get(sequencer.command)
            taken = valid and ctx.get(sequencer.words.ready)
            if ctx.get(sequencer.finished):
                assert ctx.get(sequencer.quiet)
                seen["finished"] = True
            await ctx.tick()
            if taken:
                waiting.pop(0)
                valid = False

    simulator = Simulator(sequencer)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return queues, seen


@pytest.mark.parametrize("data_width", [32, 64, 256])
def test_commands_reach_their_queues_in_order(data_width):
    source = random.Random(data_width)
    opcodes = [source.choice(_ENGINE_OPCODES) for _ in range(12)]
    commands = [_random_command(source, opcode) for opcode in opcodes]
    program = b"".join(commands) + encode(Opcode.END) + _random_command(source, Opcode.LOAD)
    queues, seen = _run(data_width, program)
    engine_of = {kind.opcode: kind.engine for kind in COMMANDS}
    for engine in ENGINES:
        assert queues[engine] == [data for data, opcode in zip(commands, opcodes)
                                  if engine_of[opcode] is engine]
    assert seen["finished"] and not seen["illegal"]
    assert seen["commands"] == len(commands) + 1
    words = 8 * COMMAND_BYTES // data_width
    assert seen["requests"][:5] == [(0, 640 + 64 * number, words) for number in range(5)]


def _corruptions():
    for kind in COMMANDS:
        for field in kind.fields:
            if field.count:
                yield f"{kind.name} {field.name} 0", kind.opcode, field
        gap = next(bit for bit in range(8 * COMMAND_BYTES) if not kind.mask >> bit & 1)
        yield f"{kind.name} bit {gap}", kind.opcode, gap
        yield f"{kind.name} bit 511", kind.opcode, 511


@pytest.mark.parametrize("data_width", [32, 64])
@pytest.mark.parametrize("opcode, what", [pytest.param(opcode, what, id=name)
                                          for name, opcode, what in _corruptions()])
def test_an_illegal_command_is_reported_and_not_handed_on(data_width, opcode, what):
    source = random.Random(1)
    word = int.from_bytes(_random_command(source, opcode), "little")
    if isinstance(what, int):
        word |= 1 << what
    else:
        word &= ~(((1 << what.width) - 1) << what.low)
    good = _random_command(source, Opcode.STORE)
    queues, seen = _run(data_width, good + word.to_bytes(COMMAND_BYTES, "little") + good,
                        cycles=200)
    assert seen["illegal"] and not seen["finished"]
    assert queues == {engine: [good] if engine is Engine.STORE else [] for engine in ENGINES}


@pytest.mark.parametrize("opcode", [0, 6, 7, 255])
def test_an_unknown_opcode_is_illegal(opcode):
    queues, seen = _run(64, bytes([opcode]) + bytes(COMMAND_BYTES - 1), cycles=60)
    assert seen["illegal"]
    assert not any(queues.values())
