"""Carries out a function of Verilator's model for many equal instances at a time, as vectors.

The columns of an array are instances of one module, and Verilator calls one and the same function
for each of them. That function is nearly all of a simulation's time, and nothing but a long list of
assignments of ``&``, ``|``, ``^``, ``~``, shifts, sums and comparisons. Its text is taken as it is,
with vectors in the place of integers: a lane of a vector for each instance.

Whatever isn't recognized stays as Verilator has written it.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from .statements import vector_function

__all__ = ["vectorize"]

_CALL = re.compile(r"^[ ]*(?P<module>\w+)(?P<rest>___nba_sequent__\w+)"
                   r"\(\((?P<instance>&vlSymsp->\w+)\)\);\n", re.M)
_MEMBER = re.compile(r"^ +([CSIQ]Data/\*\d+):0\*/ (\w+);", re.M)


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
        Calls for an instance that are carried out as lanes of vectors.
    """
    count = 0
    for path in sorted(folder.glob("Vmodel___024root__*.cpp")):
        text = path.read_text(encoding="utf-8")
        prototypes = ""
        for start, end in reversed(_runs(text)):
            calls = list(_CALL.finditer(text, start, end))
            module, functions = calls[0]["module"], _in_order(calls)
            lanes = min(len(calls) // max(len(functions), 1), most)
            if not functions or not _add(folder, module, functions, lanes):
                continue
            written = "".join(_calls(module, name, lanes, instances)
                              for name, instances in functions.items())
            text = text[:start] + written + text[end:]
            prototypes += "".join(f"void {name}__lanes({module}* const* lanes);\n"
                                  for name in functions)
            count += len(calls)
        if prototypes:
            includes = list(re.finditer(r"^#include .*\n", text, re.M))
            place = includes[-1].end() if includes else 0
            text = f"{text[:place]}\n{prototypes}{text[place:]}"
            path.write_text(text, encoding="utf-8")
    return count


def _runs(text: str) -> list[tuple[int, int]]:
    """Where calls for instances of one module follow each other."""
    runs: list[tuple[int, int]] = []
    module = ""
    for call in _CALL.finditer(text):
        if runs and runs[-1][1] == call.start() and module == call["module"]:
            runs[-1] = runs[-1][0], call.end()
        else:
            runs.append(call.span())
        module = call["module"]
    return runs


def _in_order(calls: Sequence[re.Match[str]]) -> dict[str, list[str]]:
    """The instances of each function, if each instance has all of them in one order.

    Calls for different instances may change places then: an instance's function writes nothing but
    members of its own, see :func:`.statements.vector_function`.
    """
    functions: dict[str, list[str]] = {}
    for call in calls:
        functions.setdefault(call["instance"], []).append(call["module"] + call["rest"])
    orders = list(functions.values())
    if len(orders) < 2 or any(order != orders[0] for order in orders):
        return {}
    return {name: list(functions) for name in orders[0]}


def _calls(module: str, name: str, lanes: int, instances: Sequence[str]) -> str:
    """The calls of a vectors' function."""
    return "".join(f"    {{\n    {module}* const lanes[] = {{\n    "
                   + ",\n    ".join(instances[first:first + lanes])
                   + f"\n    }};\n    {name}__lanes(lanes);\n    }}\n"
                   for first in range(0, len(instances), lanes))


def _add(folder: Path, module: str, functions: Mapping[str, Sequence[str]],
         lanes: int) -> bool:
    """Write the vectors' functions behind those for one instance; whether all can be done."""
    if lanes & (lanes - 1) or any(len(instances) % lanes for instances in functions.values()):
        return False
    header = (folder / f"{module}.h").read_text(encoding="utf-8")
    members = {member: kind for kind, member in _MEMBER.findall(header)}
    texts = {path: path.read_text(encoding="utf-8")
             for path in sorted(folder.glob(f"{module}__*.cpp"))}
    added: dict[Path, str] = {}
    for name in functions:
        start = f"void {name}({module}* vlSelf) {{\n"
        path = next((path for path, text in texts.items() if start in text), None)
        if path is None:
            return False
        body = texts[path].partition(start)[2].partition("\n}\n")[0]
        function = vector_function(name, module, lanes, body, members)
        if not function:
            return False
        added[path] = added.get(path, '\n#include "lanes.h"\n') + f"\n{function}"
    for path, more in added.items():
        path.write_text(texts[path] + more, encoding="utf-8")
    return True
