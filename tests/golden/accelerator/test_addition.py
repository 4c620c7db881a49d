"""Programs whose results are added to what lies where they go."""

import math
from fractions import Fraction

import numpy as np
import pytest

from sparrow.golden.accelerator import Machine, MachineError
from sparrow.hw.spec.commands import Opcode

from .programs import (
    LANES,
    SPEC,
    compute,
    fields,
    identity,
    load,
    memory,
    store,
    weights,
    window,
)

LOADED, RESULTS = 1, 2  # tokens
RESULT_BYTE, OPERAND_BYTE, PIXELS = 256, 128, 6
ADD = {"add": 1, "add_factor": 11_000, "add_offset": -70_000, "add_mantissa": 40_000,
       "add_shift": 29, "add_zero_point": 5, "add_minimum": -100, "add_maximum": 110}


def run(*commands, order="eager", spec=SPEC):
    data = memory()
    before = data.copy().view(np.int8).astype(np.int64)
    stream = identity() * sum(command[0] == Opcode.WEIGHTS for command in commands)
    program = window(*commands, stream=stream)
    Machine(spec, order=order).run(program, data)
    return before, data.view(np.int8)


def operands():
    """Loads of the source, to row 0, and of what is added, to row 16; results go there."""
    return (load(run=PIXELS, signal=0),
            load(run=PIXELS, offset=OPERAND_BYTE, row=16, signal=LOADED))


def adding(**values):
    return compute(**{"out_width": PIXELS, "width": PIXELS, "destination": 16, "stride_x": 1,
                      "wait": LOADED, "signal": RESULTS, **ADD, **values})


def stored(row=16):
    return store(run=PIXELS, offset=RESULT_BYTE, row=row, wait=RESULTS)


def expected(results, operands, scale_result):
    multiplied, other = (results, operands) if scale_result else (operands, results)
    sums = multiplied * ADD["add_factor"] + other * 2**14 + ADD["add_offset"]
    scale = Fraction(ADD["add_mantissa"], 2**ADD["add_shift"])
    rounded = [math.floor(int(value) * scale + Fraction(1, 2)) for value in sums.reshape(-1)]
    return np.clip(np.array(rounded) + ADD["add_zero_point"], ADD["add_minimum"],
                   ADD["add_maximum"])


@pytest.mark.parametrize("order", ["eager", "lazy", 0, 1])
@pytest.mark.parametrize("scale_result", [0, 1])
def test_operands_lie_where_results_go(order, scale_result):
    before, after = run(*operands(), weights(), adding(scale_result=scale_result), stored(),
                        order=order)
    size = PIXELS * LANES
    found = after[RESULT_BYTE:RESULT_BYTE + size]
    assert found.tolist() == expected(before[:size], before[OPERAND_BYTE:OPERAND_BYTE + size],
                                      scale_result).tolist()
    assert len(set(found.tolist())) > 8


def test_results_are_clamped_before_they_are_added_to():
    before, after = run(*operands(), weights(minimum=-3, maximum_value=4), adding(), stored())
    size = PIXELS * LANES
    found = after[RESULT_BYTE:RESULT_BYTE + size]
    assert found.tolist() == expected(before[:size].clip(-3, 4),
                                      before[OPERAND_BYTE:OPERAND_BYTE + size], 0).tolist()


@pytest.mark.parametrize("commands, text", [
    ((load(run=PIXELS, signal=LOADED), load(run=PIXELS, offset=OPERAND_BYTE, row=16), weights(),
      adding(), stored()),
     "RACE: command 3 (COMPUTE): vector 16 of bank 0 of the buffer may be written before or after"),
    ((load(run=PIXELS, signal=LOADED), weights(), adding(), stored()),
     "POISON: command 2 (COMPUTE): vector 16 of bank 0 of the buffer is read, but was never "
     "written"),
    ((load(run=PIXELS, signal=LOADED), weights(), adding(destination=0), stored(0)),
     "RACE: command 2 (COMPUTE): results overwrite bank 0 of the buffer that the same command "
     "reads"),
    ((*operands(), weights(), adding(), load(run=PIXELS, row=16)),
     "RACE: command 4 (LOAD): vector 16 of bank 0 of the buffer may be written before or after"),
    ((*operands(), weights(), adding(), weights(), adding(wait=0, add_shift=30)),
     "RACE: command 5 (COMPUTE): add_shift must be 29, since the command before it adds to its "
     "results and doesn't drain, not 30"),
    ((*operands(), weights(), adding(), weights(), adding(wait=0, add=0, add_offset=0)),
     "RACE: command 5 (COMPUTE): add_offset must be -70000, since the command before it adds to "
     "its results and doesn't drain, not 0"),
    ((*operands(), weights(), adding(add_minimum=3, add_maximum=2)),
     "ILLEGAL_COMMAND: command 3 (COMPUTE): add_minimum must be at most add_maximum (2), not 3"),
    ((*operands(), weights(), adding(add_factor=1 << 15)),
     "ILLEGAL_COMMAND: command 3: add_factor of COMPUTE must be below 32768, not 32768"),
    ((*operands(), weights(), adding(add_mantissa=1 << 16)),
     "ILLEGAL_COMMAND: command 3: add_mantissa of COMPUTE must be below 65536, not 65536"),
])
def test_refuses(commands, text):
    with pytest.raises(MachineError) as info:
        run(*commands, order="lazy" if "(LOAD)" in text else "eager")
    assert str(info.value) == text


def test_another_addition_follows_a_drained_one():
    run(*operands(), weights(), adding(drain=1), weights(), adding(wait=0, add_shift=30))


def test_what_adds_nothing_may_follow_with_the_same_fields():
    run(*operands(), weights(), adding(), weights(), adding(wait=0, add=0, destination_bank=1))


@pytest.mark.parametrize("name", sorted({*ADD, "scale_result", "drain"}))
def test_without_the_option_fields_are_illegal(name):
    with pytest.raises(MachineError, match=f"^ILLEGAL_COMMAND: command 0: {name} of COMPUTE must "
                                           "be below 1, not "):
        run(fields(Opcode.COMPUTE, **{name: 1}), spec=SPEC.replace(residual_add=False))
