"""What is made from the descriptions of registers and commands: C header, core, page."""

import dataclasses
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from sparrow.compiler import compile_network
from sparrow.compiler.layout import TensorLayout
from sparrow.flow.blocks import block
from sparrow.flow.interface import Surroundings, c_header, companions, core_file, sdc, xdc
from sparrow.flow.interface.network_header import network_header
from sparrow.flow.interface.page import commands_page
from sparrow.hw.export import ClockPorts
from sparrow.hw.spec.accelerator import AcceleratorSpec
from sparrow.hw.spec.commands import COMMANDS, Opcode, encode
from sparrow.hw.spec.registers import REGISTERS, ErrorCode
from sparrow.sim.accelerator.samples import sample

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_is_up_to_date():
    """If not: python -m sparrow.flow.interface.page > docs/commands.md"""
    assert (ROOT / "docs" / "commands.md").read_text(encoding="utf-8") == commands_page()


def test_the_page_has_everything():
    page = commands_page()
    for entry in REGISTERS:
        assert f"`{entry.name}`" in page
    for kind in COMMANDS:
        assert f"### {kind.name}\n" in page
        for field in kind.fields:
            assert f"`{field.name}`" in page


def test_names_of_the_header_are_unique():
    header = c_header(AcceleratorSpec())
    names = re.findall(r"^#define (\w+)", header, re.M) + re.findall(r"^    (SPARROW_\w+) =",
                                                                     header, re.M)
    assert len(names) == len(set(names))


def _program(values):
    lines = ["#include <stdio.h>", '#include "sparrow_accelerator.h"', "int main(void) {",
             "    unsigned i;", "    sparrow_command c = {{0}};",
             "    SPARROW_SET(&c, SPARROW_COMPUTE_OPCODE, SPARROW_OPCODE_COMPUTE);"]
    for name, value in values.items():
        lines.append(f"    SPARROW_SET(&c, SPARROW_COMPUTE_{name.upper()}, {value});")
        lines.append(f"    if (SPARROW_GET(&c, SPARROW_COMPUTE_{name.upper()}) != "
                     f"({value} & ((1ull << SPARROW_COMPUTE_{name.upper()}_WIDTH) - 1))) "
                     "return 1;")
    for entry in REGISTERS:
        lines.append(f"    if (SPARROW_{entry.name} != {entry.offset}) return 2;")
    for code in ErrorCode:
        lines.append(f"    if (SPARROW_ERROR_{code.name} != {int(code)}) return 3;")
    lines += ["    for (i = 0; i < SPARROW_COMMAND_BYTES; i++) printf(\"%02x\", c.bytes[i]);",
              "    return 0;", "}"]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("language", ["c", "c++"])
def test_the_header_makes_the_same_command(tmp_path, language):
    compiler = shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        pytest.skip("no C++ compiler is installed")
    [compute] = [kind for kind in COMMANDS if kind.opcode is Opcode.COMPUTE]
    values = {field.name: field.minimum if field.signed else field.maximum - number % 3
              for number, field in enumerate(compute.fields)
              if field.name != "opcode" and field.maximum > 2}
    (tmp_path / "sparrow_accelerator.h").write_text(c_header(AcceleratorSpec()))
    source = tmp_path / "program.c"
    source.write_text(_program(values))
    standard = ["-std=c99"] if language == "c" else ["-std=c++11"]
    subprocess.run([compiler, "-x", language, *standard, "-Wall", "-Wextra", "-Werror",
                    "-pedantic", "-Wno-long-long", "-o", tmp_path / "program", source],
                   check=True)
    run = subprocess.run([tmp_path / "program"], capture_output=True, text=True, check=True)
    assert bytes.fromhex(run.stdout) == encode(Opcode.COMPUTE, **values)


def compiles(folder, network_text, spec):
    """Whether a C compiler takes a network's header with an accelerator's; what it says."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no C compiler is installed")
    files = companions(spec, "accelerator", ["x.v"]) | {"sparrow_network.h": network_text}
    for name, text in files.items():
        (folder / name).write_text(text)
    source = folder / "x.c"
    source.write_text("""#include "sparrow_network.h"
uint32_t of(int input);
uint32_t of(int input)
{
    return sparrow_elements(input ? &sparrow_network_input : &sparrow_network_output);
}
""")
    run = subprocess.run([compiler, "-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-c",
                          source, folder / "sparrow_driver.c"], cwd=folder, capture_output=True,
                         text=True, check=False)
    return run.returncode == 0, run.stderr


@pytest.mark.parametrize("changes", [{"rounding": "half_even"}, {"precision": "int8"},
                                     {"buffer_bytes": 8192}], ids=str)
def test_networks_for_another_accelerator_are_refused(tmp_path, changes):
    spec = AcceleratorSpec(lanes=4, columns=4, data_width=32, post_lanes=2, buffer_bytes=4096)
    text = network_header(compile_network(sample("mixed"), spec))
    fits, said = compiles(tmp_path, text, spec)
    assert fits, said
    fits, said = compiles(tmp_path, text, spec.replace(**changes))
    assert not fits
    assert "this network was compiled for another accelerator" in said


@pytest.mark.parametrize("address_width", [32, 64])
def test_header_of_a_large_flat_input(tmp_path, address_width):
    """More elements than 16 bits hold; the comment has the tensor's own shape."""
    spec = AcceleratorSpec(lanes=4, columns=4, data_width=32, post_lanes=2, buffer_bytes=4096,
                           address_width=address_width)
    program = compile_network(sample("mixed"), spec)
    flat = TensorLayout(name=program.input, height=150, width=200, segments=(3,), lanes=4,
                        format="flat")
    program = dataclasses.replace(program, tensors={**program.tensors, program.input: flat})
    text = network_header(program)
    assert f"/* Input {program.input!r}: 3 channels, 150 rows, 200 columns. */" in text
    assert "#define SPARROW_NETWORK_INPUT_ELEMENTS 90000u\n" in text
    assert "sparrow_network_input_segments[] = {90000};" in text
    fits, said = compiles(tmp_path, text, spec)
    assert fits, said


def test_files_beside_the_verilog():
    spec = AcceleratorSpec(lanes=8, columns=8)
    found = companions(spec, "accelerator", ["accelerator.v"])
    assert list(found) == ["sparrow_accelerator.h", "sparrow_driver.h", "sparrow_driver.c",
                           "accelerator.core", "accelerator.sdc", "accelerator.xdc"]
    assert "#define SPARROW_SPEC_LANES 8\n" in found["sparrow_accelerator.h"]
    assert block("accelerator").files_beside(spec, ["accelerator.v"]) == found
    assert block("mac-array").files_beside(None, ["x.v"]) == {}


def test_core_file():
    text = core_file("top", description='a "b"', files=["top.v", "top_memories.v"])
    assert text.startswith("CAPI=2:\n")
    assert "description: \"a 'b'\"\n" in text
    assert "    files:\n      - top.v\n      - top_memories.v\n    file_type: verilog" in text
    assert "      - top.sdc\n" in text
    assert "      - top.xdc\n" in text


def ports_of(constraints):
    """The ports that constraints name; each line must be of a kind that is known."""
    found = []
    for line in constraints.splitlines():
        if not line or line.startswith(("#", "set_property ASYNC_REG ", "    {")):
            continue
        clock = re.fullmatch(r"create_clock -name (\w+) -period [\d.]+ \[get_ports (\w+)\]", line)
        crossing = re.fullmatch(
            r"set_(?:max_delay (?:-datapath_only )?[\d.]+(?: -ignore_clock_latency)?|"
            r"false_path -hold) -from \[get_clocks (\w+)\] -to \[get_clocks (\w+)\]", line)
        assert clock or crossing, line
        if clock:
            assert clock[1] == clock[2]
            found.append(clock[2])
        else:
            assert set(crossing.groups()) <= set(found)
    return found


def test_constraints_name_ports_that_exist():
    spec = AcceleratorSpec(lanes=4, columns=4, data_width=32, post_lanes=2)
    around = Surroundings(clock_ports=ClockPorts(clock="aclk", reset="aresetn", active_low=True),
                          period=4.0)
    found = block("accelerator")
    text = found.verilog_files(spec, around).text
    beside = found.files_beside(spec, ["accelerator.v"], around)
    for ending in ("sdc", "xdc"):
        assert "-period 4.000 " in beside[f"accelerator.{ending}"]
        assert ports_of(beside[f"accelerator.{ending}"]) == ["aclk"]
    assert "  input aclk;\n" in text
    assert "  input aresetn;\n" in text
    assert "// Ports besides aclk and aresetn (synchronous, active low);" in text


def test_constraints_of_two_clocks():
    clocks = {"clk": 10, "core_clk": 3}
    assert ports_of(sdc("top", clocks)) == ports_of(xdc("top", clocks)) == ["clk", "core_clk"]
    assert ("set_max_delay 3.000 -ignore_clock_latency -from [get_clocks clk] -to "
            "[get_clocks core_clk]\n") in sdc("top", clocks)
    assert ("set_max_delay -datapath_only 3.000 -from [get_clocks core_clk] -to "
            "[get_clocks clk]\n") in xdc("top", clocks)


def test_constraints_name_cells_that_exist():
    spec = AcceleratorSpec(lanes=4, columns=4, data_width=32, post_lanes=2, bus_clock="separate")
    found = block("accelerator")
    text, beside = found.verilog(spec), found.files_beside(spec, ["x.v"])
    pattern = re.search(r"-regexp \\\n +\{(.*?)_reg\.\*\}",
                        beside["accelerator.xdc"])[1]
    registers = re.findall(r"^  reg (?:\[\d+:0\] )?(\w+);", text, re.M)
    found = [name for name in registers if re.fullmatch(pattern, name)]
    assert len(found) == 2 * (20 + 2)  # the two pointers of ten channels, reset and interrupt
    assert ports_of(beside["accelerator.sdc"]) == ["clk", "core_clk"]
