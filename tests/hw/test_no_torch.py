"""The hardware stands on the ground: no torch, none of the other subpackages."""

import subprocess
import sys

CODE = """
import importlib, pkgutil, sys
sys.modules["torch"] = None
import sparrow.hw
for module in pkgutil.walk_packages(sparrow.hw.__path__, "sparrow.hw."):
    importlib.import_module(module.name)
    print(module.name)
others = sorted(name for name in sys.modules if name.startswith("sparrow.")
                and name.split(".")[1] != "hw")
sys.exit(f"sparrow.hw must import no other subpackage, not {', '.join(others)}" if others else 0)
"""


def test_imports_without_torch(tmp_path):
    process = subprocess.run([sys.executable, "-W", "error", "-c", CODE], cwd=tmp_path,
                             capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    assert "sparrow.hw.spec.base" in process.stdout.split()
