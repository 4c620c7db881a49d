"""``sparrow test`` finds faults in a Verilog file, and explains what it can't do."""

import pytest

from sparrow.flow import cli
from sparrow.flow.blocks import BLOCKS, block

SETTINGS = ["lanes=2", "columns=2", "precision=custom", "activation_width=4", "weight_width=4"]
ADDER = ("assign sum = _0_ ^ c;", "assign sum = _0_ | c;")
WEIGHT = ("swap ? shadow : live", "swap ? live : shadow")


@pytest.fixture(scope="module")
def verilog():
    found = block("mac-array")
    return found.verilog(found.parse(None, SETTINGS))


@pytest.fixture
def prove(monkeypatch, tmp_path):
    """Runs ``sparrow test mac-array --verilog`` on a text, in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def run(text, *options):
        (tmp_path / "array.v").write_text(text, encoding="utf-8")
        settings = [word for setting in SETTINGS for word in ("--set", setting)]
        return cli.main(["test", "mac-array", *settings, "--blocks", "5", "--verilog", "array.v",
                         *options])
    return run


def exchange(text, fault):
    right, wrong = fault
    assert right in text
    return text.replace(right, wrong)


def test_intact(prove, verilog, capsys):
    assert prove(verilog) == 0
    output = capsys.readouterr().out
    assert "mac-array on verilator" in output and ": passed\n" in output
    assert "FAILED" not in output and "  failed  " not in output


def test_a_full_adder_that_ors(prove, verilog, capsys):
    assert prove(exchange(verilog, ADDER)) == 1
    output = capsys.readouterr().out
    assert ": FAILED\n" in output
    assert "  failed  random_traffic" in output and "golden says" in output


def test_weights_that_swap_the_wrong_way(prove, verilog, capsys, icarus):
    assert prove(exchange(verilog, WEIGHT), "--simulator", "icarus") == 1
    output = capsys.readouterr().out
    assert "mac-array on icarus" in output and ": FAILED\n" in output


def error(capsys):
    """The one line on standard error that isn't progress."""
    captured = capsys.readouterr()
    assert captured.out == ""
    [line] = [line for line in captured.err.splitlines() if line.startswith("sparrow: error: ")]
    assert captured.err.endswith(f"{line}\n")
    return line.removeprefix("sparrow: error: ")


def test_unknown_simulator(prove, verilog, capsys):
    assert prove(verilog, "--simulator", "modelsim") == 2
    text = error(capsys)
    assert text.startswith("argument --simulator: invalid choice: 'modelsim'")
    assert text.endswith("; see sparrow test --help")


def test_file_without_the_top_module(prove, capsys):
    assert prove("module other(clk);\n  input clk;\nendmodule\n") == 2
    assert error(capsys) == "Verilog must hold a module mac_array"


def test_file_without_the_top_module_on_icarus(prove, capsys, icarus):
    assert prove("module other(clk);\n  input clk;\nendmodule\n", "--simulator", "icarus") == 2
    assert "mac_array" in error(capsys)


def test_missing_file(capsys):
    assert cli.main(["test", "mac-array", "--verilog", "missing.v"]) == 2
    assert error(capsys) == "missing.v: No such file or directory"


@pytest.mark.parametrize("arguments, text", [
    (["multiplier"],
     f"BLOCK must be one of {', '.join(BLOCKS)}, not 'multiplier'"),
    (["mac-array", "--blocks", "0"], "--blocks must be at least 1, not 0"),
    (["mac-array", "--set", "lanes"], "--set must be given NAME=VALUE, not 'lanes'"),
])
def test_wrong_arguments(capsys, arguments, text):
    assert cli.main(["test", *arguments]) == 2
    assert error(capsys) == text
