import pytest

from sparrow.flow.errors import UserError
from sparrow.flow.synthesis.catalogue import catalogue
from sparrow.flow.synthesis.functions import truth_table
from sparrow.flow.synthesis.liberty import read_liberty
from sparrow.flow.synthesis.mapping import GENERIC

NANGATE = "liberty/nangate45_typ.lib"
SG13G2 = "liberty/sg13g2_stdcell_typ_1p20V_25C.lib"


@pytest.fixture
def library_file(tmp_path):
    """A function from the text inside a library to a file with it."""
    def write(cells: str):
        path = tmp_path / "cells.lib"
        path.write_text(f"library (small) {{ time_unit : \"1ns\"; {cells} }}")
        return path
    return write


INVERTER = 'cell (I) { area : 1; pin (A) { direction : input; } ' \
    'pin (Y) { direction : output; function : "!A"; } }'
NAND = 'cell (N) { area : 2; pin (A) { direction : input; } pin (B) { direction : input; } ' \
    'pin (Y) { direction : output; function : "!(A B)"; } }'


def test_generic_gates():
    library = read_liberty(GENERIC)
    found = catalogue(library)
    assert found.nand2_area == 1.0
    assert found.full_adder.cell == "FA" and found.half_adder.cell == "HA"
    assert list(found.inverters) == ["INV"] and list(found.buffers) == ["BUF"]
    assert found.registers["DFF"].inverted == "QN" and found.registers["DFF"].plain
    assert not found.registers["DFFR"].plain
    assert found.complements["AND2"] == "NAND2"


@pytest.mark.parametrize("name, count, adder, plain", [
    (NANGATE, 134, "FA_X1", "DFF_X1"), (SG13G2, 84, None, None)])
def test_real_library(data_file, name, count, adder, plain):
    library = read_liberty(data_file(name))
    found = catalogue(library)
    assert len(library.cells) == count and library.time_unit == 1.0
    assert (found.full_adder and found.full_adder.cell) == adder
    assert next((cell for cell, register in found.registers.items() if register.plain),
                None) == plain


def test_full_adder_of_nangate_has_its_values(data_file):
    library = read_liberty(data_file(NANGATE))
    cell = library.cells["FA_X1"]
    assert cell.area == 4.256
    assert cell.of_direction("input") == ("A", "B", "CI")
    assert truth_table(cell.pins["CO"].function, ("A", "B", "CI")) == 0b11101000
    arc = cell.pins["CO"].arcs[0]
    assert (arc.related_pin, arc.sense, arc.kind) == ("A", "positive_unate", "combinational")
    table = arc.tables["cell_fall"]
    assert len(table.slews) == len(table.loads) == 7
    assert table.values[0][0] == 0.065460 and table.values[6][6] == 0.247621
    assert library.wire_load.capacitance(1) == pytest.approx(1.7460 * 0.1774)
    assert library.wire_load.capacitance(10) == pytest.approx((25.4842 + 27.0320) / 2 * 0.1774)
    assert library.wire_load.capacitance(13) == pytest.approx((27.0320 + 2 * 5.0) * 0.1774)


def test_axes_in_the_other_order(library_file):
    path = library_file("""
        lu_table_template (t) { variable_1 : total_output_net_capacitance;
          variable_2 : input_net_transition; index_1 ("1, 2, 3"); index_2 ("10, 20"); }
        cell (I) { area : 1; pin (A) { direction : input; } pin (Y) { direction : output;
          function : "!A"; timing () { related_pin : "A";
          cell_rise (t) { values ("1, 2", "3, 4", "5, 6"); } } } }""")
    table = read_liberty(path).cells["I"].pins["Y"].arcs[0].tables["cell_rise"]
    assert table.slews == (10.0, 20.0) and table.loads == (1.0, 2.0, 3.0)
    assert table.values == ((1.0, 3.0, 5.0), (2.0, 4.0, 6.0))


def test_no_flip_flop(library_file):
    with pytest.raises(UserError, match="^liberty library 'small' must have a flip-flop$"):
        catalogue(read_liberty(library_file(INVERTER + NAND)))


def test_no_inverter(library_file):
    with pytest.raises(UserError, match="must have an inverter"):
        catalogue(read_liberty(library_file(NAND)))


@pytest.mark.parametrize("text", ["", "not a library", "library (x) { cell (A) {"])
def test_not_liberty(tmp_path, text):
    path = tmp_path / "x.lib"
    path.write_text(text)
    with pytest.raises(UserError, match="'x.lib' doesn't"):
        read_liberty(path)


def test_bad_number(library_file):
    with pytest.raises(UserError, match="must be well formed: could not convert"):
        read_liberty(library_file("cell (A) { area : big; }"))


def test_missing_file(tmp_path):
    with pytest.raises(UserError, match="liberty file must exist"):
        read_liberty(tmp_path / "none.lib")
