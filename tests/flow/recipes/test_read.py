"""Recipes: what they say, and what is refused."""

from pathlib import Path

import pytest

from sparrow.flow.data import VARIABLE
from sparrow.flow.errors import UserError
from sparrow.flow.recipes.read import read_recipe
from sparrow.hw.spec.accelerator import AcceleratorSpec
from sparrow.hw.spec.base import SpecError

ROOT = Path(__file__).resolve().parents[3]
LEAST = '[model]\nfactory = "m.py:make"\n[data]\nname = "digits"\n'


def read(tmp_path, text):
    path = tmp_path / "r.toml"
    path.write_text(text, encoding="utf-8")
    return read_recipe(path)


def test_defaults(tmp_path):
    recipe = read(tmp_path, LEAST)
    assert (recipe.name, recipe.folder, recipe.model.factory) == ("r", tmp_path, "m.py:make")
    assert recipe.accelerator == AcceleratorSpec()
    assert (recipe.images, recipe.bits, recipe.model.weights) == (50, 8, None)


def test_everything(tmp_path):
    recipe = read(tmp_path, """
        [model]
        factory = "../m.py:make"
        weights = "w.safetensors"
        seed = 3
        [data]
        name = "d.safetensors"
        [quantize]
        bits = 4
        calibration = "mse"
        layers = {"a.b" = 8}
        [accelerator]
        lanes = 8
        columns = 8
        [simulate]
        images = 60
        latency = 7
        bandwidth = 1
        stalls = "often"
        seed = 9
        engine = "native"
        [estimate]
        targets = ["gates", "ecp5"]
        """)
    assert recipe.model.weights == tmp_path / "w.safetensors"
    assert recipe.data == str(tmp_path / "d.safetensors")
    assert (recipe.model.seed, recipe.stall_seed) == (3, 9)
    assert recipe.engine == "native"
    assert recipe.layer_bits == {"a.b": 8}
    assert recipe.accelerator == AcceleratorSpec(lanes=8, columns=8)
    assert recipe.targets == ("gates", "ecp5")


@pytest.mark.parametrize("path", sorted((ROOT / "examples" / "recipes").glob("*.toml")),
                         ids=lambda path: path.stem)
def test_examples_can_be_read(path):
    try:
        recipe = read_recipe(path)
    except UserError as error:
        if VARIABLE not in str(error):
            raise
        pytest.skip(str(error))
    assert (recipe.folder / recipe.model.factory.split(":")[0]).is_file()
    assert not recipe.model.random_weights or recipe.data.startswith("random:")


def test_random(tmp_path):
    recipe = read(tmp_path, """
        [model]
        factory = "m.py:make"
        weights = "random"
        [data]
        name = "random:3x8x8"
        test = 2
        train = 4
        """)
    assert recipe.model.random_weights and recipe.model.weights is None
    assert (recipe.data, recipe.data_options) == ("random:3x8x8", {"test": 2, "train": 4})


def test_shared_data(tmp_path, monkeypatch):
    """Files in the folder of shared data; what isn't there is refused at once."""
    text = ('[model]\nfactory = "m.py:make"\nweights = "$SPARROW_DATA/w.th"\n'
            '[data]\nname = "$SPARROW_DATA/mnist"\n')
    shared = tmp_path / "shared"
    (shared / "mnist").mkdir(parents=True)
    monkeypatch.setenv(VARIABLE, str(shared))
    with pytest.raises(UserError) as caught:
        read(tmp_path, text)
    assert str(caught.value) == (f"{tmp_path / 'r.toml'}: SPARROW_DATA must be a folder that holds "
                                 f"'w.th', not '{shared}'")
    (shared / "w.th").touch()
    recipe = read(tmp_path, text)
    assert (recipe.model.weights, recipe.data) == (shared / "w.th", str(shared / "mnist"))
    monkeypatch.delenv(VARIABLE)
    with pytest.raises(UserError, match="SPARROW_DATA must be set to the folder that holds 'w.th'"):
        read(tmp_path, text)


@pytest.mark.parametrize("text, error", [
    ("[model", "not a TOML file: Expected ']' at the end of a table declaration "
               "(at end of document)"),
    ("", "[model] must have factory"),
    ('[model]\nfactory = "m.py:f"\n', "[data] must have name"),
    (LEAST + '[simulate]\nengine = "icarus"\n',
     "engine in [simulate] must be one of cocotb, native, not 'icarus'"),
    (LEAST + "[nets]\n", "[nets] must be one of [model], [teacher], [data], [quantize], "
                         "[accelerator], [compile], [simulate], [estimate], [[pass]]"),
    (LEAST + "[teacher]\nseed = 1\n", "[teacher] must have factory"),
    (LEAST + "[pass]\n", "pass must be sections, [[pass]], not {}"),
    ("pass = 3\n" + LEAST, "pass must be sections, [[pass]], not 3"),
    (LEAST + "[compile]\nkeep_all = 1\n",
     "keep_all in [compile] must be true or false, not 1"),
    ("model = 3\n", "model must be a section, [model], not 3"),
    (LEAST + "[quantize]\nbit = 8\n", "bit in [quantize] must be one of bits, layers, "
                                      "calibration, calibration_images"),
    (LEAST + "[quantize]\nbits = 5\n", "bits in [quantize] must be one of 8, 4, not 5"),
    (LEAST + "[quantize]\nbits = '8'\n", "bits in [quantize] must be a whole number, not '8'"),
    (LEAST + "[quantize.layers]\na = 3\n", "'a' in [quantize.layers] must be 8 or 4, not 3"),
    (LEAST + "[quantize.layers]\na = 8.0\n", "'a' in [quantize.layers] must be 8 or 4, not 8.0"),
    (LEAST + "[simulate]\nimages = 0\n", "images in [simulate] must be at least 1, not 0"),
    (LEAST + "[simulate]\nimages = true\n",
     "images in [simulate] must be a whole number, not True"),
    (LEAST.replace("[data]", "learning_rate = 0.0\n[data]"),
     "learning_rate in [model] must be above 0 and at most 1, not 0.0"),
    (LEAST + "[simulate]\nbandwidth = 1.5\n",
     "bandwidth in [simulate] must be above 0 and at most 1, not 1.5"),
    (LEAST + "[simulate]\nstalls = 'x'\n", "stalls in [simulate] must be one of always, often, "
                                           "seldom, bursts, alternate, not 'x'"),
    (LEAST + "[simulate]\nseed = -1\n",
     "seed in [simulate] must be 0 to 18014398509481983, not -1"),
    (LEAST + "seed = 9223372036854775808\n",
     "seed in [data] must be 0 to 9223372036854775807, not 9223372036854775808"),
    (LEAST + "[compile]\ncodec = 'rle'\n",
     "codec in [compile] must be one of auto, plain with this [accelerator], not 'rle'"),
    (LEAST + "[compile]\ncodec = 'rle'\n[accelerator]\ncodecs = ['csr']\n",
     "codec in [compile] must be one of auto, plain, csr with this [accelerator], not 'rle'"),
    (LEAST + "[estimate]\ntargets = ['asic']\n",
     "targets in [estimate] must be of gates, ice40, ecp5, xc7, not 'asic'"),
])
def test_refused(tmp_path, text, error):
    with pytest.raises(UserError) as caught:
        read(tmp_path, text)
    assert str(caught.value) == f"{tmp_path / 'r.toml'}: {error}"


@pytest.mark.parametrize("text, error", [
    ("kind = 'press'", "pass 2: kind must be one of "),
    ("", "pass 2: kind must be one of "),
    ("kind = 'finetune'\nsteps = 3", "pass 2 (finetune): 'steps' is no field of Finetune; "),
    ("kind = 'finetune'\nepochs = -1",
     "pass 2 (finetune): epochs must be an integer from 0 to 100000, not -1"),
    ("kind = 'finetune'\ndistill = 2",
     "pass 2 (finetune): distill must be a number from 0.0 to 1.0, not 2"),
])
def test_passes_are_checked(tmp_path, text, error):
    with pytest.raises(SpecError) as caught:
        read(tmp_path, f"{LEAST}[[pass]]\nkind = 'finetune'\n[[pass]]\n{text}\n")
    assert str(caught.value).startswith(f"{tmp_path / 'r.toml'}: {error}")


def test_passes_and_teacher(tmp_path):
    recipe = read(tmp_path, LEAST + """
        [teacher]
        factory = "t.py:big"
        weights = "t.safetensors"
        [[pass]]
        kind = "finetune"
        distill = 1
        [[pass]]
        kind = "finetune"
        epochs = 0
        """)
    assert recipe.teacher.section == "teacher"
    assert recipe.teacher.weights == tmp_path / "t.safetensors"
    assert [(each.kind, each.epochs, each.distill) for each in recipe.passes] == [
        ("finetune", 1, 1), ("finetune", 0, 0.0)]


def test_the_accelerator_is_checked(tmp_path):
    with pytest.raises(SpecError) as caught:
        read(tmp_path, LEAST + "[accelerator]\nlanes = 3\n")
    assert str(caught.value) == (f"{tmp_path / 'r.toml'}: [accelerator]: lanes must be an integer "
                                 "from 4 to 64, not 3")


def test_no_file(tmp_path):
    with pytest.raises(UserError) as caught:
        read_recipe(tmp_path / "none.toml")
    assert str(caught.value) == f"{tmp_path / 'none.toml'}: No such file or directory"


def test_deep_nesting(tmp_path):
    with pytest.raises(UserError, match="r.toml: not a TOML file: "):
        read(tmp_path, "a = " + "[" * 100_000)


def test_data_of_a_function_lie_beside_the_recipe(tmp_path):
    recipe = read(tmp_path, LEAST.replace('"digits"', '"mine.py:make"'))
    assert recipe.data == f"{tmp_path / 'mine.py'}:make"


def test_learning_rates(tmp_path):
    text = LEAST.replace("[data]", 'learning_rate = 1\n[teacher]\nfactory = "m.py:make"\n'
                         "learning_rate = 0.5\n[data]")
    recipe = read(tmp_path, text)
    assert (recipe.model.learning_rate, recipe.teacher.learning_rate) == (1, 0.5)
    assert read(tmp_path, LEAST).model.learning_rate == 0.01
