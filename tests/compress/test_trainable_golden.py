"""Quantization simulated in PyTorch against golden, on random graphs and formats."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sparrow.compress.calibrate import Method
from sparrow.compress.draft import Draft
from sparrow.compress.graph import (
    AddNode,
    AveragePoolNode,
    ClampNode,
    ConcatNode,
    ConvNode,
    FunctionNode,
    Graph,
    LinearNode,
    MaxPoolNode,
)
from sparrow.compress.precision.choose import with_tensor_formats, with_weight_formats
from sparrow.compress.quantize import quantize
from sparrow.compress.trainable import Trainable
from sparrow.golden.network import execute

SIZE = 4
KINDS = ("conv", "depthwise", "add", "concat", "max", "average", "clamp", "sigmoid", "tanh",
         "sign")


@st.composite
def graphs(draw):
    """Three to six nodes that keep height and width, each of earlier tensors, then a linear layer
    over all that no node takes."""
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))

    def randn(*shape):
        return torch.randn(*shape, generator=generator)

    channels, nodes = {"input": 2}, []
    for number in range(draw(st.integers(3, 6))):
        name, source = f"n{number}", draw(st.sampled_from(sorted(channels)))
        kind, width = draw(st.sampled_from(KINDS)), channels[source]
        common = {"name": name, "inputs": (source,), "shape": (width, SIZE, SIZE)}
        limits = draw(st.sampled_from([{}, {"minimum": 0.0}, {"minimum": 0.0, "maximum": 1.5}]))
        if kind in ("conv", "depthwise"):
            groups = width if kind == "depthwise" else 1
            made = width if kind == "depthwise" else draw(st.integers(1, 4))
            weight = randn(made, width // groups, 3, 3) * draw(st.sampled_from([0.1, 1.0]))
            nodes.append(ConvNode(**common | {"shape": (made, SIZE, SIZE)}, weight=weight,
                                  bias=randn(made), padding=(1, 1, 1, 1), groups=groups,
                                  **limits))
            width = made
        elif kind in ("add", "concat"):
            others = [other for other in channels
                      if kind == "concat" or channels[other] == width]
            other = draw(st.sampled_from(sorted(others)))
            both = common | {"inputs": (source, other)}
            if kind == "add":
                nodes.append(AddNode(**both, **limits))
            else:
                width += channels[other]
                nodes.append(ConcatNode(**both | {"shape": (width, SIZE, SIZE)}))
        elif kind in ("max", "average"):
            pool = MaxPoolNode if kind == "max" else AveragePoolNode
            nodes.append(pool(**common, kernel=(3, 3), stride=(1, 1), padding=(1, 1, 1, 1)))
        elif kind == "clamp":
            nodes.append(ClampNode(**common, **limits))
        else:
            nodes.append(FunctionNode(**common, function=kind))
        channels[name] = width
    taken = {name for node in nodes for name in node.inputs}
    ends = [name for name in channels if name not in taken and name != "input"]
    if len(ends) > 1:
        total = sum(channels[name] for name in ends)
        nodes.append(ConcatNode(name="ends", inputs=tuple(ends), shape=(total, SIZE, SIZE)))
    last = nodes[-1]
    features = last.shape[0] * SIZE * SIZE
    nodes.append(LinearNode(name="fc", inputs=(last.name,), shape=(3, 1, 1),
                            weight=randn(3, features) / features**0.5, bias=randn(3)))
    graph = Graph(name="g", shape=(2, SIZE, SIZE), nodes=tuple(nodes), output="fc")
    return graph, randn(20, 2, SIZE, SIZE)


@given(graphs(), st.sampled_from([8, 4, 2, 1]), st.sampled_from([8, 4]), st.booleans(),
       st.sampled_from([Method.MINMAX, Method.MSE]))
@settings(max_examples=40, deadline=None)
def test_within_one_output_step(case, bits, activation_bits, per_channel, method):
    """Each layer in floating point, on what golden's layers before it gave; an integer bias is
    besides up to half a unit of the sums away from the real one."""
    graph, images = case
    draft = with_weight_formats(Draft(graph=graph), bits, {}, method=method,
                                per_channel=per_channel)
    draft = with_tensor_formats(draft, images, Method.MINMAX, bits=activation_bits)
    network, model = quantize(draft, images), Trainable(draft)
    elements = network.input.to_elements(images)
    found = {network.input_name: elements, **execute(network, elements, trace=True)}
    values = {name: network.type_of(name).to_values(each) for name, each in found.items()}
    with torch.no_grad():
        for node in graph:
            expected = model.compute(node, *(values[name].float() for name in node.inputs))
            output, allowed = network.type_of(node.name), 1.001
            if node.name in draft.formats:
                unit = float(draft.formats[node.name].step.max())
                unit *= network.type_of(node.inputs[0]).scale
                allowed += 0.5 * unit / output.scale
            steps = float((expected - values[node.name]).abs().max()) / output.scale
            assert steps < allowed, (type(node).__name__, steps, allowed)
