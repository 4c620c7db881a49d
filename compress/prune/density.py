"""Shares of weights that stay: over all layers or by layer, and on the way there."""

from collections.abc import Iterable, Mapping

from sparrow.hw.spec.base import SpecError, require_number

from ..draft import OTHERS, Draft
from ..scales import QuantizeError

__all__ = ["check_density", "cubic", "densities_of", "kept_count"]


def check_density(density: object, layers: Iterable[str] = ()) -> None:
    """Check the options ``density`` and ``layers`` of a pass, so far as that needs no network.

    Raises
    ------
    TypeError, SpecError
        If the density is neither a share nor a mapping of names to shares, or is a mapping beside
        a list of layers.
    """
    if not isinstance(density, Mapping):
        require_number("density", density, 0.0, 1.0)
        return
    for name, share in density.items():
        require_number(f"density of {name!r}", share, 0.0, 1.0)
    if tuple(layers):
        raise SpecError("layers must be left out where density is given by layer, "
                        f"not {list(layers)!r}")
    if not density:
        raise SpecError("density must be a number or name layers, not be empty")


def densities_of(draft: Draft, density: Mapping[str, float]) -> dict[str, float]:
    """Densities by layer of a mapping; layers that it leaves out aren't there.

    Raises
    ------
    QuantizeError
        If it names a layer that the draft doesn't have.
    """
    named = {name: float(share) for name, share in density.items() if name != OTHERS}
    if named:
        draft.chosen(named, "density")
        named = draft.by_layer(named)
    if OTHERS in density:
        named = {name: named.get(name, float(density[OTHERS])) for name in draft.weighted}
    if not named:
        raise QuantizeError("density must name layers with weights; there are none")
    return named


def kept_count(density: float, total: int) -> int:
    """How many of ``total`` weights a density keeps, to the nearest; at least 1 if above 0."""
    return max(round(density * total), 1 if density > 0 and total else 0)


def cubic(first: float, last: float, share: float) -> float:
    """The density at a share of the way from one to another: fast at first, then slowly.

    Zhu and Gupta, To Prune, or Not to Prune, 2017, equation 1.
    """
    left = 1 - min(max(share, 0.0), 1.0)
    return last + (first - last) * left**3
