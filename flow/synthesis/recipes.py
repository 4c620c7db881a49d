"""Named recipes for mapping a design onto a library, as data.

In every script ``cells.lib`` is the liberty file; the other files are made by
:mod:`sparrow.flow.synthesis.techmaps`.
"""

from dataclasses import dataclass

from sparrow.flow.errors import UserError

__all__ = ["DEFAULT_RECIPE", "RECIPES", "Mapping", "Recipe", "recipe"]

DEFAULT_RECIPE = "area"


@dataclass(frozen=True)
class Mapping:
    """One way to map a prepared design; of a recipe's ways the one of least area is taken.

    Members
    -------
    name
        For reports.
    full_adders
        ``None``: as any logic. ``"plain"``: every full adder becomes the library's cell.
        ``"inverted"``: the same, with all its inputs and outputs inverted, which is a full adder
        again. Inverters between adders cancel, so that a tree fed by inverting gates
        (AND-OR-INVERT Booth rows) and followed by flip-flops needs none. ABC treats the cells as
        boxes.
    abc
        ABC's script.
    """

    name: str
    full_adders: str | None
    abc: str


@dataclass(frozen=True)
class Recipe:
    """How a design is mapped onto a library.

    Members
    -------
    name, description
        For users.
    prepare
        Yosys' script from word-level cells in one flat module to gates and flip-flops of Yosys'
        own.
    mappings
        From there to the library, in the order of preference at equal area.
    absorb
        Whether inverters next to flip-flops are absorbed afterwards, see
        :func:`~sparrow.flow.synthesis.netlist.absorb_inverters`.
    buffers
        Whether nets that are too heavy for their driver get buffers at last, see
        :func:`~sparrow.flow.synthesis.buffering.add_buffers`.
    needs_delays
        Whether the library must have delay tables.
    """

    name: str
    description: str
    prepare: str
    mappings: tuple[Mapping, ...]
    absorb: bool
    buffers: bool
    needs_delays: bool = False


_WORDS = """\
opt_expr
opt_clean
wreduce
peepopt
opt_clean
{booth}
"""

_COARSE = """\
alumacc
share
opt
memory -nomap
opt_clean
memory_map -rom-only
opt -fast -full
opt -undriven -fine
"""

_RIPPLE = """\
techmap -map ripple.v t:$alu t:$lcu
techmap
opt -fast
simplemap
opt -fast
opt_clean
extract_fa -fa
opt_clean
"""

_LOOK_AHEAD = """\
techmap
opt -fast
simplemap
opt -fast
opt_clean
"""

_REFERENCE_ABC = "strash;dc2;dc2;dch,-f;amap,-m"
_DIRECT_ABC = "strash;dch,-f;amap,-m"
_TWICE_ABC = "strash;dc2;dc2;dch,-f;amap,-m;strash;dch,-f;amap,-m"
# Without &fraig -x of Yosys' own script, which doesn't end on large sums of products.
_TIMING_ABC = ("strash;scorr;dc2;dch,-f;strash;&get,-n;&nf;&put;buffer,-c;topo;stime,-p;upsize;"
               "dnsize;stime,-p")

RECIPES = {recipe.name: recipe for recipe in (
    Recipe(
        "area",
        "least area: Booth multipliers, ripple adders, the library's full adders, few inverters "
        "(adders aligned, the rest absorbed by flip-flops), the best of four mappings; buffers "
        "only where a load needs them",
        _WORDS.format(booth="booth -lowpower") + _COARSE + _RIPPLE,
        (Mapping("inverted adders, mapped twice", "inverted", _TWICE_ABC),
         Mapping("plain adders, mapped twice", "plain", _TWICE_ABC),
         Mapping("inverted adders, mapped once", "inverted", _DIRECT_ABC),
         Mapping("plain adders, mapped once", "plain", _DIRECT_ABC)),
        absorb=True, buffers=True),
    Recipe(
        "timing",
        "short delay: Booth multipliers, look-ahead adders, depth-first mapping, buffers and "
        "sizing by ABC",
        _WORDS.format(booth="booth") + _COARSE + _LOOK_AHEAD,
        (Mapping("timing", None, _TIMING_ABC),),
        absorb=False, buffers=True, needs_delays=True),
    Recipe(
        "reference",
        "the recipe of the published comparison: booth -lowpower; synth -flatten -noabc; "
        f"dfflibmap; abc with {_REFERENCE_ABC}; no buffers",
        _WORDS.format(booth="booth -lowpower")
        + "synth -flatten -noabc -run coarse:fine\nopt -fast -full\nmemory_map -rom-only\n"
        + "opt -full\ntechmap\nopt -fast\n",
        (Mapping("reference", None, _REFERENCE_ABC),),
        absorb=False, buffers=False),
)}


def recipe(name: str) -> Recipe:
    """The recipe of that name.

    Raises
    ------
    UserError
        If there is none.
    """
    if name not in RECIPES:
        raise UserError(f"recipe must be one of {', '.join(RECIPES)}, not {name!r}")
    return RECIPES[name]
