"""What is found out about a recipe before any work is done, and what its steps depend on."""

import pytest

from sparrow.flow.errors import UserError
from sparrow.flow.recipes import job as recipe_job
from sparrow.flow.recipes import network as network_steps
from sparrow.flow.recipes.job import run_recipe
from sparrow.flow.recipes.read import read_recipe
from sparrow.flow.recipes.steps import RecipeSteps
from sparrow.golden.network import save
from sparrow.sim.accelerator.samples import sample

MODEL = """\
import torch
import parts_of_the_model

def tiny():
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))

def untraceable():
    class Model(torch.nn.Module):
        def forward(self, x):
            return torch.fft.fft(x.flatten(1)).real[:, :10]
    return Model()
"""
RECIPE = '[model]\nfactory = "model.py:{}"\n[data]\nname = "digits"\n{}\n'


@pytest.fixture
def recipe(tmp_path):
    """Writes a recipe, its model and a part of that, and reads the recipe."""
    def write(more="", factory="tiny", part="1"):
        (tmp_path / "model.py").write_text(MODEL)
        (tmp_path / "parts_of_the_model.py").write_text(part)
        path = tmp_path / "r.toml"
        path.write_text(RECIPE.format(factory, more))
        return read_recipe(path)
    return write


@pytest.fixture
def results(tmp_path):
    """What an earlier run has left."""
    paths = [tmp_path / "out" / name for name in (recipe_job.RESULTS, recipe_job.TABLE)]
    paths[0].parent.mkdir()
    for path in paths:
        path.write_text("earlier")
    return paths


@pytest.mark.parametrize("more, factory, text", [
    ("test = 1797", "tiny", "data 'digits': test must be an integer from 1 to 1796, not 1797"),
    ("[simulate]\nimages = 361", "tiny",
     "images in [simulate] must be at most the test images, 360, not 361"),
    ("[quantize.layers]\n'2' = 4", "tiny",
     "layer_bits must name layers with weights, layer1, not '2'"),
    ("[quantize]\nbits = 4\n[accelerator]\nprecision = 'int8'", "tiny",
     "precision in [accelerator] must be 'int8_int4' for weights of 4 bits, which layer "
     "'layer1' has, not 'int8'"),
    ("", "untraceable", "The model: fft_fft is not supported"),
    ("", "none", "{}/model.py must have a function 'none', which it hasn't"),
])
def test_mistakes_cost_nothing(tmp_path, monkeypatch, recipe, results, more, factory, text):
    """The model isn't trained, nothing is generated, and earlier results stay."""
    monkeypatch.setattr(network_steps, "trained", None)
    monkeypatch.setattr(RecipeSteps, "generate", None)
    with pytest.raises(UserError) as caught:
        run_recipe(recipe(more, factory), tmp_path / "out")
    assert str(caught.value) == text.format(tmp_path)
    assert [path.read_text() for path in results] == ["earlier", "earlier"]


def test_missing_weights(tmp_path, recipe, results):
    recipe()
    (tmp_path / "r.toml").write_text((tmp_path / "r.toml").read_text().replace(
        '[data]', 'weights = "none.safetensors"\n[data]'))
    given = read_recipe(tmp_path / "r.toml")
    with pytest.raises(UserError) as caught:
        run_recipe(given, tmp_path / "out")
    assert str(caught.value) == (f"weights in [model] must be an existing file, not "
                                 f"'{tmp_path / 'none.safetensors'}'")
    assert results[0].exists()


def test_a_folder_in_which_nothing_can_be_built(tmp_path, recipe):
    with pytest.raises(UserError) as caught:
        run_recipe(recipe(), tmp_path / "two words")
    assert str(caught.value) == (
        "Build folder must have no spaces in its path, which make can't handle, not "
        f"'{tmp_path / 'two words' / '.simulation'}'")
    assert not (tmp_path / "two words").exists()


def test_steps_depend_on_what_the_model_imports(tmp_path, recipe):
    def key(part):
        given = recipe(part=part)
        return RecipeSteps(given, tmp_path / "out").network.model_key(given.model)

    keys = [key(part) for part in "112"]
    assert keys[0] == keys[1]
    assert keys[1] != keys[2]
    assert set(keys[0]["files"]) == {"model.py", "parts_of_the_model.py"}


def test_results_stay_until_the_recipe_is_checked(tmp_path, monkeypatch, recipe, results):
    def generate(self):
        assert not any(path.exists() for path in results)
        raise UserError("here")

    monkeypatch.setattr(RecipeSteps, "generate", generate)
    with pytest.raises(UserError, match="^here$"):
        run_recipe(recipe(), tmp_path / "out")


@pytest.mark.parametrize("codecs, codec", [("['rle']", "auto"), ("['rle']", "rle"),
                                           ("['rle']", "plain"), ("[]", "auto")])
def test_compiling_compares_with_plain_weights(tmp_path, recipe, codecs, codec):
    given = recipe(f"[accelerator]\ncodecs = {codecs}\n[compile]\ncodec = '{codec}'")
    steps = RecipeSteps(given, tmp_path / "out")
    steps.network.network_file.parent.mkdir(parents=True)
    save(sample("mixed"), steps.network.network_file)
    rows = steps.compile({"network": "a digest"})["layers"]
    compressed = codecs != "[]" and codec != "plain"
    assert {row["codec"] for row in rows} <= ({"", "rle", "rle, plain", "plain, rle"}
                                              if compressed else {""})
    assert any(row["codec"] for row in rows) == compressed
    assert any("dense" in row for row in rows) == compressed
    if compressed:
        assert sum(row["weight_bytes"] for row in rows) < sum(
            row["dense"]["weight_bytes"] for row in rows if "dense" in row)
