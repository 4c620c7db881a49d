"""Commands, weights and memory of programs written by hand."""

import numpy as np

from sparrow.hw.spec.accelerator import AcceleratorSpec
from sparrow.hw.spec.commands import Opcode, command, encode

LANES = 4
SPEC = AcceleratorSpec(lanes=LANES, columns=LANES, data_width=32, post_lanes=2,
                       buffer_bytes=LANES * 32, accumulator_depth=16, weight_fifo_bytes=1024,
                       queue_depth=2)
STREAM = 2048  # where weights lie


def fields(opcode, **values):
    counts = {field.name: 1 for field in command(opcode).fields if field.count}
    return encode(opcode, **counts | values)


def load(**values):
    return fields(Opcode.LOAD, **values)


def store(**values):
    return fields(Opcode.STORE, **values)


def weights(**values):
    values = {"offset": STREAM, "words": 12, "minimum": -128, "maximum_value": 127} | values
    return fields(Opcode.WEIGHTS, **values)


def compute(**values):
    return fields(Opcode.COMPUTE, **values)


def window(*commands, stream=b"", end=True):
    """A program window."""
    program = bytearray(4096)
    code = b"".join(commands) + (encode(Opcode.END) if end else b"")
    program[:len(code)] = code
    program[STREAM:STREAM + len(stream)] = stream
    return bytes(program)


def identity(mantissa=1, shift=0, bias=0):
    """A parameter set and a block that give a vector as it is."""
    scale = (mantissa | shift << 24).to_bytes(4, "little")
    record = bias.to_bytes(4, "little", signed=True) + scale
    return record * LANES + np.eye(LANES, dtype=np.uint8).tobytes()


def memory(size=4096):
    return np.random.default_rng(1).integers(0, 256, size, np.uint8)
