"""How far an integer network is from the float graph that it was made of."""

import dataclasses

import torch

from sparrow.golden.network import Network, Weighted, execute

from .graph import Graph

__all__ = ["Comparison", "LayerComparison", "accuracy", "compare"]

BATCH = 64


@dataclasses.dataclass(frozen=True, kw_only=True)
class LayerComparison:
    """One layer of an integer network beside the float graph's.

    Parameters
    ----------
    name : str
    kind : str
        Name of the layer's class.
    weight_bits : int or None
    largest_difference : float
        Largest magnitude of the difference of real values.
    signal_to_noise : float
        Energy of the float values over that of the differences, in decibels.
    """

    name: str
    kind: str
    weight_bits: int | None
    largest_difference: float
    signal_to_noise: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Comparison:
    """An integer network beside its float graph, on some images.

    Parameters
    ----------
    images : int
    layers : tuple of LayerComparison
        In the network's order.
    largest_difference : float
        That of the output.
    agreement : float
        Share of images whose largest output, the first of equal ones, is the model's.
    output_signal_to_noise : float
        Energy of the model's outputs over that of the network's differences, in decibels.
    float_accuracy, accuracy : float or None
        Share of images whose largest output is at the label, of the graph and of the network;
        ``None`` without labels.
    """

    images: int
    layers: tuple[LayerComparison, ...]
    largest_difference: float
    agreement: float
    output_signal_to_noise: float
    float_accuracy: float | None
    accuracy: float | None


def compare(graph: Graph, network: Network, images: torch.Tensor,
            labels: torch.Tensor | None = None, *, model: Graph | None = None) -> Comparison:
    """Run both on the same images.

    Parameters
    ----------
    images : torch.Tensor, float32, shape (images, *graph.shape)
    labels : torch.Tensor, int64, shape (images,)
        Classes.
    model : Graph
        With which outputs agree or don't, and which is right or isn't: the network as it was
        before passes changed its weights; ``graph`` unless given.
    """
    totals = {layer.name: [0.0, 0.0, 0.0] for layer in network}
    right, float_right, agreeing, output_total = 0, 0, 0, [0.0, 0.0]
    for start in range(0, len(images), BATCH):
        batch = images[start:start + BATCH]
        expected = graph.run(batch)
        elements = network.input.to_elements(expected[graph.input_name])
        found = execute(network, elements, trace=True)
        assert isinstance(found, dict)
        for layer in network:
            exact = expected[layer.name].to(torch.float64)
            difference = layer.output.to_values(found[layer.name]) - exact
            total = totals[layer.name]
            total[0] = max(total[0], float(difference.abs().max()))
            total[1] += float(exact.square().sum())
            total[2] += float(difference.square().sum())
        wished = (expected[graph.output] if model is None
                  else model.run(batch)[model.output]).flatten(1).to(torch.float64)
        given = network.type_of(network.output).to_values(found[network.output]).flatten(1)
        agreeing += _right(given, _first(wished))
        output_total[0] += float(wished.square().sum())
        output_total[1] += float((given - wished).square().sum())
        if labels is not None:
            wanted = labels[start:start + BATCH]
            float_right += _right(wished, wanted)
            right += _right(given, wanted)
    layers = tuple(
        LayerComparison(
            name=layer.name, kind=type(layer).__name__, largest_difference=totals[layer.name][0],
            weight_bits=layer.weight_bits if isinstance(layer, Weighted) else None,
            signal_to_noise=_decibels(*totals[layer.name][1:]))
        for layer in network)
    return Comparison(
        images=len(images), layers=layers, largest_difference=totals[network.output][0],
        agreement=agreeing / len(images), output_signal_to_noise=_decibels(*output_total),
        float_accuracy=None if labels is None else float_right / len(images),
        accuracy=None if labels is None else right / len(images))


def accuracy(network: Network, images: torch.Tensor, labels: torch.Tensor) -> float:
    """Share of images, float32, whose largest output is at the label; the first of equal ones."""
    shaped = images.reshape(len(images), *network.input.shape)
    output = execute(network, network.input.to_elements(shaped))
    assert isinstance(output, torch.Tensor)
    return _right(output, labels) / len(images)


def _right(output: torch.Tensor, labels: torch.Tensor) -> int:
    return int((_first(output) == labels).sum())


def _first(output: torch.Tensor) -> torch.Tensor:
    """Where the first of the largest outputs of each image is."""
    values = output.flatten(1)
    return (values == values.amax(1, keepdim=True)).to(torch.uint8).argmax(1)


def _decibels(signal: float, noise: float) -> float:
    if not noise:
        return float("inf")
    return float(10 * torch.tensor(signal / noise, dtype=torch.float64).log10())
