"""The cocotb regression over a matrix of specifications, on both simulators."""

import shutil

import pytest

from sparrow.flow.blocks import block
from sparrow.flow.proof import prove
from sparrow.hw.spec import MacArraySpec

SMALL = [
    {"lanes": 1, "columns": 1},
    {"lanes": 3, "columns": 5},
    {"lanes": 3, "columns": 5, "precision": "int4", "pipeline_stages": 3},
    {"lanes": 3, "columns": 5, "precision": "int8_int4", "pipeline_stages": 4},
    {"lanes": 5, "columns": 3, "precision": "custom", "activation_width": 7, "weight_width": 3,
     "pipeline_stages": 3},
    {"lanes": 4, "columns": 4, "precision": "int8_int4", "load": "parallel", "pipeline_stages": 1},
    {"lanes": 3, "columns": 2, "precision": "custom", "activation_width": 2, "weight_width": 16},
    {"lanes": 5, "columns": 5, "precision": "int8_int4", "window": 3},
    {"lanes": 3, "columns": 5, "dataflow": "input_stationary"},
    {"lanes": 3, "columns": 5, "dataflow": "output_stationary", "precision": "int8_int4",
     "accumulator_width": 19},
    {"lanes": 3, "columns": 5, "topology": "systolic", "precision": "int8_int4"},
    {"lanes": 1, "columns": 4, "topology": "systolic", "load": "parallel"},
    {"lanes": 4, "columns": 3, "topology": "systolic", "dataflow": "input_stationary",
     "precision": "custom", "activation_width": 5, "weight_width": 4},
    {"lanes": 3, "columns": 2, "topology": "systolic", "dataflow": "output_stationary",
     "precision": "int8_int4", "accumulator_width": 18},
    {"lanes": 4, "columns": 3, "multiplier": "operator", "precision": "int8_int4",
     "pipeline_stages": 4},
    {"lanes": 3, "columns": 3, "multiplier": "operator", "topology": "systolic",
     "precision": "int4"},
    {"lanes": 4, "columns": 4, "window": 4, "pipeline_stages": 1},
    {"lanes": 3, "columns": 3, "precision": "custom", "activation_width": 7, "weight_width": 3,
     "window": 2, "pipeline_stages": 4},
    {"lanes": 4, "columns": 4, "multiplier": "operator", "precision": "int8_int4", "window": 3,
     "pipeline_stages": 3},
    {"lanes": 4, "columns": 4, "precision": "int8_int4", "window": 4, "load": "parallel",
     "pipeline_stages": 4},
]
LARGE = [
    {},
    {"precision": "int8_int4"},
]
# every one of the 2 ** 16 products costs the systolic array with outputs a tile of its own
EXHAUSTIVE = [1, 3, 10]
# which takes longer to build, and is quicker for systolic arrays
ON_VERILATOR = [*EXHAUSTIVE, 12, 13, 15, 19]


def name(values):
    words = {"columns": "", "weight_stationary": "", "dot_product": ""}
    return "-".join(words.get(str(value), str(value)) for value in values.values()) or "default"


def check(proof):
    failures = [f"{result.name}: {result.message}" for result in proof.results
                if result.outcome == "failed"]
    assert proof.passed, "\n".join(failures)
    assert proof.coverage["sums"] > 100
    assert proof.coverage["resets"] > 10
    for stalled in ("weights stalls", "vector stalls", "sums stalls"):
        assert proof.coverage[stalled] > 10


@pytest.mark.parametrize("number", [
    number if number in ON_VERILATOR[:-1] else pytest.param(number, marks=pytest.mark.heavy)
    for number in range(len(SMALL))], ids=map(name, SMALL))
def test_verilator(number, tmp_path):
    spec = MacArraySpec(**SMALL[number])
    proof = prove(block("mac-array"), spec, exhaustive=number in EXHAUSTIVE, folder=tmp_path)
    check(proof)
    check_modes(proof, spec, 50)
    if number in EXHAUSTIVE:
        pairs = {"int8": 1 << 16, "int8_int4": (1 << 16) + 2 * (1 << 12)}
        assert proof.coverage["operand pairs"] >= pairs[spec.precision.value]


def check_modes(proof, spec, least):
    """That what the specification has was exercised, blocks of each precision so many times."""
    if spec.switchable:
        blocks = "steps" if spec.dataflow.value == "output_stationary" else "blocks"
        assert proof.coverage[f"INT4 {blocks}"] > least
        assert proof.coverage[f"full-width {blocks}"] > least
    if spec.window:
        assert proof.coverage["windows"] > 2 * least
        assert proof.coverage["silent vectors"] > 2 * least


@pytest.mark.parametrize("number", [
    number for number in range(len(SMALL)) if number not in ON_VERILATOR or number == 3],
    ids=lambda number: name(SMALL[number]))
def test_icarus(number, tmp_path):
    """On Verilator where Icarus isn't installed."""
    spec = MacArraySpec(**SMALL[number])
    simulator = "icarus" if shutil.which("iverilog") else "verilator"
    proof = prove(block("mac-array"), spec, simulator=simulator, blocks=8, exhaustive=False,
                  folder=tmp_path)
    check(proof)
    check_modes(proof, spec, 10)


@pytest.mark.heavy
@pytest.mark.parametrize("values", LARGE, ids=name)
def test_full_size(values, tmp_path):
    check(prove(block("mac-array"), MacArraySpec(**values), blocks=8, exhaustive=False,
                folder=tmp_path))


@pytest.mark.heavy
@pytest.mark.parametrize("dataflow", ["weight_stationary", "output_stationary"])
@pytest.mark.parametrize("topology", ["dot_product", "systolic"])
def test_full_size_of_every_kind(dataflow, topology, tmp_path):
    spec = MacArraySpec(dataflow=dataflow, topology=topology, precision="int8_int4")
    check(prove(block("mac-array"), spec, exhaustive=False, folder=tmp_path))
