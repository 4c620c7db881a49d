"""Models that a user brings, trained or refused."""

import sys

import pytest
import torch
from torch import nn

from sparrow.compress.data import Dataset, noise
from sparrow.flow.compression import trained
from sparrow.flow.errors import UserError

LABELS = torch.arange(4)
DATA = Dataset(train_images=torch.ones(4, 1, 2, 2), train_labels=LABELS,
               test_images=torch.ones(4, 1, 2, 2), test_labels=LABELS)


class Model(nn.Module):
    """A linear layer, whose output goes through a function."""

    def __init__(self, after=lambda x: x, outputs=4, inputs=4):
        super().__init__()
        self.layer, self.after = nn.Linear(inputs, outputs), after

    def forward(self, x):
        return self.after(self.layer(x.flatten(1)))


def only_at_once(x):
    if len(x) != 2:
        raise ValueError(f"{len(x)} images")
    return x


@pytest.mark.parametrize("factory, text", [
    (lambda: sys.exit(3), "The model's factory must give a model: SystemExit: 3"),
    (lambda: 3, "The model's factory must give a torch.nn.Module, not 3"),
    (lambda: Model(inputs=5), "The model must take images of shape (1, 2, 2): RuntimeError: "),
    (lambda: Model(sys.exit), "The model must take images of shape (1, 2, 2): SystemExit: "),
    (lambda: Model(outputs=3), "The model must give an output for each class, 0 to 3, "
                               "not 3 outputs"),
    (lambda: Model(lambda x: (x, x)), "The model must give one tensor, 2 outputs for 2 images, "
                                      "not tuple"),
    (lambda: Model(torch.sum), "The model must give one tensor, 2 outputs for 2 images, "
                               "not a tensor of shape ()"),
    (nn.Flatten, "The model must have parameters, to be trained, but has none"),
    (lambda: Model(only_at_once), "The model must be one that can be trained: ValueError: "
                                  "4 images"),
])
def test_refused(factory, text):
    with pytest.raises(UserError) as caught:
        trained(factory, DATA, epochs=1)
    assert str(caught.value).startswith(text) if text[-2:] == ": " else str(caught.value) == text


@pytest.mark.parametrize("seed", [-1, 2**63])
def test_seeds(seed):
    with pytest.raises(UserError) as caught:
        trained(Model, DATA, seed=seed)
    assert str(caught.value) == f"The seed must be 0 to {2**63 - 1}, not {seed}"


def test_the_look_at_the_model_changes_no_random_number():
    before = torch.random.get_rng_state()
    models = [trained(lambda: nn.Sequential(nn.Flatten(), nn.LazyLinear(4)), DATA, epochs=1)
              for _ in range(2)]
    assert torch.equal(models[0][1].weight, models[1][1].weight)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_random_weights():
    """They are those that the model starts with; each channel is normalized on the images."""
    data = noise((2, 6, 6), train=100, seed=3)
    model = trained(lambda: nn.Sequential(nn.Conv2d(2, 8, 3), nn.BatchNorm2d(8)), data,
                    random=True, seed=5)
    with torch.random.fork_rng():
        torch.manual_seed(5)
        assert torch.equal(model[0].weight, nn.Conv2d(2, 8, 3).weight)
    assert not model.training
    with torch.inference_mode():
        output = model(data.train_images)
    assert output.mean((0, 2, 3)).abs().max() < 0.05
    assert (output.std((0, 2, 3)) - 1).abs().max() < 0.05


def test_no_training_without_labels():
    with pytest.raises(UserError) as caught:
        trained(lambda: nn.Sequential(nn.Flatten(), nn.Linear(8, 3)), noise((2, 2, 2)))
    assert str(caught.value) == ("The model must be given weights, random ones too, with data that "
                                 "have no labels to train it on")


def test_the_learning_rate_is_that_of_the_training():
    start = trained(Model, DATA, random=True).layer.weight
    changes = [float((trained(Model, DATA, epochs=10, learning_rate=rate).layer.weight
                      - start).abs().max().detach()) for rate in (1e-6, 1e-2)]
    assert changes[0] < 1e-4 < 1e-2 < changes[1]


def test_weights_of_tensorflow_lite(tmp_path):
    """A file with this ending goes to its reader, which refuses this one."""
    path = tmp_path / "m.tflite"
    path.write_bytes(b"nothing")
    with pytest.raises(UserError) as caught:
        trained(Model, DATA, weights=path)
    assert str(caught.value).startswith(f"{path} must be a file of TensorFlow Lite: ")
