"""Accuracies of compressed examples on real data; they print what docs/compression.md says."""

import dataclasses
import statistics
from pathlib import Path

import pytest

from sparrow.flow.compression import accelerator_numbers
from sparrow.flow.recipes.network import NetworkSteps
from sparrow.flow.recipes.read import read_recipe

RECIPES = Path(__file__).resolve().parents[2] / "examples" / "recipes"
SEEDS = range(5)


def compressed(recipe, folder, **changes) -> dict:
    """What the steps up to the integer network find."""
    recipe = dataclasses.replace(recipe, **changes)
    job = NetworkSteps(recipe, folder, accelerator_numbers(recipe.accelerator))
    return job.quantize(job.train(recipe.model))


@pytest.mark.heavy
def test_dscnn_in_4_bits(tmp_path, data_file):
    """The median of five seeds is at most 2 points below the INT8 network's accuracy."""
    data_file("models/kws01/kws01_int8.npz")
    data_file("models/mlperf-tiny/kws_ref_model_float32.tflite")
    recipe = read_recipe(RECIPES / "dscnn_int4.toml")
    wide = compressed(recipe, tmp_path / "int8", passes=())
    found = []
    for seed in SEEDS:
        model = dataclasses.replace(recipe.model, seed=seed)
        result = compressed(recipe, tmp_path / f"int4_{seed}", model=model)
        assert {layer["weight_bits"] for layer in result["comparison"]} == {None, 4}
        found.append(result["accuracy_golden"])
    print(f"\nfloat {wide['accuracy_float']:.1%}, INT8 {wide['accuracy_golden']:.1%}, INT4 by seed",
          *(f"{accuracy:.1%}" for accuracy in found), f"median {statistics.median(found):.1%}")
    assert statistics.median(found) >= wide["accuracy_golden"] - 0.02


@pytest.mark.heavy
def test_lenet5_on_fashion(tmp_path, data_file):
    """W4A8 is at most 1 point below float, which is as good as such a network gets."""
    data_file("models/fashion-mnist")
    recipe = read_recipe(RECIPES / "lenet5_fashion.toml")
    found = compressed(recipe, tmp_path)
    assert {layer["weight_bits"] for layer in found["comparison"]} == {None, 4}
    print(f"\nfloat {found['accuracy_float']:.2%}, W4A8 {found['accuracy_golden']:.2%}")
    assert found["accuracy_float"] > 0.91
    assert found["accuracy_golden"] >= found["accuracy_float"] - 0.01


@pytest.mark.heavy
@pytest.mark.parametrize("name, ratio, accuracy", [
    ("digits", 12, None), ("lenet300_small", 100, 0.981), ("lenet5_small", 150, 0.9905)])
def test_small_networks(tmp_path, data_file, name, ratio, accuracy):
    """Ratios of stored bytes that keep the accuracy. For comparison,
    Deep Compression (Han et al., 2016, table 1) has 40 at 98.42 % and 39 at 99.26 %."""
    if accuracy is not None:
        data_file("models/mnist")
    found = compressed(read_recipe(RECIPES / f"{name}.toml"), tmp_path)
    print(f"\n{name}: {found['sizes']['before']} bytes to {found['sizes']['after']}, "
          f"{found['sizes']['ratio']:.1f} times; float {found['accuracy_float']:.2%}, "
          f"integer {found['accuracy_golden']:.2%}")
    assert found["sizes"]["ratio"] >= ratio
    assert found["accuracy_golden"] >= (found["accuracy_float"] - 0.01 if accuracy is None
                                        else accuracy)
