"""Steps of quantization that are trained.

A step is its first value times ``exp(θ)`` with ``θ`` trained, so that it stays positive and an
optimizer that normalizes gradients changes large and small steps by one share (Jain et al.,
Trained Quantization Thresholds, 2020, section 3.3 on training thresholds as logarithms).
"""

import dataclasses
from collections.abc import Mapping

import torch

from .draft import TensorFormat, WeightFormat
from .fake import integer_limits, learned_step
from .graph import ConcatNode, FunctionNode, Graph, PoolNode
from .sign import binary_sign

__all__ = ["LayerStep", "TensorSteps"]


class LayerStep(torch.nn.Module):
    """The step of a layer's weights: learned, or in proportion to their mean magnitude.

    Parameters
    ----------
    form : WeightFormat
    weight, mask : torch.Tensor
        With which the format's step goes.
    learned : bool
        Steps that aren't follow the weights; with 1 bit they are XNOR-Net's (Rastegari et al.,
        2016, section 3.1), which start as mean magnitudes.
    """

    def __init__(self, form: WeightFormat, weight: torch.Tensor, mask: torch.Tensor,
                 learned: bool):
        super().__init__()
        self.form = form
        self.logarithm = torch.nn.Parameter(torch.zeros(len(form.step))) if learned else None
        self._first = self._magnitude(weight, mask)

    def forward(self, weight: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """The step in a shape that goes with a weight, whose kept ones ``mask`` has."""
        first = self.form.around(weight)
        if self.logarithm is not None:
            return first * self.logarithm.exp().view(first.shape)
        return first * self._magnitude(weight, mask) / self._first.clamp(min=1e-12)

    def _magnitude(self, weight: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Mean magnitude of the kept weights of each step."""
        shape = self.form.around(weight).shape
        kept = (weight.abs() * mask).sum_to_size(shape)
        return kept / mask.to(weight.dtype).sum_to_size(shape).clamp(min=1)

    def fake(self, weight: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """What weights become, in real numbers, with gradients of weights and step."""
        step = self(weight, mask)
        if self.form.bits == 1:
            return binary_sign(weight) * step
        largest = self.form.largest
        return learned_step(weight, step, -largest, largest, weight.numel() // step.numel())

    def current(self, weight: torch.Tensor, mask: torch.Tensor) -> WeightFormat:
        """The format with the step as it is now."""
        with torch.no_grad():
            step = self(weight, mask).flatten().to(torch.float64)
        return dataclasses.replace(self.form, step=step)


class TensorSteps(torch.nn.Module):
    """Learned steps of activations with fixed zero points; signs keep theirs.

    Tensors that pooling or concatenation makes share their numbers have one step.

    Parameters
    ----------
    graph : Graph
    formats : mapping of str to TensorFormat
        By tensor.
    """

    def __init__(self, graph: Graph, formats: Mapping[str, TensorFormat]):
        super().__init__()
        self.formats = dict(formats)
        groups = _groups(graph, formats)
        names = list(dict.fromkeys(groups.values()))
        self._places = {name: names.index(group) for name, group in groups.items()}
        self.logarithms = torch.nn.Parameter(torch.zeros(len(names)))

    def forward(self, name: str, values: torch.Tensor) -> torch.Tensor:
        """What a learned tensor's values become."""
        scale, low, high = integer_limits(self.formats[name])
        step = scale * self.logarithms[self._places[name]].exp()
        return learned_step(values, step, low, high, values[0].numel())

    def __contains__(self, name: str) -> bool:
        """Whether a tensor's step is learned."""
        return name in self._places

    def current(self) -> dict[str, TensorFormat]:
        """All formats with the steps as they are now."""
        found = dict(self.formats)
        for name, place in self._places.items():
            scale, low, high = integer_limits(found[name])
            scale *= float(self.logarithms[place].detach().to(torch.float64).exp())
            found[name] = dataclasses.replace(found[name], low=low * scale, high=high * scale)
        return found


def _groups(graph: Graph, formats: Mapping[str, TensorFormat]) -> dict[str, str]:
    """For each tensor whose step can be learned the first of those that it shares it with."""
    first = {name: name for name in formats}

    def join(names: tuple[str, ...]) -> None:
        old = {first[name] for name in names}
        for name, group in first.items():
            if group in old:
                first[name] = first[names[0]]

    for node in graph:
        if isinstance(node, PoolNode | ConcatNode):
            same = [name for name in node.inputs if name in formats and node.name in formats
                    and formats[name] == formats[node.name]]
            for name in same:
                join((name, node.name))
    fixed = {first[node.name] for node in graph if isinstance(node, FunctionNode)
             and node.function == "sign" and node.name in formats}
    return {name: group for name, group in first.items()
            if group not in fixed and formats[name].high > formats[name].low}
