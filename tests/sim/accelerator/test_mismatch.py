"""A COMPUTE and the weights that serve it must say the same, or the program is stopped."""

import random

import numpy as np
import pytest

from sparrow.golden.accelerator import Machine, MachineError
from sparrow.golden.codec import Parameters, encode_blocks
from sparrow.hw.spec.commands import COMMAND_BYTES, Opcode, command, encode
from sparrow.hw.spec.registers import ErrorCode
from sparrow.sim.accelerator.script import PAGE

from .conftest import DECODES
from .test_errors import REPORT, WATCHDOG, Tower, check_pairs

LANES = DECODES.lanes
STREAM = 2048  # where weights lie
NUMBERS = "kernel_width", "channel_blocks"
CHANGES = [("int4", 1), ("reuse", 1), ("map", 1), *((name, 3) for name in NUMBERS)]
ZERO = np.zeros(LANES, np.int64)
ALL = [True] * 20


def refused(program, data):
    """The golden machine's code, or an empty string."""
    try:
        Machine(DECODES).run(program, np.frombuffer(data, np.uint8).copy())
    except MachineError as error:
        return error.code
    return ""


def changed_programs(tower, count):
    """Programs with a field of one COMPUTE changed, so that its weights are others."""
    commands = tower.program.commands()
    last = max(number for number, (kind, _) in enumerate(commands)
               if kind.opcode is Opcode.COMPUTE)
    choices = [(number, change) for number, (kind, _) in enumerate(commands)
               if kind.opcode is Opcode.COMPUTE and number != last for change in CHANGES]
    random.Random(1).shuffle(choices)
    for number, (name, bits) in choices:
        _, values = commands[number]
        program = bytearray(tower.program.program_bytes)
        place = tower.program.start + COMMAND_BYTES * number
        program[place:place + COMMAND_BYTES] = encode(
            **values | {name: values[name] ^ bits or 1})
        if count and refused(bytes(program), tower.files["image.bin"]) == "MISMATCH":
            count -= 1
            yield (number, name), bytes(program)


def fields(opcode, **values):
    counts = {field.name: 1 for field in command(opcode).fields if field.count}
    return encode(opcode, **counts | values)


def program(*pairs):
    """Loads a vector, and computes with blocks; ``pairs`` of a stream's map and its fields, and
    of a COMPUTE's fields. Without a map the stream isn't compressed."""
    commands, stream = [fields(Opcode.LOAD, signal=1)], b""
    for number, (kept, coded, computes) in enumerate(pairs):
        blocks = np.ones((1, len(kept), 1, LANES, LANES), np.int8)
        if coded["compressed"]:
            blocks[0, ~np.array(kept)] = 0
            own = encode_blocks(blocks, "bitmask", block_map=bool(coded["map"]), word_bytes=4,
                                parameters=Parameters(ZERO, ZERO + 1, ZERO)).data
        else:
            own = bytes(8 * LANES) + blocks.tobytes()
        commands += [
            fields(Opcode.WEIGHTS, offset=STREAM + len(stream), words=len(own) // 4,
                   blocks=len(kept), minimum=-128, maximum_value=127, **coded),
            fields(Opcode.COMPUTE, wait=int(number == 0), destination=1, **computes)]
        stream += own
    code = b"".join(commands) + encode(Opcode.END)
    return code.ljust(STREAM, b"\0") + stream.ljust(PAGE - STREAM, b"\0")


MAPPED, CODED, PLAIN = ({"compressed": compressed, "map": map}
                        for compressed, map in ((1, 1), (1, 0), (0, 0)))
# of what a map says nothing is known of the first 48 steps; the last step but one isn't kept
LATE, GAP = [False] * 50 + [True], [True] * 18 + [False, True]
HAND_MADE = {
    "a map that isn't awaited": [(ALL, MAPPED, {"channel_blocks": 20})],
    "only a map comes": [(LATE, MAPPED, {"channel_blocks": 51})],
    "a map is awaited, plain": [(ALL, PLAIN, {"channel_blocks": 20, "map": 1})],
    "a map is awaited, compressed": [(ALL, CODED, {"channel_blocks": 20, "map": 1})],
    "a map of another stream": [(ALL, CODED, {"channel_blocks": 20, "map": 1}),
                                (ALL, MAPPED, {"channel_blocks": 20, "map": 1})],
    "the last step has no weights": [(GAP, MAPPED, {"channel_blocks": 19, "map": 1})],
    "a step less": [(ALL, MAPPED, {"channel_blocks": 19, "map": 1}),
                    (ALL, MAPPED, {"channel_blocks": 20, "map": 1})],
    "a step more": [(ALL, MAPPED, {"channel_blocks": 21, "map": 1}),
                    (ALL, MAPPED, {"channel_blocks": 20, "map": 1})],
}
RIGHT = [(ALL, MAPPED, {"channel_blocks": 20, "map": 1}), (ALL, PLAIN, {"channel_blocks": 20}),
         (LATE, MAPPED, {"channel_blocks": 51, "map": 1}), (GAP, CODED, {"channel_blocks": 20}),
         (GAP, MAPPED, {"channel_blocks": 20, "map": 1})]


@pytest.fixture(scope="module")
def tower():
    return Tower(DECODES)


@pytest.mark.parametrize("count", [8, pytest.param(1000, marks=pytest.mark.heavy)],
                         ids=["few", "many"])
def test_changed_computes(decoding, tower, tmp_path, count):
    programs = dict(changed_programs(tower, count))
    assert len(programs) >= min(count, 30)
    files = {f"changed{number}.bin": each for number, each in enumerate(programs.values())}
    runs = [tower.run(program=name) for name in files]
    outcomes = check_pairs(decoding, tower, runs, tmp_path, files)
    found = dict(zip(programs, (ErrorCode(outcome.error_code) for outcome in outcomes)))
    numbers = {place: code for place, code in found.items() if place[1] in NUMBERS}
    assert ErrorCode.MISMATCH in numbers.values()
    for place, code in found.items():
        # where no other block comes, a step more waits for ever
        assert code is ErrorCode.MISMATCH or (place in numbers and code is ErrorCode.WATCHDOG), (
            place)


def test_maps_and_numbers_of_blocks(decoding, tower, tmp_path):
    programs = {name: program(*pairs) for name, pairs in (HAND_MADE | {"": RIGHT}).items()}
    data = bytes(range(256)) * (PAGE // 256)
    assert [refused(each, data) for each in programs.values()] == ["MISMATCH"] * len(HAND_MADE) + [
        ""]
    files = {f"hand{number}.bin": each for number, each in enumerate(programs.values())}
    runs = [tower.run(program=name, program_size=PAGE, data="vectors.bin", data_size=PAGE,
                      timeout=WATCHDOG + REPORT) for name in files]
    outcomes = check_pairs(decoding, tower, runs, tmp_path, files | {"vectors.bin": data})
    assert outcomes.pop().end == "done"
    found = {name: ErrorCode(outcome.error_code)
             for name, outcome in zip(HAND_MADE, outcomes, strict=True)}
    assert found == dict.fromkeys(HAND_MADE, ErrorCode.MISMATCH)
