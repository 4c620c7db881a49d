"""The steps to an integer network: passes in order, kept, resumed, refused."""

import dataclasses

import pytest

from sparrow.compress.passes import Finetune
from sparrow.flow.errors import UserError
from sparrow.flow.recipes.network import NetworkSteps
from sparrow.flow.recipes.read import read_recipe
from sparrow.golden.network import Numbers, load

MODEL = """\
import torch

def tiny():
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))

def big():
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 20), torch.nn.ReLU(),
                               torch.nn.Linear(20, 10))
"""
RECIPE = """\
[model]
factory = "model.py:tiny"
epochs = 1
[data]
name = "digits"
[[pass]]
kind = "finetune"
[[pass]]
kind = "finetune"
epochs = 2
{}
"""


@pytest.fixture
def job(tmp_path):
    """A function from more lines of the recipe to its steps, in the same folder each time."""
    def make(more="", old="", new=""):
        (tmp_path / "model.py").write_text(MODEL)
        path = tmp_path / "r.toml"
        path.write_text(RECIPE.format(more).replace(old, new))
        return NetworkSteps(read_recipe(path), tmp_path / "steps", Numbers())
    return make


def run(job):
    found = job.quantize(job.train(job.recipe.model))
    return found, job.steps


def test_passes(job):
    found, steps = run(first := job())
    assert steps.done == ["train", "pass1", "pass2", "quantize"]
    assert [each["kind"] for each in found["passes"]] == ["finetune", "finetune"]
    assert found["passes"][1]["options"] == {"epochs": 2}
    assert found["accuracy_float"] < found["accuracy_golden"]
    assert load(first.network_file).name == "r"

    again, steps = run(job())
    assert (again, steps.done) == (found, [])
    _, steps = run(job(old="epochs = 2", new="epochs = 3"))
    assert steps.done == ["pass2", "quantize"]
    run(job())
    _, steps = run(job(old='kind = "finetune"\n[[', new='kind = "finetune"\nepochs = 4\n[['))
    assert steps.done == ["pass1", "pass2", "quantize"]


def test_a_failing_pass_leaves_those_before(job, monkeypatch):
    """The next run begins at the pass that failed; so it does after an interrupt."""
    true = Finetune.change
    for error, caught in ((ValueError("no luck"), UserError), (KeyboardInterrupt(), BaseException)):
        def change(self, draft, context, error=error):
            if self.epochs == 2:
                raise error
            return true(self, draft, context)

        monkeypatch.setattr(Finetune, "change", change)
        with pytest.raises(caught) as raised:
            run(job())
        if caught is UserError:
            assert str(raised.value) == "r: pass 2 (finetune): no luck"
    monkeypatch.undo()
    _, steps = run(job())
    assert (steps.kept, steps.done) == (["train", "pass1"], ["pass2", "quantize"])


def test_a_teacher_of_its_own(job):
    """It is trained once; another one changes the passes."""
    more = '[teacher]\nfactory = "model.py:big"\nepochs = {}\n'
    distilled = {"old": "epochs = 2", "new": "epochs = 2\ndistill = 0.9"}
    found, steps = run(job(more.format(4), **distilled))
    assert steps.done == ["train", "teacher", "pass1", "pass2", "quantize"]
    other, steps = run(job(more.format(5), **distilled))
    assert steps.kept == ["train"]
    assert other["network"] != found["network"]


def test_predicted_cycles(job):
    """Passes can ask what a network costs on the recipe's accelerator."""
    def cycles(more=""):
        first = job(more)
        run(first)
        context, _ = first._context(first._graph(first.recipe.model), {"weights": ""})
        return context.cycles(load(first.network_file))

    default = cycles()
    assert list(default) == ["layer1"]
    small = "[accelerator]\nlanes = 4\ncolumns = 4\ndata_width = 32\npost_lanes = 4\n"
    assert cycles(small)["layer1"] > default["layer1"]


def test_missing_weights_of_the_teacher(job):
    with pytest.raises(UserError) as caught:
        job('[teacher]\nfactory = "model.py:big"\nweights = "none.safetensors"\n')
    assert str(caught.value).startswith("weights in [teacher] must be an existing file, not ")


def test_without_passes(job):
    first = job()
    first.recipe = dataclasses.replace(first.recipe, passes=())
    found, steps = run(first)
    assert found["passes"] == []
    assert "pass1" not in steps.done


@pytest.mark.parametrize("more, error", [
    ("[[pass]]\nkind = 'prune'\ndensity = {layer2 = 0.5}",
     "pass 3 (prune): density must name layers with weights, layer1, not 'layer2'"),
    ("[[pass]]\nkind = 'prune'\ndensity = 0.5\nlayers = ['layer1.in']",
     "pass 3 (prune): layers must name layers with weights, layer1, not 'layer1.in'"),
    ("[[pass]]\nkind = 'factorize'\nrank = 2\n[[pass]]\nkind = 'quantize'\n"
     "bits = {'layer1.in' = 4, layer1 = 8, '*' = 8, x = 4}",
     "pass 4 (quantize): bits must name layers with weights, layer1, not 'x'"),
    ("[[pass]]\nkind = 'factorize'\nrank = 2\n[quantize.layers]\n'layer1.in' = 4\nx = 4",
     "layer_bits must name layers with weights, layer1, not 'x'"),
])
def test_names_are_checked_before_training(job, more, error):
    with pytest.raises(UserError) as caught:
        job(more).capture()
    assert str(caught.value) == error
