"""COMPUTE against the definition of its fields, written out as plain loops."""

import dataclasses
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparrow.golden.accelerator import MachineError
from sparrow.golden.accelerator.compute import check_compute, compute
from sparrow.golden.accelerator.weights import OutputBlock
from sparrow.hw.spec.accelerator import AcceleratorSpec
from sparrow.hw.spec.commands import Opcode, command

LANES, ROWS = 4, 64
SPEC = AcceleratorSpec(lanes=LANES, columns=LANES, data_width=32, post_lanes=2,
                       buffer_bytes=LANES * ROWS, accumulator_depth=64, weight_fifo_bytes=1024)


def wrapped(value):
    return (value + 2**31) % 2**32 - 2**31


def scalar_compute(values, weights, buffer):
    """All results by (bank, row), from the meaning of each field; ``buffer[bank][row][lane]``."""
    v = values
    results = {}
    for ob in range(v["output_blocks"]):
        bank, origin = v["source_bank"], v["source"]
        for _ in range(ob):
            if v["block_alternate"]:
                origin += v["block_step"] if bank else 0
                bank ^= 1
            else:
                origin += v["block_step"]
        for oy in range(v["out_height"]):
            for ox in range(v["out_width"]):
                sums = [None] * LANES
                here, row0 = bank, origin
                step = 0
                for cb in range(v["channel_blocks"]):
                    for ky in range(v["kernel_height"]):
                        for kx in range(v["kernel_width"]):
                            block = (weights[0].blocks[0] if v["reuse"]
                                     else weights[ob].blocks[step])
                            row = (row0 + oy * v["row_step"] + ox * v["stride_x"]
                                   + ky * v["kernel_step"] + kx * v["dilation_x"]) % ROWS
                            y = oy * v["stride_y"] + ky * v["dilation_y"] - v["pad_top"]
                            x = ox * v["stride_x"] + kx * v["dilation_x"] - v["pad_left"]
                            inside = 0 <= y < v["height"] and 0 <= x < v["width"]
                            padding = [v["pad_value"]] * LANES
                            halves = [(here, 0), (1, 1)] if v["int4"] else [(here, 0)]
                            for column in range(LANES):
                                total = 0
                                for source, half in halves:
                                    if half and v["half"] and cb == v["channel_blocks"] - 1:
                                        continue
                                    vector = buffer[source][row] if inside else padding
                                    total += sum(int(vector[lane]) * int(block[half][lane][column])
                                                 for lane in range(LANES))
                                if v["shifted"] and ky == 0:
                                    total *= 256
                                if sums[column] is None:
                                    sums[column] = total
                                elif v["maximum"]:
                                    sums[column] = max(sums[column], total)
                                else:
                                    sums[column] = wrapped(sums[column] + total)
                            step += 1
                    if v["channel_alternate"]:
                        row0 += v["channel_step"] if here else 0
                        here ^= 1
                    else:
                        row0 += v["channel_step"]
                own = weights[ob]
                vector = []
                for column in range(LANES):
                    scaled = Fraction(wrapped(sums[column] + int(own.bias[column]))
                                      * int(own.mantissa[column]), 1 << int(own.shift[column]))
                    value = math.floor(scaled + Fraction(1, 2)) + own.zero_point
                    vector.append(min(max(value, own.minimum), own.maximum))
                results[ob, oy, ox] = vector
    return results


@st.composite
def cases(draw):
    """Fields of a COMPUTE and its weights; rows wrap around, coordinates leave the source."""
    values = {field.name: 0 for field in command(Opcode.COMPUTE).fields}
    small, flag, row = st.integers(1, 3), st.booleans(), st.integers(0, 0xFFFF)
    for name in ("channel_blocks", "output_blocks", "out_height", "out_width", "stride_y",
                 "stride_x", "kernel_height", "kernel_width"):
        values[name] = draw(small)
    for name in ("source", "row_step", "kernel_step", "channel_step", "block_step"):
        values[name] = draw(row)
    for name in ("dilation_y", "dilation_x", "pad_top", "pad_left"):
        values[name] = draw(st.integers(0, 3))
    values["height"], values["width"] = draw(st.integers(1, 8)), draw(st.integers(1, 8))
    values["pad_value"] = draw(st.integers(-128, 127))
    values["int4"] = draw(flag)
    for name in (["half"] if values["int4"] else
                 ["source_bank", "channel_alternate", "block_alternate"]):
        values[name] = draw(flag)
    for name in ("reuse", "maximum", "shifted"):
        values[name] = draw(flag)
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    steps = values["channel_blocks"] * values["kernel_height"] * values["kernel_width"]
    low, high = (-8, 7) if values["int4"] else (-128, 127)
    weights = []
    for block in range(values["output_blocks"]):
        count = (1 if block == 0 else 0) if values["reuse"] else steps
        minimum, maximum = sorted(int(value) for value in random.integers(-128, 128, 2))
        weights.append(OutputBlock(
            bias=random.integers(-2**31 if draw(flag) else -100, 100, LANES),
            mantissa=random.integers(0, 1 << 16, LANES), shift=random.integers(0, 40, LANES),
            zero_point=int(random.integers(-128, 128)), minimum=minimum, maximum=maximum,
            int4=bool(values["int4"]), reuse=bool(values["reuse"]), blocks=random.integers(
                low, high + 1, (count, 1 + values["int4"], LANES, LANES)).astype(np.int8)))
    buffer = random.integers(-128, 128, (2, ROWS, LANES)).astype(np.int8)
    return {name: int(value) for name, value in values.items()}, weights, buffer


@settings(max_examples=150, deadline=None)
@given(cases())
def test_compute_does_what_its_fields_say(case):
    values, weights, buffer = case
    wanted = scalar_compute(values, weights, buffer)
    results = compute(SPEC, values, weights, lambda bank, rows: buffer[bank][rows])
    assert [result.output_block for result in results] == list(range(values["output_blocks"]))
    for result in results:
        pixels = [wanted[result.output_block, oy, ox] for oy in range(values["out_height"])
                  for ox in range(values["out_width"])]
        assert result.vectors.tolist() == pixels


def base(**changes):
    values = {field.name: int(field.count) for field in command(Opcode.COMPUTE).fields}
    return values | changes


@pytest.mark.parametrize("changes, code, text", [
    ({"int4": 1, "source_bank": 1}, "ILLEGAL_COMMAND",
     "COMPUTE: source_bank must be 0 with int4, not 1"),
    ({"int4": 1, "channel_alternate": 1}, "ILLEGAL_COMMAND",
     "COMPUTE: channel_alternate must be 0 with int4, not 1"),
    ({"int4": 1, "block_alternate": 1}, "ILLEGAL_COMMAND",
     "COMPUTE: block_alternate must be 0 with int4, not 1"),
    ({"window": 1, "int4": 1}, "ILLEGAL_COMMAND", "COMPUTE: int4 must be 0 with window, not 1"),
    ({"window": 1, "shifted": 1}, "ILLEGAL_COMMAND",
     "COMPUTE: shifted must be 0 with window, not 1"),
    ({"window": 1, "channel_blocks": 2}, "ILLEGAL_COMMAND",
     "COMPUTE: channel_blocks must be 1 with window, not 2"),
    ({"window": 1, "kernel_height": 5}, "ILLEGAL_COMMAND",
     "COMPUTE: kernel positions must be at most 4 with window, not 5"),
    ({"down": 1}, "ILLEGAL_COMMAND", "COMPUTE: down must be 0 without window, not 1"),
    *(({"map": 1, name: 1}, "ILLEGAL_COMMAND", f"COMPUTE: {name} must be 0 with map, not 1")
      for name in ("reuse", "maximum", "shifted", "window")),
    ({"out_height": 5, "out_width": 13}, "ACCUMULATORS",
     "COMPUTE: pixels must be at most 64, not 65"),
])
def test_fields_that_exclude_each_other(changes, code, text):
    with pytest.raises(MachineError) as info:
        check_compute(SPEC, base(**changes))
    assert (info.value.code, info.value.text) == (code, text)


def test_int4_needs_hardware_for_it():
    spec = SPEC.replace(precision="int8")
    check_compute(spec, base())
    with pytest.raises(MachineError, match="int4 must be 0 in an accelerator of int8, not 1"):
        check_compute(spec, base(int4=1))


def test_windows_need_hardware_for_them():
    spec = SPEC.replace(depthwise_window=0)
    with pytest.raises(MachineError, match="window must be 0 in an accelerator without one, not 1"):
        check_compute(spec, base(window=1))


def test_lanes_beyond_the_kernel_have_no_weights():
    block = one_block()
    block.blocks[0, 0, 2, 1] = 5
    with pytest.raises(MachineError, match="weights of lanes from 2 on must be 0 with window"):
        compute(SPEC, base(window=1, kernel_height=2), [block],
                lambda bank, rows: np.zeros((len(rows), LANES), np.int8))


def one_block(count=1, int4=False, reuse=False):
    ones = np.ones(LANES, np.int64)
    return OutputBlock(bias=ones, mantissa=ones, shift=ones, zero_point=0, minimum=-128,
                       maximum=127, int4=int4, reuse=reuse,
                       blocks=np.zeros((count, 1 + int4, LANES, LANES), np.int8))


@pytest.mark.parametrize("block, changes, text", [
    (one_block(2), {}, "COMPUTE: an output block takes 1 weight blocks, not 2"),
    (one_block(2), {"kernel_width": 3}, "COMPUTE: an output block takes 3 weight blocks, not 2"),
    (one_block(2, reuse=True), {"kernel_width": 2, "reuse": 1},
     "COMPUTE: an output block takes 1 weight blocks, not 2"),
    (one_block(1, True), {}, "COMPUTE: int4 must be that of its weights, 1, not 0"),
    (one_block(1), {"reuse": 1}, "COMPUTE: reuse must be that of its weights, 0, not 1"),
    (one_block(1, reuse=True), {}, "COMPUTE: reuse must be that of its weights, 1, not 0"),
    (one_block(1), {"map": 1}, "COMPUTE: map must be that of its weights, 0, not 1"),
    (dataclasses.replace(one_block(1), kept=np.ones(1, bool)), {},
     "COMPUTE: map must be that of its weights, 1, not 0"),
])
def test_weights_that_do_not_match(block, changes, text):
    with pytest.raises(MachineError) as info:
        compute(SPEC, base(**changes), [block], lambda bank, rows: None)
    assert (info.value.code, info.value.text) == ("MISMATCH", text)


def test_coordinates_have_a_range():
    with pytest.raises(MachineError) as info:
        compute(SPEC, base(out_width=64, stride_x=140), [one_block()], lambda bank, rows: None)
    assert (info.value.code, info.value.text) == (
        "RANGE", "COMPUTE: a column of the source must be below 8192, not 8820")
