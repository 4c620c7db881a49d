"""Models and weights that a user brings, and what is refused."""

import pickle

import pytest
import torch
from torch import nn

from sparrow.flow.errors import UserError
from sparrow.flow.models import load_weights, model_factory


def test_a_file_that_exits(tmp_path):
    path = tmp_path / "m.py"
    path.write_text("import sys\nsys.exit(5)\n")
    with pytest.raises(UserError) as caught:
        model_factory(path, "make")
    assert str(caught.value) == (
        f"{path} must be a Python file that can be executed: SystemExit: 5")


@pytest.mark.parametrize("content", [
    lambda tensors: tensors,
    lambda tensors: {"state_dict": tensors, "best": 91.8},
    lambda tensors: {"state_dict": {f"module.{name}": each for name, each in tensors.items()}},
])
def test_weights_by_torch(tmp_path, content):
    path, source, model = tmp_path / "w.th", nn.Linear(3, 2), nn.Linear(3, 2)
    torch.save(content(source.state_dict()), path)
    load_weights(model, path)
    assert torch.equal(model.weight, source.weight)


class Code:
    """What must not be run."""

    def __reduce__(self):
        return print, ("run",)


@pytest.mark.parametrize("write, text", [
    (lambda path: path.write_bytes(b"nothing"), "must be a file of tensors by torch.save: "),
    (lambda path: path.write_bytes(pickle.dumps(Code())),
     "must be a file of tensors by torch.save: "),
    (lambda path: torch.save([1], path), "must hold tensors by name"),
    (lambda path: torch.save({"weight": 1}, path), "must hold tensors by name"),
    (lambda path: torch.save({"weight": torch.ones(2, 3)}, path),
     "must hold the model's tensors: Error(s) in loading state_dict for Linear"),
])
def test_weights_that_are_refused(tmp_path, capsys, write, text):
    path = tmp_path / "w.pt"
    write(path)
    with pytest.raises(UserError) as caught:
        load_weights(nn.Linear(3, 2), path)
    assert str(caught.value).startswith(f"{path} {text}")
    assert capsys.readouterr().out == ""
