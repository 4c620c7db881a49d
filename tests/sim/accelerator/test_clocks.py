"""The accelerator with AXI3 and a bus clock of its own, against clocks of any period."""

import dataclasses

import pytest

from sparrow.compiler import compile_network
from sparrow.flow.blocks import block
from sparrow.hw.spec.bus import BusClock, BusProtocol
from sparrow.hw.spec.registers import ErrorCode
from sparrow.sim.accelerator import Fault, Traffic, simulation
from sparrow.sim.accelerator.network import image_results, image_runs, run_network
from sparrow.sim.accelerator.samples import sample, sample_images
from sparrow.sim.runner import SimulationError

from .batch import Case, run_batch

# networks by the core's period in ns; the buses have 10
PERIODS = {3.0: ["mixed", "image_rows"], 9.4: ["mixed", "window"], 10.0: ["mixed"],
           10.6: ["mixed", "image_rows"], 37.0: ["mixed", "window"]}


@pytest.fixture(scope="module")
def crossed_spec(spec):
    return spec.replace(protocol=BusProtocol.AXI3, bus_clock=BusClock.SEPARATE)


@pytest.fixture(scope="module")
def crossed_verilog(crossed_spec):
    return block("accelerator").verilog(crossed_spec)


@pytest.fixture(scope="module")
def crossed(crossed_spec, crossed_verilog, folder):
    built = simulation(crossed_verilog, "accelerator", folder / "crossed",
                       address_width=crossed_spec.address_width)
    return dataclasses.replace(built, bus=crossed_spec.bus)


def test_ports(crossed_verilog):
    for line in ("output [3:0] m_axi_arlen;", "output [3:0] m_axi_awlen;", "output m_axi_wid;",
                 "output [1:0] m_axi_awlock;", "input core_clk;"):
        assert f"  {line}\n" in crossed_verilog
    assert "synchronizer_second" in crossed_verilog


@pytest.mark.parametrize("period", PERIODS)
def test_networks(crossed, crossed_spec, tmp_path, period):
    cases = []
    for name in PERIODS[period]:
        network = sample(name)
        program = compile_network(network, crossed_spec)
        cases += [Case(program, network, sample_images(network, 2), traffic, 400_000)
                  for traffic in (Traffic(latency=1), Traffic(latency=20, stalls="often", seed=3))]
    results = run_batch(dataclasses.replace(crossed, core_period=period), cases, tmp_path,
                        check_rules=True)
    for each, images in zip(cases, results, strict=True):
        assert [image.difference for image in images] == ["", ""], each


def test_bursts_are_watched(crossed, crossed_spec, tmp_path):
    """Bursts that are longer than they may be end the simulation."""
    built = dataclasses.replace(crossed, bus=crossed_spec.bus.replace(max_burst=4))
    network = sample("conv")
    with pytest.raises(SimulationError, match=r"a[rw]: \d+ words, not 4 at most"):
        run_network(built, compile_network(network, crossed_spec), network,
                    sample_images(network, 1), tmp_path, check_rules=True)


@pytest.mark.parametrize("period", [3.0, 10.0, 37.0])
def test_errors_and_resets(crossed, crossed_spec, tmp_path, period):
    """After each of them, in the middle of whatever was on its way, a run is right."""
    network = sample("conv")
    program = compile_network(network, crossed_spec)
    inputs = sample_images(network, 1)
    [run], files = image_runs(program, inputs, traffic=Traffic(latency=5, stalls="often"),
                              watchdog=2000, timeout=200_000)
    everything = (0, 1 << crossed_spec.address_width)
    cycles = (2, 17, 71, 260)
    faults = [Fault(read_error=everything), Fault(write_error=everything),
              Fault(silent="r", cycle=60),
              *(Fault(reset=True, cycle=cycle) for cycle in cycles),
              *(Fault(soft_reset=True, cycle=cycle) for cycle in cycles)]
    runs = [one for fault in faults for one in (dataclasses.replace(run, fault=fault), run)]
    result = dataclasses.replace(crossed, core_period=period).run(runs, files, tmp_path,
                                                                  check_rules=True)
    assert [outcome.error_code for outcome in result.outcomes[0:6:2]] == [
        ErrorCode.READ_RESPONSE, ErrorCode.WRITE_RESPONSE, ErrorCode.WATCHDOG]
    assert [outcome.end for outcome in result.outcomes[6::2]] == ["reset"] * 2 * len(cycles)
    for outcome, output in zip(result.outcomes[1::2], result.outputs[1::2], strict=True):
        [image] = image_results(program, network, inputs, [outcome], [output])
        assert image.difference == ""


def test_on_icarus(crossed_spec, crossed_verilog, folder, tmp_path, icarus):
    """Four-state: all is known after the reset."""
    built = simulation(crossed_verilog, "accelerator", folder / "crossed-icarus",
                       simulator="icarus", address_width=crossed_spec.address_width)
    network = sample("conv")
    result = run_network(built, compile_network(network, crossed_spec), network,
                         sample_images(network, 1), tmp_path, traffic=Traffic(latency=5),
                         check_rules=True, timeout=400_000)
    assert result.difference == ""
