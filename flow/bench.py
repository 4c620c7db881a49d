"""The tables of ``docs/figures.md``: what MAC arrays cost and decompressors do, measured."""

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from sparrow import __version__
from sparrow.flow.blocks import block
from sparrow.flow.charts import bar_chart
from sparrow.flow.data import require_data
from sparrow.flow.files import write_atomically
from sparrow.flow.numbers import grouped
from sparrow.flow.progress import progress
from sparrow.flow.synthesis import Estimate, estimate
from sparrow.flow.throughput import DENSITIES, throughput
from sparrow.golden.mac.cycles import product_cycles
from sparrow.hw.spec import DecompressorSpec, MacArraySpec

__all__ = ["SECTIONS", "bench"]

LIBERTY = "liberty/nangate45_typ.lib"
_LAYER: dict[str, Any] = {"pixels": 56 * 56, "inputs": 64 * 9, "outputs": 64}
_KINDS = [("weight_stationary", "dot_product"), ("input_stationary", "dot_product"),
          ("output_stationary", "dot_product"), ("weight_stationary", "systolic"),
          ("input_stationary", "systolic"), ("output_stationary", "systolic")]
_FLAT_SIDE = 16  # larger arrays are mapped module by module
# Other projects' arrays in the same library and recipe `reference`, µm² per INT8 MAC.
_PEERS = (("Gemmini, weight-stationary 16 × 16", 797), ("NVDLA nv_small MAC core, 32", 661),
          ("plain weight-stationary cell", 613))
_DSPS = 156  # MULT18X18D of an ECP5-85


@dataclasses.dataclass(frozen=True)
class _Table:
    title: str
    text: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        lines = [f"## {self.title}", "", self.text, "", f"| {' | '.join(self.header)} |",
                 "|---" + "|---:" * (len(self.header) - 1) + "|"]
        lines += [f"| {' | '.join(row)} |" for row in self.rows]
        return "\n".join(lines) + "\n"


def _measure(target: str, *, recipe: str = "area", place: bool = False, hierarchy: bool = False,
             seeds: tuple[int, ...] = (1, 2, 3, 4, 5), **values: Any) -> Estimate:
    found = block("mac-array")
    spec = MacArraySpec(**values)
    liberty = require_data(LIBERTY) if target == "liberty" else None
    name = ", ".join(str(value) for value in values.values())
    with progress(f"{target}: {name}"):
        return estimate(found.verilog(spec), found.top_name, target, liberty=liberty,
                        recipe=recipe, place=place, hierarchy=hierarchy, seeds=seeds)


def _sizes() -> Iterator[_Table]:
    kinds: list[tuple[str, dict[str, Any]]] = [
        ("INT8, indexed load", {"precision": "int8"}),
             ("INT8, parallel load", {"precision": "int8", "load": "parallel"}),
             ("INT8 and INT4, indexed load", {"precision": "int8_int4"})]
    rows = []
    for side in (4, 8, 16, 32):
        for name, values in kinds:
            result = _measure("liberty", lanes=side, columns=side, hierarchy=side > _FLAT_SIDE,
                              **values)
            area = (result.area_um2 or 0) / side / side
            both = f"{area / 2:.0f}" if values["precision"] == "int8_int4" else "–"
            rows.append((f"{side} × {side}", name, f"{area:.0f}", both, f"{result.delay_ns:.2f}",
                         "module by module" if side > _FLAT_SIDE else "flat"))
    yield _Table(
        "Area and delay by size",
        "NanGate 45 nm, typical corner, recipe `area`, weight-stationary dot products, two "
        "pipeline stages, weights double-buffered; all registers, handshakes and buffers count, "
        "accumulators behind the array don't. Command for one row: `sparrow estimate mac-array "
        "--set lanes=16 --set columns=16 --set precision=int8 --liberty "
        f"$SPARROW_DATA/{LIBERTY}` (with `--hierarchy` where mapped module by module, which "
        "costs about 1 %).",
        ("size", "array", "µm² per INT8 MAC", "µm² per W4A8 MAC", "critical path, ns", "mapped"),
        rows)


def _chart() -> str:
    """Our arrays beside others', all in the recipe `reference`."""
    ours = [(f"Sparrow 8 × 8, {name}",
             (_measure("liberty", recipe="reference", lanes=8, columns=8,
                       precision=precision).area_um2 or 0) / 64, True)
            for name, precision in (("INT8", "int8"), ("INT8 and INT4", "int8_int4"))]
    return bar_chart("µm² per INT8 MAC, NanGate 45 nm, recipe reference",
                     [*((name, area, False) for name, area in _PEERS), *ours])


def _recipes() -> Iterator[_Table]:
    rows = []
    for recipe in ("reference", "area", "timing"):
        for stages in (2, 3):
            result = _measure("liberty", recipe=recipe, lanes=8, columns=8,
                              pipeline_stages=stages)
            rows.append((recipe, str(stages), f"{(result.area_um2 or 0) / 64:.0f}",
                         f"{result.delay_ns:.2f}"))
    yield _Table(
        "Recipes and pipeline stages",
        "INT8, 8 × 8, indexed load. `reference` is the plain recipe in which other projects' "
        "arrays were measured; it inserts no buffers, so its delay says little.",
        ("recipe", "pipeline stages", "µm² per MAC", "critical path, ns"), rows)


def _ecp5() -> Iterator[_Table]:
    rows = []
    for side in (4, 8, 16, 32):
        if side * side > _DSPS:
            rows.append((f"{side} × {side}", *["–"] * 4,
                         f"doesn't fit: {side * side} DSPs of {_DSPS}"))
            continue
        result = _measure("ecp5", place=True, lanes=side, columns=side, multiplier="operator",
                          pipeline_stages=4)
        macs = side * side
        rows.append((f"{side} × {side}", f"{(result.dsps or 0) / macs:.1f}",
                     f"{(result.carry_cells or 0) / macs:.1f}", f"{(result.luts or 0) / macs:.1f}",
                     f"{(result.flip_flops or 0) / macs:.1f}", f"{result.fmax_mhz:.0f}"))
    yield _Table(
        "ECP5-85",
        "INT8, `multiplier = \"operator\"`, four pipeline stages, speed grade 6, out of context, "
        "median of five seeds; the registers behind the products are those of the DSP blocks. "
        "Command for one row: `sparrow estimate mac-array --set lanes=8 --set columns=8 --set "
        "multiplier=operator --set pipeline_stages=4 --target ecp5 --place`. Per MAC:",
        ("size", "MULT18X18D", "CCU2C", "LUT4", "flip-flops", "Fmax, MHz"), rows)


def _kinds() -> Iterator[_Table]:
    rows = []
    for dataflow, topology in _KINDS:
        values: dict[str, Any] = {"lanes": 8, "columns": 8, "dataflow": dataflow,
                                  "topology": topology}
        area = _measure("liberty", **values)
        placed = _measure("ecp5", place=True, seeds=(1,), multiplier="operator", **values)
        cycles = product_cycles(MacArraySpec(**values), **_LAYER)
        rows.append((f"{dataflow}, {topology}", f"{(area.area_um2 or 0) / 64:.0f}",
                     f"{area.delay_ns:.2f}", f"{placed.fmax_mhz:.0f}",
                     grouped(cycles),
                     f"{_LAYER['pixels'] * _LAYER['inputs'] * _LAYER['outputs'] / cycles / 64:.1%}",
                     ))
    yield _Table(
        "Dataflows and topologies",
        "INT8, 8 × 8. Area and delay as above; Fmax on ECP5-85 with `multiplier = \"operator\"`, "
        "one seed; accumulators of 32 bits count where the dataflow keeps them in the "
        "array. Cycles of ResNet-18's second stage (56 × 56 pixels, 64 channels in and out, "
        "3 × 3), by the formula that the regression holds the RTL to "
        "(`sparrow.golden.mac.cycles.product_cycles`).",
        ("dataflow, topology", "µm² per MAC", "critical path, ns", "Fmax, MHz", "cycles",
         "multipliers busy"), rows)


def _decoders() -> Iterator[_Table]:
    for width in (64, 128):
        with progress(f"decompressor, {width}-bit bus"):
            measured = throughput(DecompressorSpec(data_width=width))
        yield _Table(
            f"Decompressor, {width}-bit bus",
            "16 × 16, all codecs. Streams of independent random weights, a word on offer in every "
            "cycle, on Verilator: share of the cycles that no decompressor could do without (one "
            "for each word, one for each step), what sets that limit, and weights per cycle, zeros "
            "among them. Plain values, with huffman and 4 bits from a table.",
            ("codec, bits", *(f"{density:.0%} nonzero" for density in DENSITIES)),
            [(f"{codec}, {bits}", *(
                f"{entry.share:.1%} of {entry.limit}, {entry.weights_per_cycle:.1f}"
                for entry in group))
             for (codec, bits), group in itertools.groupby(
                 measured, lambda entry: (entry.codec, entry.bits))])


SECTIONS: dict[str, Callable[[], Iterator[_Table]]] = {
    "sizes": _sizes, "recipes": _recipes, "ecp5": _ecp5, "kinds": _kinds,
    "decoders": _decoders}


def bench(path: Path, sections: list[str]) -> Path:
    """Measure and write the tables, and ``area.svg`` beside them.

    Estimates come from the cache where nothing changed.

    Parameters
    ----------
    path
        The Markdown file to write.
    sections
        Names from :data:`SECTIONS`.

    Raises
    ------
    UserError
        Where ``SPARROW_DATA`` doesn't lead to the library, or a tool fails.
    """
    require_data(LIBERTY)
    tables = [table for name in sections for table in SECTIONS[name]()]
    write_atomically(path.with_name("area.svg"), _chart())
    versions = _measure("gates", lanes=2, columns=2).tool_versions
    tools = ", ".join(f"{tool} {version}" for tool, version in versions.items())
    text = (f"# Figures\n\nWritten by `make bench` (`sparrow bench`), Sparrow {__version__}; "
            f"{tools}. Every figure comes from running the tools on the exported Verilog.\n\n"
            + "\n".join(table.markdown() for table in tables))
    return write_atomically(path, text)
