"""Compression passes, by the names that recipes call them."""

from collections.abc import Mapping

from sparrow.hw.spec.base import SpecError

from .base import Context, Pass, TunedPass
from .binarize import Binarize
from .channels import PruneChannels
from .correct_bias import CorrectBias
from .equalize import Equalize, EqualizeActivations
from .factorize import Factorize
from .finetune import Finetune
from .mixed import Mixed
from .prune import Prune
from .quantize import Quantize
from .share import Share
from .surgery import DynamicSurgery

__all__ = ["PASSES", "Context", "Pass", "TunedPass", "make_pass"]

PASSES: dict[str, type[Pass]] = {kind.kind: kind for kind in (
    Binarize,
    PruneChannels,
    CorrectBias,
    Equalize,
    EqualizeActivations,
    Factorize,
    Finetune,
    Mixed,
    Prune,
    Quantize,
    Share,
    DynamicSurgery,
)}
"""All passes."""


def make_pass(values: Mapping[str, object], *, source: str = "pass") -> Pass:
    """A pass of plain values, as TOML gives them: ``kind`` and its options.

    Raises
    ------
    SpecError
        If there is no such pass or option, or a value isn't allowed; the text begins with
        ``source``.
    """
    options = dict(values)
    kind = options.pop("kind", None)
    if not isinstance(kind, str) or kind not in PASSES:
        raise SpecError(f"{source}: kind must be one of {', '.join(PASSES)}, not {kind!r}")
    return PASSES[kind].from_mapping(options, source=f"{source} ({kind})")
