"""Graphs with layers replaced."""

import pytest
import torch

from sparrow.compress.draft import Draft, TensorFormat
from sparrow.compress.factorize import Target, chain, factor_svd, rewritten
from sparrow.compress.graph import AddNode, Graph, LinearNode
from sparrow.compress.quantize import QuantizeError

from .nodes import random


def graph(*, second="b"):
    shape = (8, 1, 1)
    layer = {"shape": shape, "weight": random(8, 8).float(), "bias": torch.zeros(8)}
    return Graph(name="net", shape=shape, output="sum", nodes=(
        LinearNode(name="a", inputs=("input",), **layer),
        LinearNode(name=second, inputs=("a",), **layer),
        AddNode(name="sum", inputs=("a", second), shape=shape)))


def parts(source, *names):
    return {name: chain(source.node(name), (8, 1, 1),
                        factor_svd(source.node(name), Target(rank=8)).stages) for name in names}


def test_consumers_and_formats():
    source = graph()
    form = TensorFormat(low=-1.0, high=1.0)
    draft = Draft(graph=source, tensors={"a": form, "sum": form},
                  masks={"b": torch.ones(8, 8, dtype=torch.bool)})
    found = rewritten(draft, parts(source, "a", "b"))
    assert [(node.name, node.inputs) for node in found.graph] == [
        ("a.in", ("input",)), ("a.out", ("a.in",)), ("b.in", ("a.out",)), ("b.out", ("b.in",)),
        ("sum", ("a.out", "b.out"))]
    assert found.tensors == {"a.out": form, "sum": form} and not found.masks
    images = random(4, 8, 1, 1).float()
    assert torch.allclose(found.graph.run(images)["sum"], source.run(images)["sum"], atol=1e-4)


def test_output():
    source = graph().replace(output="b")
    assert rewritten(Draft(graph=source), parts(source, "b")).graph.output == "b.out"


def test_names_of_their_own():
    source = graph(second="a.in")
    with pytest.raises(QuantizeError, match="^Layer 'a.in': a factor must have a name of its own, "
                                            "but another layer has this one$"):
        rewritten(Draft(graph=source), parts(source, "a"))
