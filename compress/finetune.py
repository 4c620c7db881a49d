"""Training of drafts: with masks, with quantization simulated, guided by a teacher."""

import dataclasses
from collections.abc import Callable
from typing import Protocol

import torch
import torch.nn.functional as F

from sparrow.hw.spec.base import require_flag, require_integer, require_number

from .augment import shifted
from .data import Dataset
from .distill import distillation_loss, require_teacher, teacher_outputs
from .draft import Draft
from .graph import Graph
from .scales import QuantizeError
from .threads import threads as use_threads
from .trainable import Trainable

__all__ = ["Hook", "Tuning", "finetune", "graph_accuracy"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tuning:
    """How to fine-tune.

    Parameters
    ----------
    epochs : int
        Rounds through the training images; 0 for none.
    batch : int
        Images in a step.
    learning_rate : float
        The largest; it rises for a tenth of the steps and falls along a cosine.
    weight_decay : float
        Decoupled, of weights (not of biases).
    distill : float, 0 to 1
        Share of the teacher in the loss, 1 − its share that of the labels.
    temperature : float, above 0
        By which both sides' outputs are divided before the softmax.
    quant_weight : float
        λ of the combined loss ``L_task + λ · L_quant``, L_quant the mean squared difference of
        weights from what they are quantized to, summed over layers.
    shift : int
        Pixels by which training images are shifted at random, at most, each way.
    learn_steps : bool
        Whether steps of quantized weights and activations are trained too; see ``learned_step``.
    """

    epochs: int = 0
    batch: int = 128
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    distill: float = 0.0
    temperature: float = 4.0
    quant_weight: float = 0.0
    shift: int = 0
    learn_steps: bool = False

    def __post_init__(self) -> None:
        for name, least, most in (("epochs", 0, 100_000), ("batch", 1, 100_000), ("shift", 0, 64)):
            require_integer(name, getattr(self, name), least, most)
        for name, low, high in (("learning_rate", 0.0, 10.0), ("weight_decay", 0.0, 10.0),
                                ("distill", 0.0, 1.0), ("temperature", 0.01, 1000.0),
                                ("quant_weight", 0.0, 1e6)):
            require_number(name, getattr(self, name), low, high)
        require_flag("learn_steps", self.learn_steps)


class Hook(Protocol):
    """What happens between the steps of a fine-tuning: schedules of masks."""

    def __call__(self, model: Trainable, step: int, steps: int) -> None:
        """Called before step ``step`` of ``steps``, and once more with ``step == steps``."""


def finetune(draft: Draft, data: Dataset, tuning: Tuning, *, teacher: Graph | None = None,
             hook: Hook | None = None, seed: int = 0, threads: int = 1,
             progress: Callable[[float], None] | None = None) -> Draft:
    """Train the weights that a draft keeps, as they will be used.

    Adam with decoupled weight decay on cross entropy; with ``tuning.distill`` mixed with
    ``distillation_loss``. The same result for the same seed and number of threads on one machine.

    Parameters
    ----------
    teacher : Graph
        Needed with ``tuning.distill``; of the same input and number of outputs.
    hook : Hook
    progress : function
        Called with the share that is done.

    Raises
    ------
    QuantizeError
        If labels or a teacher are needed and missing, or the teacher has other inputs or another
        number of outputs.
    """
    labels = data.train_labels
    if tuning.epochs and labels is None and tuning.distill < 1:
        raise QuantizeError("data must have labels, to be trained on, or distill must be 1; "
                            "they have none")
    if tuning.distill and teacher is None:
        raise QuantizeError("distill must be 0 without a teacher, not "
                            f"{tuning.distill!r}")
    if tuning.distill and teacher is not None:
        require_teacher(teacher, draft.graph)
    model = Trainable(draft, learn_steps=tuning.learn_steps)
    images = data.train_images
    steps = -(-len(images) // tuning.batch) * tuning.epochs
    optimizer, schedule = _optimizer(model, tuning, steps)
    with use_threads(threads), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        step = 0
        for _ in range(tuning.epochs):
            for chosen in torch.randperm(len(images)).split(tuning.batch):
                if hook is not None:
                    hook(model, step, steps)
                batch = shifted(images[chosen], tuning.shift)
                loss = _loss(model, batch, None if labels is None else labels[chosen],
                             tuning, teacher)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                step += 1
                if progress is not None:
                    progress(step / steps)
        if hook is not None:
            hook(model, steps, steps)
    return model.trained()


def graph_accuracy(draft: Draft, images: torch.Tensor, labels: torch.Tensor) -> float:
    """Share of images for which a draft's largest output, as it will be, is at the label."""
    return float((Trainable(draft).evaluate(images).argmax(1) == labels).double().mean())


def _optimizer(model: Trainable, tuning: Tuning, steps: int
               ) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    decayed = [layer.weight for layer in model.layers.values() if layer.weight.requires_grad]
    known = {id(parameter) for parameter in decayed}
    others = [parameter for parameter in model.parameters()
              if parameter.requires_grad and id(parameter) not in known]
    optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": tuning.weight_decay},
                                   {"params": others, "weight_decay": 0.0}],
                                  lr=tuning.learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=tuning.learning_rate, total_steps=max(1, steps) + 1, pct_start=0.1,
        cycle_momentum=False)
    return optimizer, schedule


def _loss(model: Trainable, images: torch.Tensor, labels: torch.Tensor | None, tuning: Tuning,
          teacher: Graph | None) -> torch.Tensor:
    outputs = model(images)
    loss = outputs.new_zeros(())
    if labels is not None and tuning.distill < 1:
        loss = (1 - tuning.distill) * F.cross_entropy(outputs, labels)
    if teacher is not None and tuning.distill:
        loss = loss + tuning.distill * distillation_loss(
            outputs, teacher_outputs(teacher, images), tuning.temperature)
    if tuning.quant_weight:
        loss = loss + tuning.quant_weight * torch.stack(
            [layer.quantization_error() for layer in model.layers.values()]).sum()
    return loss
