# amaranth: UnusedElaboratable=no
"""The registers as the host sees them, and as the accelerator does."""

import random

import pytest
from amaranth.hdl import Value
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from sparrow.hw.bus.signature import lite_signatures
from sparrow.hw.control.registers import RegisterFile
from sparrow.hw.spec.bus import BusSpec
from sparrow.hw.spec.registers import REGISTERS, register, version_value

OKAY, SLAVE_ERROR = 0, 2
VERSION = version_value(1, 2, 3)
HIGH = ("PROGRAM_BASE_HIGH", "DATA_BASE_HIGH")


class Host:
    """A register file, and reads and writes as functions."""

    def __init__(self, *, address_width=32):
        self.dut = RegisterFile(spec=BusSpec(address_width=address_width), version=VERSION)
        self.pulses = []

    async def watch(self, ctx):
        cycle = 0
        while True:
            _, _, start, reset = await ctx.tick().sample(
                self.dut.control_start, self.dut.control_soft_reset)
            self.pulses += [(cycle, name) for name, up in (("start", start), ("reset", reset))
                            if up]
            cycle += 1

    async def read(self, ctx, offset):
        ctx.set(self.dut.ar.valid, 1)
        ctx.set(self.dut.ar.payload.addr, offset)
        ctx.set(self.dut.r.ready, 1)
        await self.transfer(ctx, self.dut.ar)
        ctx.set(self.dut.ar.valid, 0)
        payload = await self.transfer(ctx, self.dut.r)
        return payload.resp, payload.data

    async def write(self, ctx, offset, word, strobe=0b1111, event=None):
        """Write a word; an event happens in the cycle in which it is transferred."""
        ctx.set(self.dut.aw.valid, 1)
        ctx.set(self.dut.aw.payload.addr, offset)
        ctx.set(self.dut.w.valid, 1)
        ctx.set(self.dut.w.payload, {"data": word, "strb": strobe})
        ctx.set(self.dut.b.ready, 1)
        if event is not None:
            ctx.set(event, 1)
        await self.transfer(ctx, self.dut.aw)
        if event is not None:
            ctx.set(event, 0)
        ctx.set(self.dut.aw.valid, 0)
        ctx.set(self.dut.w.valid, 0)
        payload = await self.transfer(ctx, self.dut.b)
        return payload.resp

    async def transfer(self, ctx, port):
        for _ in range(20):
            _, _, valid, ready, payload = await ctx.tick().sample(
                port.valid, port.ready, port.payload)
            if valid and ready:
                return payload
        raise AssertionError("the register file hangs")

    def run(self, testbench):
        simulator = Simulator(self.dut)
        simulator.add_clock(1e-6)
        simulator.add_process(self.watch)
        simulator.add_testbench(testbench)
        simulator.run()


def implemented(entry, address_width):
    """The bits of a register that exist."""
    return entry.mask if entry.name not in HIGH else (1 << address_width - 32) - 1


@pytest.mark.parametrize("address_width", [32, 40, 64])
def test_ports(address_width):
    dut = RegisterFile(spec=BusSpec(address_width=address_width), version=VERSION)
    assert dut.spec.address_width == address_width
    assert dut.version == VERSION
    members = dict(dut.signature.members)
    for name in (*lite_signatures(), "interrupt", "windows"):
        members.pop(name)
    flows = {"ro": In, "rw": Out, "w1p": Out, "w1c": In}
    expected = {entry.port_name(field): (flows[entry.access], field.width)
                for entry in REGISTERS if entry.name not in ("ID", "VERSION")
                for field in entry.fields}
    for name in HIGH:
        if address_width == 32:
            del expected[name.lower()]
        else:
            expected[name.lower()] = (Out, address_width - 32)
    assert {name: (member.flow, member.shape) for name, member in members.items()} == expected


@pytest.mark.parametrize("address_width", [32, 40, 64])
def test_values_after_reset(address_width):
    host = Host(address_width=address_width)

    async def testbench(ctx):
        assert not ctx.get(host.dut.interrupt)
        assert ctx.get(host.dut.watchdog) == 1_000_000
        for entry in REGISTERS:
            expected = VERSION if entry.name == "VERSION" else entry.reset
            assert await host.read(ctx, entry.offset) == (OKAY, expected), entry.name

    host.run(testbench)


@pytest.mark.parametrize("address_width", [32, 40, 64])
def test_written_words_are_read_and_on_their_ports(address_width):
    host = Host(address_width=address_width)
    generator = random.Random(address_width)
    kept = [entry for entry in REGISTERS if entry.access == "rw"]
    words = {entry.name: entry.reset for entry in kept}

    async def testbench(ctx):
        for _ in range(150):
            entry = generator.choice(kept)
            word, strobe = generator.getrandbits(32), generator.getrandbits(4)
            enabled = sum(0xFF << 8 * byte for byte in range(4) if strobe >> byte & 1)
            enabled &= implemented(entry, address_width)
            words[entry.name] = words[entry.name] & ~enabled | word & enabled
            assert await host.write(ctx, entry.offset, word, strobe) == OKAY
            assert await host.read(ctx, entry.offset) == (OKAY, words[entry.name])
        for entry in kept:
            assert await host.read(ctx, entry.offset) == (OKAY, words[entry.name])
            for field in entry.fields:
                port = getattr(host.dut, entry.port_name(field), None)
                if port is not None:
                    value = (words[entry.name] & field.mask) >> field.low
                    assert ctx.get(port) == value
        for number, name in enumerate(("PROGRAM", "DATA")):
            window = host.dut.windows[number]
            base = words[f"{name}_BASE"] | words[f"{name}_BASE_HIGH"] << 32
            assert ctx.get(window.base) == base >> 12
            assert ctx.get(window.size) == words[f"{name}_SIZE"] >> 12

    host.run(testbench)


def test_what_the_accelerator_says_is_read():
    host = Host()
    generator = random.Random(1)

    async def testbench(ctx):
        for _ in range(3):
            words = {}
            for entry in REGISTERS:
                if entry.access != "ro" or entry.name in ("ID", "VERSION"):
                    continue
                words[entry.name] = 0
                for field in entry.fields:
                    value = generator.getrandbits(field.width)
                    ctx.set(getattr(host.dut, entry.port_name(field)), value)
                    words[entry.name] |= value << field.low
            for name, word in words.items():
                offset = register(name).offset
                assert await host.write(ctx, offset, ~word & 0xFFFF_FFFF) == OKAY
                assert await host.read(ctx, offset) == (OKAY, word)

    host.run(testbench)


def test_orders_are_pulses():
    host = Host()
    control = register("CONTROL").offset

    async def testbench(ctx):
        expected = []
        for word, strobe in ((1, 15), (2, 1), (3, 14), (3, 15), (0, 15), (0xFFFF_FFFC, 15)):
            before = len(host.pulses)
            await host.write(ctx, control, word, strobe)
            await ctx.tick().repeat(3)
            names = [name for _, name in host.pulses[before:]]
            expected = [name for bit, name in enumerate(("start", "reset"))
                        if word >> bit & strobe & 1]
            assert names == expected
            assert await host.read(ctx, control) == (OKAY, 0)

    host.run(testbench)


def test_interrupts():
    host = Host()
    dut = host.dut
    enable, status = (register(f"INTERRUPT_{name}").offset for name in ("ENABLE", "STATUS"))

    async def testbench(ctx):
        for bit, event in enumerate((dut.interrupt_status_done, dut.interrupt_status_error)):
            mask = 1 << bit
            await host.write(ctx, enable, mask ^ 3)
            ctx.set(event, 1)
            await ctx.tick()
            ctx.set(event, 0)
            await ctx.tick()
            assert await host.read(ctx, status) == (OKAY, mask)
            assert not ctx.get(dut.interrupt)
            await host.write(ctx, enable, mask)
            assert ctx.get(dut.interrupt)
            for word, strobe in ((mask ^ 3, 15), (mask, 14), (0, 15)):  # clears nothing
                await host.write(ctx, status, word, strobe)
                assert ctx.get(dut.interrupt)
            await host.write(ctx, status, mask, event=event)
            assert await host.read(ctx, status) == (OKAY, mask), "an event was lost"
            await host.write(ctx, status, mask)
            assert not ctx.get(dut.interrupt)
            assert await host.read(ctx, status) == (OKAY, 0)

    host.run(testbench)


def test_where_there_is_no_register():
    host = Host()
    mapped = {entry.offset for entry in REGISTERS}

    async def testbench(ctx):
        for offset in range(0, 4096, 4):
            if offset not in mapped and (offset < 256 or offset % 256 == 0):
                assert await host.read(ctx, offset) == (SLAVE_ERROR, 0)
                assert await host.write(ctx, offset, 0xFFFF_FFFF) == SLAVE_ERROR
        for entry in REGISTERS:
            expected = VERSION if entry.name == "VERSION" else entry.reset
            assert await host.read(ctx, entry.offset) == (OKAY, expected)
        assert not host.pulses

    host.run(testbench)


def test_a_host_that_does_not_take_answers():
    """Others wait; nothing is lost."""
    host = Host()
    dut = host.dut

    async def testbench(ctx):
        ctx.set(dut.ar.valid, 1)
        ctx.set(dut.aw.valid, 1)
        ctx.set(dut.w.valid, 1)
        ctx.set(dut.w.payload, {"data": 5, "strb": 15})
        ctx.set(dut.aw.payload.addr, register("WATCHDOG").offset)
        await ctx.tick().repeat(20)
        assert (ctx.get(dut.r.valid), ctx.get(dut.b.valid)) == (1, 1)
        assert (ctx.get(dut.ar.ready), ctx.get(dut.aw.ready)) == (0, 0)
        held = ctx.get(Value.cast(dut.r.payload))
        await ctx.tick().repeat(5)
        assert ctx.get(Value.cast(dut.r.payload)) == held
        ctx.set(dut.ar.valid, 0)
        ctx.set(dut.aw.valid, 0)
        ctx.set(dut.w.valid, 0)
        ctx.set(dut.r.ready, 1)
        ctx.set(dut.b.ready, 1)
        await ctx.tick()
        assert await host.read(ctx, register("WATCHDOG").offset) == (OKAY, 5)

    host.run(testbench)


@pytest.mark.parametrize("changes, error, text", [
    ({"spec": 32}, TypeError, "spec must be a BusSpec, not 32"),
    ({"version": "1"}, TypeError, "version must be an integer from 0 to 4294967295, not '1'"),
    ({"version": 1 << 32}, ValueError,
     "version must be an integer from 0 to 4294967295, not 4294967296"),
])
def test_refuses(changes, error, text):
    with pytest.raises(error) as caught:
        RegisterFile(**{"spec": BusSpec(), "version": 0} | changes)
    assert str(caught.value) == text
