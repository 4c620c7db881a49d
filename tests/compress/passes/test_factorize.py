"""Factorization as a pass: what it rewrites, what it leaves, what it refuses."""

import dataclasses

import pytest
import torch

from sparrow.compress.capture import capture
from sparrow.compress.data import digits
from sparrow.compress.draft import Draft, WeightFormat
from sparrow.compress.passes import Context, make_pass
from sparrow.compress.quantize import QuantizeError, quantize
from sparrow.compress.trainable import Trainable
from sparrow.golden.network import execute
from sparrow.hw.spec.base import SpecError


@pytest.fixture(scope="module")
def context():
    found = digits()
    return Context(data=dataclasses.replace(found, train_images=found.train_images[:256],
                                            train_labels=found.train_labels[:256]))


@pytest.fixture(scope="module")
def draft():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = torch.nn.Sequential(
            torch.nn.Conv2d(1, 12, 3, padding=1), torch.nn.ReLU(),
            torch.nn.Conv2d(12, 12, 3, padding=1, groups=12),
            torch.nn.Conv2d(12, 16, 3, padding=1, stride=2), torch.nn.ReLU(),
            torch.nn.Conv2d(16, 16, 1), torch.nn.ReLU(), torch.nn.Flatten(),
            torch.nn.Linear(256, 10))
    return Draft(graph=capture(model.eval(), (1, 8, 8), name="small"))


def applied(draft, context, **options):
    return make_pass({"kind": "factorize", **options}).apply(draft, context)


def test_everything(draft, context):
    found = applied(draft, context, ratio=2)
    assert [node.name for node in found.graph] == [
        "layer0.core", "layer0.out", "layer2", "layer3.in", "layer3.core", "layer5.in",
        "layer5.out", "layer8.in", "layer8.out"]
    results = found.records[-1].results
    assert results["left"] == {"layer2": "has 12 groups"}
    for name, layer in results["layers"].items():
        nodes = [node for node in found.graph if node.name.startswith(f"{name}.")]
        before, after = layer["weights"]
        assert before == draft.graph.node(name).weight.numel()
        assert after == sum(node.weight.numel() for node in nodes) <= before / 2
        assert layer["macs"][1] < layer["macs"][0] and 0 < layer["error"] < 1
    assert results["layers"]["layer3"]["macs"][0] == 16 * 12 * 9 * 16


def test_high_energy_keeps_the_outputs(draft, context):
    images = context.data.train_images
    wanted = draft.graph.run(images)[draft.graph.output]
    errors = []
    for energy in (0.3, 0.7, 1.0):
        found = applied(draft, context, energy=energy).graph
        errors.append(float((found.run(images)[found.output] - wanted).abs().max()))
    assert errors[0] > errors[1] > errors[2] and errors[2] < 1e-5


def test_left_as_they_are(draft, context):
    found = applied(draft, context, rank={"layer8": 10, "layer5": 8})
    assert [node.name for node in found.graph] == [node.name for node in draft.graph]
    assert found.records[-1].results == {"layers": {}, "left": {
        "layer5": "would have 256 weights instead of 256",
        "layer8": "would have 2660 weights instead of 2560"}}


def test_by_layer(draft, context):
    found = applied(draft, context, rank={"layer3": [3, 5], "layer8": 2},
                    convolution={"layer0": "cp", "*": "tucker"})
    assert {name: (layer["method"], layer["rank"])
            for name, layer in found.records[-1].results["layers"].items()} == {
                "layer3": ("tucker", [3, 5]), "layer8": ("svd", [2])}
    found = applied(draft, context, rank=2, convolution="cp")
    assert {"layer3.in", "layer3.rows", "layer3.columns", "layer3.out"} <= set(found.weighted)


def test_finetuning_and_the_integer_network(draft, context):
    before = applied(draft, context, ratio=2)
    after = applied(draft, context, ratio=2, epochs=3, learning_rate=0.01)
    images, labels = context.data.train_images, context.data.train_labels
    with torch.inference_mode():
        losses = [float(torch.nn.functional.cross_entropy(Trainable(each)(images), labels))
                  for each in (before, after)]
    assert losses[1] < losses[0]
    network = quantize(after, images)
    kind = network.type_of(network.output)
    found = kind.to_values(execute(network, network.input.to_elements(images))).flatten(1)
    with torch.inference_mode():
        expected = Trainable(after)(images)
    assert float((found - expected).abs().mean()) < 3 * kind.scale


@pytest.mark.parametrize("options,text", (
    ({}, "one of rank, energy and ratio must be given, not none"),
    ({"rank": 2, "ratio": 2.0}, "one of rank, energy and ratio must be given, not rank and ratio"),
    ({"rank": 0}, "rank must be an integer from 1 to 65536, not 0"),
    ({"rank": [1, 2, 3]}, "rank must be one number or two, not 3"),
    ({"energy": 1.5}, "energy must be a number from 0.0 to 1.0, not 1.5"),
    ({"ratio": {"a": 0.5}}, "ratio of layer 'a' must be a number from 1.0 to 1000000.0, not 0.5"),
    ({"rank": 1, "convolution": "svd"}, "convolution must be 'tucker' or 'cp', not 'svd'")))
def test_wrong_options(options, text):
    with pytest.raises(SpecError) as caught:
        make_pass({"kind": "factorize", **options})
    assert str(caught.value) == f"pass (factorize): {text}"


def test_refusals(draft, context):
    with pytest.raises(QuantizeError, match="^Layer 'layer2': a convolution must have 1 group, to "
                                            "be factorized, not 12$"):
        applied(draft, context, rank={"layer2": 2})
    with pytest.raises(QuantizeError, match="^rank must name layers with weights, layer0, .*, not "
                                            "'conv'$"):
        applied(draft, context, rank={"conv": 2})
    pruned = draft.with_masks({"layer3": draft.graph.node("layer3").weight > 0})
    with pytest.raises(QuantizeError, match="^Layer 'layer3': must be factorized before it is "
                                            "pruned, not after$"):
        applied(pruned, context, rank=2)
    form = WeightFormat(step=torch.ones(1, dtype=torch.float64))
    with pytest.raises(QuantizeError, match="^Layer 'layer8': must be factorized before its "
                                            "weights are quantized or shared, not after$"):
        applied(draft.replace(formats={"layer8": form}), context, rank=2)


def test_factors_go_by_the_name_of_their_layer(draft, context):
    """In later passes and in the end; a factor that is named itself goes by its own."""
    found = applied(draft, context, ratio=2)
    network = quantize(found, context.data.train_images, layer_bits={
        "layer3": 4, "layer8": 4, "layer8.out": 8})
    bits = {layer.name: layer.weight_bits for layer in network if hasattr(layer, "weight_bits")}
    assert [name for name, width in bits.items() if width == 4] == [
        "layer3.in", "layer3.core", "layer8.in"]
    pruned = make_pass({"kind": "prune", "density": {"layer5": 0.5}}).apply(found, context)
    assert list(pruned.masks) == ["layer5.in", "layer5.out"]
    pruned = make_pass({"kind": "prune", "density": 0.5, "layers": ["layer5"]}).apply(
        found, context)
    assert list(pruned.masks) == ["layer5.in", "layer5.out"]
    narrow = make_pass({"kind": "quantize", "bits": {"layer5": 4}}).apply(found, context)
    assert [name for name, form in narrow.formats.items() if form.bits == 4] == [
        "layer5.in", "layer5.out"]
    shared = make_pass({"kind": "share", "bits": {"layer5": 2}}).apply(found, context)
    assert list(shared.formats) == ["layer5.in", "layer5.out"]
    with pytest.raises(QuantizeError, match="^layer_bits must name layers with weights, "
                       "layer0.core, .*, layer8.out, not 'layer8.core'$"):
        quantize(found, context.data.train_images, layer_bits={"layer8.core": 4})
