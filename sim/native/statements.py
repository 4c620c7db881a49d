"""Verilator's text of a function for one instance, as that of one for vectors of instances."""

import re
from collections.abc import Mapping

__all__ = ["vector_function"]

_LOCAL = re.compile(r"^([CSIQ]Data/\*\d+):0\*/ (\w+)$")
_BLOCK = re.compile(r"if \((?P<condition>(?:vlSymsp->TOP|vlSelfRef)\.\w+)\) \{|\} else \{|\}")
_ASSIGNMENT = re.compile(rf"^(?P<before>(?:{_BLOCK.pattern}|\s)*)"
                         r"(?P<target>[\w.]+) = (?P<value>.*)$".replace("?P<condition>", "?:"),
                         re.S)
# possessive: nothing is tried twice in the long texts that aren't allowed
_ALLOWED = re.compile(r"(?:vlSelfRef\.\w++|vlSymsp->TOP\.\w++|0x[0-9a-f]++U(?:LL)?|\d++U?(?:LL)?|"
                      r"\((?:I|Q)Data\)|VL_REDXOR_\d++|(?!VL_)[A-Za-z_]\w*+|[&|^~()?:\[\]+-]|<<|>>|[=!]=|\s)*+")
# bits that are all of an integer: Verilator leaves it to the type to drop what is above them
_NARROW = {"CData/*7": "0xffU", "SData/*15": "0xffffU"}


def vector_function(name: str, module: str, lanes: int, body: str,
                    members: Mapping[str, str]) -> str:
    """The function ``{name}__lanes``, or nothing if some of the text isn't known.

    What it writes are members of the instances alone.

    Parameters
    ----------
    name, module : str
        Of the function and its class.
    lanes : int
        Instances of a vector.
    body : str
        Verilator's text.
    members : mapping of str to str
        Types of the class's integers, as in ``QData/*39``.
    """
    _, found, body = body.partition("auto& vlSelfRef = std::ref(*vlSelf).get();\n")
    body = re.sub(r"^\s*// \w+\n", "", body, flags=re.M)
    types = {f"vlSelfRef.{member}": kind for member, kind in members.items()}
    *statements, rest = body.split(";")
    used = set(re.findall(r"vlSelfRef\.\w+", body))
    if not found or rest.strip(" \n}") or not used <= set(types):
        return ""
    lines, written = [], set()
    blocks = _Blocks()
    for statement in statements:
        declared = _LOCAL.match(statement.strip())
        assigned = _ASSIGNMENT.match(statement.strip())
        if declared:
            types[declared[2]] = declared[1]
            lines.append(f"{_vector(declared[1], lanes)} {declared[2]}")
        elif assigned and assigned["target"] in types and _ALLOWED.fullmatch(assigned["value"]):
            target, value = assigned["target"], assigned["value"]
            written.add(target)
            before = blocks.enter(assigned["before"])
            narrow = _NARROW.get(types[target])
            value = f"({value}) & {narrow}" if narrow else value
            lines.append(f"{before}assign({target}, {value}{blocks.mask})")
        else:
            return ""
    rest = blocks.enter(rest)
    loads = [f"{_vector(types[entry], lanes)} {entry}" for entry in sorted(used)]
    fill = [f"{entry}.vector[lane] = lanes[lane]->{entry[10:]}" for entry in sorted(used)]
    drain = [f"lanes[lane]->{entry[10:]} = {entry}.vector[lane]"
             for entry in sorted(used & written)]
    loop = f"for (int lane = 0; lane < {lanes}; ++lane) {{"
    text = ";\n".join([*loads, loop + "\n" + ";\n".join(fill)]) + ";\n}\n"
    text += ";\n".join(lines) + f";\n{rest}\n{loop}\n" + ";\n".join(drain) + ";\n}\n"
    text = text.replace("vlSelfRef.", "self_")
    text = text.replace("(IData)", "to_words").replace("(QData)", "to_longs")
    # a cast of a bare name has no parentheses to become a call's
    text = re.sub(r"to_(words|longs)\s*(?=[a-z_])([\w.>\-]+)", r"to_\1(\2)", text)
    return (f"void {name}__lanes({module}* const* lanes) {{\n"
            f"auto* const vlSymsp = lanes[0]->vlSymsp;\n{text}}}\n")


class _Blocks:
    """The conditions that a statement is inside of; those of an instance become masks."""

    def __init__(self) -> None:
        self._open: list[str] = []  # masks, empty for a condition that all instances share
        self._masks = 0

    @property
    def mask(self) -> str:
        """What follows an assignment's value."""
        return "".join(f", {mask}" for mask in self._open if mask)

    def enter(self, text: str) -> str:
        """Go through the opening and closing of blocks; their text."""
        result = []
        for block in _BLOCK.finditer(text):
            condition = block["condition"]
            if condition and condition.startswith("vlSelfRef."):
                result.append(f"const auto {self._new()} = truth({condition});\n")
            elif condition:
                self._open.append("")
                result.append(f"if ({condition}) {{\n")
            else:
                mask = self._open.pop()
                if block[0] == "}":
                    result.append("" if mask else "}\n")
                elif mask:
                    result.append(f"const auto {self._new()} = ~{mask};\n")
                else:
                    self._open.append("")
                    result.append("} else {\n")
        return "".join(result)

    def _new(self) -> str:
        self._masks += 1
        self._open.append(f"mask_{self._masks}")
        return self._open[-1]


def _vector(kind: str, lanes: int) -> str:
    return f"{'Longs' if kind.startswith('Q') else 'Words'}<{lanes}>"
