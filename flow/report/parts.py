"""The modules of a design as a tree of parts, and a rectangle cut into pieces of given size."""

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence

from sparrow.flow.report.model import Module

__all__ = ["Part", "squarify", "tree", "wrappers"]

Box = tuple[float, float, float, float]
"""Left, top, width, height."""

OWN = "own cells"
_ADDERS = ("full_adders_", "half_adders_")
_WRAPPER, _SMALL = 0.8, 0.002


@dataclasses.dataclass(frozen=True)
class Part:
    """A module where it stands, all of its instances there together.

    Members
    -------
    name, instances
        ``others`` stands for several that are too small to be shown.
    size
        All that it holds.
    parts
        What it consists of, the largest first; its own cells are one of them.
    """

    name: str
    instances: int
    size: float
    parts: "tuple[Part, ...]" = ()


def tree(modules: Sequence[Module], own: Callable[[Module], float],
         without: Collection[str] = ()) -> Part:
    """The design as parts within parts. Adders of all widths are one part.

    Parameters
    ----------
    modules
        Without submodules in any of them, each is a part of its own.
    own
        The size of one instance without its submodules.
    without
        Names of parts in whose place that stands of which they consist.
    """
    tops = _unwrapped(_tops(modules, own), without)
    whole = sum(part.size for part in tops)
    return Part("", 1, whole, _tidy(tops, whole))


def wrappers(modules: Sequence[Module], own: Callable[[Module], float]) -> list[str]:
    """Names of the parts that only hold others together, from outside in.

    These are the top and, in it, parts that hold most of the whole and three modules or more.
    """
    found: list[str] = []
    parts = _tops(modules, own)
    whole = sum(part.size for part in parts)
    while large := [part for part in parts if part.size > _WRAPPER * whole
                    and len(_apart(part)) >= (3 if found else 1)]:
        found.append(large[0].name)
        parts = list(large[0].parts)
    return found


def _apart(part: Part) -> list[Part]:
    return [inner for inner in part.parts
            if inner.name != OWN and not inner.name.startswith(_ADDERS)]


def _tops(modules: Sequence[Module], own: Callable[[Module], float]) -> list[Part]:
    known = {module.name: module for module in modules}
    held = {name for module in modules for name in module.submodules}
    return [_part(known, module, module.instances, own, ()) for module in modules
            if module.name not in held]


def _part(known: Mapping[str, Module], module: Module, times: int,
          own: Callable[[Module], float], above: tuple[str, ...]) -> Part:
    above = (*above, module.name)
    inside = [_part(known, known[name], times * number, own, above)
              for name, number in module.submodules.items()
              if name in known and name not in above]
    rest = own(module) * times
    if inside and rest:
        inside.append(Part(OWN, times, rest))
    return Part(module.name, times, sum(part.size for part in inside) if inside else rest,
                tuple(inside))


def _unwrapped(parts: Sequence[Part], without: Collection[str]) -> list[Part]:
    return [inner for part in parts
            for inner in (_unwrapped(_named(part), without)
                          if part.parts and part.name in without else [part])]


def _named(wrapper: Part) -> list[Part]:
    """What a wrapper consists of; its own cells bear its name."""
    return [dataclasses.replace(part, name=wrapper.name) if part.name == OWN else part
            for part in wrapper.parts]


def _tidy(parts: Sequence[Part], whole: float) -> tuple[Part, ...]:
    """The largest first, adders together, small ones together, empty ones left out."""
    shown, adders, small = [], [], []
    for part in parts:
        if part.name.startswith(_ADDERS):
            adders.append(part)
        elif part.size:
            inside = _tidy(part.parts, whole)
            shown.append(Part(part.name, part.instances, part.size,
                              inside if len(inside) > 1 else ()))
    if adders and (total := sum(part.size for part in adders)):
        shown.append(Part("adders", sum(part.instances for part in adders), total))
    for part in [part for part in shown if part.size < _SMALL * whole]:
        shown.remove(part)
        small.append(part)
    if len(small) == 1:
        shown += small
    elif small:
        shown.append(Part("others", sum(part.instances for part in small),
                          sum(part.size for part in small)))
    return tuple(sorted(shown, key=lambda part: (-part.size, part.name)))


def squarify(sizes: Sequence[float], box: Box) -> list[Box]:
    """Cut a box into pieces, as square as can be (Bruls, Huizing, van Wijk: Squarified Treemaps).

    Parameters
    ----------
    sizes
        Above 0, the largest first.
    box
        What is cut; all pieces together fill it.
    """
    left, top, width, height = box
    result: list[Box] = []
    rest = list(sizes)
    while rest:
        total, area = sum(rest), width * height
        short = min(width, height)
        number, worst = 1, float("inf")
        for take in range(1, len(rest) + 1):
            row = [size / total * area for size in rest[:take]]
            deep = sum(row) / short if short else 0.0
            found = max((max(deep * deep / piece, piece / (deep * deep))
                         for piece in row if piece and deep), default=float("inf"))
            if found > worst:
                break
            number, worst = take, found
        row_share, row = sum(rest[:number]) / total, rest[:number]
        along = 0.0
        for size in row:
            share = size / sum(row)
            if width >= height:
                result.append((left, top + along, width * row_share, height * share))
                along += height * share
            else:
                result.append((left + along, top, width * share, height * row_share))
                along += width * share
        if width >= height:
            left, width = left + width * row_share, width * (1 - row_share)
        else:
            top, height = top + height * row_share, height * (1 - row_share)
        rest = rest[number:]
    return result
