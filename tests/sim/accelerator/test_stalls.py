"""An accelerator that is slower than it was designed is found out by its cycles alone."""

import re
import shutil

import pytest

from sparrow.compiler import compile_network
from sparrow.compiler.predict import Timing
from sparrow.sim.accelerator import Traffic, simulation
from sparrow.sim.accelerator.network import run_network
from sparrow.sim.accelerator.predictions import wrong_predictions
from sparrow.sim.accelerator.samples import sample, sample_images

LATENCY = 20
# Behind every 8th vector that the array takes, neither side sees the other for a cycle.
STALL = """\
  wire activations__ready_at_array;
  reg [2:0] vectors_until_stall;
  reg may_move;
  assign activations__ready = activations__ready_at_array & may_move;
  always @(posedge core_clk)
    if (core_rst) begin
      vectors_until_stall <= 3'd7;
      may_move <= 1'b1;
    end else if (!may_move)
      may_move <= 1'b1;
    else if (vector) begin
      vectors_until_stall <= vectors_until_stall - 3'd1;
      may_move <= vectors_until_stall != 3'd0;
    end
"""


def with_a_stall(verilog):
    """The accelerator's Verilog, in which the vectors on their way into the array are held up.

    In the module ``compute_engine`` the handshake ``activations`` of the instance ``array`` gets
    ``may_move`` on both sides. The rule of streams is kept: ``valid`` isn't taken back, since
    it is held up only after a transfer.
    """
    [engine] = re.findall(r"^module compute_engine\(.*?^endmodule", verilog, re.M | re.S)
    changed = engine
    for pattern, replacement in [
            (r"\.activations__ready\(activations__ready\)",
             ".activations__ready(activations__ready_at_array)"),
            (r"\.activations__valid\((.+)\),", r".activations__valid(\1 & may_move),"),
            (r"^  mac_array array \(", lambda match: STALL + match[0])]:
        changed, count = re.subn(pattern, replacement, changed, flags=re.M)
        assert count == 1, f"{pattern} must be in compute_engine once, not {count} times"
    return verilog.replace(engine, changed)


@pytest.fixture(scope="module")
def stalling(folder, verilog, spec):
    """A simulation of it, on Icarus where it is installed, which builds in half a second."""
    return simulation(with_a_stall(verilog), "accelerator", folder / "stalling",
                      simulator="icarus" if shutil.which("iverilog") else "verilator",
                      address_width=spec.address_width)


def test_a_stall_in_the_array_is_seen(stalling, spec, tmp_path):
    network = sample("conv")
    program = compile_network(network, spec,
                              timing=Timing(memory_read=LATENCY, memory_write=LATENCY))
    result = run_network(stalling, program, network, sample_images(network, 1), tmp_path,
                         traffic=Traffic(latency=LATENCY), check_rules=True)
    assert result.difference == ""
    [layer] = program.layers
    measured = result.layer_cycles["conv0"]
    assert wrong_predictions(program, result.layer_cycles) == [
        f"Layer 'conv0': {measured} cycles were measured, {layer.cycles} predicted"]
    # a vector that is held up is read again if STORE has read its bank
    stored = layer.bytes_written // spec.lanes
    assert layer.vectors // 16 <= measured - layer.cycles <= layer.vectors // 8 + stored
