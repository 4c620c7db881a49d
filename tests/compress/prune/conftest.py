"""A network with every kind of tie between channels."""

import pytest
import torch

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


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) / 3


def conv(name, source, outputs, inputs, *, size=8, kernel=3, groups=1, **options):
    return ConvNode(name=name, inputs=(source,), shape=(outputs, size, size), groups=groups,
                    weight=random(outputs, inputs, kernel, kernel, seed=len(name)),
                    bias=random(outputs, seed=outputs), padding=(kernel // 2,) * 4, **options)


@pytest.fixture
def tied_draft() -> Draft:
    """Layers of 6, 6 (added to it), 12 (depthwise, two for each channel), 4 and 5 (side by side),
    8, and 3 outputs."""
    size = {"kernel": (2, 2), "stride": (2, 2)}
    return Draft(graph=Graph(name="tied", shape=(3, 8, 8), output="head", nodes=(
        conv("stem", "input", 6, 3, minimum=0.0),
        conv("branch", "stem", 6, 6),
        FunctionNode(name="swish", inputs=("branch",), shape=(6, 8, 8), function="hardswish"),
        AddNode(name="sum", inputs=("swish", "stem"), shape=(6, 8, 8), minimum=0.0),
        conv("depthwise", "sum", 12, 1, groups=6),
        ClampNode(name="clamp", inputs=("depthwise",), shape=(12, 8, 8), minimum=0.0, maximum=6.0),
        conv("left", "clamp", 4, 12, kernel=1),
        conv("right", "sum", 5, 6),
        ConcatNode(name="both", inputs=("left", "right"), shape=(9, 8, 8)),
        MaxPoolNode(name="pool", inputs=("both",), shape=(9, 4, 4), **size),
        AveragePoolNode(name="average", inputs=("pool",), shape=(9, 2, 2), **size),
        LinearNode(name="hidden", inputs=("average",), shape=(8, 1, 1), weight=random(8, 36),
                   bias=random(8), minimum=0.0),
        LinearNode(name="head", inputs=("hidden",), shape=(3, 1, 1), weight=random(3, 8),
                   bias=random(3)))))
