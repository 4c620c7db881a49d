"""Builds the driver around Verilator's model of an accelerator, as fast as it gets."""

import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from ..objects import kept_objects
from ..runner import SimulationError, require_buildable, verilator_environment
from .lanes import vectorize
from .script import counter_signals, registers_header

__all__ = ["build_driver", "build_key"]

_HERE = Path(__file__).parent
_KEPT = ("mac_column", "requantize_lane")  # many equal instances of much logic
# ports of which each instance must read its own, not bits or copies of signals outside
_OWN_PORTS = {"mac_column": ("clear", "load", "newest", "slide")}
_VERILATE = ("--cc", "--exe", "-O3", "--x-assign", "fast", "--x-initial", "fast", "--noassert",
             "-fno-dfg", "-Wno-fatal", "--prefix", "Vmodel")
_OPTIMIZE = {"OPT_FAST": "-O2 -march=native", "OPT_SLOW": "-O0", "OPT_GLOBAL": "-O2"}


def build_key() -> str:
    """All that a build depends on, apart from the Verilog and the version of Verilator."""
    sources = (path.read_text(encoding="utf-8") for path in sorted(_HERE.iterdir())
               if path.suffix in (".cpp", ".h", ".py"))
    return "\n".join([_processor(), registers_header(), *sources])


def _processor() -> str:
    """What the processor can do, where the system tells it: ``-march=native`` depends on it."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return ""
    return next((line for line in text.splitlines() if line.startswith("flags")), "")


def build_driver(verilog: Path, top: str, folder: Path) -> Path:
    """Build the driver; its path.

    Instances of columns and lanes share their code, which then stays in the caches and takes a
    fraction of the time to compile. For that they must not be inlined, but all that is in them
    must be; and optimizations across them, Verilator's ``dfg``, are off. What they share is then
    carried out as vectors; see :mod:`.lanes`.

    Raises
    ------
    SimulationError
        With the last lines of what Verilator or the compiler said.
    """
    require_buildable(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "build.log").unlink(missing_ok=True)
    (folder / "registers.h").write_text(registers_header(top), encoding="utf-8")
    modules = re.findall(r"^module (\w+)", verilog.read_text(encoding="utf-8"), re.M)
    (folder / "modules.vlt").write_text("`verilator_config\n" + "".join(
        f'{"no_inline" if name in _KEPT else "inline"} -module "{name}"\n'
        for name in modules if name != top) + "".join(
        f'public_flat_rd -module "{top}" -var "{signal}"\n'
        for signal in counter_signals().values()) + "".join(
        f'public_flat_rd -module "{module}" -var "{port}"\n'
        for module, ports in _OWN_PORTS.items() if module in modules for port in ports),
        encoding="utf-8")
    _verilate(verilog, top, folder)
    vectors = vectorize(folder, most=16 if "avx512f" in _processor() else 8)
    try:
        _compile(folder)
    except SimulationError:
        if not vectors:
            raise
        _verilate(verilog, top, folder)  # a compiler that hasn't these vectors
        _compile(folder)
    return folder / "Vmodel"


def _verilate(verilog: Path, top: str, folder: Path) -> None:
    for path in folder.glob("Vmodel*"):
        path.unlink()
    root = Path(verilator_environment()["VERILATOR_ROOT"])
    _call([root / "bin" / "verilator_bin", *_VERILATE, "--top-module", top, "-CFLAGS",
           f"-I{folder} -I{_HERE}", "--Mdir", folder, folder / "modules.vlt", verilog,
           _HERE / "driver.cpp"], folder)


def _compile(folder: Path) -> None:
    options = [f"{name}={value}" for name, value in _OPTIMIZE.items()]
    with kept_objects(folder, "native", _processor(), *options):
        _call(["make", "-C", folder, "-f", "Vmodel.mk", f"-j{os.cpu_count() or 1}", *options],
              folder)


def _call(command: Sequence[str | Path], folder: Path) -> None:
    log, environment = folder / "build.log", os.environ | verilator_environment()
    with open(log, "a", encoding="utf-8") as output:
        try:
            status = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL,
                                    stdout=output, stderr=subprocess.STDOUT,
                                    check=False).returncode
        except OSError as error:
            raise SimulationError(f"{command[0]} can't be run: {error.strerror}") from None
    if status:
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        errors = [line for line in lines if "rror:" in line or "rror-" in line] or lines
        raise SimulationError(f"The native simulation can't be built: {' | '.join(errors[-5:])}")
