"""LOADs that unfold, on the machine."""

import numpy as np
import pytest

from sparrow.golden.accelerator import Machine, MachineError
from sparrow.golden.accelerator.unfold import unfold
from sparrow.hw.spec.accelerator import AcceleratorSpec
from sparrow.hw.spec.base import SpecError
from sparrow.hw.spec.commands import Opcode, command, decode, encode, implemented_width

SPEC = AcceleratorSpec(lanes=4, columns=4, data_width=32, post_lanes=2, buffer_bytes=128,
                       accumulator_depth=16, weight_fifo_bytes=1024, line_bytes=64)


def fields(opcode, **values):
    counts = {field.name: 1 for field in command(opcode).fields if field.count}
    return encode(opcode, **counts | values)


def load(row_bytes=10, **values):
    values = {"unfold": 1, "row_bytes": row_bytes, "words": -(-row_bytes // 4),
              "fill_value": -7} | values
    return fields(Opcode.LOAD, **values)


def run(*commands, spec=SPEC, size=4096):
    """What lies in memory from byte 2048 on, and the run."""
    data = np.arange(size).astype(np.uint8)
    program = b"".join(commands) + encode(Opcode.END)
    result = Machine(spec).run(program.ljust(4096, b"\0"), data)
    return data[2048:].view(np.int8).reshape(-1, 4).tolist(), result


def store(count, **values):
    return fields(Opcode.STORE, run=count, offset=2048, wait=1, **values)


def test_windows_of_rows():
    stored, result = run(
        load(run=4, runs=2, offset=16, run_stride=16, run_step=4, first=-2, pixel_step=3,
             signal=1), store(8))
    assert stored[:8] == [[-7, -7, 16, 17], [17, 18, 19, 20], [20, 21, 22, 23], [23, 24, 25, -7],
                          [-7, -7, 32, 33], [33, 34, 35, 36], [36, 37, 38, 39], [39, 40, 41, -7]]
    assert result.words_loaded == 6


def test_pairs_and_lanes():
    stored, result = run(
        load(0, pair=1, run=3, fill_value=1),
        load(7, pair=1, run=3, first=1, pixel_step=2, lane=1, bank=0, signal=1),
        store(3, planes=2, alternate=1, plane_stride=12))
    assert stored[:6] == [[1, 2, 3, 4], [1, 4, 5, 6], [1, 6, -7, -7],
                          [1, 6, -7, -7], [1, -7, -7, -7], [1, -7, -7, -7]]
    assert result.words_loaded == 2


def test_joined_rows_are_read_whole():
    stored, result = run(load(6, joined=1, words=6, runs=3, run_stride=8, offset=8, run_step=1,
                              first=3, signal=1), store(3))
    assert stored[:3] == [[11, 12, 13, -7], [19, 20, 21, -7], [27, 28, 29, -7]]
    assert result.words_loaded == 6


@pytest.mark.parametrize("commands, text", [
    ([load(first=32765)], "RANGE: command 0 (LOAD): bytes of unfolded rows must be below 32768, "
                          "not 32769"),
    ([load(lane=4)], "RANGE: command 0 (LOAD): lane must be below 4, not 4"),
    ([load(words=2)], "RANGE: command 0 (LOAD): words of unfolded rows must be 3, not 2"),
    ([load(joined=1, runs=2, words=6, run_stride=16)],
     "RANGE: command 0 (LOAD): run_stride of joined rows must be 12, not 16"),
    ([load(64)], "ILLEGAL_COMMAND: command 0: row_bytes of LOAD must be below 64, not 64"),
    ([load(offset=4088)], "WINDOW: command 0 (LOAD): the data window has 4096 bytes, and byte "
                          "4097 is touched"),
    ([load(offset=2)], "ILLEGAL_COMMAND: command 0 (LOAD): offset must be a multiple of 4, not 2"),
    ([load(lane=1, signal=1), store(1)],
     "POISON: command 1 (STORE): vector 0 of bank 0 of the buffer is read, but was never written"),
    ([load(), fields(Opcode.STORE, offset=2048)],
     "RACE: command 1 (STORE): vector 0 of bank 0 of the buffer may be written before or after"),
])
def test_refuses(commands, text):
    with pytest.raises(MachineError) as info:
        run(*commands)
    assert str(info.value) == text


def test_without_line_memory_unfolding_is_illegal():
    with pytest.raises(MachineError, match="ILLEGAL_COMMAND: command 0: unfold of LOAD must be "
                                           "below 1, not 1"):
        run(load(), spec=SPEC.replace(line_bytes=0))
    sizes = SPEC.replace(line_bytes=0).field_sizes
    widths = {field.name: implemented_width(field, **sizes)
              for field in command(Opcode.LOAD).fields}
    assert {name for name, width in widths.items() if not width} == {
        "unfold", "pair", "joined", "words", "row_bytes", "first", "pixel_step", "lane",
        "fill_value"}
    _, values = decode(fields(Opcode.WEIGHTS, words=300), **sizes)
    assert values["words"] == 300


@pytest.mark.parametrize("value, text", [
    (8, "line_bytes must be an integer from 16 to 16384, not 8"),
    (32768, "line_bytes must be an integer from 16 to 16384, not 32768"),
    (48, "line_bytes must be a power of two from 16 to 16384, not 48"),
])
def test_sizes_of_the_line_memory(value, text):
    with pytest.raises(SpecError) as info:
        SPEC.replace(line_bytes=value)
    assert str(info.value) == text


def test_windows_against_plain_loops():
    rows = np.random.default_rng(0).integers(-128, 128, (3, 20), np.int8)
    values = {"run": 9, "pair": 1, "first": -6, "pixel_step": 3, "row_bytes": 18, "fill_value": 9}
    found = unfold(SPEC, values, rows)
    assert found.shape == (3, 9, 2, 4)
    for (row, position, vector, lane), value in np.ndenumerate(found):
        place = -6 + 3 * position + 4 * vector + lane
        assert value == (rows[row, place] if 0 <= place < 18 else 9)
