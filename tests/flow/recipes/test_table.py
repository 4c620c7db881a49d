"""The closing table of a compression."""

import io

import torch
from rich.console import Console

from sparrow.compiler.streams import network_size
from sparrow.compress.draft import Draft
from sparrow.compress.graph import Graph, LinearNode
from sparrow.compress.quantize import quantize
from sparrow.flow.recipes.table import compared_sizes, compression_table


def linear(name, source, outputs, inputs, weight=None):
    weight = torch.ones(outputs, inputs) if weight is None else weight
    return LinearNode(name=name, inputs=(source,), shape=(outputs, 1, 1), weight=weight,
                      bias=torch.zeros(outputs))


def graph(*nodes):
    return Graph(name="net", shape=(64, 1, 1), nodes=nodes, output=nodes[-1].name)


def test_beside_the_original():
    """One layer pruned, one replaced by two."""
    original = graph(linear("one", "input", 32, 64), linear("two", "one", 10, 32))
    mask = torch.arange(64 * 32).view(32, 64) % 4 == 0
    draft = Draft(graph=graph(linear("one", "input", 32, 64), linear("two.in", "one", 2, 32),
                              linear("two.out", "two.in", 10, 2))).with_masks({"one": mask})
    sizes = network_size(quantize(draft, torch.rand(4, 64, 1, 1)))
    found = compared_sizes(original, sizes)
    one, first, second = found["layers"]
    assert (one["before"], one["kept"], one["shape"]) == (4 * (64 * 32 + 32), 0.25, [32, 64])
    assert (first["before"], second["before"]) == (4 * (64 + 2), 4 * (20 + 10))
    assert found["before"] == 4 * (64 * 32 + 32 + 320 + 10)
    assert found["after"] == sizes.after == sum(layer["after"] for layer in found["layers"])
    assert found["ratio"] == found["before"] / found["after"]
    assert found["kept"] == (512 + 64 + 20) / (64 * 32 + 320)

    text = io.StringIO()
    Console(file=text, width=120).print(compression_table({"sizes": found}))
    rows = [line.split() for line in text.getvalue().splitlines()]
    [total] = [row for row in rows if "all" in row]
    assert f"{found['ratio']:.1f}×" in total
