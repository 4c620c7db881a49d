"""The small accelerator of the cocotb tests, and its native simulation."""

import importlib.util
from pathlib import Path

import pytest

from sparrow.sim.native import native_simulation

_PLACE = Path(__file__).parents[1] / "accelerator" / "conftest.py"
_SPEC = importlib.util.spec_from_file_location("accelerator_fixtures", _PLACE)
assert _SPEC is not None and _SPEC.loader is not None
_SHARED = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_SHARED)
spec, folder, verilog, built = _SHARED.spec, _SHARED.folder, _SHARED.verilog, _SHARED.built


@pytest.fixture(scope="session")
def native(folder, verilog, spec):
    """Its native simulation."""
    return native_simulation(verilog, "accelerator", folder / "native",
                             address_width=spec.address_width)
