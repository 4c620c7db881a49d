"""Boolean functions of library cells: a pin's ``function`` text as a truth table."""

import re
from collections.abc import Sequence

from sparrow.flow.errors import UserError

__all__ = ["AND2", "BUFFER", "INVERTER", "MAJORITY3", "NAND2", "XOR2", "XOR3", "inputs_of",
           "truth_table", "verilog_expression"]

_TOKEN = re.compile(r"\s*(?:([A-Za-z_][\w\[\]]*|[01](?!\w))|(.))")

INVERTER, BUFFER = 0b01, 0b10
AND2, NAND2, XOR2 = 0b1000, 0b0111, 0b0110
XOR3, MAJORITY3 = 0b10010110, 0b11101000
"""Truth tables; bit ``i`` is the value where the inputs, the first one lowest, count ``i``."""


class _Parser:
    """Recursive descent over liberty's operators, weakest first: ``| +``, ``^``, ``& *`` or
    mere adjacency, ``!`` before and ``'`` behind an operand. Builds a Verilog expression."""

    def __init__(self, text: str):
        self._text = text
        self._tokens = [name or mark for name, mark in _TOKEN.findall(text) if name or mark.strip()]
        self._position = 0

    def parse(self) -> str:
        result = self._either()
        if self._peek():
            raise self._error()
        return result

    def _error(self) -> UserError:
        return UserError(f"liberty function must be a Boolean expression, not {self._text!r}")

    def _peek(self) -> str:
        return self._tokens[self._position] if self._position < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._peek()
        self._position += 1
        return token

    def _either(self) -> str:
        terms = [self._exclusive()]
        while self._peek() in ("|", "+") and self._take():
            terms.append(self._exclusive())
        return terms[0] if len(terms) == 1 else f"({' | '.join(terms)})"

    def _exclusive(self) -> str:
        terms = [self._both()]
        while self._peek() == "^" and self._take():
            terms.append(self._both())
        return terms[0] if len(terms) == 1 else f"({' ^ '.join(terms)})"

    def _both(self) -> str:
        terms = [self._operand()]
        while (token := self._peek()) and token not in "|+^)'":
            if token in "&*":
                self._take()
            terms.append(self._operand())
        return terms[0] if len(terms) == 1 else f"({' & '.join(terms)})"

    def _operand(self) -> str:
        token = self._take()
        if token == "!":
            result = f"~{self._operand()}"
        elif token == "(":
            result = self._either()
            if self._take() != ")":
                raise self._error()
        elif token in ("0", "1"):
            result = f"1'b{token}"
        elif token and (token[0].isalpha() or token[0] == "_"):
            result = token
        else:
            raise self._error()
        while self._peek() == "'" and self._take():
            result = f"~{result}"
        return result


def verilog_expression(function: str) -> str:
    """A liberty function as a Verilog expression, fully parenthesized.

    Raises
    ------
    UserError
        If ``function`` is no Boolean expression.
    """
    return _Parser(function).parse()


def inputs_of(function: str) -> tuple[str, ...]:
    """The names in a liberty function, sorted."""
    names = {name for name, _ in _TOKEN.findall(function)}
    return tuple(sorted(names - {"", "0", "1"}))


def truth_table(function: str, inputs: Sequence[str]) -> int:
    """The truth table of a liberty function.

    Parameters
    ----------
    function
        The text, over names in ``inputs``.
    inputs
        The inputs; the first is the lowest bit of an index into the table.

    Returns
    -------
    int
        Bit ``i`` is the value of the function where the inputs count ``i``.
    """
    size = 1 << len(inputs)
    ones = (1 << size) - 1
    columns = {name: sum(((i >> position) & 1) << i for i in range(size))
               for position, name in enumerate(inputs)}
    expression = verilog_expression(function).replace("1'b1", str(ones)).replace("1'b0", "0")
    try:
        # The text consists of names, numbers, parentheses and ~ & ^ | alone: it was just built.
        return eval(expression, {"__builtins__": {}}, columns) & ones
    except NameError as error:
        raise UserError(f"liberty function {function!r} must be over {', '.join(inputs)}, "
                        f"not {error.name}") from None
