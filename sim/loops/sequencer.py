"""The regression of the sequencer: programs in, commands to their queues out."""

import collections
import dataclasses
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
_BITS = 8 * COMMAND_BYTES
_WORDS = _BITS // _SPEC.data_width
_LATER = 8  # cycles
_END = int.from_bytes(encode(Opcode.END), "little")


def _random_value(source, field) -> int:
    """A value that the accelerator has, every third time the smallest, or the largest one."""
    width = field_width(field, _SPEC)
    low, high = (field.minimum if width else 0), min(field.maximum, (1 << width) - 1)
    return source.choice((low, high, source.randint(low, high)))


def _random_command(source, kind, **values) -> int:
    drawn = {field.name: _random_value(source, field)
             for field in kind.fields if field.name != "opcode"}
    return int.from_bytes(encode(kind.opcode, **drawn | values), "little")


def _mask(kind) -> int:
    """The bits of a command that an accelerator of this specification knows."""
    return sum(((1 << field_width(field, _SPEC)) - 1) << field.low for field in kind.fields)


def _illegal_bit(command: int) -> int:
    """The first bit of a command that can't be, or of a count that can't be 0; else ``_BITS``."""
    kind = next((kind for kind in COMMANDS if kind.opcode == command & 0xFF), None)
    if kind is None:
        return 0
    others = command & ~_mask(kind)
    places = [field.low for field in kind.fields
              if field.count and not command >> field.low & ((1 << field.width) - 1)]
    return min([*places, (others & -others).bit_length() - 1 if others else _BITS])


@dataclasses.dataclass(frozen=True)
class _Word:
    """A word of a command on its way, and what is to become of it."""
    engine: Engine | None
    number: int
    data: int
    legal: bool

    @property
    def last(self) -> bool:
        return self.number == _WORDS - 1


def _words(command: int) -> list[_Word]:
    """The words of a command."""
    engine = next((kind.engine for kind in COMMANDS if kind.opcode == command & 0xFF), None)
    illegal = _illegal_bit(command) // _SPEC.data_width
    return [_Word(engine, number, command >> number * _SPEC.data_width
                  & ((1 << _SPEC.data_width) - 1), number < illegal) for number in range(_WORDS)]


class _Bench:
    """Memory that answers requests in order, queues that fill up, and what they got.

    Every word must be taken in the first cycle in which it can be, and handed on in it.
    """

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
        self.illegal = self.ended = self.finished = False
        self._program: list[int] = []
        self._sent: collections.deque[_Word] = collections.deque()
        self._partial = dict.fromkeys(ENGINES, 0)
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
        for word in _words(self._program.pop(0) if self._program else 0):
            self._words.send({"data": word.data, "last": word.last})
            self._sent.append(word)

    async def run(self, program: list[int], *, offset: int = 0, cycles: int,
                  quiet: bool = True) -> None:
        """Start a program and look on, not much longer than until a command is illegal."""
        self._program = list(program)
        await FallingEdge(self._dut.clk)
        self._dut.offset.value, self._dut.start.value = offset, 1
        self._dut.requests_ready.value, self._dut.words_valid.value = 0, 0
        await FallingEdge(self._dut.clk)
        self._dut.offset.value, self._dut.start.value = 0, 0
        self._expected_offset = offset & ~63
        self._dut.quiet.value = int(quiet)
        while cycles and not self.illegal:
            await self.cycle()
            cycles -= 1
        for _ in range(min(cycles, _LATER)):
            await self.cycle()

    async def cycle(self) -> None:
        """One clock cycle."""
        await FallingEdge(self._dut.clk)
        full = sum((not next(room)) << number for number, room in enumerate(self._room))
        self._dut.queue_full.value = full
        self._words.drive()
        self._requests.drive()
        await ReadOnly()
        taken = self._words.transfers
        self._words.sample()
        self._requests.sample()
        self._check(full, self._words.transfers > taken)
        self.covered["cycles"] += 1

    def _check(self, full, taken):
        """What must be seen in a cycle, in which a word is taken or not."""
        word = self._sent[0] if int(self._dut.words_valid.value) else None
        due = word is not None and not (self.ended or self.illegal or self._waits(word, full))
        assert taken == due, f"a word must be {'taken' if due else 'left'}, which it isn't"
        expected = dict.fromkeys(("illegal", "command", "queue_write"), 0)
        expected["finished"] = int(self.ended and int(self._dut.quiet.value))
        self.finished |= bool(expected["finished"])
        if word is not None and due:
            expected |= self._handed_on(self._sent.popleft())
        found = {name: int(self._dut[name].value) for name in expected}
        assert found == expected, f"outputs are {found}, not {expected}"

    def _waits(self, word, full):
        """Whether a command begins with this word, and there is no room for it."""
        return (word.number == 0 and word.engine in ENGINES
                and bool(full >> ENGINES.index(word.engine) & 1))

    def _handed_on(self, word):
        """The outputs that go with a word, which is taken in this cycle."""
        self.illegal |= not word.legal
        if not word.legal:
            return {"illegal": 1}
        self.ended |= word.last and word.engine is Engine.SEQUENCER
        outputs = {"command": int(word.last)}
        if word.engine not in self.queues:
            return outputs
        self._partial[word.engine] |= word.data << word.number * _SPEC.data_width
        if word.last:
            self.queues[word.engine].append(self._partial[word.engine])
            self._partial[word.engine] = 0
        return outputs | {"queue_write": 1 << ENGINES.index(word.engine), "queue_data": word.data,
                          "queue_index": word.number, "queue_last": int(word.last)}


def _expect(bench, program, *, illegal=False, finished=True):
    expected: dict[Engine, list[int]] = {engine: [] for engine in ENGINES}
    for word in program:
        kind = next(kind for kind in COMMANDS if kind.opcode == word & 0xFF)
        if kind.engine in expected:
            expected[kind.engine].append(word)
    assert bench.queues == expected, "commands are lost, changed, or in the wrong queue"
    assert bench.illegal == illegal, f"illegal is {bench.illegal}"
    assert bench.finished == finished, f"finished is {bench.finished}"
    bench.covered["commands"] += len(program)


@cocotb.test()
@cocotb.parametrize(moves=["always", "often", "bursts"], room=["always", "often"])
async def random_programs(dut, moves, room):
    """Commands of all kinds; what comes after ``END`` is ignored, and no more is asked for."""
    bench = _Bench(dut, moves=moves, room=room, seed=_SEED)
    source = random.Random(f"{_SEED} {moves} {room}")
    for offset in (0, 1 << 31, (1 << 32) - 256, source.randrange(1 << 32)):
        await bench.reset()
        program = [_random_command(source, source.choice(_COMMANDS)) for _ in range(10)]
        await bench.run([*program, _END, *program], offset=offset, cycles=60 * _WORDS)
        _expect(bench, [*program, _END])
        assert not int(dut.requests_valid.value), "a request after the end"
    add_coverage(bench.covered)


@cocotb.test()
async def counts_of_a_single_bit(dut):
    """Each bit of a count alone makes it one that isn't 0."""
    bench, source = _Bench(dut, moves="always", room="always", seed=_SEED), random.Random(_SEED)
    program = [_random_command(source, kind, **{field.name: 1 << bit})
               for kind in COMMANDS for field in kind.fields if field.count
               for bit in range(field_width(field, _SPEC))]
    await bench.reset()
    await bench.run([*program, _END], cycles=(len(program) + 2) * _WORDS + _LATER)
    _expect(bench, [*program, _END])
    add_coverage(bench.covered)


@cocotb.test()
async def waits_until_all_is_quiet(dut):
    """``END`` ends nothing as long as an engine is at work, and nothing runs without a start."""
    bench = _Bench(dut, moves="always", room="always", seed=_SEED)
    await bench.reset()
    for _ in range(10):
        await bench.cycle()
    await bench.run([_END], cycles=20 * _WORDS, quiet=False)
    _expect(bench, [_END], finished=False)
    await FallingEdge(dut.clk)
    dut.quiet.value = 1
    await bench.cycle()
    assert bench.finished
    add_coverage(bench.covered)


@cocotb.test()
async def illegal_commands(dut):
    """Unknown opcodes, every bit outside the fields, counts of 0 or more than there can be."""
    bench, source = _Bench(dut, moves="always", room="always", seed=_SEED), random.Random(_SEED)
    opcodes = {int(kind.opcode) for kind in COMMANDS}
    cases = [_random_command(source, source.choice(COMMANDS)) & ~0xFF | opcode
             for opcode in range(256) if opcode not in opcodes]
    for kind in COMMANDS:
        cases += [_random_command(source, kind) ^ 1 << bit for bit in range(8)
                  if kind.opcode ^ 1 << bit not in opcodes]
        cases += [_random_command(source, kind) | 1 << bit for bit in range(_BITS)
                  if not _mask(kind) >> bit & 1]
        cases += [_random_command(source, kind) & ~(((1 << field.width) - 1) << field.low)
                  for field in kind.fields if field.count]
    for case in cases:
        before, after = ([_random_command(source, source.choice(_COMMANDS))] * number
                         for number in (source.random() < 0.1, 1))
        await bench.reset()
        await bench.run([*before, case, *after, _END], cycles=4 * _WORDS + _LATER)
        _expect(bench, before, illegal=True, finished=False)
        bench.covered["illegal commands"] += 1
    add_coverage(bench.covered)
