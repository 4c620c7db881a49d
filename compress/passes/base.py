"""What every compression pass is: options, checked, and a function from draft to draft."""

import dataclasses
import typing
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from sparrow.golden.network import Network, Numbers
from sparrow.hw.spec.base import Spec

from ..data import Dataset
from ..draft import OTHERS, Draft, Record
from ..finetune import Hook, Tuning, finetune
from ..graph import Graph
from ..threads import threads

__all__ = ["Context", "Pass", "TunedPass"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Context:
    """What passes may use besides the draft.

    Parameters
    ----------
    data : Dataset
        Training images only; test images are for the report at the end.
    teacher : Graph or None
        The network as it was before the first pass, unless another is given.
    seed : int
    threads : int
        Of torch.
    numbers : Numbers
        Of the integer network that will be made.
    calibration_images : int
        How many of the training images choose ranges.
    cycles : function or None
        Predicted cycles of an integer network by layer, on the accelerator that is aimed at.
    progress : function
        Called with the share of the pass that is done, 0 to 1.
    """

    data: Dataset
    teacher: Graph | None = None
    seed: int = 0
    threads: int = 1
    numbers: Numbers = dataclasses.field(default_factory=Numbers)
    calibration_images: int = 256
    cycles: Callable[[Network], Mapping[str, int]] | None = None
    progress: Callable[[float], None] = lambda share: None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pass(Spec):
    """Base of all passes: a frozen dataclass whose fields are the options in a recipe.

    A subclass sets ``kind``, the name by which recipes call it, checks its options in
    ``__post_init__`` and implements ``change``.
    """

    kind: ClassVar[str]
    by_tensor: ClassVar[tuple[str, ...]] = ()  # options with names of tensors, not of layers

    def named_layers(self) -> dict[str, list[str]]:
        """The layers with weights that options name, by option."""
        found: dict[str, list[str]] = {}
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.name == "layers" or (isinstance(value, Mapping)
                                          and field.name not in self.by_tensor):
                found[field.name] = [name for name in value if name != OTHERS]
        return found

    def change(self, draft: Draft, context: Context) -> tuple[Draft, dict[str, Any]]:
        """The draft after the pass, and plain values that say what it did.

        Raises
        ------
        QuantizeError
            If the pass doesn't go with the draft; the text names the layer.
        """
        raise NotImplementedError

    def apply(self, draft: Draft, context: Context) -> Draft:
        """The draft after the pass, with a record of it."""
        with threads(context.threads):
            changed, results = self.change(draft, context)
        record = Record(kind=self.kind, options=self.options(), results=results,
                        epochs=getattr(self, "epochs", 0))
        return changed.replace(records=(*draft.records, record))

    def options(self) -> dict[str, Any]:
        """The options that aren't left at their defaults, as a recipe has them."""
        defaults = {field.name: field.default if field.default_factory is dataclasses.MISSING
                    else field.default_factory() for field in dataclasses.fields(self)}
        return {name: list(value) if isinstance(value, tuple) else value
                for name, value in self.to_mapping().items()
                if getattr(self, name) != defaults[name]}


@dataclasses.dataclass(frozen=True, kw_only=True)
class TunedPass(Tuning, Pass):
    """Base of the passes that can fine-tune, with the options of ``Tuning``."""

    def __post_init__(self) -> None:
        Pass.__post_init__(self)
        Tuning.__post_init__(self)

    @property
    def tuning(self) -> Tuning:
        """The options of fine-tuning."""
        return Tuning(**{field.name: getattr(self, field.name)
                         for field in dataclasses.fields(Tuning)})

    def finetune(self, draft: Draft, context: Context, *, hook: Hook | None = None,
                 **changes: typing.Any) -> Draft:
        """The draft, fine-tuned as the options say, but for ``changes`` of them."""
        tuning = dataclasses.replace(self.tuning, **changes)
        if not tuning.epochs and hook is None:
            return draft
        return finetune(draft, context.data, tuning, teacher=context.teacher, hook=hook,
                        seed=context.seed, threads=context.threads, progress=context.progress)
