"""Results as a run leaves them, small enough to be checked by hand."""

import copy
import json

import pytest

from sparrow.golden.network import save
from sparrow.sim.accelerator.samples import sample

ACCELERATOR = {"lanes": 16, "columns": 8, "precision": "int8_int4", "data_width": 64}
STALLS = {"weights": 100, "decoding": 0, "results": 20, "tokens": 30, "buffer": 0}
SIZES = {"layers": [{"name": "first", "shape": [8, 8, 3, 3], "bits": 8, "kept": 0.25,
                     "codec": "huffman", "before": 640, "after": 80, "ratio": 8.0},
                    {"name": "pool", "shape": [], "bits": None, "kept": None, "codec": None,
                     "before": 0, "after": 12, "ratio": None},
                    {"name": "last", "shape": [10, 4], "bits": 8, "kept": 1, "codec": "dense",
                     "before": 160, "after": 60, "ratio": 2.7}],
         "before": 800, "after": 152, "ratio": 5.3, "kept": 0.4}
DENSE = {"weight_bytes": 4096, "predicted_cycles": 1500, "stalls": dict(STALLS, weights=600)}
MODULES = [
    {"name": "top", "instances": 1, "area": 10.0, "share": 0.01, "memory_bits": 0,
     "submodules": {"engine": 1, "bus": 1}},
    {"name": "engine", "instances": 1, "area": 90.0, "share": 0.09, "memory_bits": 0,
     "submodules": {"array": 1, "store": 2}},
    {"name": "array", "instances": 1, "area": 100.0, "share": 0.1, "memory_bits": 0,
     "submodules": {"full_adders_8": 30, "half_adders_2": 10}},
    {"name": "full_adders_8", "instances": 30, "area": 20.0, "share": 0.6},
    {"name": "half_adders_2", "instances": 10, "area": 10.0, "share": 0.1},
    {"name": "store", "instances": 2, "area": 5.0, "share": 0.01, "memory_bits": 2048},
    {"name": "bus", "instances": 1, "area": 90.0, "share": 0.09, "memory_bits": 0},
]


def layer(name, kind="Conv", **more):
    """A layer of results."""
    return {"name": name, "kind": kind, "predicted_cycles": 990, "vectors": 640, "macs": 51_200,
            "bytes_read": 3456, "bytes_written": 1024, "measured_cycles": 1000, **more}


@pytest.fixture
def results():
    """What ``results.json`` holds, of three layers, one without products."""
    return copy.deepcopy({
        "sparrow": "0.1.0", "name": "tiny", "accelerator": ACCELERATOR, "images": 5,
        "bit_exact": 5, "difference": "", "test_images": 360,
        "accuracy_float": 0.9806, "accuracy_golden": 0.9889, "accuracy_golden_same": 0.96,
        "passes": [], "sizes": SIZES,
        "accuracy_rtl": 0.96, "cycles": 2124, "latency": 20,
        "layers": [layer("first"), layer("pool", "MaxPool", macs=0, measured_cycles=371),
                   layer("last", "Linear", macs=12_345, measured_cycles=753, stalls=STALLS)],
        "predictions_off": [],
        "counters": {"CYCLES": 2124, "VECTORS": 1074, "STALL_WEIGHTS": 321, "STALL_RESULTS": 130,
                     "STALL_TOKENS": 141},
        "program_bytes": 20_480, "data_bytes": 4096, "verilog_bytes": 417_131,
        "simulator": "verilator 5", "simulated_cycles": 197_255, "simulation_seconds": 1.5,
        "area": {"gates": {"target": "gates", "nand2_equivalents": 1000.0, "gates": 700,
                           "flip_flops": 77, "memory_bits": 4096, "modules": MODULES},
                 "ecp5": {"target": "ecp5", "luts": 4321, "dsps": 8, "memory_bits": 4096}},
    })


@pytest.fixture
def profile(results):
    """What ``sparrow profile`` gives."""
    layers = [{key: value for key, value in found.items() if key != "vectors"}
              | {"utilization": 0.4, "memory_accesses": 777, "stalls": STALLS}
              for found in results["layers"]]
    return {"layers": layers, "total": {"measured_cycles": 2124, "utilization": 0.3}}


@pytest.fixture
def write(tmp_path):
    """Writes values as a JSON file."""
    def written(values, name="results.json"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))
        return path
    return written


@pytest.fixture
def run_folder(write, results):
    """A run of a network with a residual connection, and its layers."""
    network = sample("mixed")
    results["layers"] = [layer(found.name, type(found).__name__, stalls=STALLS,
                               **({"codec": "rle", "weight_bytes": 1024, "dense": DENSE}
                                  if hasattr(found, "weight") else {}))
                         for found in network]
    path = write(results, "run/results.json")
    (path.parent / "image").mkdir()
    save(network, path.parent / "image" / "network.sparrow")
    return path.parent
