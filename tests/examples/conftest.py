"""The example models, which are plain files outside the package."""

import importlib.util
from pathlib import Path

import pytest
import torch

from sparrow.compress import capture
from sparrow.compress.data import noise
from sparrow.compress.train import initialized, normalize

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Several threads wait for each other far longer than they work, where cores are busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def example():
    """A function from an example's name to its module."""
    def load(name: str):
        spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    return load


@pytest.fixture(scope="module")
def captured(example):
    """A function from an example's name to its random model, its graph, and images; kept."""
    kept = {}

    def get(name: str, function: str):
        if name not in kept:
            module = example(name)
            images = noise(module.SHAPE, train=2, test=1).train_images
            model = initialized(getattr(module, function))
            normalize(model, images)
            with torch.inference_mode():
                kept[name] = model, capture(model, module.SHAPE), images
        return kept[name]
    return get
