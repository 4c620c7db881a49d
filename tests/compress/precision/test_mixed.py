"""Mixed precision: what the scan finds, budgets kept, and refusals."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from sparrow.compress import QuantizeError, capture
from sparrow.compress.data import noise
from sparrow.compress.draft import Draft
from sparrow.compress.passes import Context, make_pass
from sparrow.compress.precision.mixed import assign, sensitivities
from sparrow.compress.precision.size import average_bits
from sparrow.compress.train import initialized
from sparrow.hw.spec.base import SpecError

ERRORS = {"a": {8: 0.0, 4: 1.0, 2: 5.0}, "b": {8: 0.0, 4: 0.1, 2: 9.0}, "c": {8: 0.0, 4: 3.0}}
WEIGHTS = {"a": 10, "b": 10, "c": 100}


def bits_of(choice):
    return sum(WEIGHTS[name] * bits for name, bits in choice.items())


@pytest.mark.parametrize("budget, expected", [
    (960, {"a": 8, "b": 8, "c": 8}),
    (920, {"a": 8, "b": 4, "c": 8}),
    (600, {"a": 8, "b": 8, "c": 4}),  # b gets its bits back
    (480, {"a": 4, "b": 4, "c": 4}),
    (440, {"a": 2, "b": 2, "c": 4}),
])
def test_assignment(budget, expected):
    choice = assign(ERRORS, bits_of, budget, "bits")
    assert choice.bits == expected and choice.cost == bits_of(expected) <= budget


def test_a_budget_that_nothing_keeps():
    with pytest.raises(QuantizeError) as caught:
        assign(ERRORS, bits_of, 400, "bits")
    assert str(caught.value) == ("the budget must be at least 440 bits, which the fewest bits "
                                 "need, not 400")


class Model(nn.Module):
    """A layer that hardly matters to the output beside one that does."""

    def __init__(self):
        super().__init__()
        self.conv, self.idle = nn.Conv2d(1, 4, 3), nn.Conv2d(1, 4, 3)
        self.idle.weight.data *= 0.01
        self.fc = nn.Linear(144, 3)

    def forward(self, x):
        return self.fc(F.relu(self.conv(x) + self.idle(x)).flatten(1))


@pytest.fixture(scope="module")
def draft():
    return Draft(graph=capture(initialized(Model).eval(), (1, 8, 8)))


@pytest.fixture
def context():
    return Context(data=noise((1, 8, 8), train=40, test=4))


def test_sensitivities(draft, context):
    found = sensitivities(draft, context.data.train_images, ["conv", "idle", "fc"], (8, 4, 2))
    for by_bits in found.values():
        assert 0 < by_bits[8] < by_bits[4] < by_bits[2]
    assert all(found["idle"][bits] < found["conv"][bits] / 100 for bits in (8, 4, 2))


def test_average_of_bits(draft, context):
    mask = torch.ones(3, 144, dtype=torch.bool)
    mask[:, ::2] = False
    pruned = draft.with_masks({"fc": mask})
    found = make_pass({"kind": "mixed", "average_bits": 7.5, "widths": [8, 4]}).apply(pruned,
                                                                                       context)
    assert average_bits(found) <= 7.5
    assert found.formats["idle"].bits == 4 and found.formats["conv"].bits == 8
    results = found.records[0].results
    assert results["bits"] == {name: form.bits for name, form in found.formats.items()}
    assert results["cost"] == average_bits(found) and results["unit"] == "bits of a weight"
    assert set(results["errors"]["fc"]) == {"8", "4"}


def test_all_bits(draft, context):
    found = make_pass({"kind": "mixed", "total_bits": 504 * 4, "widths": [8, 4, 2]}).apply(
        draft, context)
    bits = found.records[0].results["bits"]
    assert 36 * bits["conv"] + 36 * bits["idle"] + 432 * bits["fc"] <= 504 * 4


def test_cycles(draft, context):
    """A machine on which only bits of ``fc`` count, and 2 take as long as 4."""
    asked = []

    def cycles(network):
        asked.append(network)
        return {layer.name: 10 * layer.weight_bits if layer.name == "fc" else 5
                for layer in network if hasattr(layer, "weight_bits")}

    context = Context(data=context.data, cycles=cycles)
    found = make_pass({"kind": "mixed", "cycles": 60}).apply(draft, context)
    assert found.records[0].results["bits"] == {"conv": 8, "idle": 8, "fc": 4}
    assert found.records[0].results["cost"] == 50
    with pytest.raises(QuantizeError, match="^the budget must be at least 50 cycles, which"):
        make_pass({"kind": "mixed", "cycles": 40, "widths": (8, 4, 2, 1)}).apply(draft, context)
    assert len(asked) < 20


def test_formats_that_are_there_stay(draft, context):
    before = make_pass({"kind": "binarize", "layers": ["idle"]}).apply(draft, context)
    found = make_pass({"kind": "mixed", "average_bits": 4}).apply(before, context)
    assert {name: form.bits for name, form in found.formats.items()} == {
        "idle": 1, "conv": 4, "fc": 4}
    with pytest.raises(QuantizeError) as caught:
        make_pass({"kind": "mixed", "average_bits": 4}).apply(found, context)
    assert str(caught.value) == ("mixed precision must have layers to choose for, but earlier "
                                 "passes have chosen for all")


def test_cycles_without_an_accelerator(draft, context):
    with pytest.raises(QuantizeError) as caught:
        make_pass({"kind": "mixed", "cycles": 100}).apply(draft, context)
    assert str(caught.value) == ("a budget of cycles must come with an accelerator to predict them "
                                 "for, but there is none")


@pytest.mark.parametrize("options, text", [
    ({}, "the budget must be one of average_bits, total_bits and cycles, not none"),
    ({"cycles": 1, "total_bits": 2}, "the budget must be one of average_bits, total_bits and "
     "cycles, not total_bits and cycles"),
    ({"cycles": 1, "widths": [8]}, "widths must be two or more of 8, 4, 2 and 1, not [8]"),
    ({"cycles": 1, "widths": [8, 3]}, "widths must be two or more of 8, 4, 2 and 1, not [8, 3]"),
    ({"cycles": 1, "widths": [8, 8]}, "widths must be two or more of 8, 4, 2 and 1, not [8, 8]"),
    ({"average_bits": 9}, "average_bits must be a number from 0.0 to 8.0, not 9"),
    ({"cycles": -1}, "cycles must be an integer from 0 to 9007199254740992, not -1"),
    ({"cycles": 1, "images": 0}, "images must be an integer from 1 to 1000000, not 0")])
def test_options_that_are_refused(options, text):
    with pytest.raises(SpecError) as caught:
        make_pass({"kind": "mixed", **options})
    assert str(caught.value) == f"pass (mixed): {text}"
