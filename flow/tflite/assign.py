"""Weights of a TensorFlow Lite file as those of a PyTorch model."""

import math
from pathlib import Path

import torch
from torch import nn

from sparrow.compress.capture import CaptureError, capture
from sparrow.compress.graph import ConvNode, LinearNode
from sparrow.flow.errors import UserError

from .read import FileLayer, read_layers

__all__ = ["load_tflite"]

LAYERS = (nn.Conv1d, nn.Conv2d, nn.Linear)
NORMALIZATIONS = (nn.BatchNorm1d, nn.BatchNorm2d)
TOLERANCE = 1e-5


def load_tflite(model: nn.Module, path: Path, shape: tuple[int, ...]) -> None:
    """Give a model's layers the weights of a file's, in the order in which they are computed.

    In the file batch normalizations are part of the weights. Those of the model that come right
    after a layer become the identity, and hold the bias where the layer itself has none.

    Parameters
    ----------
    model : torch.nn.Module
        In evaluation mode; changed.
    path : Path
    shape : tuple of int
        Of one input.

    Raises
    ------
    UserError
        If the file isn't a float network, or its layers aren't those of the model: their number,
        shapes, strides, padding, dilation, groups, activations.
    """
    layers = read_layers(path)
    modules = _modules(model, shape)
    if len(modules) != len(layers):
        raise UserError(f"{path} must have as many layers with weights as the model, "
                        f"{len(modules)}, not {len(layers)}")
    for (name, module, normalization), layer in zip(modules, layers):
        _assign(path, name, module, normalization, layer)
    _check(model, path, shape, layers)


def _modules(model: nn.Module, shape: tuple[int, ...]
             ) -> list[tuple[str, nn.Module, nn.Module | None]]:
    """Layers with weights in the order of their calls, and the normalization after each."""
    calls: list[tuple[str, nn.Module, torch.Tensor, torch.Tensor]] = []
    hooks = [module.register_forward_hook(
        lambda module, inputs, output, name=name: calls.append((name, module, inputs[0], output)))
        for name, module in model.named_modules() if isinstance(module, LAYERS + NORMALIZATIONS)]
    try:
        with torch.no_grad():
            model(torch.zeros(2, *shape))
    finally:
        for hook in hooks:
            hook.remove()
    found = []
    for name, module, _, output in calls:
        if isinstance(module, LAYERS):
            after = next((other for _, other, source, _ in calls
                          if source is output and isinstance(other, NORMALIZATIONS)), None)
            found.append((name, module, after))
    names = [name for name, _, _ in found]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"Layer {name!r} must be computed once, to take weights of a .tflite "
                            f"file, not {names.count(name)} times")
    return found


def _assign(path: Path, name: str, module: nn.Module, normalization: nn.Module | None,
            layer: FileLayer) -> None:
    wanted = module.weight.shape
    found = layer.weight.shape
    if wanted != found and not (len(wanted) == 3 and found == (*wanted[:2], 1, wanted[2])):
        raise UserError(f"Layer {name!r} must have weights of the shape that {layer.operation} of "
                        f"{path} has, {tuple(found)}, not {tuple(wanted)}")
    holder = module if module.bias is not None else normalization
    if (holder is None or holder.bias is None) and bool(layer.bias.any()):
        raise UserError(f"Layer {name!r} must have a bias, as {layer.operation} of {path} has")
    with torch.no_grad():
        if normalization is not None:
            normalization.reset_parameters()
            if normalization.running_var is not None:
                normalization.running_var.fill_(1 - normalization.eps)
        module.weight.copy_(layer.weight.view_as(module.weight))
        if holder is not None and holder.bias is not None:
            holder.bias.copy_(layer.bias)


def _check(model: nn.Module, path: Path, shape: tuple[int, ...],
           layers: list[FileLayer]) -> None:
    """Check that the model computes what the file's layers do."""
    try:
        graph = capture(model, shape)
    except CaptureError as error:
        raise UserError(str(error)) from None
    nodes = [node for node in graph if isinstance(node, ConvNode | LinearNode)]
    if len(nodes) != len(layers):
        raise UserError(f"{path} must have as many layers with weights as the model, "
                        f"{', '.join(node.name for node in nodes)}, not {len(layers)}")
    for node, layer in zip(nodes, layers):
        for name, wanted in (*layer.geometry.items(), *_limits(layer)):
            if getattr(node, name) != wanted:
                raise UserError(f"Layer {node.name!r}: {name} must be {wanted}, as of "
                                f"{layer.operation} of {path}, not {getattr(node, name)}")
        for name in ("weight", "bias"):
            wanted = getattr(layer, name)
            difference = (getattr(node, name) - wanted.view_as(getattr(node, name))).abs().max()
            if not float(difference) <= TOLERANCE * max(math.ulp(1.0), float(wanted.abs().max())):
                raise UserError(f"Layer {node.name!r}: {name} must be that of {layer.operation} "
                                f"of {path} alone, but the model changes it")


def _limits(layer: FileLayer) -> list[tuple[str, float | None]]:
    """The limits that the layer must have, where the file's has any."""
    return list(zip(("minimum", "maximum"), layer.limits)) if any(
        limit is not None for limit in layer.limits) else []
