"""The regression of the sequencer: programs in, commands to their queues out."""

import collections
import itertools
import random

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly

from sparrow.hw.control.layout import field_width
from sparrow.hw.control.sequencer import ENGINES, Sequencer
from sparrow.hw.export import flat_ports
from sparrow.hw.spec.accelerator import AcceleratorSpec
from sparrow.hw.spec.commands import COMMAND_BYTES, COMMANDS, Engine, Opcode, encode

from ..report import add_coverage, bench_parameters
from ..streams import StreamDriver, StreamMonitor, pattern

_PARAMETERS = bench_parameters()
_SPEC = AcceleratorSpec.from_mapping(_PARAMETERS["spec"])
_SEED = _PARAMETERS["seed"]
_COMMANDS = [kind for kind in COMMANDS if kind.engine is not Engine.SEQUENCER]
_WORDS = COMMAND_BYTES // _SPEC.bus.word_bytes


def _highest(field) -> int:
    return min(field.maximum, (1 << field_width(field, _SPEC)) - 1)


def _random_command(source, kind) -> int:
    values = {field.name: source.choice((field.minimum, _highest(field),
                                         source.randint(field.minimum, _highest(field))))
              for field in kind.fields if field.name != "opcode"}
    return int.from_bytes(encode(kind.opcode, **values), "little")


class _Bench:
    """Memory that answers requests in order, queues that fill up, and what they got."""

    def __init__(self, dut, *, moves: str, room: str, seed: int):
        ports = flat_ports(Sequencer(spec=_SPEC))
        self._dut = dut
        self._words = StreamDriver(dut, "words", ports, pattern(moves, seed), seed=seed)
        self._requests = StreamMonitor(dut, "requests", ports, pattern(moves, seed + 1),
                                       receive=self._answer)
        self._room = [pattern(room, seed + 2 + number) for number in range(len(ENGINES))]
        self.covered: collections.Counter[str] = collections.Counter()
        Clock(dut.clk, 10, "ns").start()

    async def reset(self) -> None:
        """Reset the sequencer and forget everything."""
        self.queues: dict[Engine, list[int]] = {engine: [] for engine in ENGINES}
        self.commands = 0
        self.illegal = self.finished = False
        self._program: list[int] = []
        self._expected_offset: int | None = None
        await FallingEdge(self._dut.clk)
        self._dut.rst.value = 1
        for name in ("start", "quiet", "queue_full", "offset"):
            getattr(self._dut, name).value = 0
        self._words.clear()
        self._requests.clear()
        for _ in range(2):
            await FallingEdge(self._dut.clk)
        self._dut.rst.value = 0

    def _answer(self, request):
        assert self._expected_offset is not None, "a request before the start"
        expected = {"window": 0, "offset": self._expected_offset, "words": _WORDS}
        assert request == expected, f"the request is {request}, not {expected}"
        self._expected_offset = (self._expected_offset + COMMAND_BYTES) % (1 << 32)
        command = self._program.pop(0) if self._program else 0
        for word in range(_WORDS):
            self._words.send({"data": command >> word * _SPEC.data_width
                              & ((1 << _SPEC.data_width) - 1), "last": word == _WORDS - 1})

    async def run(self, program: list[int], *, offset: int, cycles: int, quiet: bool = True):
        """Start a program and look on."""
        self._program = list(program)
        await FallingEdge(self._dut.clk)
        self._dut.offset.value, self._dut.start.value = offset, 1
        self._dut.requests_ready.value, self._dut.words_valid.value = 0, 0
        await FallingEdge(self._dut.clk)
        self._dut.offset.value, self._dut.start.value = 0, 0
        self._expected_offset = offset & ~63
        self._dut.quiet.value = int(quiet)
        self._partial = dict.fromkeys(ENGINES, 0)
        for _ in range(cycles):
            await self._cycle()

    async def _cycle(self):
        await FallingEdge(self._dut.clk)
        full = sum((not next(room)) << number for number, room in enumerate(self._room))
        self._dut.queue_full.value = full
        self._words.drive()
        self._requests.drive()
        await ReadOnly()
        self._words.sample()
        self._requests.sample()
        write, index = int(self._dut.queue_write.value), int(self._dut.queue_index.value)
        for number, engine in enumerate(ENGINES):
            if write >> number & 1:
                assert index or not full >> number & 1, f"{engine.value} has no room"
                self._partial[engine] |= (int(self._dut.queue_data.value)
                                          << index * _SPEC.data_width)
                if int(self._dut.queue_last.value):
                    assert index == _WORDS - 1
                    self.queues[engine].append(self._partial[engine])
                    self._partial[engine] = 0
        self.commands += int(self._dut.command.value)
        self.illegal |= bool(int(self._dut.illegal.value))
        self.finished |= bool(int(self._dut.finished.value))
        self.covered["cycles"] += 1


def _expect(bench, program, *, illegal=False, finished=True):
    expected: dict[Engine, list[int]] = {engine: [] for engine in ENGINES}
    for word in program:
        kind = next(kind for kind in COMMANDS if kind.opcode == word & 0xFF)
        if kind.engine in expected:
            expected[kind.engine].append(word)
    assert bench.queues == expected, "commands are lost, changed, or in the wrong queue"
    assert bench.illegal == illegal, f"illegal is {bench.illegal}"
    assert bench.finished == finished, f"finished is {bench.finished}"
    assert bench.commands == len(program), f"{bench.commands} commands, not {len(program)}"
    bench.covered["commands"] += len(program)


_END = int.from_bytes(encode(Opcode.END), "little")


@cocotb.test()
@cocotb.parametrize(moves=["always", "often", "bursts"], room=["always", "often"])
async def random_programs(dut, moves, room):
    """Commands of all kinds; what comes after ``END`` is ignored."""
    bench = _Bench(dut, moves=moves, room=room, seed=_SEED)
    source = random.Random(f"{_SEED} {moves} {room}")
    for offset in (0, 1 << 31, (1 << 32) - 256, source.randrange(1 << 32)):
        await bench.reset()
        program = [_random_command(source, source.choice(_COMMANDS)) for _ in range(10)]
        await bench.run([*program, _END, *program], offset=offset, cycles=60 * _WORDS)
        _expect(bench, [*program, _END])
    add_coverage(bench.covered)


@cocotb.test()
async def waits_until_all_is_quiet(dut):
    """``END`` ends nothing as long as an engine is at work, and nothing runs without a start."""
    bench = _Bench(dut, moves="always", room="always", seed=_SEED)
    await bench.reset()
    for _ in range(10):
        await bench._cycle()
    await bench.run([_END], offset=0, cycles=20 * _WORDS, quiet=False)
    _expect(bench, [_END], finished=False)
    await FallingEdge(dut.clk)
    dut.quiet.value = 1
    await bench._cycle()
    assert bench.finished
    add_coverage(bench.covered)


@cocotb.test()
async def illegal_commands(dut):
    """Unknown opcodes, bits outside the fields, counts of 0 or more than there can be."""
    bench = _Bench(dut, moves="always", room="always", seed=_SEED)
    source = random.Random(_SEED)
    cases = [0, 6, 16, 32, 64, 128, 0xFF]
    for kind in COMMANDS:
        gaps = [bit for bit in range(8 * COMMAND_BYTES) if not kind.mask >> bit & 1]
        words = itertools.groupby(gaps, lambda bit: bit // _SPEC.data_width)
        chosen = {gaps[0], gaps[-1], *(source.choice(list(bits)) for _, bits in words)}
        cases += [_random_command(source, kind) | 1 << bit for bit in sorted(chosen)]
        cases += [_random_command(source, kind) & ~(((1 << field.width) - 1) << field.low)
                  for field in kind.fields if field.count]
        cases += [_random_command(source, kind) | 1 << bit for field in kind.fields
                  for bit in range(field.low + field_width(field, _SPEC), field.low + field.width)]
    good = _random_command(source, _COMMANDS[0])
    for case in cases:
        await bench.reset()
        await bench.run([good, case, good, _END], offset=0, cycles=6 * _WORDS + 10)
        _expect(bench, [good], illegal=True, finished=False)
        bench.covered["illegal commands"] += 1
    add_coverage(bench.covered)
