"""The pass of surgery: what it reports, and that a network of integers is as sparse."""

import pytest

from sparrow.compress.passes import Context, make_pass
from sparrow.compress.quantize import quantize
from sparrow.hw.spec.base import SpecError


def test_pass(small_draft, small_data):
    options = {"kind": "surgery", "density": {"fc1": 0.1, "*": 0.5}, "epochs": 4, "batch": 8,
               "interval": 3, "learning_rate": 0.01}
    found = make_pass(options).apply(small_draft, Context(data=small_data))
    record = found.records[-1]
    assert {"kind": record.kind, **record.options} == options
    assert record.results == {"kept": found.kept, "pruned": record.results["pruned"],
                              "returned": record.results["returned"]}
    assert found.kept == (51 + 72 + 32) / 720
    assert record.results["pruned"] - record.results["returned"] == 720 - 155
    network = quantize(found, small_data.train_images)
    for name in found.weighted:
        assert not network.layer(name).weight[~found.mask(name)].any()


@pytest.mark.parametrize("options, text", [
    ({"density": 2}, "density must be a number from 0.0 to 1.0, not 2"),
    ({"epochs": 0}, "epochs must be an integer from 1 to 100000, not 0"),
    ({"interval": 0}, "interval must be an integer from 1 to 1000000, not 0"),
    ({"band": 1.0}, "band must be a number from 0.0 to 0.9, not 1.0"),
    ({"decay": 1}, "decay must be a number from 0.0 to 0.1, not 1"),
    ({"stop": 2}, "stop must be a number from 0.0 to 1.0, not 2"),
    ({"ramp": -1}, "ramp must be a number from 0.0 to 1.0, not -1"),
    ({"ramp": 0.8, "stop": 0.7}, "ramp must be at most stop, 0.7, not 0.8"),
])
def test_refused(options, text):
    with pytest.raises(SpecError, match=f"^pass \\(surgery\\): {text}$"):
        make_pass({"kind": "surgery", **options})
