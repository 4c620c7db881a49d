"""Carries out a function of Verilator's model for many equal instances at a time, as vectors.

The columns of an array are instances of one module, and Verilator calls one and the same function
for each of them, one after the other. That function is nearly all of a simulation's time, and
nothing but a long list of assignments of ``&``, ``|``, ``^``, ``~``, shifts, sums and comparisons.
Its text is taken as it is, with vectors in the place of integers: a lane of a vector for each
instance.

Whatever isn't recognized stays as Verilator has written it.
"""

import re
from pathlib import Path

__all__ = ["vectorize"]

_CALL = re.compile(r"(?:^[ ]*(?P<name>\w+__nba_sequent__\w+)\(\(&vlSymsp->\w+\)\);\n)"
                   r"(?:^[ ]*(?P=name)\(\(&vlSymsp->\w+\)\);\n)+", re.M)
_MEMBER = re.compile(r"^ +([CSIQ])Data/\*[\d:]+\*/ (\w+);", re.M)
_LOCAL = re.compile(r"^([CSIQ])Data/\*[\d:]+\*/ (\w+)$")
_ASSIGNMENT = re.compile(r"^(?P<before>(?:if \(vlSymsp->TOP\.\w+\) \{|\} else \{|\}|\s)*)"
                         r"(?P<target>[\w.]+) = (?P<value>.*)$", re.S)
# possessive: nothing is tried twice in the long texts that aren't allowed
_ALLOWED = re.compile(r"(?:vlSelfRef\.\w++|vlSymsp->TOP\.\w++|0x[0-9a-f]++U(?:LL)?|\d++U?(?:LL)?|"
                      r"\((?:I|Q)Data\)|[A-Za-z_]\w*+|[&|^~()?:\[\]+]|<<|>>|[=!]=|\s)*+")


def vectorize(folder: Path, most: int = 16) -> int:
    """Change a model that Verilator has written into a folder.

    Parameters
    ----------
    folder : Path
    most : int
        Lanes of a vector, 32 bits each: more than the processor has make it slow.

    Returns
    -------
    int
        Instances that are carried out as vectors.
    """
    count = 0
    for path in sorted(folder.glob("Vmodel___024root__*.cpp")):
        text = path.read_text(encoding="utf-8")
        for call in reversed(list(_CALL.finditer(text))):
            name = call["name"]
            instances = re.findall(r"\((&vlSymsp->\w+)\)", call[0])
            lanes = min(len(instances), most)
            if lanes & (lanes - 1) or len(instances) % lanes or not _add(folder, name, lanes):
                continue
            module = name.partition("___nba")[0]
            calls = "".join(
                f"    {{\n    {module}* const lanes[] = {{\n    "
                + ",\n    ".join(instances[first:first + lanes])
                + f"\n    }};\n    {name}__lanes(lanes);\n    }}\n"
                for first in range(0, len(instances), lanes))
            text = text[:call.start()] + calls + text[call.end():]
            proto = f"void {name}({module}* vlSelf);\n"
            text = text.replace(proto, f"{proto}void {name}__lanes({module}* const* lanes);\n", 1)
            count += len(instances)
        path.write_text(text, encoding="utf-8")
    return count


def _add(folder: Path, name: str, lanes: int) -> bool:
    """Write the vectors' function behind that for one instance; whether that can be done."""
    module = name.partition("___nba")[0]
    start = f"void {name}({module}* vlSelf) {{\n"
    for path in sorted(folder.glob(f"{module}__*.cpp")):
        text = path.read_text(encoding="utf-8")
        if start in text:
            body = text.partition(start)[2].partition("\n}\n")[0]
            header = (folder / f"{module}.h").read_text(encoding="utf-8")
            members = {member: kind for kind, member in _MEMBER.findall(header)}
            function = _function(name, module, lanes, body, members)
            if function:
                path.write_text(f'{text}\n#include "lanes.h"\n\n{function}', encoding="utf-8")
            return bool(function)
    return False


def _function(name: str, module: str, lanes: int, body: str, members: dict[str, str]) -> str:
    """The text of the function, or nothing."""
    _, found, body = body.partition("auto& vlSelfRef = std::ref(*vlSelf).get();\n")
    body = re.sub(r"^\s*// \w+\n", "", body, flags=re.M)
    types = {f"vlSelfRef.{member}": kind for member, kind in members.items()}
    *statements, rest = body.split(";")
    used = set(re.findall(r"vlSelfRef\.\w+", body))
    if not found or rest.strip(" \n}") or not used <= set(types):
        return ""
    lines, written = [], set()
    for statement in statements:
        declared = _LOCAL.match(statement.strip())
        assigned = _ASSIGNMENT.match(statement.strip())
        if declared:
            types[declared[2]] = declared[1]
            lines.append(f"{_vector(declared[1], lanes)} {declared[2]}")
        elif assigned and assigned["target"] in types and _ALLOWED.fullmatch(assigned["value"]):
            target, value = assigned["target"], assigned["value"]
            written.add(target)
            lines.append(f"{assigned['before']}assign({target}, {value})")
        else:
            return ""
    loads = [f"{_vector(types[entry], lanes)} {entry}" for entry in sorted(used)]
    fill = [f"{entry}.vector[lane] = lanes[lane]->{entry[10:]}" for entry in sorted(used)]
    drain = [f"lanes[lane]->{entry[10:]} = {entry}.vector[lane]"
             for entry in sorted(used & written)]
    loop = f"for (int lane = 0; lane < {lanes}; ++lane) {{"
    text = ";\n".join([*loads, loop + "\n" + ";\n".join(fill)]) + ";\n}\n"
    text += ";\n".join(lines) + f";\n{rest.strip()}\n{loop}\n" + ";\n".join(drain) + ";\n}\n"
    text = text.replace("vlSelfRef.", "self_")
    text = text.replace("(IData)", "to_words").replace("(QData)", "to_longs")
    # a cast of a bare name has no parentheses to become a call's
    text = re.sub(r"to_(words|longs)\s*(?=[a-z_])([\w.>\-]+)", r"to_\1(\2)", text)
    return (f"void {name}__lanes({module}* const* lanes) {{\n"
            f"auto* const vlSymsp = lanes[0]->vlSymsp;\n{text}}}\n")


def _vector(kind: str, lanes: int) -> str:
    return f"{'Longs' if kind == 'Q' else 'Words'}<{lanes}>"
