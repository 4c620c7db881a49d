"""What all passes share: options, records, what is refused."""

import dataclasses

import pytest
import torch

from sparrow.compress.calibrate import Method
from sparrow.compress.formats import tensor_formats
from sparrow.compress.passes import PASSES, Context, make_pass
from sparrow.compress.quantize import QuantizeError, quantize
from sparrow.compress.trainable import Trainable
from sparrow.golden.network import execute
from sparrow.hw.spec.base import SpecError

NEEDED = {"binarize": {"layers": ["fc1"]}, "channels": {"keep": 4}, "factorize": {"ratio": 2.0},
          "mixed": {"average_bits": 6}, "prune": {"density": 0.5}}  # one of several options


@pytest.mark.parametrize("kind", PASSES)
def test_every_pass_has_its_contract(kind):
    made = PASSES[kind]
    assert made.kind == kind
    assert made.__doc__ and not made.__doc__.startswith(f"{made.__name__}(")
    for field in dataclasses.fields(made):
        required = (field.default is dataclasses.MISSING
                    and field.default_factory is dataclasses.MISSING)
        assert not required, f"{kind} needs {field.name}"
    assert make_pass({"kind": kind, **NEEDED.get(kind, {})}).options() == NEEDED.get(kind, {})


def test_records(small_draft, small_data):
    one = make_pass({"kind": "finetune", "epochs": 2, "batch": 16})
    found = one.apply(one.apply(small_draft, Context(data=small_data)), Context(data=small_data))
    assert [record.kind for record in found.records] == ["finetune", "finetune"]
    assert found.records[0].options == {"epochs": 2, "batch": 16}
    assert 0 < found.records[1].results["train_accuracy"] <= 1


@pytest.mark.parametrize("values, text", [
    ({}, "pass: kind must be one of "),
    ({"kind": ["finetune"]}, "pass: kind must be one of "),
    ({"kind": "finetune", "step": 1}, "pass (finetune): 'step' is no field of Finetune; its "
                                      "fields are epochs, "),
    ({"kind": "finetune", "epochs": 1.5},
     "pass (finetune): epochs must be an integer from 0 to 100000, not 1.5"),
])
def test_refused(values, text):
    with pytest.raises(SpecError) as caught:
        make_pass(values)
    assert str(caught.value).startswith(text)


def test_progress_is_told(small_draft, small_data):
    seen = []
    make_pass({"kind": "finetune", "epochs": 1, "batch": 16}).apply(
        small_draft, Context(data=small_data, progress=seen.append))
    assert seen == [0.25, 0.5, 0.75, 1.0]


@pytest.mark.parametrize("kind", ["prune", "surgery", "channels", "binarize"])
@pytest.mark.parametrize("layers, text", [
    ("fc1", "layers must be a list of names of layers, not 'fc1'"),
    (3, "layers must be a list of names of layers, not 3"),
    (["fc1", 2], "layers must be a list of names of layers, not ['fc1', 2]"),
    (["fc1", "fc1"], "layers must have every name once, not ['fc1', 'fc1']"),
])
def test_names_of_layers(kind, layers, text):
    with pytest.raises(SpecError) as caught:
        make_pass({"kind": kind, **NEEDED.get(kind, {}), "layers": layers})
    assert str(caught.value) == f"pass ({kind}): {text}"


@pytest.mark.parametrize("order", [
    ("prune", "channels", "share"), ("channels", "surgery", "quantize"), ("factorize", "prune"),
    ("equalize", "quantize", "correct-bias"), ("mixed", "prune", "finetune"),
    ("surgery", "share", "channels"), ("quantize", "surgery", "share"),
    ("binarize", "quantize", "finetune"), ("prune", "mixed", "channels", "finetune"),
    ("equalize-activations", "surgery", "quantize", "finetune"), ("share", "prune", "quantize"),
])
def test_any_sensible_order(order, small_draft, small_data):
    """The integer network has the masks' zeros and the formats' values, whatever came first."""
    context, draft = Context(data=small_data, teacher=small_draft.graph), small_draft
    for kind in order:
        options = {"epochs": 1, "batch": 32} if kind in ("surgery", "finetune") else {}
        draft = make_pass({"kind": kind, **NEEDED.get(kind, {}), **options}).apply(draft, context)
    network = quantize(draft, small_data.train_images)
    images = small_data.test_images
    found = execute(network, network.input.to_elements(images)).flatten(1)
    assert found.shape == (len(images), 4)
    for name in draft.weighted:
        layer = network.layer(name)
        assert not bool(layer.weight[~draft.mask(name)].any())
        form = draft.formats.get(name)
        if form is not None and form.codebook is not None:
            assert len(layer.weight[draft.mask(name)].unique()) <= len(form.codebook)
    # what training simulates is what the network does, but for requantized sums' rounding
    scale = network.layer(network.output).output.scale
    wanted = Trainable(draft.replace(tensors=tensor_formats(
        draft.graph, small_data.train_images, Method.MINMAX, known=draft.tensors)))(images)
    values = network.layer(network.output).output.to_values(found)
    assert float((wanted.detach() - values).abs().mean()) < 4 * scale


def test_bias_is_not_corrected_after_training(small_draft, small_data):
    """Surgery trains by default, without an option in the record."""
    draft, context = small_draft, Context(data=small_data)
    for kind in ("quantize", "surgery"):
        draft = make_pass({"kind": kind}).apply(draft, context)
    with pytest.raises(QuantizeError) as caught:
        make_pass({"kind": "correct-bias"}).apply(draft, context)
    assert str(caught.value) == ("correct-bias must not come after training with quantization "
                                 "simulated, but 'surgery' has trained 10 epochs")


def test_bits_are_chosen_once(small_draft, small_data):
    draft = make_pass({"kind": "quantize", "bits": 4}).apply(small_draft, Context(data=small_data))
    with pytest.raises(QuantizeError) as caught:
        quantize(draft, small_data.train_images, layer_bits={"fc1": 8})
    assert str(caught.value) == ("Layer 'fc1': bits must be chosen once, but a pass has chosen 4 "
                                 "before")


def test_threads_of_a_pass(small_draft, small_data, monkeypatch):
    """All of a pass is on its cores, not its training alone."""
    seen = []
    monkeypatch.setattr(PASSES["equalize"], "change", lambda self, draft, context: (
        seen.append(torch.get_num_threads()), (draft, {}))[1])
    before = torch.get_num_threads()
    make_pass({"kind": "equalize"}).apply(small_draft, Context(data=small_data, threads=3))
    assert (seen, torch.get_num_threads()) == ([3], before)


def test_pruned_weights_of_one_bit_are_zero(small_draft, small_data):
    """The format has no 0, the mask has."""
    draft, context = small_draft, Context(data=small_data)
    for options in ({"kind": "prune", "density": 0.5}, {"kind": "quantize", "bits": 1}):
        draft = make_pass(options).apply(draft, context)
    network = quantize(draft, small_data.train_images)
    for name in draft.weighted:
        assert torch.equal(network.layer(name).weight != 0, draft.mask(name))
