"""Proofs by solver: SymbiYosys and z3 on the Verilog that a user gets."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from sparrow.flow.tools import tool
from sparrow.hw.export import flat_ports

# The design starts in any state, so that registers without a reset may hold anything.
_PROOF = """\
[options]
mode {mode}
depth {depth}
timeout {seconds}

[engines]
smtbmc --nopresat z3

[script]
read_verilog -formal design.v
hierarchy -check -top {design}
proc
flatten
setattr -unset init w:*
{memories}
{expose}
read_verilog -formal wrapper.v
prep -top {wrapper} -flatten

[files]
design.v
wrapper.v
"""


@pytest.fixture
def prove(tmp_path):
    """A function that tries a proof and returns ``PASS``, ``FAIL`` or another word of sby's."""
    def run(design: str, top: str, wrapper: str, *, exposed: Sequence[str] = (),
            memories: bool = False, mode: str = "prove", depth: int = 2,
            seconds: int = 1000) -> str:
        """Prove the assertions of ``wrapper``, a module around ``design``'s module ``top``.

        Parameters
        ----------
        exposed
            Nets of the flattened design that become outputs, for the wrapper to see.
            With ``memories`` their rows are nets, too: ``memory[row]``.
        mode, depth
            ``prove``: by induction over at most ``depth`` cycles. ``bmc``: for ``depth`` cycles
            from a reset.
        """
        outer = re.search(r"^module (\w+)", wrapper, re.M)[1]
        names = (re.sub(r"[][]", "?", name) for name in exposed)  # brackets are patterns, there
        expose = f"expose {' '.join(f'w:{name}' for name in names)}" if exposed else ""
        (tmp_path / "design.v").write_text(design)
        (tmp_path / "wrapper.v").write_text(wrapper)
        (tmp_path / "proof.sby").write_text(_PROOF.format(
            mode=mode, depth=depth, seconds=seconds, design=top, wrapper=outer,
            expose=expose, memories="memory -nomap\nmemory_map" if memories else ""))
        programs = {"YOSYS": "yosys", "SMTBMC": "yosys-smtbmc", "WITNESS": "yosys-witness"}
        environment = {variable: tool(f"yowasp-{name}") for variable, name in programs.items()}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # where z3 is
        result = subprocess.run([tool("yowasp-sby"), "-f", "proof.sby"], cwd=tmp_path,
                                env={**os.environ, **environment, "PATH": path},
                                capture_output=True, text=True, check=False)
        verdict = re.search(r"DONE \((\w+),", result.stdout)
        assert verdict, result.stdout + result.stderr
        print(result.stdout)
        return verdict[1]
    return run


@pytest.fixture
def stream_rule():
    """A function that writes a wrapper which holds an output stream to the stream rule.

    Nothing is assumed about the inputs but that the first cycle is a reset. ``withdraws``: an
    expression of ports; when it holds, what is on offer may go. ``inside``: nets of the design
    by their names in ``rules``, each with its width; ``rules`` are statements that hold always,
    from the cycle after the first one on.
    """
    def wrapper(component, top: str, stream: str, withdraws: str = "1'b0",
                inside: Mapping[str, tuple[str, int]] | None = None, rules: str = "") -> str:
        ports = flat_ports(component)
        inputs = "".join(f", input [{port.width - 1}:0] {port.name}"
                         for port in ports if port.is_input)
        outputs = "".join(f"  wire [{port.width - 1}:0] {port.name};\n"
                          for port in ports if not port.is_input)
        payload = ", ".join(port.name for port in ports
                            if port.member == stream and port.path[0] == "payload")
        width = sum(port.width for port in ports
                    if port.member == stream and port.path[0] == "payload")
        connections = "".join(f", .{port.name}({port.name})" for port in ports)
        for name, (net, bits) in (inside or {}).items():
            outputs += f"  wire [{bits - 1}:0] {name};\n"
            connections += f", .\\{net} ({name})"
        return f"""\
module stream_rule(input clk, input rst{inputs});
{outputs}  {top} dut(.clk(clk), .rst(rst){connections});
  wire [{width - 1}:0] payload = {{{payload}}};
  reg started = 0, waiting = 0;
  reg [{width - 1}:0] offered;
  always @(posedge clk) begin
    started <= 1;
    waiting <= {stream}_valid && !{stream}_ready && !rst && !({withdraws});
    offered <= payload;
  end
  always @* begin
    if (!started) assume (rst);
    if (waiting) assert ({stream}_valid && payload == offered);
    if (started) begin
{rules}    end
  end
endmodule
"""
    return wrapper
