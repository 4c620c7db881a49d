"""The netlist that is priced passes the regression of the block that it was made of."""

import pytest

from sparrow.flow.blocks import block
from sparrow.flow.errors import UserError
from sparrow.flow.proof import prove
from sparrow.flow.synthesis.gate_verilog import mapped_verilog
from sparrow.hw.spec import AccumulatorsSpec, MacArraySpec


@pytest.fixture
def own_cache():
    """Nothing that is asked for here is kept but Verilator's library."""


def proof(tmp_path, liberty, recipe, **values):
    found, spec = block("mac-array"), MacArraySpec(**values)
    gates = mapped_verilog(found.verilog(spec), "mac_array", liberty=liberty, recipe_name=recipe)
    return prove(found, spec, verilog=gates, blocks=15, exhaustive=False, folder=tmp_path)


@pytest.mark.parametrize("recipe, values", [
    ("area", {"lanes": 3, "columns": 2, "precision": "int8_int4"}),
    pytest.param("timing", {"lanes": 2, "columns": 2, "pipeline_stages": 3},
                 marks=pytest.mark.heavy),
])
def test_mac_array(recipe, values, tmp_path, data_file):
    result = proof(tmp_path, data_file("liberty/nangate45_typ.lib"), recipe, **values)
    assert result.passed, result.results


def test_generic_gates(tmp_path):
    result = proof(tmp_path, None, "area", lanes=3, columns=2, precision="int4")
    assert result.passed, result.results


@pytest.mark.heavy
@pytest.mark.parametrize("recipe", ["area", "timing", "reference"])
@pytest.mark.parametrize("precision", ["int8", "int8_int4"])
def test_full_columns(recipe, precision, tmp_path, data_file):
    result = proof(tmp_path, data_file("liberty/nangate45_typ.lib"), recipe, lanes=16, columns=2,
                   precision=precision)
    assert result.passed, result.results


def test_memories_are_refused():
    found = block("accumulators")
    text = found.verilog(AccumulatorsSpec(columns=2, depth=4))
    with pytest.raises(UserError, match="accumulators must have no memories to be written"):
        mapped_verilog(text, "accumulators")
