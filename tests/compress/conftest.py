"""The example models, which are plain files outside the package."""

import importlib.util
from pathlib import Path

import pytest
import torch

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
