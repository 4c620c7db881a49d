"""A design to be estimated: Verilog, its top module, and what is read of it before synthesis."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sparrow.flow.errors import UserError

__all__ = ["Design", "READ", "design", "memory_bits", "stage"]

READ = """\
read_verilog -defer {dialect}{file}
hierarchy -check -top {top}
proc
"""

MEMORIES = """\
read_rtlil design.il
flatten
opt_expr
opt_clean
memory -nomap
opt_clean
memory_map -rom-only
opt_clean
select -set memories t:$mem_v2
write_json -selected memories.json
"""


@dataclass(frozen=True)
class Design:
    """Verilog text, its top module, and what the user calls the text."""

    text: str
    top: str
    name: str

    @property
    def file(self) -> str:
        """The name of its copy in a run folder; the ending decides the dialect."""
        return "design.sv" if self.name.endswith(".sv") else "design.v"


def design(verilog: Path | str, top: str) -> Design:
    """Take Verilog from a file (a ``Path``) or from text (a ``str``).

    Raises
    ------
    UserError
        If the file can't be read, or ``top`` is not a module name.
    """
    if not top or not top.replace("_", "a").replace("$", "a").isalnum():
        raise UserError(f"top must be the name of a module, not {top!r}")
    if isinstance(verilog, str):
        return Design(verilog, top, "the Verilog text")
    if not verilog.is_file():
        raise UserError(f"Verilog file must exist, which {str(verilog)!r} doesn't")
    return Design(verilog.read_text(encoding="utf-8", errors="replace"), top, verilog.name)


def stage(subject: Design, folder: Path) -> str:
    """Copy a design into a run folder; returns the script that reads it."""
    (folder / subject.file).write_text(subject.text, encoding="utf-8")
    dialect = "-sv " if subject.file.endswith(".sv") else ""
    return READ.format(dialect=dialect, file=subject.file, top=subject.top)


def _number(value: Any) -> int:
    return int(value, 2) if isinstance(value, str) else int(value)


def memory_bits(cells: dict[str, dict[str, Any]]) -> int:
    """The bits of the memories among the cells of a netlist."""
    return sum(_number(cell["parameters"]["SIZE"]) * _number(cell["parameters"]["WIDTH"])
               for cell in cells.values() if cell["type"] == "$mem_v2")


def memory_bits_of_file(path: Path) -> int:
    """The bits of the memories in a JSON file that holds nothing else; it may be empty."""
    modules = json.loads(path.read_text(encoding="utf-8"))["modules"]
    return sum(memory_bits(module.get("cells", {})) for module in modules.values())
