"""Which channels are one, and which must stay."""

from sparrow.compress.capture import capture
from sparrow.compress.graph import AddNode, ConvNode
from sparrow.compress.prune.channels import channel_groups


def summary(graph):
    return {group.layers: (len(group.units), sum(unit.fixed for unit in group.units))
            for group in channel_groups(graph)}


def test_ties(tied_draft):
    assert summary(tied_draft.graph) == {
        ("stem", "branch", "depthwise"): (6, 0), ("left",): (4, 0), ("right",): (5, 0),
        ("hidden",): (8, 0), ("head",): (3, 3)}
    first = channel_groups(tied_draft.graph)[0].units
    assert first[1].channels == (("stem", 1), ("branch", 1), ("depthwise", 2), ("depthwise", 3))


def test_sum_after_concatenation(tied_draft):
    """Side by side means not tied, but one addition to both makes one group of them."""
    extra = (AddNode(name="more", inputs=("both", "wide"), shape=(9, 8, 8)),)
    nodes = list(tied_draft.graph.nodes)
    place = [node.name for node in nodes].index("pool")
    wide = nodes[place - 2]
    assert isinstance(wide, ConvNode)
    rows = [0, 1, 2, 3, 4, 0, 1, 2, 3]
    wide = wide.replace(name="wide", weight=wide.weight[rows], bias=wide.bias[rows],
                        shape=(9, 8, 8))
    nodes[place:place + 1] = [wide, *extra, nodes[place].replace(inputs=("more",))]
    groups = channel_groups(tied_draft.graph.replace(nodes=tuple(nodes)))
    units = next(group.units for group in groups if group.layers == ("left", "right", "wide"))
    assert [unit.channels for unit in units][3:5] == [
        (("left", 3), ("wide", 3)), (("right", 0), ("wide", 4))]


def test_what_must_stay(tied_draft):
    """Sums with the network's input, and both sides of a grouped convolution."""
    graph = tied_draft.graph
    stem = graph.nodes[0].replace(weight=graph.nodes[0].weight[:3], bias=graph.nodes[0].bias[:3],
                                  shape=(3, 8, 8))
    add = AddNode(name="sum", inputs=("stem", "input"), shape=(3, 8, 8))
    last = graph.nodes[7].replace(weight=graph.nodes[7].weight[:, :3], inputs=("sum",))
    small = graph.replace(nodes=(stem, add, last, graph.nodes[9].replace(inputs=("right",))),
                          output="pool")
    assert summary(small) == {("stem",): (3, 3), ("right",): (5, 5)}
    nodes = [node.replace(groups=2, weight=node.weight[:, :3]) if node.name == "branch" else node
             for node in graph]
    assert summary(graph.replace(nodes=tuple(nodes))) == {
        **summary(graph), ("stem", "branch", "depthwise"): (6, 6)}


def test_residual_network(example):
    """A stage of ResNet-20 is one group of 7 layers, or of 7 with its shortcut."""
    found = summary(capture(example("resnet20").resnet20().eval(), (3, 32, 32)))
    groups = {names: size for names, size in found.items() if len(names) > 1}
    assert [(len(names), *size) for names, size in groups.items()] == [
        (4, 16, 0), (4, 32, 0), (4, 64, 0)]
    assert len(found) == 3 + 9 + 1
    assert found[("linear",)] == (10, 10)
