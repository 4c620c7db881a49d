import itertools

import pytest

from sparrow.flow.errors import UserError
from sparrow.flow.synthesis.functions import inputs_of, truth_table, verilog_expression


@pytest.mark.parametrize("function, model", [
    ("!(A & B)", lambda a, b, c: not (a and b)),
    ("(A*B)+C'", lambda a, b, c: (a and b) or not c),
    ("A B | !C", lambda a, b, c: (a and b) or not c),
    ("A ^ B ^ C", lambda a, b, c: (a + b + c) % 2),
    ("((A & B) | (C & (A | B)))", lambda a, b, c: a + b + c >= 2),
    ("A | B ^ C & !A", lambda a, b, c: a or (b != (c and not a))),
    ("(A')'", lambda a, b, c: a),
    ("1", lambda a, b, c: True),
])
def test_truth_table(function, model):
    table = truth_table(function, "ABC")
    for index, (c, b, a) in enumerate(itertools.product((False, True), repeat=3)):
        assert table >> index & 1 == bool(model(a, b, c)), (a, b, c)


def test_inputs_of():
    assert inputs_of("((SE * SI) + (D * !SE))'") == ("D", "SE", "SI")
    assert inputs_of("1") == ()


def test_verilog_expression():
    assert verilog_expression("!(A*B)+C'") == "(~(A & B) | ~C)"


@pytest.mark.parametrize("function", ["A &", "(A", "A)", "& A", "A $ B"])
def test_bad_function(function):
    with pytest.raises(UserError, match="must be a Boolean expression"):
        truth_table(function, "AB")


def test_unknown_input():
    with pytest.raises(UserError, match="must be over A, B, not C"):
        truth_table("A & C", "AB")
