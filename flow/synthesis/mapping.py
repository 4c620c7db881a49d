"""Maps a design onto the cells of a liberty library by a recipe."""

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from sparrow.flow.errors import UserError
from sparrow.flow.synthesis.adders import align_adders
from sparrow.flow.synthesis.buffering import add_buffers
from sparrow.flow.synthesis.catalogue import Catalogue, catalogue
from sparrow.flow.synthesis.design import Design, stage
from sparrow.flow.synthesis.liberty import Library, read_liberty
from sparrow.flow.synthesis.netlist import Netlist, absorb_inverters, instances, read_netlists
from sparrow.flow.synthesis.recipes import Mapping, Recipe
from sparrow.flow.synthesis.techmaps import RIPPLE, full_adder_map
from sparrow.flow.tools import run_folder, run_yosys

__all__ = ["GENERIC", "MappedDesign", "map_design"]

GENERIC = Path(__file__).with_name("gates.lib")
"""The library of generic gates, areas in NAND2 equivalents."""

_PREPARE = """\
read_liberty -lib -ignore_miss_func cells.lib
{read}{flatten}{recipe}{write}
"""

_MAP = """\
{prepared}{adders}simplemap
opt -fast
dfflibmap -liberty cells.lib
abc -liberty cells.lib -script +{abc}
opt_clean -purge
write_json {output}
"""

_FLATTEN = """\
read_json mapped.json
hierarchy -top {top}
flatten
opt_clean -purge
write_json flat.json
"""


@dataclass(frozen=True)
class MappedDesign:
    """A design on a library's cells.

    Members
    -------
    modules
        The modules with their cells, only one unless the hierarchy was kept.
    flat
        The same as one module, with its buffers.
    counts
        How many cells of each type the whole design has.
    instances
        How often each module occurs.
    mapping
        Which of the recipe's mappings had the least area.
    buffer_area
        Of the area, what buffers and larger drivers took; not in any of ``modules``.
    library, catalogue
        What it was mapped onto.
    """

    modules: list[Netlist]
    flat: Netlist
    counts: Counter[str]
    instances: Counter[str]
    mapping: str
    buffer_area: float
    library: Library
    catalogue: Catalogue

    @property
    def area(self) -> float:
        """The area of all cells, memories not counted, in the library's unit."""
        return _area(self.counts, self.library)

    def area_of(self, module: Netlist) -> float:
        """The area of a module's own cells, submodules not counted."""
        return _area(module.counts(), self.library)


def _area(counts: Counter[str], library: Library) -> float:
    return sum(library.cells[kind].area * number for kind, number in counts.items()
               if kind in library.cells)


def _total(modules: list[Netlist], top: str) -> Counter[str]:
    times = instances(modules, top)
    total: Counter[str] = Counter()
    for module in modules:
        for kind, number in module.counts().items():
            total[kind] += number * times[module.name]
    return total


def _applicable(recipe: Recipe, found: Catalogue) -> list[Mapping]:
    """The recipe's mappings, without full adders where the library has none."""
    if found.full_adder is not None:
        return list(recipe.mappings)
    general = (replace(mapping, full_adders=None) for mapping in recipe.mappings)
    return list({mapping.abc: mapping for mapping in general}.values())


def _check_mapped(modules: list[Netlist], library: Library) -> None:
    known = {*library.cells, *(module.name for module in modules), "$mem_v2", "$scopeinfo"}
    unmapped = sorted({kind for module in modules for kind in module.counts()} - known)
    if unmapped:
        raise UserError(f"liberty library {library.name!r} must have a cell for every element of "
                        f"the design, which it lacks for {', '.join(unmapped)}")


def _aligns(recipe: Recipe, found: Catalogue) -> bool:
    return any(mapping.full_adders for mapping in _applicable(recipe, found))


def _align(path: Path) -> None:
    modules = read_netlists(path)
    for module in modules:
        align_adders(module)
    modules[0].write(path)


def _map(mapping: Mapping, recipe: Recipe, found: Catalogue, folder: Path,
         names: dict[str, str], top: str, index: int) -> list[Netlist]:
    adders = "techmap t:$fa\n"
    if mapping.full_adders:
        adders = f"techmap -map {mapping.full_adders}.v\nopt_clean\n"
    output = f"mapped{index}.json"
    prepared = "read_rtlil prepared.il\n"
    if _aligns(recipe, found):
        prepared = f"read_json prepared.json\nhierarchy -top {top}\n"
    script = _MAP.format(prepared=prepared, adders=adders, abc=mapping.abc, output=output)
    run_yosys(script, folder, names, f"map{index}.ys")
    modules = read_netlists(folder / output)
    if recipe.absorb:
        for module in modules:
            absorb_inverters(module, found)
    return modules


def _best(recipe: Recipe, library: Library, found: Catalogue, folder: Path,
          names: dict[str, str], top: str) -> tuple[str, list[Netlist]]:
    choices = _applicable(recipe, found)
    with ThreadPoolExecutor(min(len(choices), os.cpu_count() or 1)) as pool:
        results = list(pool.map(
            lambda item: _map(item[1], recipe, found, folder, names, top, item[0]),
            enumerate(choices)))
    areas = [_area(_total(modules, top), library) for modules in results]
    index = areas.index(min(areas))
    return choices[index].name, results[index]


def _flat(modules: list[Netlist], top: str, folder: Path) -> Netlist:
    if len(modules) == 1:
        return modules[0]
    modules[0].write(folder / "mapped.json")
    run_yosys(_FLATTEN.format(top=top), folder)
    return next(module for module in read_netlists(folder / "flat.json") if module.name == top)


def map_design(subject: Design, liberty: Path, recipe: Recipe, *,
               hierarchy: bool = False) -> MappedDesign:
    """Map a design onto a library.

    Memories that are written stay boxes, ROMs become logic. Initial values of registers are no
    part of the result.

    Parameters
    ----------
    subject
        The design.
    liberty
        The library's file.
    recipe
        How.
    hierarchy
        Keep the modules as they are: equal instances are mapped once, and their areas can be
        told apart, but nothing is optimized across their borders.

    Raises
    ------
    UserError
        If the Verilog is wrong, or the library can't express it.
    """
    library = read_liberty(liberty)
    found = catalogue(library)
    if recipe.needs_delays and not library.has_delays:
        raise UserError(f"recipe {recipe.name!r} must go with a liberty library that has delay "
                        f"tables, which {library.name!r} doesn't")
    names = {subject.file: subject.name, "cells.lib": liberty.name}
    with run_folder() as folder:
        (folder / "cells.lib").write_bytes(liberty.read_bytes())
        (folder / "ripple.v").write_text(RIPPLE, encoding="utf-8")
        if found.full_adder:
            for kind in ("plain", "inverted"):
                text = full_adder_map(found.full_adder, inverted=kind == "inverted")
                (folder / f"{kind}.v").write_text(text, encoding="utf-8")
        write = "json prepared.json" if _aligns(recipe, found) else "rtlil prepared.il"
        run_yosys(_PREPARE.format(read=stage(subject, folder), recipe=recipe.prepare,
                                  flatten="" if hierarchy else "flatten\n",
                                  write=f"write_{write}\n"), folder, names)
        if _aligns(recipe, found):
            _align(folder / "prepared.json")
        mapping, modules = _best(recipe, library, found, folder, names, subject.top)
        _check_mapped(modules, library)
        flat = _flat(modules, subject.top, folder)
        buffers = add_buffers(flat, library, found) if recipe.buffers else 0.0
        return MappedDesign(modules, flat, flat.counts(), instances(modules, subject.top),
                            mapping, buffers, library, found)
