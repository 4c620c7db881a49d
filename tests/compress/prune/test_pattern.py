"""What lies side by side, N of M, and blocks."""

import dataclasses

import pytest
import torch

from sparrow.compress.graph import ConvNode, Graph, LinearNode
from sparrow.compress.prune.pattern import best_of_each, blocks_of, stored_shape


def scores(*shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(len(shape)))


def test_stored_shape(small_draft):
    graph = small_draft.graph
    assert stored_shape(graph, graph.node("conv")) == (1, 8, 2, 9)
    assert stored_shape(graph, graph.node("fc1")) == (1, 16, 8, 4)
    assert stored_shape(graph, graph.node("fc2")) == (1, 4, 16, 1)
    first = LinearNode(name="a", inputs=("input",), shape=(3, 1, 1), weight=torch.zeros(3, 20),
                       bias=torch.zeros(3))
    flat = Graph(name="flat", shape=(5, 2, 2), nodes=(first,), output="a")
    assert stored_shape(flat, first) == (1, 3, 20, 1)
    conv = ConvNode(name="b", inputs=("input",), shape=(10, 2, 2), groups=5,
                    weight=torch.zeros(10, 1, 3, 3), bias=torch.zeros(10), padding=(1,) * 4)
    both = dataclasses.replace(flat, nodes=(first, conv), output="b")
    assert stored_shape(both, first) == (1, 3, 5, 4)
    assert stored_shape(both, conv) == (5, 2, 1, 9)


@pytest.mark.parametrize("n, m", [(2, 4), (1, 3), (3, 8), (0, 2), (5, 5), (1, 16)])
@pytest.mark.parametrize("shape, stored", [
    ((6, 10, 3, 3), (1, 6, 10, 9)), ((4, 12), (1, 4, 3, 4)), ((6, 2, 1, 1), (3, 2, 2, 1))])
def test_best_of_each(shape, stored, n, m):
    """Against a loop over groups."""
    values = scores(*shape)
    mask = best_of_each(values, stored, n, m)
    assert mask.shape == values.shape and mask.dtype == torch.bool
    for row, kept in zip(values.reshape(-1, *stored[2:]).movedim(2, 1).flatten(0, 1),
                         mask.reshape(-1, *stored[2:]).movedim(2, 1).flatten(0, 1)):
        for part, chosen in zip(row.split(m), kept.split(m)):
            wanted = sorted(part.tolist(), reverse=True)[:n]
            assert sorted(part[chosen].tolist(), reverse=True) == wanted


def test_blocks():
    """Ends of channels make smaller blocks; scores are means."""
    values = scores(6, 10, 3, 3)
    blocks = blocks_of(values, (1, 6, 10, 9), (4, 4))
    assert len(blocks.scores) == 2 * 3 * 9
    assert blocks.sizes.view(2, 3, 9)[:, :, 0].tolist() == [[16, 16, 8], [8, 8, 4]]
    parts = values.flatten(2)
    found = blocks.scores.view(2, 3, 9)
    assert torch.allclose(found[0, 0], parts[:4, :4].mean((0, 1)))
    assert torch.allclose(found[1, 2], parts[4:, 8:].mean((0, 1)))
    kept = torch.zeros(54, dtype=torch.bool)
    kept[1] = True
    assert blocks.mask(kept).nonzero().tolist() == [
        [out, channel, 0, 1] for out in range(4) for channel in range(4)]


def test_blocks_of_groups_and_linear():
    assert blocks_of(scores(6, 1, 3, 3), (6, 1, 1, 9), (4, 4)).sizes.tolist() == [1] * 54
    blocks = blocks_of(scores(4, 12), (1, 4, 3, 4), (2, 4))
    assert blocks.sizes.view(1, 2, 4).tolist() == [[[8] * 4, [4] * 4]]
    assert blocks_of(scores(4, 12), (1, 4, 3, 4)).scores.tolist() == scores(4, 12).view(-1).tolist()
