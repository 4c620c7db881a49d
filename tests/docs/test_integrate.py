"""All code of docs/integrate.md, but what is marked as untested, run."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import sparrow.sim.native
from sparrow.compiler import compile_network
from sparrow.flow.acceptance import accept
from sparrow.flow.cli import main
from sparrow.flow.interface import DRIVER_FILES, companions
from sparrow.flow.interface.network_header import network_header
from sparrow.golden.network import execute
from sparrow.sim.accelerator import Traffic, simulation
from sparrow.sim.accelerator.network import run_network
from sparrow.sim.accelerator.samples import sample, sample_images

PAGE = Path(__file__).resolve().parents[2] / "docs" / "integrate.md"
STRICT = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic")


def snippets(tested=True):
    """Code of the page by the name in its first line, or where that has none by its language."""
    found = {}
    for section in re.split(r"^(?=## )", PAGE.read_text(encoding="utf-8"), flags=re.M):
        if ("(untested)" in section.partition("\n")[0]) is tested:
            continue
        for language, text in re.findall(r"^```(\w+)\n(.*?)^```$", section, re.M | re.S):
            name = re.match(r"(?://|#|/\*) ([\w.]+)", text)
            key = name[1] if tested and name else language
            assert key not in found, f"{key} must be there once"
            found[key] = text
    return found


@pytest.fixture
def compiler():
    path = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if path is None:
        pytest.skip("no C compiler is installed")
    return path


def test_all_snippets_are_run():
    """Those named here have a test below; commands are in indented lines."""
    assert set(snippets()) == {"npu.v", "npu.py", "registers.c", "infer.c"}
    assert set(snippets(tested=False)) == {"python", "tcl"}


def test_untested_python_is_python():
    compile(snippets(tested=False)["python"], "npu.py", "exec")


def test_verilog(spec, verilog, folder, tmp_path):
    """The wrapper, for a bus of 32 bits, in the place of the accelerator."""
    text = snippets()["npu.v"].replace("[63:0]", "[31:0]").replace("[7:0] m_axi_wstrb",
                                                                   "[3:0] m_axi_wstrb")
    for answer in accept(text + verilog, "npu"):
        assert answer.accepted in (True, None), f"{answer.reader}: {answer.output}"
    built = simulation(text + verilog, "npu", folder / "npu", address_width=spec.address_width,
                       simulator="icarus" if shutil.which("iverilog") else "verilator")
    network = sample("conv")
    result = run_network(built, compile_network(network, spec), network,
                         sample_images(network, 1), tmp_path, traffic=Traffic(latency=5),
                         check_rules=True)
    assert result.difference == ""


def test_amaranth(tmp_path):
    path = tmp_path / "npu.py"
    path.write_text(snippets()["npu.py"], encoding="utf-8")
    run = subprocess.run([sys.executable, "-W", "error", path], capture_output=True, text=True,
                         check=False)
    assert (run.stdout, run.stderr) == ("SPRW\n", "")


def objects(compiler, folder, program, spec):
    """The page's C and the driver, compiled; their object files."""
    files = {name: text for name, text in companions(spec, "accelerator", ["x.v"]).items()
             if name.endswith((".h", ".c"))}
    files |= {name: text for name, text in snippets().items() if name.endswith(".c")}
    files["sparrow_network.h"] = network_header(program)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    made = []
    for name in files:
        if name.endswith(".c"):
            made.append(folder / name.replace(".c", ".o"))
            subprocess.run([compiler, *STRICT, "-O1", "-fPIC", "-c", folder / name, "-o",
                            made[-1]], check=True)
    return made


@pytest.mark.parametrize("name", ["mixed", "image_rows", "concat"])
def test_c(native, spec, compiler, tmp_path, name):
    """Driver and page against the Verilog, on Verilator's model: as golden says, bit for bit."""
    network = sample(name)
    program = compile_network(network, spec)
    images = sample_images(network, 3)
    linked = objects(compiler, tmp_path, program, spec)
    here, build = Path(sparrow.sim.native.__file__).parent, native.folder
    include = re.search(r"-I(\S+/include)", (build / "Vmodel.mk").read_text()) or re.search(
        r"VERILATOR_ROOT = (\S+)", (build / "Vmodel.mk").read_text())
    assert include is not None
    root = Path(include[1])
    root = root if root.name == "include" else root / "include"
    subprocess.run(["c++", "-std=gnu++17", "-O1", "-I", build, "-I", here, "-I", root, "-I",
                    root / "vltstd", "-I", tmp_path, "-DVM_COVERAGE=0", "-DVM_TRACE=0",
                    Path(__file__).with_name("system.cpp"), *linked, build / "Vmodel__ALL.a",
                    *build.glob("verilated*.o"), "-pthread", "-o", tmp_path / "system"],
                   check=True, env=os.environ)
    (tmp_path / "program.bin").write_bytes(program.program_bytes)
    (tmp_path / "images.bin").write_bytes(images.numpy().tobytes())
    run = subprocess.run([tmp_path / "system", tmp_path, "3"], capture_output=True, text=True,
                         check=False, timeout=300)
    assert (run.stdout, run.stderr, run.returncode) == ("0\n0\n0\n", "", 0)
    found = np.frombuffer((tmp_path / "results.bin").read_bytes(), np.int8)
    expected = execute(network, images)
    assert isinstance(expected, torch.Tensor)
    assert found.tolist() == expected.flatten().tolist()


def test_a_network_of_another_accelerator_is_refused(spec, compiler, tmp_path):
    program = compile_network(sample("conv"), spec.replace(buffer_bytes=2048))
    files = companions(spec, "accelerator", ["x.v"]) | {"sparrow_network.h":
                                                        network_header(program)}
    for name in ("sparrow_accelerator.h", "sparrow_network.h", *DRIVER_FILES):
        (tmp_path / name).write_text(files[name], encoding="utf-8")
    run = subprocess.run([compiler, "-fsyntax-only", tmp_path / "sparrow_network.h"],
                         capture_output=True, text=True, check=False)
    assert run.returncode
    assert "this network was compiled for another accelerator" in run.stderr


def test_options_of_the_page_exist(tmp_path, capsys):
    """The table of options, and the files that it begins with."""
    page = PAGE.read_text(encoding="utf-8")
    small = [word for setting in ("lanes=4", "columns=4", "data_width=32", "post_lanes=4")
             for word in ("--set", setting)]
    assert main(["generate", "accelerator", *small, "--memories", "separate", "--reset-polarity",
                 "low", "--clock-port", "aclk", "--reset-port", "aresetn", "--clock-period", "5",
                 "--core-clock-period", "3", "--set", "protocol=axi3", "--set",
                 "bus_clock=separate", "-o", str(tmp_path / "accelerator.v")]) == 0
    for path in tmp_path.iterdir():
        assert f"`{path.name}`" in page or path.name == "sparrow_driver.c"
    for ending in ("sdc", "xdc"):
        text = (tmp_path / f"accelerator.{ending}").read_text()
        assert "create_clock -name aclk -period 5.000" in text
        assert "create_clock -name core_clk -period 3.000" in text
    assert "  input core_clk;\n" in (tmp_path / "accelerator.v").read_text()
    capsys.readouterr()
