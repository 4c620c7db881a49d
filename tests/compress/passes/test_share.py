"""Weight sharing as a pass: entries, training of centroids, the integer network, refusals."""

import dataclasses

import pytest
import torch

from sparrow.compress.calibrate import Method
from sparrow.compress.capture import capture
from sparrow.compress.data import Dataset, digits
from sparrow.compress.draft import Draft, TensorFormat, WeightFormat
from sparrow.compress.formats import tensor_formats
from sparrow.compress.passes import Context, make_pass
from sparrow.compress.quantize import QuantizeError, quantize
from sparrow.compress.trainable import Trainable
from sparrow.golden.network import execute
from sparrow.hw.spec.base import SpecError


@pytest.fixture(scope="module")
def data() -> Dataset:
    found = digits()
    return dataclasses.replace(found, train_images=found.train_images[:256],
                               train_labels=found.train_labels[:256])


@pytest.fixture(scope="module")
def draft() -> Draft:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = torch.nn.Sequential(
            torch.nn.Conv2d(1, 8, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
            torch.nn.Conv2d(8, 12, 3), torch.nn.ReLU(), torch.nn.Flatten(),
            torch.nn.Linear(48, 10))
    graph = capture(model.eval(), (1, 8, 8), name="small")
    mask = graph.node("layer3").weight.abs() > 0.06
    return Draft(graph=graph).with_masks({"layer3": mask})


def applied(draft, data, **options):
    return make_pass({"kind": "share", **options}).apply(draft, Context(data=data))


def test_entries_by_layer(draft, data):
    found = applied(draft, data, bits={"layer0": 2, "layer6": 3, "*": 5},
                    value_bits={"layer6": 4})
    most = {"layer0": 4, "layer3": 32, "layer6": 8}
    network = quantize(found, data.train_images)
    for layer in network:
        if layer.name in most:
            values = layer.weight.unique()
            assert len(values) <= most[layer.name] and layer.codebook.tolist() == values.tolist()
    assert network.layer("layer6").weight_bits == 4
    assert bool((network.layer("layer3").weight[~draft.mask("layer3")] == 0).all())
    layers = found.records[-1].results["layers"]
    assert layers["layer3"]["entries"] == 31
    assert layers["layer3"]["error"] < layers["layer0"]["error"] < 0.2


def test_only_those_named(draft, data):
    found = applied(draft, data, bits={"layer6": 4})
    assert set(found.formats) == {"layer6"}
    assert found.graph.node("layer0").weight.equal(draft.graph.node("layer0").weight)


def test_finetuning_trains_centroids_alone(draft, data):
    before = applied(draft, data, bits=3)
    after = applied(draft, data, bits=3, epochs=4, learning_rate=0.01)
    for name, form in after.formats.items():
        old, new = (each.graph.node(name).weight for each in (before, after))
        mask = draft.mask(name)
        assert not old.equal(new) and bool((new[~mask] == 0).all())
        assert form.step.equal(before.formats[name].step)
        for value in old[mask].unique():  # one entry before is one entry after
            assert len(new[mask & (old == value)].unique()) == 1
        assert torch.isin(new[mask], form.codebook).all()
    labels = data.train_labels
    with torch.inference_mode():
        losses = [float(torch.nn.functional.cross_entropy(
            Trainable(each)(data.train_images), labels)) for each in (before, after)]
    assert losses[1] < losses[0]


def test_gradients_sum_by_entry(draft, data):
    model = Trainable(applied(draft, data, bits=2))
    layer = model.layers["layer3"]
    effective = layer.effective()
    upstream = torch.randn(effective.shape, generator=torch.Generator().manual_seed(0))
    effective.backward(upstream)
    entries = layer.form.entries(layer.weight)
    expected = [float((upstream * layer.mask)[entries == entry].sum()) for entry in range(4)]
    assert torch.allclose(layer.centroids.grad, torch.tensor(expected), atol=1e-5)
    assert layer.weight.grad is None and bool((effective[~layer.mask] == 0).all())


@pytest.mark.parametrize("value_bits", (8, 4))
def test_integer_network_is_what_was_trained(draft, data, value_bits):
    shared = applied(draft, data, bits=3, value_bits=value_bits)
    ranges = tensor_formats(shared.graph, data.train_images, Method.MINMAX)
    trained = make_pass({"kind": "finetune", "epochs": 2, "learning_rate": 0.02}).apply(
        shared.replace(tensors=ranges), Context(data=data))
    network = quantize(trained, data.train_images)
    for layer in network:
        if layer.name in trained.formats:
            form = trained.formats[layer.name]
            wanted = form.integers(form.codebook.double()).unique().to(torch.int8)
            assert torch.isin(layer.weight[trained.mask(layer.name)], wanted).all()
    output = network.type_of(network.output)
    elements = execute(network, network.input.to_elements(data.test_images))
    with torch.inference_mode():
        expected = Trainable(trained)(data.test_images)
    difference = (output.to_values(elements).flatten(1) - expected).abs().max()
    assert float(difference) <= 1.001 * output.scale


def test_bits_of_an_earlier_pass_stay(draft, data):
    quantized = make_pass({"kind": "quantize", "bits": {"layer3": 4}}).apply(
        draft, Context(data=data))
    found = applied(quantized, data, bits=3)
    assert {name: form.bits for name, form in found.formats.items()} == {
        "layer0": 8, "layer3": 4, "layer6": 8}
    assert applied(quantized, data, bits=3, value_bits={"layer3": 8}).formats["layer3"].bits == 8


def test_again_with_fewer_bits(draft, data):
    found = applied(applied(draft, data, bits=5), data, bits=2)
    assert all(len(form.codebook) <= 4 for form in found.formats.values())


@pytest.mark.parametrize("options,text", (
    ({"bits": 6}, "bits must be 2, 3, 4 or 5, not 6"),
    ({"bits": True}, "bits must be 2, 3, 4 or 5, not True"),
    ({"bits": {}}, "bits must have a value for a layer, or one for all, not {}"),
    ({"bits": {"layer0": 1}}, "bits of layer 'layer0' must be 2, 3, 4 or 5, not 1"),
    ({"value_bits": 2}, "value_bits must be 8 or 4, not 2"),
    ({"start": "best"}, "start must be one of 'linear', 'density', 'random', not 'best'")))
def test_wrong_options(options, text):
    with pytest.raises(SpecError) as caught:
        make_pass({"kind": "share", **options})
    assert str(caught.value) == f"pass (share): {text}"


def test_refusals(draft, data):
    with pytest.raises(QuantizeError, match="^bits must name layers with weights, layer0, layer3, "
                                            "layer6, not 'layer1'$"):
        applied(draft, data, bits={"layer1": 4})
    with pytest.raises(SpecError, match="^bits of layer 'layer0' must be at most its value_bits, "
                                        "4, not 5$"):
        applied(draft, data, bits=5, value_bits=4)
    binary = draft.replace(formats={"layer3": WeightFormat(
        bits=2, step=torch.ones(1, dtype=torch.float64))})
    with pytest.raises(QuantizeError, match="^Layer 'layer3': weights must have 8 or 4 bits, "
                                            "to be shared, not 2$"):
        applied(binary, data)


def test_pruning_needs_room_for_its_zero(draft, data):
    shared = applied(Draft(graph=draft.graph), data, bits=5)
    with pytest.raises(QuantizeError, match="^Layer 'layer3': a codebook must have at most 31 "
                                            "entries beside the 0 of pruned weights, not 32$"):
        shared.with_masks({"layer3": draft.mask("layer3")})
    assert applied(Draft(graph=draft.graph), data, bits=4).with_masks(
        {"layer3": draft.mask("layer3")}).kept < 1


def test_activations_stay_simulated(draft, data):
    coarse = draft.replace(tensors={"layer0": TensorFormat(low=0.0, high=2.0, bits=4)})
    found = applied(coarse, data)
    assert found.tensors == coarse.tensors
    values = Trainable(found)
    assert not values(data.test_images).equal(
        Trainable(found.replace(tensors={}))(data.test_images))
