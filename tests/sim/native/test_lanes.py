"""What becomes vectors, and what is left as Verilator wrote it."""

import re

import pytest

from sparrow.sim.native import build
from sparrow.sim.native.lanes import vectorize
from sparrow.sim.runner import SimulationError

NAME = "Vmodel_cell___nba_sequent__TOP__a__0"
HEADER = """
class Vmodel_cell final {
        CData/*7:0*/ live;
    QData/*39:0*/ product;
};
"""
FUNCTION = f"""\
void {NAME}(Vmodel_cell* vlSelf) {{
    Vmodel__Syms* const __restrict vlSymsp VL_ATTR_UNUSED = vlSelf->vlSymsp;
    auto& vlSelfRef = std::ref(*vlSelf).get();
    // Locals
    IData/*18:0*/ sum;
    sum = 0;
    // Body
    sum = (0x0fU & ((IData)(vlSelfRef.live) << 1U));
    if (vlSymsp->TOP.int4) {{
        vlSelfRef.product = ((QData)((IData)(sum)) | (3ULL & vlSelfRef.product));
    }}
}}
"""


def write(folder, instances, function=FUNCTION):
    folder.mkdir(exist_ok=True)
    calls = "".join(f"    {NAME}((&vlSymsp->TOP__{number}));\n" for number in range(instances))
    (folder / "Vmodel___024root__0.cpp").write_text(
        f"void {NAME}(Vmodel_cell* vlSelf);\n\nvoid eval() {{\n{calls}}}\n")
    (folder / "Vmodel_cell.h").write_text(HEADER)
    (folder / "Vmodel_cell__0.cpp").write_text(function)
    return folder


@pytest.mark.parametrize("instances, groups", [(2, 1), (4, 1), (16, 1), (32, 2), (64, 4)])
def test_calls_become_one(tmp_path, instances, groups):
    assert vectorize(write(tmp_path, instances)) == instances
    root = (tmp_path / "Vmodel___024root__0.cpp").read_text()
    assert root.count("__lanes(lanes);") == groups
    for number in range(instances):
        assert root.count(f"&vlSymsp->TOP__{number}\n") + root.count(
            f"&vlSymsp->TOP__{number},\n") == 1
    assert f"{NAME}((" not in root
    added = (tmp_path / "Vmodel_cell__0.cpp").read_text().removeprefix(FUNCTION)
    lanes = instances // groups
    assert f"Words<{lanes}> sum;" in added
    assert "assign(sum, (0x0fU & (to_words(self_live) << 1U)));" in added
    assert "lanes[lane]->product = self_product.vector[lane];" in added
    assert "->live =" not in added


@pytest.mark.parametrize("old, new", [
    ("<< 1U", "* 3U"), ("(0x0fU &", "VL_SHIFTL(0x0fU,"), ("vlSelfRef.live", "vlSelfRef.other"),
    ("sum = (0x0fU", "vlSymsp->TOP.sum = (0x0fU"),
    ("if (vlSymsp->TOP.int4)", "if (vlSelfRef.live + 1)"), ("(0x0fU & (", "VL_CLOG2_I((0"),
    ("0x0fU &", "0x0fU <="), ("vlSelf->vlSymsp;\n    auto&", "vlSelf->vlSymsp;\n    auto"),
])
def test_what_is_unknown_stays(tmp_path, old, new):
    function = FUNCTION.replace(old, new)
    assert function != FUNCTION
    before = write(tmp_path, 4, function)
    texts = {path.name: path.read_text() for path in before.iterdir()}
    assert vectorize(tmp_path) == 0
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == texts


def test_a_smaller_vector(tmp_path):
    assert vectorize(write(tmp_path, 16), most=8) == 16
    assert (tmp_path / "Vmodel___024root__0.cpp").read_text().count("__lanes(lanes);") == 2


@pytest.mark.parametrize("instances", [1, 3, 24])
def test_numbers_of_instances_that_stay(tmp_path, instances):
    assert vectorize(write(tmp_path, instances)) == 0


SECOND = NAME.replace("__0", "__1")


@pytest.mark.parametrize("order, count", [
    ("00 10 01 11", 4), ("00 10 11 01", 0), ("00 10 01", 0), ("00 01 10 11", 4)])
def test_functions_by_turns(tmp_path, order, count):
    """Each pair is a function and an instance: instances may change places, functions not."""
    write(tmp_path, 0, FUNCTION + FUNCTION.replace(NAME, SECOND))
    calls = "".join(f"    {NAME[:-1]}{pair[0]}((&vlSymsp->TOP__{pair[1]}));\n"
                    for pair in order.split())
    root = tmp_path / "Vmodel___024root__0.cpp"
    root.write_text(f"#include <a.h>\nvoid eval() {{\n{calls}}}\n")
    assert vectorize(tmp_path) == count
    text = root.read_text()
    if count:
        assert text.index(f"    {NAME}__lanes(lanes)") < text.index(f"    {SECOND}__lanes(lanes)")
        assert text.index("#include") < text.index(f"void {SECOND}__lanes") < text.index("eval()")


def test_one_function_that_is_unknown_keeps_all(tmp_path):
    """Their order can't be changed then."""
    other = FUNCTION.replace(NAME, SECOND).replace("sum = (0x0fU", "vlSymsp->TOP.sum = (0x0fU")
    write(tmp_path, 0, FUNCTION + other)
    root = tmp_path / "Vmodel___024root__0.cpp"
    root.write_text("".join(f"    {name}((&vlSymsp->TOP__{instance}));\n"
                            for instance in "ab" for name in (NAME, SECOND)))
    assert vectorize(tmp_path) == 0
    assert (tmp_path / "Vmodel_cell__0.cpp").read_text() == FUNCTION + other


def test_columns_are_vectors(native):
    """Verilator's text is as expected: nothing of a column is left for one instance alone."""
    root = "".join(path.read_text() for path in native.folder.glob("Vmodel___024root__?.cpp"))
    assert root.count("__lanes(lanes);") >= 2
    assert not re.search(r"mac_column\w+\(\(&vlSymsp", root)


@pytest.mark.parametrize("vectors, makes", [(0, 1), (4, 2)])
def test_a_compiler_without_vectors(tmp_path, monkeypatch, vectors, makes):
    commands = []

    def call(command, folder):
        commands.append(command[0])
        if command[0] == "make":
            raise SimulationError("no")

    monkeypatch.setattr(build, "_call", call)
    monkeypatch.setattr(build, "vectorize", lambda folder, most: vectors)
    (tmp_path / "top.v").write_text("module top(); endmodule\n")
    with pytest.raises(SimulationError, match="no"):
        build.build_driver(tmp_path / "top.v", "top", tmp_path / "build")
    assert commands.count("make") == makes
    assert len(commands) == 2 * makes
