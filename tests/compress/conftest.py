"""The example models, which are plain files outside the package; a small network with data."""

import importlib.util
from pathlib import Path

import pytest
import torch

from sparrow.compress.data import Dataset
from sparrow.compress.draft import Draft
from sparrow.compress.graph import ConvNode, Graph, LinearNode, MaxPoolNode
from sparrow.compress.trainable import Trainable
from sparrow.golden.network import execute

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture(scope="session")
def example():
    """A function from an example's name to its module."""
    def load(name: str):
        spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    return load


@pytest.fixture
def within_a_step():
    """A check that a draft and its network give the same to one step of each layer's output: each
    layer in floating point, on what the integer layers before it gave."""
    def check(draft, network, images):
        model, elements = Trainable(draft), network.input.to_elements(images)
        found = {network.input_name: elements, **execute(network, elements, trace=True)}
        values = {name: network.type_of(name).to_values(each) for name, each in found.items()}
        with torch.no_grad():
            for node in draft.graph:
                expected = model.compute(node, *(values[name].float() for name in node.inputs))
                steps = (expected - values[node.name]).abs() / network.type_of(node.name).scale
                assert float(steps.max()) < 1.001, node.name
    return check


@pytest.fixture
def small_draft() -> Draft:
    """Convolution from 2 to 8 channels, maximum pooling, linear layers of 16 and 4."""
    return Draft(graph=Graph(name="small", shape=(2, 6, 6), output="fc2", nodes=(
        ConvNode(name="conv", inputs=("input",), shape=(8, 4, 4), weight=_random(8, 2, 3, 3) / 4,
                 bias=_random(8, seed=1) / 4, minimum=0.0),
        MaxPoolNode(name="pool", inputs=("conv",), shape=(8, 2, 2), kernel=(2, 2), stride=(2, 2)),
        LinearNode(name="fc1", inputs=("pool",), shape=(16, 1, 1), minimum=0.0,
                   weight=_random(16, 32, seed=2) / 5, bias=_random(16, seed=3) / 4),
        LinearNode(name="fc2", inputs=("fc1",), shape=(4, 1, 1),
                   weight=_random(4, 16, seed=4) / 4, bias=_random(4, seed=5) / 4))))


@pytest.fixture
def small_data() -> Dataset:
    """Four classes: which quarter of a noisy image is brighter."""
    images = _random(96, 2, 6, 6, seed=6) / 2
    labels = torch.arange(96) % 4
    for image, label in zip(images, labels.tolist()):
        top, left = 3 * (label // 2), 3 * (label % 2)
        image[:, top:top + 3, left:left + 3] += 1
    return Dataset(train_images=images[:64], train_labels=labels[:64],
                   test_images=images[64:], test_labels=labels[64:])


def _random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
