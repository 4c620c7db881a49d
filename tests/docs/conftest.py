"""The small accelerator of the simulations, and its native simulation."""

import importlib.util
from pathlib import Path

_PLACE = Path(__file__).parents[1] / "sim" / "native" / "conftest.py"
_SPEC = importlib.util.spec_from_file_location("native_fixtures", _PLACE)
assert _SPEC is not None and _SPEC.loader is not None
_SHARED = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_SHARED)
spec, folder, verilog, native = _SHARED.spec, _SHARED.folder, _SHARED.verilog, _SHARED.native
