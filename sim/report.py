"""What passes between a simulation and the process that started it: parameters and coverage."""

import collections
import json
import os
from pathlib import Path

__all__ = ["PARAMETERS_VARIABLE", "add_coverage", "bench_parameters", "read_coverage"]

PARAMETERS_VARIABLE = "SPARROW_BENCH_PARAMETERS"
_COVERAGE = "coverage.json"


def bench_parameters() -> dict:
    """The parameters that the runner set for this simulation."""
    return json.loads(os.environ[PARAMETERS_VARIABLE])


def add_coverage(counts: dict, folder: str | Path = ".") -> None:
    """Add a test's counts to the simulation's coverage file."""
    total = collections.Counter(read_coverage(folder))
    total.update(counts)
    Path(folder, _COVERAGE).write_text(json.dumps(total), encoding="utf-8")


def read_coverage(folder: str | Path) -> dict[str, int]:
    """The counts of all tests of a simulation; empty if there are none."""
    path = Path(folder, _COVERAGE)
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
