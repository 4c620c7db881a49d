"""The description of the registers, and what it refuses to describe."""

import dataclasses
import inspect

import pytest

from sparrow.hw.spec.base import SpecError
from sparrow.hw.spec.registers import (
    ACCESSES,
    REGISTERS,
    ErrorCode,
    Field,
    Register,
    check_registers,
    register,
    version_value,
)

OFFSETS = {
    "ID": 0x00, "VERSION": 0x04, "CONTROL": 0x08, "STATUS": 0x0C, "ERROR_CODE": 0x10,
    "ERROR_COMMAND": 0x14, "INTERRUPT_ENABLE": 0x18, "INTERRUPT_STATUS": 0x1C,
    "PROGRAM_BASE": 0x20, "PROGRAM_BASE_HIGH": 0x24, "PROGRAM_SIZE": 0x28, "DATA_BASE": 0x2C,
    "DATA_BASE_HIGH": 0x30, "DATA_SIZE": 0x34, "PROGRAM_START": 0x38, "WATCHDOG": 0x3C,
    "CYCLES": 0x40, "VECTORS": 0x44, "STALL_WEIGHTS": 0x48, "STALL_RESULTS": 0x4C,
    "STALL_TOKENS": 0x50, "WORDS_READ": 0x54, "WORDS_WRITTEN": 0x58, "COMMANDS": 0x5C,
    "LAYERS": 0x60, "STALL_BUFFER": 0x64, "STALL_DECODING": 0x68, "STREAM_ERROR": 0x80,
}
BIT = Register("BIT", 8, "rw", "a bit", (Field("", 3, 1, "it"),))


def test_the_map():
    assert {entry.name: entry.offset for entry in REGISTERS} == OFFSETS
    assert {entry.access for entry in REGISTERS} == set(ACCESSES)
    assert register("ID").reset.to_bytes(4, "big") == b"SPRW"
    assert register("WATCHDOG").reset == 1_000_000
    assert register("PROGRAM_SIZE").mask == 0xFFFF_F000
    assert register("PROGRAM_START").mask == 0xFFFF_FFC0
    assert [field.name for field in register("STATUS").fields] == [
        "busy", "done", "error", "draining"]


def test_every_line_of_documentation_is_one():
    for entry in REGISTERS:
        for item in (entry, *entry.fields):
            assert item.doc.strip() == item.doc != ""
            assert len(item.doc.splitlines()) == 1


def test_names():
    control = register("CONTROL")
    assert control.port_name(control.field("start")) == "control_start"
    watchdog = register("WATCHDOG")
    assert watchdog.port_name(watchdog.field("")) == "watchdog"
    with pytest.raises(KeyError) as caught:
        register("CONTRL")
    assert caught.value.args == ("There is no register 'CONTRL'",)
    with pytest.raises(KeyError) as caught:
        control.field("stop")
    assert caught.value.args == ("Register CONTROL has no field 'stop'",)


def test_version():
    assert version_value(1, 2, 3) == 0x0001_0203
    with pytest.raises(SpecError) as caught:
        version_value(0, 256, 0)
    assert str(caught.value) == "minor must be an integer from 0 to 255, not 256"


def test_error_codes():
    assert [code.name for code in ErrorCode] == [
        "NONE", "READ_RESPONSE", "WRITE_RESPONSE", "WINDOW", "ILLEGAL_COMMAND", "WATCHDOG",
        "ACCUMULATORS", "STREAM", "MISMATCH"]
    assert [int(code) for code in ErrorCode] == list(range(9))
    for code in ErrorCode:
        assert f"\n{code.name}\n" in inspect.getdoc(ErrorCode)


@pytest.mark.parametrize("changes, text", [
    ([{}, {"offset": 12}], "Names of registers must be unique, not 'BIT' twice"),
    ([{}, {"name": "OTHER"}], "offset of OTHER must be its own, not 8, that of BIT"),
    ([{"offset": 10}], "offset of BIT must be a multiple of 4, not 10"),
    ([{"offset": 4096}], "offset of BIT must be an integer from 0 to 4092, not 4096"),
    ([{"access": "wo"}], "access of BIT must be one of ro, rw, w1p, w1c, not 'wo'"),
    ([{"fields": ()}], "fields of BIT must be at least one, not none"),
    ([{"fields": (Field("a", 0, 4, ""), Field("b", 3, 2, ""))}],
     "field bit_b must not overlap another, not in bits 3 to 4"),
    ([{"fields": (Field("a", 0, 1, ""), Field("a", 1, 1, ""))}],
     "Names of fields must be unique, not 'bit_a' twice"),
    ([{"fields": (Field("", 32, 1, ""),)}],
     "low of field bit must be an integer from 0 to 31, not 32"),
    ([{"fields": (Field("", 30, 3, ""),)}],
     "width of field bit must be an integer from 1 to 2, not 3"),
    ([{"reset": 0x10}], "reset of BIT must be within its fields, not 0x10"),
])
def test_refuses(changes, text):
    with pytest.raises(SpecError) as caught:
        check_registers([dataclasses.replace(BIT, **change) for change in changes])
    assert str(caught.value) == text
