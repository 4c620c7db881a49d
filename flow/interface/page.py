"""The page of the documentation that lists registers and commands, made from ``hw.spec``."""

from sparrow.hw.spec.commands import COMMAND_BYTES, COMMANDS, HEADER, TOKEN_MAXIMUM, TOKENS, Field
from sparrow.hw.spec.registers import ACCESSES, REGISTERS, ErrorCode

__all__ = ["commands_page"]

_TOP = """\
# Registers and commands

Made from `hw/spec/registers.py`, `hw/spec/commands.py` and `hw/spec/fields.py` by
`python -m sparrow.flow.interface.page`; a test compares it with them. The C header that `sparrow
generate accelerator` writes comes from the same files.

## Registers

AXI4-Lite, 32 bits, offsets in bytes. Bits that belong to no field read 0.
"""

_COMMANDS = f"""\
## Commands

A command is {COMMAND_BYTES} bytes, little-endian, at a multiple of {COMMAND_BYTES} in the program
window. There are {TOKENS} tokens, each a count from 0 to {TOKEN_MAXIMUM}. Bits that belong to no
field must be 0. A *count* is at least 1.
"""


def commands_page() -> str:
    """The page, as Markdown."""
    parts = [_TOP, _registers(), _fields_of_registers(), _errors(), _COMMANDS,
             "### All commands\n", _table_of_fields(HEADER)]
    for kind in COMMANDS:
        parts += [f"### {kind.name}\n", f"Opcode {int(kind.opcode)}, engine {kind.engine.value}. "
                                        f"{kind.doc}\n"]
        if kind.own_fields:
            parts.append(_table_of_fields(kind.own_fields))
    return "\n".join(parts)


def _table(heading: str, align: str, rows: list[str]) -> str:
    return "\n".join([heading, align, *rows]) + "\n"


def _registers() -> str:
    return _table("| offset | register | access | reset | meaning |", "|---|---|---|---|---|", [
        f"| {entry.offset:#04x} | `{entry.name}` | {ACCESSES[entry.access]} | "
        f"{f'{entry.reset:#x}' if entry.reset else '0'} | {entry.doc} |" for entry in REGISTERS])


def _bits(low: int, width: int) -> str:
    return str(low) if width == 1 else f"{low + width - 1}:{low}"


def _fields_of_registers() -> str:
    return _table("| register | field | bits | meaning |", "|---|---|---|---|", [
        f"| `{entry.name}` | {f'`{field.name}`' if field.name else ''} | "
        f"{_bits(field.low, field.width)} | {field.doc} |"
        for entry in REGISTERS for field in entry.fields])


def _errors() -> str:
    lines = [line.strip() for line in (ErrorCode.__doc__ or "").splitlines()]
    return "### Error codes\n\n" + _table("| code | name | meaning |", "|---|---|---|", [
        f"| {int(code)} | `{code.name}` | {lines[lines.index(code.name) + 1]} |"
        for code in ErrorCode])


def _table_of_fields(fields: tuple[Field, ...]) -> str:
    return _table("| bits | field | kind | meaning |", "|---|---|---|---|", [
        f"| {_bits(field.low, field.width)} | `{field.name}` | "
        f"{'signed' if field.signed else 'count' if field.count else ''} | {field.doc} |"
        for field in fields])


if __name__ == "__main__":
    print(commands_page(), end="")
