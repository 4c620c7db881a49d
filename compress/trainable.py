"""A draft as a module that can be trained, with pruning and quantization as they will be."""

import dataclasses

import torch

from .draft import Draft, TensorFormat, WeightedNode, WeightFormat
from .fake import fake_activation, fake_weight, looked_up, straight_through
from .graph import Node
from .step_sizes import LayerStep, TensorSteps

__all__ = ["Trainable", "TrainableLayer"]

_EVALUATED = 500  # images at once


class TrainableLayer(torch.nn.Module):
    """Weights of one layer.

    Parameters
    ----------
    node : WeightedNode
    mask : torch.Tensor, bool, shape of the weights
    form : WeightFormat or None
        How they are quantized. With a codebook its values are trained instead of the weights,
        each weight keeping its entry (Han et al., Deep Compression, 2016, section 3.3).
    learn_steps : bool
        Whether the step is trained too, where there is no codebook.

    Members
    -------
    weight, bias : parameters
        Weights are kept unpruned and unquantized beside what they become.
    centroids : parameter or None
    mask : buffer
        May be changed between steps.
    revive : bool
        Whether pruned weights are trained too, as if they were there.
    """

    mask: torch.Tensor

    def __init__(self, node: WeightedNode, mask: torch.Tensor, form: WeightFormat | None,
                 learn_steps: bool = False):
        super().__init__()
        self.weight = torch.nn.Parameter(node.weight.detach().clone())
        self.bias = torch.nn.Parameter(node.bias.detach().clone())
        self.register_buffer("mask", mask.clone())
        self.form = form
        self.revive = False
        self.centroids: torch.nn.Parameter | None = None
        self._step: LayerStep | None = None
        if form is not None and form.codebook is None and (learn_steps or form.bits == 1):
            self._step = LayerStep(form, node.weight.detach(), mask, learn_steps)
        if form is not None and form.codebook is not None:
            self.weight.requires_grad_(False)
            self.centroids = torch.nn.Parameter(form.codebook.detach().clone())
            self._entries = form.entries(self.weight.detach())

    def real(self) -> torch.Tensor:
        """The weights that are trained, before they are quantized."""
        return self.weight if self.centroids is None else looked_up(self.centroids, self._entries)

    def effective(self, *, quantized: bool = True) -> torch.Tensor:
        """The weights that the layer computes with."""
        if not quantized or self.form is None:
            weight = self.real()
        elif self.centroids is not None:
            weight = looked_up(fake_weight(self.centroids, self.form), self._entries)
        elif self._step is not None:
            weight = self._step.fake(self.weight, self.mask)
        else:
            weight = fake_weight(self.weight, self.form)
        if self.revive:
            return straight_through(weight, weight * self.mask)
        return weight * self.mask

    def current_format(self) -> WeightFormat | None:
        """The format, with its step and its codebook as they are now."""
        if self.form is not None and self.centroids is not None:
            return dataclasses.replace(self.form, codebook=self.centroids.detach().sort().values)
        if self._step is None:
            return self.form
        return self._step.current(self.weight.detach(), self.mask)

    def quantization_error(self) -> torch.Tensor:
        """Mean squared difference of the kept weights from what they are quantized to."""
        if self.form is None:
            return self.weight.new_zeros(())
        form = self.current_format()
        assert form is not None
        found = form.integers(self.real().detach()) * form.around(self.real())
        difference = (self.real() - found) * self.mask
        return difference.square().sum() / self.mask.sum().clamp(min=1)


class Trainable(torch.nn.Module):
    """A draft as a module: from images to the graph's output, flattened.

    Parameters
    ----------
    draft : Draft
        Whose formats of weights and tensors are simulated.
    learn_steps : bool
        Whether steps are trained: of weights without a codebook, and of activations.

    Members
    -------
    layers : dict of str to TrainableLayer
        By name of the layer.
    """

    def __init__(self, draft: Draft, *, learn_steps: bool = False):
        super().__init__()
        self.draft = draft
        self.layers = {name: TrainableLayer(node, draft.mask(name), draft.formats.get(name),
                                            learn_steps)
                       for name, node in draft.weighted.items()}
        self._registered = torch.nn.ModuleList(self.layers.values())
        self._tensors: dict[str, TensorFormat] = dict(draft.tensors)
        self._steps = TensorSteps(draft.graph, draft.tensors) if learn_steps else None

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        graph = self.draft.graph
        tensors = {graph.input_name: self._quantized(
            graph.input_name, images.reshape(len(images), *graph.shape))}
        for node in graph:
            tensors[node.name] = self.compute(node, *(tensors[name] for name in node.inputs))
        return tensors[graph.output].flatten(1)

    def evaluate(self, images: torch.Tensor) -> torch.Tensor:
        """The outputs of any number of images, without gradients."""
        with torch.inference_mode():
            return torch.cat([self(part) for part in images.split(_EVALUATED)])

    def compute(self, node: Node, *inputs: torch.Tensor) -> torch.Tensor:
        """One node's output as it will be."""
        layer = self.layers.get(node.name)
        if layer is not None:
            node = node.replace(weight=layer.effective(), bias=layer.bias)
        return self._quantized(node.name, node.evaluate(*inputs))

    def trained(self) -> Draft:
        """The draft with the weights, masks and codebooks as they are now."""
        weights, formats = {}, dict(self.draft.formats)
        tensors = self._tensors if self._steps is None else self._steps.current()
        for name, layer in self.layers.items():
            weights[name] = {"weight": (layer.real() * layer.mask).detach().clone(),
                             "bias": layer.bias.detach().clone()}
            form = layer.current_format()
            if form is not None:
                formats[name] = form
        masks = {name: layer.mask.clone() for name, layer in self.layers.items()
                 if name in self.draft.masks or not bool(layer.mask.all())}
        return self.draft.with_weights(weights).replace(masks=masks, formats=formats,
                                                        tensors=tensors)

    def _quantized(self, name: str, values: torch.Tensor) -> torch.Tensor:
        if self._steps is not None and name in self._steps:
            return self._steps(name, values)
        form = self._tensors.get(name)
        return values if form is None else fake_activation(values, form)
