"""ResNet-20's recipe of 8 bits without training: its outputs against the float network's."""

from pathlib import Path

import pytest

from sparrow.compress.draft import Draft
from sparrow.compress.passes import Context
from sparrow.compress.quantize import quantize
from sparrow.compress.report import compare
from sparrow.flow.compression import captured as captured_graph
from sparrow.flow.datasets import dataset
from sparrow.flow.models import load_weights, model_factory, split_reference
from sparrow.flow.recipes.read import make_recipe, read_values

RECIPE = Path(__file__).resolve().parents[2] / "examples" / "recipes" / "resnet20_ptq.toml"


@pytest.mark.heavy
def test_outputs(data_file):
    """At least 95 % of classes and 26 dB on 512 images; calibration saw others."""
    weights = data_file("models/resnet-cifar10/resnet20-12fca82f.th")
    recipe = make_recipe(read_values(RECIPE), RECIPE)
    data = dataset(recipe.data, **recipe.data_options)
    assert len(data.test_images) == 512
    path, _ = split_reference(recipe.model.factory, "factory", folder=recipe.folder)
    model = model_factory(path, "resnet20")()
    load_weights(model, weights)
    graph = captured_graph(model.eval(), data, name="resnet20")
    draft, context = Draft(graph=graph), Context(data=data)
    for each in recipe.passes:
        draft = each.apply(draft, context)
    network = quantize(draft, data.train_images[:context.calibration_images])
    found = compare(draft.graph, network, data.test_images, model=graph)
    assert found.agreement >= 0.95 and found.output_signal_to_noise >= 26
