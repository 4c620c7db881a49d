"""The cocotb test that carries out a script of runs; see :mod:`.simulate`."""

import json
import time
from pathlib import Path

import cocotb

from sparrow.hw.spec.bus import BusSpec

from ..report import bench_parameters
from .bench import AcceleratorBench
from .memory import now
from .script import Run

_PARAMETERS = bench_parameters()


@cocotb.test()
async def script(dut):
    """Every run of the script, one after the other, on one accelerator."""
    folder = Path(_PARAMETERS["folder"])
    runs = [Run.from_json(values)
            for values in json.loads((folder / "script.json").read_text(encoding="utf-8"))]
    files = {name: (folder / name).read_bytes()
             for run in runs for name in (run.program, run.data) if name}
    bus = _PARAMETERS["bus"]
    bench = AcceleratorBench(dut, address_width=_PARAMETERS["address_width"],
                             check_rules=_PARAMETERS["check_rules"],
                             bus=BusSpec.from_mapping(bus) if bus else None,
                             core_period=_PARAMETERS["core_period"])
    await bench.reset()
    began = time.perf_counter()
    outcomes = []
    with open(folder / "outputs.bin", "wb") as outputs:
        for run in runs:
            data = files[run.data][run.data_offset:run.data_offset + run.data_size] \
                if run.data else None
            bench.load(files[run.program], data, data_size=run.data_size,
                       program_size=run.program_size)
            outcome = await bench.run(run)
            outcomes.append(outcome.to_json())
            if run.keep:
                outputs.write(bench.data)
            if outcome.end == "timeout":
                break
    (folder / "outcomes.json").write_text(json.dumps({
        "outcomes": outcomes, "cycles": now(), "seconds": time.perf_counter() - began,
    }), encoding="utf-8")
