"""The pass that removes channels: sizes, what comes before and after it, refusals."""

import pytest
import torch

from sparrow.compiler import compile_network
from sparrow.compress.capture import capture
from sparrow.compress.draft import Draft
from sparrow.compress.passes import Context, make_pass
from sparrow.compress.quantize import quantize
from sparrow.compress.scales import QuantizeError
from sparrow.compress.train import initialized
from sparrow.hw.spec import AcceleratorSpec
from sparrow.hw.spec.base import SpecError

TUNED = {"epochs": 2, "batch": 8, "learning_rate": 0.01}


@pytest.mark.parametrize("options, sizes", [
    ({"density": 0.5}, (4, 8)),
    ({"density": {"fc1": 0.3}, **TUNED}, (8, 5)),
    ({"density": 0.5, "layers": ["conv"], "criterion": "gradient"}, (4, 16)),
    ({"density": 0.55, "multiple": 4, "criterion": "random"}, (4, 8)),
    ({"keep": {"conv": 3, "*": 9}}, (3, 9)),
    ({"keep": 6}, (6, 6)),
])
def test_pass(small_draft, small_data, options, sizes):
    found = make_pass({"kind": "channels", **options}).apply(small_draft,
                                                             Context(data=small_data))
    assert tuple(found.weighted[name].shape[0] for name in ("conv", "fc1", "fc2")) == (*sizes, 4)
    record = found.records[-1]
    assert record.options == options
    assert record.results["channels"] == {"conv": [8, sizes[0]], "fc1": [16, sizes[1]],
                                          "fc2": [4, 4]}
    assert record.results["macs"] == [
        8 * 18 * 16 + 16 * 32 + 64, sizes[0] * 18 * 16 + sizes[1] * sizes[0] * 4 + sizes[1] * 4]
    network = quantize(found, small_data.train_images)
    assert network.layer("conv").weight.shape == (sizes[0], 2, 3, 3)


def test_one_ranking(small_draft, small_data):
    found = make_pass({"kind": "channels", "density": 0.5, "allocation": "global"}).apply(
        small_draft, Context(data=small_data))
    sizes = found.records[-1].results["channels"]
    assert sizes["conv"][1] + sizes["fc1"][1] == 12


def test_after_and_before_other_passes(small_draft, small_data):
    """Masks are cut along, and hold afterwards."""
    context = Context(data=small_data)
    draft = small_draft
    for options in ({"kind": "prune", "density": 0.5, "allocation": "uniform"},
                    {"kind": "channels", "density": 0.5, **TUNED},
                    {"kind": "surgery", "density": 0.2, **TUNED},
                    {"kind": "channels", "density": 0.75},
                    {"kind": "finetune", **TUNED}):
        draft = make_pass(options).apply(draft, context)
        for name, node in draft.weighted.items():
            assert not node.weight[~draft.mask(name)].any()
            assert node.weight.shape == draft.mask(name).shape
    assert [record.kind for record in draft.records] == [
        "prune", "channels", "surgery", "channels", "finetune"]
    assert draft.graph.node("conv").shape == (3, 4, 4)
    network = quantize(draft, small_data.train_images)
    assert not network.layer("fc1").weight[~draft.mask("fc1")].any()


def test_residual_network_to_commands(example):
    """Half the channels of ResNet-8, ties respected: it compiles, and takes fewer cycles."""
    model = initialized(example("resnet8").resnet8).eval()
    images = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    draft = Draft(graph=capture(model, (3, 32, 32)))
    small = make_pass({"kind": "channels", "density": 0.5}).apply(draft, Context(data=None))
    macs = small.records[-1].results["macs"]
    assert 3 < macs[0] / macs[1] < 4
    cycles = [compile_network(quantize(each, images), AcceleratorSpec()).cycles
              for each in (draft, small)]
    assert cycles[0] > 1.5 * cycles[1]


@pytest.mark.parametrize("options, text", [
    ({}, "density or keep must be given, not neither"),
    ({"density": 0.5, "keep": 3}, "density or keep must be given, not both"),
    ({"density": 2}, "density must be a number from 0.0 to 1.0, not 2"),
    ({"keep": 0}, "keep must be an integer from 1 to 1000000, not 0"),
    ({"keep": {"fc1": 2}, "layers": ["fc1"]},
     r"layers must be left out where keep is given by layer, not \['fc1'\]"),
    ({"density": 0.5, "allocation": "sensitivity"},
     "allocation must be one of 'uniform', 'global', not 'sensitivity'"),
    ({"keep": 3, "allocation": "global"},
     "allocation must be left out without a density over all layers, not 'global'"),
    ({"density": {"*": 0.5}, "allocation": "global"},
     "allocation must be left out without a density over all layers, not 'global'"),
    ({"density": 0.5, "multiple": 0}, "multiple must be an integer from 1 to 4096, not 0"),
    ({"density": 0.5, "batches": 0}, "batches must be an integer from 1 to 1000000, not 0"),
])
def test_refused(options, text):
    with pytest.raises(SpecError, match=f"^pass \\(channels\\): {text}$"):
        make_pass({"kind": "channels", **options})


def test_refused_for_a_network(small_draft, small_data):
    with pytest.raises(QuantizeError, match="^density must name layers of which channels can be "
                                            "removed, conv, fc1, not 'fc2'$"):
        make_pass({"kind": "channels", "density": 0.5, "layers": ["fc2"]}).apply(
            small_draft, Context(data=small_data))
