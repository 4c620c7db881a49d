"""Proofs that bursts stay in their windows, cross no 4 KiB, and keep the rules of AXI.

By induction: for any windows, requests, answers and stalls, and for any length of time.
"""

import re
from pathlib import Path

import pytest

from sparrow.flow.verilog import verilog
from sparrow.hw.bus import ReadMaster, WriteMaster
from sparrow.hw.export import flat_ports
from sparrow.hw.spec.bus import BusSpec

pytestmark = pytest.mark.formal

_SPECS = {
    "default": BusSpec(),
    "narrow": BusSpec(data_width=32, max_burst=256, outstanding=2),
    "wide": BusSpec(data_width=256, max_burst=5, outstanding=3, address_width=40),
    "single words": BusSpec(max_burst=1, outstanding=1),
}
_READ = ["core_started", "core_chosen", "core_busy", "core_issue", "core_progress_0",
         "core_progress_1"]
_WRITE = ["core_started", "core_progress", "core_active", "core_left", "core_dropping"]
_FAULTS = {
    "the window's end": (r"(core_burst_inside = \S+) <", r"\1 <="),
    "wrapping around": (r"core_end\[29:9\]", "core_end[28:9]"),
    "the last burst": (r"core_block == (core_end\[28:4\])", r"core_block == \1 + 1'h1"),
    "a length": (r"(core_end\[3:0\]) \| \w+;", r"\1;"),
    "an address on offer": (r"= ~ a[rw]_valid;", "= 1'h1;"),
}
_READ_FAULTS = {
    "a halt": (r"(assign core_go = \w+) & \w+;", r"\1;"),
}
_WRITE_FAULTS = {
    "a halt": (r"(assign core_go = requests_valid) & \w+;", r"\1;"),
    "a strobe on offer": (r"= \w+ \? halt : core_dropping;", "= halt;"),
    "words before addresses": (r"assign w_valid = core_active & (\w+);", r"assign w_valid = \1;"),
    "the count of words": (r"(core_issue \? core_burst_length)\[3:0\]", r"\1[2:0]"),
}
_CASES = {f"{kind}: {name}": (kind, fault)
          for kind, own in (("read", _READ_FAULTS), ("write", _WRITE_FAULTS))
          for name, fault in (_FAULTS | own).items()}
_FOLDER = Path(__file__).parent


def _case(kind, spec):
    """A master's Verilog, its wrapper, and the nets that the wrapper sees."""
    low = spec.burst_words.bit_length() - 1
    numbers = {"DATA": spec.data_width, "ADDRESS": spec.address_width, "PAGES": spec.page_width,
               "SIZE": spec.size_code, "BEATS": spec.max_burst, "LOW": low, "LEFT": max(1, low),
               "COUNT": 32 - spec.size_code - low, "OUTSTANDING": spec.outstanding.bit_length()}
    wrapper = "".join(f"`define {name} {number}\n" for name, number in numbers.items())
    for name in (f"{kind}_rules.v", "burst_rules.v"):
        wrapper += (_FOLDER / name).read_text(encoding="utf-8")
    master = ReadMaster(spec=spec, buffers=(0, 0)) if kind == "read" else WriteMaster(spec=spec)
    ports = ["clk", "rst", *[port.name for port in flat_ports(master)]]
    wrapper = wrapper.replace(".*", ", ".join(f".{port}({port})" for port in ports))
    return verilog(master, spec, "master"), wrapper, _READ if kind == "read" else _WRITE


@pytest.mark.parametrize("spec", [
    pytest.param(spec, id=name, marks=[pytest.mark.heavy] * (name not in ("default", "wide")))
    for name, spec in _SPECS.items()])
@pytest.mark.parametrize("kind", ["read", "write"])
def test_bursts(prove, kind, spec):
    design, wrapper, exposed = _case(kind, spec)
    assert prove(design, "master", wrapper, exposed=exposed, depth=2) == "PASS"


@pytest.mark.parametrize("kind, fault", [
    pytest.param(*case, id=name, marks=[pytest.mark.heavy] * (number % 4 != 0))
    for number, (name, case) in enumerate(_CASES.items())])
def test_proof_can_fail(prove, kind, fault):
    design, wrapper, exposed = _case(kind, BusSpec())
    broken, count = re.subn(*fault, design)
    assert count == 1
    assert prove(broken, "master", wrapper, exposed=exposed, mode="bmc", depth=6) == "FAIL"
