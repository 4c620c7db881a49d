"""Formats by a pass: what is chosen, what is kept, and the network that comes of it."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from sparrow.compress import QuantizeError, capture, quantize
from sparrow.compress.data import noise
from sparrow.compress.draft import Draft, TensorFormat, WeightFormat
from sparrow.compress.passes import Context, make_pass
from sparrow.compress.train import initialized
from sparrow.golden.network import execute
from sparrow.hw.spec.base import SpecError


class Small(nn.Module):
    """A convolution, pooling, two linear layers."""

    def __init__(self):
        super().__init__()
        self.conv, self.pool = nn.Conv2d(2, 4, 3), nn.MaxPool2d(2)
        self.fc, self.head = nn.Linear(16, 6), nn.Linear(6, 3)

    def forward(self, x):
        y = self.pool(F.relu(self.conv(x)))
        return self.head(F.relu(self.fc(y.flatten(1))))


@pytest.fixture(scope="module")
def draft():
    return Draft(graph=capture(initialized(Small).eval(), (2, 6, 6)))


@pytest.fixture
def context():
    return Context(data=noise((2, 6, 6), train=50, test=4))


def test_defaults(draft, context):
    found = make_pass({"kind": "quantize"}).apply(draft, context)
    assert {name: form.bits for name, form in found.formats.items()} == {"conv": 8, "fc": 8,
                                                                          "head": 8}
    assert list(found.tensors) == ["input", "conv", "pool", "fc", "head"]
    assert {form.bits for form in found.tensors.values()} == {8}
    assert len(found.formats["conv"].step) == 4
    [record] = found.records
    assert (record.kind, record.options) == ("quantize", {})
    assert record.results == {"bits": {"conv": 8, "fc": 8, "head": 8}, "average_bits": 8.0}
    network = quantize(found, context.data.train_images)
    assert network.layer("conv").weight_bits == 8
    assert found.tensors["conv"].low == 0 and network.type_of("conv").zero_point == -128


def test_bits_by_layer_and_by_tensor(draft, context):
    settings = {"kind": "quantize", "bits": {"*": 4, "conv": 1, "fc": 2},
                "activation_bits": {"*": 4, "head": 8, "input": 8}, "per_channel": False}
    found = make_pass(settings).apply(draft, context)
    assert {name: (form.bits, len(form.step)) for name, form in found.formats.items()} == {
        "conv": (1, 1), "fc": (2, 1), "head": (4, 1)}
    assert {name: form.bits for name, form in found.tensors.items()} == {
        "input": 8, "conv": 4, "pool": 4, "fc": 4, "head": 8}
    assert found.tensors["pool"] == found.tensors["conv"]
    network = quantize(found, context.data.train_images)
    assert network.layer("conv").weight.unique().tolist() == [-1, 1]
    assert network.layer("conv").codebook.tolist() == [-1, 1]
    assert network.layer("fc").codebook.tolist() == [-1, 0, 1]
    assert network.layer("head").codebook is None
    output = execute(network, network.input.to_elements(context.data.test_images), trace=True)
    assert int(output["fc"].min()) >= -8 and int(output["fc"].max()) <= 7


def test_steps_of_one_bit_are_mean_magnitudes_of_kept_weights(draft, context):
    mask = torch.rand(4, 2, 3, 3, generator=torch.Generator().manual_seed(0)) > 0.5
    pruned = draft.with_masks({"conv": mask})
    form = make_pass({"kind": "quantize", "bits": 1}).apply(pruned, context).formats["conv"]
    weight = pruned.weighted["conv"].weight
    for channel in range(4):
        assert float(form.step[channel]) == pytest.approx(
            float(weight[channel][mask[channel]].abs().mean()))


def test_what_earlier_passes_chose_stays(draft, context):
    """A codebook, and signs whose pool follows them."""
    node = draft.weighted["fc"]
    codebook = torch.linspace(-0.25, 0.25, 4)
    nearest = codebook[torch.bucketize(node.weight, (codebook[1:] + codebook[:-1]) / 2)]
    form = WeightFormat(bits=4, step=torch.tensor([0.25 / 7]).double(), codebook=codebook)
    signs = TensorFormat(low=-128, high=127)
    before = draft.with_weights({"fc": {"weight": nearest}}).replace(
        formats={"fc": form}, tensors={"conv": signs})
    found = make_pass({"kind": "quantize", "bits": 8}).apply(before, context)
    assert found.formats["fc"] is form and found.formats["conv"].bits == 8
    assert found.tensors["conv"] == found.tensors["pool"] == signs
    assert len(quantize(found, context.data.train_images).layer("fc").codebook) == 4


def test_ranges_are_those_of_the_quantized_network(draft, context):
    """One step for all weights, so coarse that all become 0."""
    large = draft.with_weights({"conv": {"weight": draft.weighted["conv"].weight * 0 + 0.01,
                                         "bias": torch.zeros(4)}})
    step = torch.tensor([1.0]).double()
    before = large.replace(formats={"conv": WeightFormat(bits=8, step=step)})
    found = make_pass({"kind": "quantize"}).apply(before, context)
    assert (found.tensors["conv"].low, found.tensors["conv"].high) == (0, 0)


@pytest.mark.parametrize("options, text", [
    ({"bits": 3}, "bits must be 8, 4, 2 or 1, not 3"),
    ({"bits": {"fc": 16}}, "bits of layer 'fc' must be 8, 4, 2 or 1, not 16"),
    ({"activation_bits": 2}, "activation_bits must be 8 or 4, not 2"),
    ({"activation_bits": {"fc": True}}, "activation_bits of layer 'fc' must be 8 or 4, not True"),
    ({"bits": 8.0}, "bits must be 8, 4, 2 or 1, not 8.0"),
    ({"percentile": 50}, "percentile must be above 50, not 50"),
    ({"percentile": 101}, "percentile must be a number from 50 to 100, not 101"),
    ({"calibration": "best"},
     "calibration must be one of 'minmax', 'percentile', 'mse', not 'best'"),
    ({"weight_method": "percentile"},
     "weight_method must be one of 'minmax', 'mse', not 'percentile'"),
    ({"per_channel": 1}, "per_channel must be true or false, not 1"),
])
def test_options_that_are_refused(options, text):
    with pytest.raises(SpecError) as caught:
        make_pass({"kind": "quantize", **options})
    assert str(caught.value) == f"pass (quantize): {text}"


@pytest.mark.parametrize("options, text", [
    ({"bits": {"pool": 4}}, "bits must name layers with weights, conv, fc, head, not 'pool'"),
    ({"activation_bits": {"pool": 4}}, "bits of activations must name tensors that aren't "
     "pooling's, input, conv, fc, head, not 'pool'"),
    ({"bits": {"fc": 4}}, "Layer 'fc': bits must be chosen by one pass, but an earlier one has "
     "chosen 8"),
    ({"activation_bits": {"fc": 4}}, "Tensor 'fc': bits must be chosen by one pass, but an "
     "earlier one has chosen 8"),
])
def test_options_that_do_not_go_with_the_draft(draft, context, options, text):
    before = draft if "pool" in str(options) else make_pass({"kind": "quantize"}).apply(draft,
                                                                                         context)
    with pytest.raises(QuantizeError) as caught:
        make_pass({"kind": "quantize", **options}).apply(before, context)
    assert str(caught.value) == text


def test_weights_that_are_not_finite(draft, context):
    broken = draft.with_weights({"fc": {"bias": torch.full((6,), torch.nan)}})
    with pytest.raises(QuantizeError, match="^Layer 'fc': weights must be finite, but one is not"):
        make_pass({"kind": "quantize"}).apply(broken, context)
