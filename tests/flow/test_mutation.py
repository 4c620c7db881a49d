import json

import pytest

from sparrow.flow.blocks import block
from sparrow.flow.cli import main
from sparrow.flow.errors import UserError
from sparrow.flow.mutation import Fate, Mutant, MutationReport, equivalent, list_mutations, mutate
from sparrow.hw.spec.mac import MacArraySpec

# `n` doesn't matter to `o`, and does to `z`.
DESIGN = """\
module part(input a, input n, output o);
  assign o = a | n;
endmodule

module top(input clk, input a, input b, input c, output reg y, output reg z);
  wire n = a & b;
  wire o;
  part inner(.a(a), .n(n), .o(o));
  always @(posedge clk) begin
    y <= o ^ c;
    z <= n ^ y;
  end
endmodule
"""

MEMORY = """\
module top(input clk, input a, input b, input [1:0] w, input [1:0] r, output reg y, output reg z);
  reg rows [0:3];
  wire n = a & b;
  wire o = a | n;
  always @(posedge clk) begin
    rows[w] <= o;
    if (rows[r])
      y <= n;
    z <= n;
  end
endmodule
"""


@pytest.fixture(scope="module")
def mutations():
    found, files = list_mutations(DESIGN, "top", count=200, seed=1)
    return {(mutation.source, mutation.options["port"], mutation.options["mode"]): mutation
            for mutation in found}, files


def test_mutation_is_named_by_line(mutations):
    mutation = mutations[0]["assign o = a | n;", "B", "const0"]
    assert mutation.line == 2
    assert mutation.instance == "inner"
    assert str(mutation) == ("line 2 (inner): assign o = a | n; [bit 0 of port B stuck at 0]")
    assert "mutsel" in mutations[1]["mutants.v"]


def test_equivalence_is_proved(mutations):
    mutation = mutations[0]["assign o = a | n;", "B", "const0"]
    assert equivalent(mutations[1]["original.il"], "top", mutation)


@pytest.mark.parametrize("key", [("assign o = a | n;", "B", "const1"),
                                 ("wire n = a & b;", "Y", "const0"), ("z <= n ^ y;", "A", "inv")])
def test_difference_is_no_equivalence(mutations, key):
    assert not equivalent(mutations[1]["original.il"], "top", mutations[0][key])


def test_undecided_is_no_equivalence(mutations):
    mutation = mutations[0]["assign o = a | n;", "B", "const0"]
    assert not equivalent(mutations[1]["original.il"], "top", mutation, seconds=0.01)


def test_inverted_clock_is_no_equivalence(mutations):
    clocks = [mutation for (_, port, mode), mutation in mutations[0].items()
              if port == "CLK" and mode == "inv"]
    assert clocks
    assert not equivalent(mutations[1]["original.il"], "top", clocks[0])


def test_memories():
    """They are no place for faults, and don't hinder proofs."""
    found, files = list_mutations(MEMORY, "top", count=300, seed=1)
    assert not [mutation for mutation in found if "$mem" in mutation.options["cell"]]
    original = files["original.il"]
    faults = {(mutation.source, mutation.options["port"], mutation.options["mode"]): mutation
              for mutation in found}
    harmless = faults["wire o = a | n;", "B", "const0"]
    assert equivalent(original, "top", harmless)
    assert not equivalent(original, "top", faults["wire o = a | n;", "B", "const1"])


def test_score(mutations, tmp_path):
    mutation = next(iter(mutations[0].values()))
    fates = [Fate.KILLED] * 3 + [Fate.EQUIVALENT] * 5 + [Fate.SURVIVED]
    report = MutationReport([Mutant(mutation, fate, "") for fate in fates], tmp_path)
    assert report.score == 0.75
    assert [mutant.fate for mutant in report.survivors] == [Fate.SURVIVED]
    assert MutationReport([Mutant(mutation, Fate.EQUIVALENT, "")], tmp_path).score == 1


def test_regression_of_one_column_finds_faults(tmp_path, monkeypatch, capsys):
    """The original passes, before and after all mutants; at least 95 % of them fail."""
    monkeypatch.chdir(tmp_path)
    status = main(["mutate", "mac-array", "--set", "columns=1", "--set", "lanes=4",
                   "--set", "precision=int8_int4", "--mutants", "100", "--json"])
    report = json.loads(capsys.readouterr().out)
    assert status == (1 if report["survivors"] else 0)
    assert report["mutants"] == 100
    assert report["killed"] + report["equivalent"] + report["survived"] == 100
    assert report["equivalent"] <= 10
    assert report["score"] >= 0.95, report["survivors"]


def test_original_must_pass(tmp_path):
    spec = MacArraySpec(lanes=1, columns=1, precision="int4")
    verilog = block("mac-array").verilog(spec).replace("assign sums_first =",
                                                       "assign sums_first = ~")
    with pytest.raises(UserError, match="The regression must pass before mutation: .*first is"):
        mutate(block("mac-array"), spec, mutants=1, verilog=verilog, folder=tmp_path / "mutation")


def test_number_of_mutants_must_be_positive(capsys):
    assert main(["mutate", "mac-array", "--mutants", "0"]) == 2
    assert capsys.readouterr().err == "sparrow: error: --mutants must be at least 1, not 0\n"
