"""Distillation: a network learns from the outputs of another."""

import math

import torch
import torch.nn.functional as F

from .graph import Graph
from .scales import QuantizeError

__all__ = ["distillation_loss", "require_teacher", "teacher_outputs"]


def distillation_loss(outputs: torch.Tensor, teacher: torch.Tensor,
                      temperature: float) -> torch.Tensor:
    """The Kullback–Leibler divergence of softened outputs from a teacher's, times the temperature
    squared, so that gradients are of one size at all temperatures (Hinton et al., Distilling the
    Knowledge in a Neural Network, 2015, section 2).

    Parameters
    ----------
    outputs, teacher : torch.Tensor, float32, shape (images, classes)
        Before the softmax.
    temperature : float, above 0
        By which both are divided before the softmax.

    Returns
    -------
    torch.Tensor
        The mean over images.
    """
    return temperature**2 * F.kl_div(
        (outputs / temperature).log_softmax(1), (teacher / temperature).log_softmax(1),
        reduction="batchmean", log_target=True)


def require_teacher(teacher: Graph, student: Graph) -> None:
    """Check that a teacher takes what a student takes and gives as many outputs; what is between
    may differ.

    Raises
    ------
    QuantizeError
        If it doesn't.
    """
    if teacher.shape != student.shape:
        raise QuantizeError(f"Teacher {teacher.name!r}: the input must be of shape "
                            f"{student.shape}, as that of {student.name!r}, not {teacher.shape}")
    wanted, found = (math.prod(graph.node(graph.output).shape) for graph in (student, teacher))
    if found != wanted:
        raise QuantizeError(f"Teacher {teacher.name!r}: there must be {wanted} outputs, "
                            f"as of {student.name!r}, not {found}")


def teacher_outputs(teacher: Graph, images: torch.Tensor) -> torch.Tensor:
    """What a teacher gives for images, shape (images, classes), without gradients."""
    return teacher.run(images)[teacher.output].flatten(1).clone()
