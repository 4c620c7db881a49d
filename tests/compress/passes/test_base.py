"""What all passes share: options, records, what is refused."""

import dataclasses

import pytest

from sparrow.compress.passes import PASSES, Context, make_pass
from sparrow.hw.spec.base import SpecError

NEEDED = {"binarize": {"layers": ("fc1",)}, "channels": {"keep": 4}, "factorize": {"ratio": 2.0},
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
