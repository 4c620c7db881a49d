"""A command queue against a list, with tokens and an engine that takes its time."""

import random

import pytest
from amaranth.sim import Simulator

from sparrow.hw.control.layout import field_width
from sparrow.hw.control.queue import CommandQueue
from sparrow.hw.spec.accelerator import AcceleratorSpec
from sparrow.hw.spec.commands import COMMANDS, Engine, encode

_ENGINES = [engine for engine in Engine if engine is not Engine.SEQUENCER]


def _spec(data_width):
    return AcceleratorSpec(lanes=32, columns=32, data_width=data_width, queue_depth=3)


def _random_command(source, engine):
    kind = next(kind for kind in COMMANDS if kind.engine is engine)
    widths = {field.name: field_width(field, _spec(64)) for field in kind.fields}
    values = {field.name: source.randint(field.minimum,
                                         min(field.maximum, (1 << widths[field.name]) - 1))
              for field in kind.fields if field.name != "opcode"}
    for name in ("wait", "signal"):
        values[name] *= source.randint(0, 1)
    return {"opcode": int(kind.opcode), **values}


@pytest.mark.parametrize("data_width", [32, 64, 256])
@pytest.mark.parametrize("engine", _ENGINES)
def test_commands_run_one_by_one_between_their_tokens(engine, data_width):
    source = random.Random(data_width)
    queue = CommandQueue(engine=engine, spec=_spec(data_width))
    commands = [_random_command(source, engine) for _ in range(40)]
    words = 512 // data_width
    started, retired, events = [], [], []

    async def bench(ctx):
        waiting, written = list(commands), 0
        running, left = False, 0
        for _ in range(6000):
            free = not ctx.get(queue.full)
            write = bool(waiting) and (free or written) and source.random() < 0.6
            ctx.set(queue.write, write)
            if write:
                data = encode(waiting[0]["opcode"], **{
                    name: value for name, value in waiting[0].items() if name != "opcode"})
                ctx.set(queue.write_index, written)
                ctx.set(queue.write_data,
                        int.from_bytes(data, "little") >> written * data_width
                        & ((1 << data_width) - 1))
                ctx.set(queue.write_last, written == words - 1)
                written += 1
                if written == words:
                    waiting.pop(0)
                    written = 0
            asks = ctx.get(queue.take) or ctx.get(queue.give)
            ctx.set(queue.tokens_done, bool(asks) and source.random() < 0.4)
            ctx.set(queue.done, running and left == 0)
            if ctx.get(queue.tokens_done):
                events.append(("take", ctx.get(queue.take)) if ctx.get(queue.take)
                              else ("give", ctx.get(queue.give)))
            if ctx.get(queue.start):
                assert not running
                command = ctx.get(queue.command)
                started.append({name: getattr(command, name) for name in commands[0]})
                events.append("start")
                running, left = True, source.randint(0, 5)
            elif running:
                running, left = left > 0, left - 1
                if not running:
                    events.append("done")
            if ctx.get(queue.retire):
                retired.append(len(started) - 1)
            await ctx.tick()
        assert ctx.get(queue.empty) and not waiting

    simulator = Simulator(queue)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert started == commands
    assert retired == [number for number, command in enumerate(commands) if command["retire"]]
    expected = []
    for command in commands:
        expected += [("take", command["wait"])] * bool(command["wait"]) + ["start", "done"]
        expected += [("give", command["signal"])] * bool(command["signal"])
    assert events == expected
