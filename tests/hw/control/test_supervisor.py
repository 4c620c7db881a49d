"""Start, end, errors and resets, seen from the host and from the core."""

import pytest
from amaranth.sim import Simulator

from sparrow.hw.control.supervisor import CAUSES, EVENTS, Supervisor
from sparrow.hw.spec.registers import ErrorCode


@pytest.fixture
def drive():
    """Runs an asynchronous function on a supervisor, with ``pulse`` to set an input for a cycle."""
    def run(function):
        supervisor = Supervisor()

        async def pulse(ctx, name, value=1):
            ctx.set(getattr(supervisor, name), value)
            await ctx.tick()
            ctx.set(getattr(supervisor, name), 0)

        async def bench(ctx):
            await function(ctx, supervisor, pulse)

        simulator = Simulator(supervisor)
        simulator.add_clock(1e-6)
        simulator.add_testbench(bench)
        simulator.run()
    return run


def _state(ctx, supervisor):
    return {name for name in ("busy", "done", "error", "draining", "halt")
            if ctx.get(getattr(supervisor, name))}


def test_a_run_ends_when_the_bus_is_idle(drive):
    async def function(ctx, supervisor, pulse):
        assert _state(ctx, supervisor) == set()
        ctx.set(supervisor.start, 1)
        assert ctx.get(supervisor.begin)
        await pulse(ctx, "start")
        assert _state(ctx, supervisor) == {"busy"}
        ctx.set(supervisor.start, 1)
        assert not ctx.get(supervisor.begin)
        await pulse(ctx, "start")
        await pulse(ctx, "finished")
        for _ in range(3):
            assert _state(ctx, supervisor) == {"busy", "draining", "halt"}
            assert not ctx.get(supervisor.core_reset) and not ctx.get(supervisor.done_event)
            await ctx.tick()
        ctx.set(supervisor.idle, 1)
        assert ctx.get(supervisor.core_reset) and ctx.get(supervisor.done_event)
        await ctx.tick()
        assert _state(ctx, supervisor) == {"done"}
        assert not ctx.get(supervisor.core_reset)
        await pulse(ctx, "start")
        assert _state(ctx, supervisor) == {"busy"}
    drive(function)


@pytest.mark.parametrize("causes, code", [
    *((1 << number, code) for number, code in enumerate(CAUSES)),
    ((1 << len(CAUSES)) - 1, CAUSES[0]), (0b11000, CAUSES[3])])
@pytest.mark.parametrize("finished", [0, 1])
def test_an_error_stops_a_run_at_once(drive, causes, code, finished):
    async def function(ctx, supervisor, pulse):
        await pulse(ctx, "causes", causes)
        assert _state(ctx, supervisor) == set()
        await pulse(ctx, "start")
        ctx.set(supervisor.finished, finished)
        ctx.set(supervisor.causes, causes)
        ctx.set(supervisor.stream_code, 9)
        assert ctx.get(supervisor.error_event)
        await ctx.tick()
        ctx.set(supervisor.finished, 0)
        assert _state(ctx, supervisor) == {"error", "draining", "halt"}
        assert ctx.get(supervisor.error_code) == code
        assert not ctx.get(supervisor.error_event)
        ctx.set(supervisor.causes, 0)
        ctx.set(supervisor.stream_code, 0)
        await pulse(ctx, "start")
        assert _state(ctx, supervisor) == {"error", "draining", "halt"}
        ctx.set(supervisor.idle, 1)
        assert ctx.get(supervisor.core_reset) and not ctx.get(supervisor.done_event)
        await ctx.tick()
        assert _state(ctx, supervisor) == {"error"}
        assert ctx.get(supervisor.error_code) == code
        assert ctx.get(supervisor.stream_error) == (9 if code is ErrorCode.STREAM else 0)
        await pulse(ctx, "start")
        assert _state(ctx, supervisor) == {"busy"}
        assert ctx.get(supervisor.error_code) == ErrorCode.NONE
    drive(function)


@pytest.mark.parametrize("limit", [1, 7])
def test_the_watchdog_counts_cycles_without_progress(drive, limit):
    async def function(ctx, supervisor, pulse):
        ctx.set(supervisor.watchdog, limit)
        for _ in range(20):
            await ctx.tick()
        await pulse(ctx, "start")
        for _ in range(3):
            for _ in range(limit - 1):
                await ctx.tick()
                assert not ctx.get(supervisor.error_event)
            await pulse(ctx, "progress")
        for _ in range(limit):
            assert not ctx.get(supervisor.error_event)
            await ctx.tick()
        assert ctx.get(supervisor.error_event)
        await ctx.tick()
        assert ctx.get(supervisor.error_code) == ErrorCode.WATCHDOG
    drive(function)


def test_a_limit_of_0_is_none(drive):
    async def function(ctx, supervisor, pulse):
        await pulse(ctx, "start")
        for _ in range(50):
            await ctx.tick()
        assert _state(ctx, supervisor) == {"busy"}
    drive(function)


@pytest.mark.parametrize("before", ["nothing", "run", "error"])
def test_a_soft_reset_drains_and_forgets(drive, before):
    async def function(ctx, supervisor, pulse):
        if before != "nothing":
            await pulse(ctx, "start")
        if before == "error":
            await pulse(ctx, "causes", 1)
        await pulse(ctx, "soft_reset")
        assert _state(ctx, supervisor) == {"draining", "halt"}
        assert ctx.get(supervisor.error_code) == ErrorCode.NONE
        ctx.set(supervisor.idle, 1)
        assert ctx.get(supervisor.core_reset) and not ctx.get(supervisor.done_event)
        await ctx.tick()
        assert _state(ctx, supervisor) == set()
    drive(function)


def test_counters_count_during_a_run(drive):
    async def function(ctx, supervisor, pulse):
        for name in EVENTS:
            ctx.set(getattr(supervisor, f"{name}_event"), 1)
        for expected in (5, 9):
            await pulse(ctx, "start")
            for name in EVENTS:
                assert ctx.get(getattr(supervisor, name)) == 0
            for _ in range(expected - 1):
                await ctx.tick()
            await pulse(ctx, "finished")
            ctx.set(supervisor.idle, 1)
            await ctx.tick()
            await ctx.tick()
            for name in ("cycles", *EVENTS):
                assert ctx.get(getattr(supervisor, name)) == expected
            ctx.set(supervisor.idle, 0)
        await pulse(ctx, "start")
        ctx.set(supervisor.layers_event, 3)
        await ctx.tick()
        assert ctx.get(supervisor.layers) == 3
    drive(function)
