"""Addresses against plain loops."""

from hypothesis import given
from hypothesis import strategies as st

from sparrow.golden.accelerator.addresses import destination_rows, transfer
from sparrow.hw.spec.accelerator import AcceleratorSpec
from sparrow.hw.spec.commands import Opcode, command

SPEC = AcceleratorSpec(lanes=4, columns=4, data_width=32, post_lanes=2, buffer_bytes=4 * 64,
                       weight_fifo_bytes=1024)


def base(opcode, **changes):
    return {field.name: int(field.count) for field in command(opcode).fields} | changes


@st.composite
def fields(draw, opcode, counts, steps):
    """Small counts and wide steps."""
    values = {name: draw(st.integers(1, 4)) for name in counts}
    return base(opcode, **values | {name: draw(st.integers(0, 0xFFFF)) for name in steps})


@given(fields(Opcode.COMPUTE, ["out_height", "out_width", "output_blocks"],
              ["destination", "destination_step", "destination_row"]), st.integers(0, 1))
def test_destinations(values, bank):
    values["destination_bank"] = bank
    row = values["destination"]
    for block in range(values["output_blocks"]):
        found_bank, rows = destination_rows(SPEC, values, block)
        assert found_bank == bank
        assert rows.tolist() == [(row + y * values["destination_row"] + x) % 64
                                 for y in range(values["out_height"])
                                 for x in range(values["out_width"])]
        row += values["destination_step"] if bank else 0
        bank ^= 1


@given(fields(Opcode.LOAD, ["planes", "runs", "run"],
              ["offset", "run_stride", "plane_stride", "row", "run_step", "plane_step"]),
       st.integers(0, 1), st.integers(0, 1))
def test_transfers(values, bank, alternate):
    values |= {"bank": bank, "alternate": alternate}
    moves = transfer(SPEC, values)
    row, offset = values["row"], values["offset"]
    for plane in range(values["planes"]):
        for run in range(values["runs"]):
            for vector in range(values["run"]):
                place = plane, run, vector
                assert moves.bytes[place] == offset + run * values["run_stride"] + 4 * vector
                assert moves.banks[place] == bank
                assert moves.rows[place] == (row + run * values["run_step"] + vector) % 64
        offset += (values["runs"] - 1) * values["run_stride"] + values["plane_stride"]
        row += values["plane_step"] if bank or not alternate else 0
        bank ^= alternate
