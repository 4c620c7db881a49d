"""The accelerator's registers: the one description that hardware and software are made from."""

import dataclasses
import enum
from collections.abc import Iterable

from .base import SpecError, require_integer

__all__ = ["ACCESSES", "REGISTERS", "REGISTERS_BYTES", "ErrorCode", "Field", "Register",
           "check_registers", "register", "version_value"]

ACCESSES = {
    "ro": "read only",
    "rw": "read and write",
    "w1p": "write 1: a pulse; reads 0",
    "w1c": "write 1 to clear",
}
REGISTERS_BYTES = 4096  # of address space, a page


class ErrorCode(enum.IntEnum):
    """Why the accelerator stopped: the value of ``ERROR_CODE``.

    Attributes
    ----------
    NONE
        No error.
    READ_RESPONSE
        A read was answered with an error.
    WRITE_RESPONSE
        A write was answered with an error.
    WINDOW
        A transfer would have left its window, or would have written to the program window.
    ILLEGAL_COMMAND
        A command that doesn't exist, or with a field that isn't allowed.
    WATCHDOG
        Nothing moved for as many cycles as ``WATCHDOG`` says.
    ACCUMULATORS
        A vector for a pixel past the depth of the accumulators.
    STREAM
        A compressed weight stream is malformed; ``STREAM_ERROR`` tells how.
    MISMATCH
        A COMPUTE met weights of another ``map``, ``int4``, ``reuse`` or number of blocks.
    """

    NONE = 0
    READ_RESPONSE = 1
    WRITE_RESPONSE = 2
    WINDOW = 3
    ILLEGAL_COMMAND = 4
    WATCHDOG = 5
    ACCUMULATORS = 6
    STREAM = 7
    MISMATCH = 8


@dataclasses.dataclass(frozen=True)
class Field:
    """Some bits of a register.

    Parameters
    ----------
    name : str
        Lower case; empty where the register has one field, which then bears its name.
    low : int, 0 to 31
        Number of the lowest bit.
    width : int, 1 to ``32 - low``
        Bits.
    doc : str
        One line.
    """

    name: str
    low: int
    width: int
    doc: str

    @property
    def mask(self) -> int:
        """The field's bits in the register's word."""
        return (1 << self.width) - 1 << self.low


@dataclasses.dataclass(frozen=True)
class Register:
    """A word of 32 bits.

    Parameters
    ----------
    name : str
        Upper case.
    offset : int
        Byte offset, a multiple of 4.
    access : str
        A key of ``ACCESSES``, the same for all fields.
    doc : str
        One line.
    fields : tuple of Field
        From the lowest bit up. Bits outside read 0.
    reset : int
        The word after a reset; of a ``ro`` register that isn't 0, its constant value.
    """

    name: str
    offset: int
    access: str
    doc: str
    fields: tuple[Field, ...]
    reset: int = 0

    @property
    def mask(self) -> int:
        """The bits of all fields."""
        return sum(field.mask for field in self.fields)

    def field(self, name: str) -> Field:
        """The field of that name; raises ``KeyError`` if there is none."""
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(f"Register {self.name} has no field {name!r}")

    def port_name(self, field: Field) -> str:
        """What a field is called where names of fields must be unique: ``register_field``."""
        return "_".join(filter(None, (self.name.lower(), field.name)))


def check_registers(registers: Iterable[Register]) -> None:
    """Check a register map.

    Raises
    ------
    SpecError
        If names or offsets aren't unique, an offset isn't a multiple of 4 below 4096, an access
        doesn't exist, fields overlap or leave the word, or a reset value leaves the fields.
    """
    names, ports = set[str](), set[str]()
    offsets: dict[int, str] = {}
    for entry in registers:
        if entry.name in names:
            raise SpecError(f"Names of registers must be unique, not {entry.name!r} twice")
        names.add(entry.name)
        require_integer(f"offset of {entry.name}", entry.offset, 0, REGISTERS_BYTES - 4)
        if entry.offset % 4:
            raise SpecError(f"offset of {entry.name} must be a multiple of 4, not {entry.offset}")
        if entry.offset in offsets:
            raise SpecError(f"offset of {entry.name} must be its own, not {entry.offset!r}, "
                            f"that of {offsets[entry.offset]}")
        offsets[entry.offset] = entry.name
        if entry.access not in ACCESSES:
            raise SpecError(f"access of {entry.name} must be one of {', '.join(ACCESSES)}, "
                            f"not {entry.access!r}")
        for name in _check_fields(entry):
            if name in ports:
                raise SpecError(f"Names of fields must be unique, not {name!r} twice")
            ports.add(name)


def _check_fields(entry: Register) -> list[str]:
    """Check the fields of a register; their names."""
    if not entry.fields:
        raise SpecError(f"fields of {entry.name} must be at least one, not none")
    taken = 0
    for field in entry.fields:
        subject = f"field {entry.port_name(field)}"
        require_integer(f"low of {subject}", field.low, 0, 31)
        require_integer(f"width of {subject}", field.width, 1, 32 - field.low)
        if field.mask & taken:
            raise SpecError(f"{subject} must not overlap another, not in bits {field.low} to "
                            f"{field.low + field.width - 1}")
        taken |= field.mask
    require_integer(f"reset of {entry.name}", entry.reset, 0, 0xFFFF_FFFF)
    if entry.reset & ~taken:
        raise SpecError(f"reset of {entry.name} must be within its fields, not {entry.reset:#x}")
    return [entry.port_name(field) for field in entry.fields]


def register(name: str) -> Register:
    """The register of that name; raises ``KeyError`` if there is none."""
    for entry in REGISTERS:
        if entry.name == name:
            return entry
    raise KeyError(f"There is no register {name!r}")


def version_value(major: int, minor: int, patch: int) -> int:
    """The word in ``VERSION``; raises ``SpecError`` if a number doesn't fit."""
    require_integer("major", major, 0, 0xFFFF)
    require_integer("minor", minor, 0, 0xFF)
    require_integer("patch", patch, 0, 0xFF)
    return major << 16 | minor << 8 | patch


def _word(doc: str, low: int = 0, width: int = 32) -> tuple[Field, ...]:
    return (Field("", low, width, doc),)


def _counter(name: str, offset: int, doc: str, width: int = 32) -> Register:
    return Register(name, offset, "ro", f"{doc} since start",
                    _word(f"count, modulo 2^{width}", width=width))


_PAGE = _word("address bits 31 to 12", low=12, width=20)
_HIGH = _word("address bits 63 to 32; those past the address width read 0")
_SIZE = _word("size in pages of 4096 bytes", low=12, width=20)

REGISTERS: tuple[Register, ...] = (
    Register("ID", 0x00, "ro", "what this is", _word('"SPRW"'), reset=0x53505257),
    Register("VERSION", 0x04, "ro", "version of the hardware", (
        Field("patch", 0, 8, "third number"),
        Field("minor", 8, 8, "second number"),
        Field("major", 16, 16, "first number"))),
    Register("CONTROL", 0x08, "w1p", "orders", (
        Field("start", 0, 1, "begin the program"),
        Field("soft_reset", 1, 1, "drain the bus, then reset all but these registers"))),
    Register("STATUS", 0x0C, "ro", "what goes on", (
        Field("busy", 0, 1, "a program is running"),
        Field("done", 1, 1, "the program has ended"),
        Field("error", 2, 1, "the program was stopped by an error"),
        Field("draining", 3, 1, "what is outstanding on the bus is awaited"))),
    Register("ERROR_CODE", 0x10, "ro", "why the program was stopped", _word(
        "an error code, 0 for none", width=8)),
    Register("ERROR_COMMAND", 0x14, "ro", "where the program was stopped", _word(
        "commands that had been fetched when the error was found, modulo 2^24", width=24)),
    Register("INTERRUPT_ENABLE", 0x18, "rw", "what raises the interrupt", (
        Field("done", 0, 1, "the end of a program"),
        Field("error", 1, 1, "an error"))),
    Register("INTERRUPT_STATUS", 0x1C, "w1c", "what has happened", (
        Field("done", 0, 1, "a program has ended"),
        Field("error", 1, 1, "an error has stopped a program"))),
    Register("PROGRAM_BASE", 0x20, "rw", "address of the program window, low word", _PAGE),
    Register("PROGRAM_BASE_HIGH", 0x24, "rw", "address of the program window, high word", _HIGH),
    Register("PROGRAM_SIZE", 0x28, "rw", "bytes of the program window", _SIZE),
    Register("DATA_BASE", 0x2C, "rw", "address of the data window, low word", _PAGE),
    Register("DATA_BASE_HIGH", 0x30, "rw", "address of the data window, high word", _HIGH),
    Register("DATA_SIZE", 0x34, "rw", "bytes of the data window", _SIZE),
    Register("PROGRAM_START", 0x38, "rw", "byte offset of the first command", _word(
        "offset in the program window, in units of 64 bytes", low=6, width=26)),
    Register("WATCHDOG", 0x3C, "rw", "cycles without progress until an error", _word(
        "cycles; 0: no limit", width=24), reset=1_000_000),
    _counter("CYCLES", 0x40, "cycles"),
    _counter("VECTORS", 0x44, "steps of the array"),
    _counter("STALL_WEIGHTS", 0x48, "cycles in which the array waited for weights that weren't "
             "there"),
    _counter("STALL_RESULTS", 0x4C, "cycles in which the array waited for its results to leave"),
    _counter("STALL_TOKENS", 0x50, "cycles in which the array waited for tokens, or for results "
             "that it reads"),
    _counter("WORDS_READ", 0x54, "words read from the bus"),
    _counter("WORDS_WRITTEN", 0x58, "words written to the bus"),
    _counter("COMMANDS", 0x5C, "commands fetched", width=24),
    _counter("LAYERS", 0x60, "layers retired", width=16),
    _counter("STALL_BUFFER", 0x64, "cycles in which the array waited for a bank that others read"),
    _counter("STALL_DECODING", 0x68, "cycles in which the array waited for weights to be decoded"),
    Register("STREAM_ERROR", 0x80, "ro", "what is wrong with a weight stream", _word(
        "a number of docs/weight-stream.md, 0 for none", width=4)),
)
check_registers(REGISTERS)
