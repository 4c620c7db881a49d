# amaranth: UnusedElaboratable=no
"""The ports of the accumulators, and the modules that they are exported as."""

import re

import pytest
from amaranth.hdl import signed
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from sparrow.flow.verilog import verilog
from sparrow.hw.mac import MacArray
from sparrow.hw.mac.accumulators import Accumulators
from sparrow.hw.spec.mac import AccumulatorsSpec, MacArraySpec


def test_interface():
    dut = Accumulators(spec=AccumulatorsSpec(columns=3, sum_width=17, accumulator_width=24))
    ends = {"first": 1, "last": 1}
    assert dict(dut.signature.members) == {
        "i": In(stream.Signature(data.StructLayout(
            {"sums": data.ArrayLayout(signed(17), 3), **ends,
             "mode": data.StructLayout({"start": 1, "finish": 1})}))),
        "o": Out(stream.Signature(data.StructLayout(
            {"sums": data.ArrayLayout(signed(24), 3), "overflow": 3, **ends}))),
        "error": Out(1),
    }
    assert dut.spec.columns == 3


@pytest.mark.parametrize("options, modes", [
    ({"maximum": True}, ["start", "finish", "maximum"]),
    ({"shifted": True}, ["start", "finish", "shifted"]),
    ({"subtracted": True}, ["start", "finish", "subtracted"]),
    ({"maximum": True, "shifted": True}, ["start", "finish", "maximum", "shifted"])])
def test_optional_modes(options, modes):
    spec = AccumulatorsSpec(columns=3, **options)
    layout = Accumulators(spec=spec).i.payload.shape()
    assert [name for name, _ in layout["mode"].shape] == modes
    assert {field.shape for _, field in layout["mode"].shape} == {1}


def test_without_overflow():
    spec = AccumulatorsSpec(columns=2, depth=6, sum_width=4, accumulator_width=7, overflow=False)
    dut = Accumulators(spec=spec)
    assert dut.o.payload.shape() == data.StructLayout(
        {"sums": data.ArrayLayout(signed(7), 2), "first": 1, "last": 1})
    assert re.search(r"reg \[13:0\] \w+ \[5:0\];", verilog(dut, spec, "accumulators"))


@pytest.mark.parametrize("fields", [
    {}, {"lanes": 5, "columns": 3, "precision": "int4"},
    {"lanes": 4, "columns": 4, "precision": "int8_int4", "topology": "systolic"}])
def test_takes_what_the_array_puts_out(fields):
    array = MacArraySpec(**fields)
    spec = AccumulatorsSpec(columns=array.columns, sum_width=array.sum_width)
    assert (MacArray(spec=array).signature.members["sums"].signature
            == Accumulators(spec=spec).signature.members["i"].signature.flip())


def test_the_memory_is_a_module_of_its_own():
    spec = AccumulatorsSpec(columns=2, depth=6, sum_width=4, accumulator_width=7)
    text = verilog(Accumulators(spec=spec), spec, "accumulators")
    modules = dict(re.findall(r"^module (\w+)(.*?)^endmodule", text, re.M | re.S))
    assert list(modules) == ["accumulator_memory", "accumulators"]
    arrays = {name: re.findall(r"reg (\[.*?\]) \w+ (\[.*?\]);", body)
              for name, body in modules.items()}
    assert arrays == {"accumulator_memory": [("[15:0]", "[5:0]")], "accumulators": []}


def test_refuses_what_is_no_specification():
    with pytest.raises(TypeError) as caught:
        Accumulators(spec={"columns": 3})
    assert str(caught.value) == "spec must be an AccumulatorsSpec, not {'columns': 3}"
