"""A command queue against a list, with tokens and an engine that takes its time."""

import itertools
import random

import pytest
from amaranth.sim import Simulator

from sparrow.hw.control.layout import field_width
from sparrow.hw.control.queue import CommandQueue
from sparrow.hw.spec.accelerator import AcceleratorSpec
from sparrow.hw.spec.commands import COMMANDS, Engine, encode

_ENGINES = [engine for engine in Engine if engine is not Engine.SEQUENCER]


def _spec(data_width, latency=1):
    return AcceleratorSpec(lanes=32, columns=32, data_width=data_width, queue_depth=3,
                           memory_latency=latency)


def _random_command(source, engine):
    kind = next(kind for kind in COMMANDS if kind.engine is engine)
    widths = {field.name: field_width(field, _spec(64)) for field in kind.fields}
    values = {field.name: source.randint(field.minimum,
                                         min(field.maximum, (1 << widths[field.name]) - 1))
              for field in kind.fields if field.name != "opcode"}
    for name in ("wait", "signal"):
        values[name] *= source.randint(0, 1)
    return {"opcode": int(kind.opcode), **values}


class _Engine:
    """Takes its time with each command, releases it early or late, completes them in order."""

    def __init__(self, source):
        self._source = source
        self._release, self._complete = 0, []
        self.started = 0

    def start(self):
        """Begin with a command."""
        self.started += 1
        self._release = self._source.randint(0, 4)
        after = self._complete[-1] if self._complete else 0
        self._complete.append(after + self._source.choice((1, 3, 8, 50)))

    def cycle(self):
        """Whether the command is released, and whether one completes in this cycle."""
        released = self.started > 0 and self._release == 0
        self._release = max(self._release - 1, 0)
        self._complete = [left - 1 for left in self._complete]
        done = self._complete[:1] == [0]
        if done:
            self._complete.pop(0)
        return released, done


@pytest.mark.parametrize("engine, data_width, latency", [
    *itertools.product(_ENGINES, (32, 64, 256), (1,)), (Engine.COMPUTE, 256, 2)])
def test_commands_run_in_order_between_their_tokens(engine, data_width, latency):
    source = random.Random(data_width)
    queue = CommandQueue(engine=engine, spec=_spec(data_width, latency))
    commands = [_random_command(source, engine) for _ in range(90)]
    for number, one in enumerate(commands):
        if "ordered" in one:
            one["ordered"] = int(number % 4 == 3)
    words = 512 // data_width
    started, retired, taken, given = [], [], [], []
    done, overlaps = 0, 0

    async def bench(ctx):
        nonlocal done, overlaps
        waiting, written = list(commands), 0
        model = _Engine(source)
        for _ in range(13_500):
            free = not ctx.get(queue.full)
            write = bool(waiting) and (free or written) and source.random() < 0.8
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
            released, completes = model.cycle()
            ctx.set(queue.released, released)
            ctx.set(queue.done, completes)
            take, give = ctx.get(queue.take), ctx.get(queue.give)
            assert not (take and give)
            ctx.set(queue.tokens_done, bool(take or give) and source.random() < 0.4)
            if ctx.get(queue.tokens_done):
                (taken if take else given).append(take or give)
                if give:  # of a command that was complete before this cycle
                    assert len(given) <= sum(bool(one["signal"]) for one in commands[:done])
            if ctx.get(queue.retire):
                retired.append(done)
            if ctx.get(queue.start):
                command = ctx.get(queue.command)
                started.append({name: getattr(command, name) for name in commands[0]})
                assert taken == [one["wait"] for one in commands[:len(started)] if one["wait"]]
                assert len(started) - done <= 2
                if started[-1].get("ordered"):
                    assert len(started) - done == 1
                overlaps += len(started) - done == 2
                model.start()
            done += completes
            if ctx.get(queue.empty):
                assert len(started) == done
                assert len(given) == sum(bool(one["signal"]) for one in commands[:done])
            await ctx.tick()
        assert ctx.get(queue.empty) and not waiting

    simulator = Simulator(queue)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert started == commands and overlaps > 10
    wanted = [number + 1 for number, one in enumerate(commands) if one["retire"]]
    assert len(retired) == len(wanted)
    assert all(count >= least for count, least in zip(retired, wanted))
    assert given == [one["signal"] for one in commands if one["signal"]]
