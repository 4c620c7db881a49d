"""The command set of the accelerator: the one description that all others are made from.

A command is 64 bytes, little-endian, at a multiple of 64 in the program window. The sequencer reads
commands in order and hands each to the queue of its engine; engines run side by side, each its
commands in order. What must wait for something else says so with *tokens*: a command starts once
each token in its ``wait`` mask has been given, and takes one of each; when it is complete it gives
one of each in its ``signal`` mask. A token count is 0 to 15; a command isn't complete before all
that it signals fit.
"""

import dataclasses
import enum
from collections.abc import Mapping

from .base import SpecError
from .fields import (
    COMPUTE,
    COORDINATE_WIDTH,
    HEADER,
    LOAD,
    STORE,
    WEIGHTS,
    Field,
    implemented_width,
)

__all__ = ["ADD_FRACTION", "COMMANDS", "COMMANDS_AHEAD", "COMMAND_BYTES", "COORDINATE_WIDTH",
           "HEADER", "TOKENS", "TOKEN_MAXIMUM", "Command", "Engine", "Field",
           "Opcode", "command", "compute_vectors", "decode", "encode", "implemented_width", "tiles"]

COMMAND_BYTES = 64
COMMANDS_AHEAD = 4  # bursts of commands for which the sequencer has room
ADD_FRACTION = 14  # bits by which the operand of COMPUTE that has no add_factor counts more
TOKENS = 8
TOKEN_MAXIMUM = 15


class Opcode(enum.IntEnum):
    """What a command does; 0 is none, so that empty memory is refused."""
    END = 1
    LOAD = 2
    STORE = 3
    WEIGHTS = 4
    COMPUTE = 5


class Engine(enum.Enum):
    """Who executes a command."""
    SEQUENCER = "sequencer"
    LOAD = "load"
    STORE = "store"
    WEIGHTS = "weights"
    COMPUTE = "compute"


@dataclasses.dataclass(frozen=True)
class Command:
    """A kind of command: its opcode, its engine, and the fields beside those of the header."""
    opcode: Opcode
    engine: Engine
    doc: str
    own_fields: tuple[Field, ...]

    @property
    def name(self) -> str:
        """The opcode's name."""
        return self.opcode.name

    @property
    def fields(self) -> tuple[Field, ...]:
        """All fields, those of the header first."""
        return HEADER + self.own_fields

    @property
    def mask(self) -> int:
        """The 512 bits that belong to a field; the others must be 0."""
        return sum(((1 << field.width) - 1) << field.low for field in self.fields)


COMMANDS = (
    Command(Opcode.END, Engine.SEQUENCER,
            "Waits until all engines are idle and all that was written has arrived; ends the run.",
            ()),
    Command(Opcode.LOAD, Engine.LOAD,
            "Copies vectors, or unfolds rows of an image, from the data window into the "
            "activation buffer.", LOAD),
    Command(Opcode.STORE, Engine.STORE,
            "Copies vectors from the activation buffer into the data window; complete when the "
            "memory has answered.", STORE),
    Command(Opcode.WEIGHTS, Engine.WEIGHTS,
            "Sends parameters (scales, zero point, limits) and weight blocks from the program "
            "window to the array; the parameter sets of successive commands meet successive "
            "output blocks of the COMPUTE commands.", WEIGHTS),
    Command(Opcode.COMPUTE, Engine.COMPUTE,
            "Multiplies, accumulates and requantizes the pixels of a tile; complete when its last "
            "result is in the buffer.", COMPUTE),
)


def command(opcode: int) -> Command:
    """The kind of command of an opcode; raises ``SpecError`` if there is none."""
    for kind in COMMANDS:
        if kind.opcode == opcode:
            return kind
    raise SpecError(f"opcode must be one of {', '.join(str(int(o)) for o in Opcode)}, "
                    f"not {opcode!r}")


def compute_vectors(values: Mapping[str, int], tile: int) -> int:
    """Vectors that the array takes for an output block of a COMPUTE command.

    ``tile`` is that of an accelerator with ``winograd``.
    """
    height, width = values["kernel_height"], values["kernel_width"]
    if values["winograd"]:
        return tiles(values, tile) * (tile + 2) ** 2 * values["channel_blocks"]
    if values["window"]:
        columns = (values["out_width"] - 1) * values["stride_x"] + width
        return values["out_height"] * columns * height
    return (values["out_height"] * values["out_width"] * values["channel_blocks"]
            * height * width)


def tiles(values: Mapping[str, int], tile: int) -> int:
    """Tiles of ``tile`` × ``tile`` pixels of a COMPUTE command with ``winograd``."""
    return -(-values["out_height"] // tile) * -(-values["out_width"] // tile)


def encode(opcode: Opcode, **values: int) -> bytes:
    """The 64 bytes of a command; fields that aren't named are 0.

    Raises
    ------
    SpecError
        On an unknown field, or a value that its field can't hold.
    """
    kind = command(opcode)
    known = {field.name: field for field in kind.fields}
    for name in values:
        if name not in known or name == "opcode":
            raise SpecError(f"{kind.name} has no field {name!r} to set")
    word = 0
    for field in kind.fields:
        value = int(kind.opcode) if field.name == "opcode" else int(values.get(field.name, 0))
        if not field.minimum <= value <= field.maximum:
            raise SpecError(f"{field.name} of {kind.name} must be {field.minimum} to "
                            f"{field.maximum}, not {value!r}")
        word |= (value & ((1 << field.width) - 1)) << field.low
    return word.to_bytes(COMMAND_BYTES, "little")


def decode(data: bytes, **sizes: int) -> tuple[Command, dict[str, int]]:
    """The kind and the field values of a command.

    Parameters
    ----------
    data : bytes
    sizes : int
        Those of :func:`.fields.implemented_width`, to refuse also what these exclude.

    Raises
    ------
    SpecError
        If it isn't 64 bytes long, its opcode is unknown, a bit outside its fields is set, or a
        count is 0: what the sequencer answers with ``ILLEGAL_COMMAND``.
    """
    if len(data) != COMMAND_BYTES:
        raise SpecError(f"A command must be {COMMAND_BYTES} bytes, not {len(data)}")
    word = int.from_bytes(data, "little")
    kind = command(data[0])
    if word & ~kind.mask:
        raise SpecError(f"Bits of {kind.name} outside its fields must be 0, not "
                        f"{word & ~kind.mask:#x}")
    values = {}
    for field in kind.fields:
        value = word >> field.low & ((1 << field.width) - 1)
        if field.count and value == 0:
            raise SpecError(f"{field.name} of {kind.name} must be at least 1, not 0")
        if sizes and value >> (width := implemented_width(field, **sizes)):
            raise SpecError(f"{field.name} of {kind.name} must be below {1 << width}, "
                            f"not {value!r}")
        if field.signed and value >> (field.width - 1):
            value -= 1 << field.width
        values[field.name] = value
    return kind, values
