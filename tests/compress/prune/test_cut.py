"""A smaller network that computes what the whole one does with channels of 0."""

import dataclasses
import itertools

import pytest
import torch

from sparrow.compress.draft import TensorFormat, WeightFormat
from sparrow.compress.prune.channels import channel_groups
from sparrow.compress.prune.cut import cut_channels
from sparrow.compress.scales import QuantizeError


def removal(draft, numbers):
    """Channels of the units of these numbers, of each group that isn't fixed."""
    return [channel for group in channel_groups(draft.graph) if not group.units[0].fixed
            for number in numbers if number < len(group.units)
            for channel in group.units[number].channels]


def zeroed(graph, images, removed):
    """The output with channels of 0 in every tensor that they go through."""
    tensors = {graph.input_name: images}
    gone = {node.name: torch.ones(node.shape[0]) for node in graph}
    for node in graph:
        for name, channel in removed:
            if name == node.name:
                gone[node.name][channel] = 0
        tensors[node.name] = node.evaluate(*(tensors[name] for name in node.inputs))
        tensors[node.name] = tensors[node.name] * gone[node.name][:, None, None]
    return tensors[graph.output]


@pytest.mark.parametrize("numbers", [(), (0,), (1, 3), (0, 1, 2), (3, 4, 5, 6, 7)])
def test_computes_the_same(tied_draft, numbers):
    images = torch.randn(5, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    removed = removal(tied_draft, numbers)
    small = cut_channels(tied_draft, removed)
    wanted = zeroed(tied_draft.graph, images, removed)
    found = small.graph.run(images)[small.graph.output]
    assert torch.allclose(found, wanted, rtol=1e-4, atol=1e-5)
    sizes = {name: node.shape[0] for name, node in small.weighted.items()}
    left = [sum(number not in numbers for number in range(total)) for total in (6, 4, 5, 8)]
    assert sizes == {"stem": left[0], "branch": left[0], "depthwise": 2 * left[0],
                     "left": left[1], "right": left[2], "hidden": left[3], "head": 3}
    tensors = small.graph.run(images)
    assert all(tensors[node.name].shape[1:] == node.shape for node in small.graph)
    assert small.graph.node("depthwise").groups == left[0]


def test_masks_and_formats(tied_draft):
    """Whatever was decided about a weight stays with it."""
    weights = tied_draft.weighted
    masks = {name: weights[name].weight > 0 for name in ("stem", "depthwise", "hidden", "head")}
    draft = tied_draft.with_masks(masks)
    steps = {name: torch.arange(1.0, 1 + len(weights[name].weight), dtype=torch.float64)
             for name in weights}
    draft = draft.replace(
        formats={"branch": WeightFormat(bits=8, step=steps["branch"]),
                 "hidden": WeightFormat(bits=4, step=torch.ones(1, dtype=torch.float64))},
        tensors={"sum": TensorFormat(low=0.0, high=1.0)})
    small = cut_channels(draft, removal(draft, (1, 3)))
    for name in masks:
        assert torch.equal(small.masks[name], small.weighted[name].weight != 0)
    assert not small.weighted["hidden"].weight[~small.mask("hidden")].any()
    assert small.weighted["hidden"].weight.shape == (6, 5 * 4)
    assert small.formats["branch"].step.tolist() == [1, 3, 5, 6]
    assert small.formats["hidden"] is draft.formats["hidden"]
    assert small.tensors == draft.tensors
    left = [0, 2, 4, 5, 6, 7, 8]
    kept = list(itertools.chain(*(range(4 * number, 4 * number + 4) for number in
                                  (0, 2, 4, 6, 8))))
    assert len(left) == 7 and torch.equal(
        small.weighted["hidden"].weight,
        draft.weighted["hidden"].weight[[0, 2, 4, 5, 6, 7]][:, kept])


def test_nothing_left_is_refused(tied_draft):
    with pytest.raises(QuantizeError, match="^Layer 'left': at least 1 channel must be kept, "
                                            "not 0$"):
        cut_channels(tied_draft, [("left", number) for number in range(4)])


def test_draft_is_left_as_it_is(tied_draft):
    before = dataclasses.replace(tied_draft)
    cut_channels(tied_draft, removal(tied_draft, (0,)))
    assert tied_draft.graph is before.graph and not tied_draft.masks
