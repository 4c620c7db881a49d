"""Imports go one way, and of the hardware the others know the specifications alone."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ["hw", "golden", "compress", "compiler", "sim", "flow"]  # each imports those before it
SOFTWARE = "golden", "compress", "compiler"


def imported(path):
    """Dotted names that a file imports, also within functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_imports_go_one_way():
    wrong, seen = [], 0
    for place, folder in enumerate(FOLDERS):
        before = FOLDERS[1:place + 1]
        for path in sorted((ROOT / folder).rglob("*.py")):
            for name in imported(path):
                package, _, rest = name.partition(".")
                if package != "sparrow" or rest.split(".")[0] not in FOLDERS:
                    continue
                seen += 1
                known = "hw.spec" if folder in SOFTWARE else "hw"
                if not f"{rest}.".startswith((f"{known}.", *(f"{each}." for each in before))):
                    wrong.append(f"{path.relative_to(ROOT)}: {name}")
    assert not wrong
    assert seen > 500
