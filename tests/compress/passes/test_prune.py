"""The pass that prunes: its options, what it reports, and what comes after it."""

import dataclasses
import json

import pytest

from sparrow.compress.passes import Context, make_pass
from sparrow.compress.quantize import quantize
from sparrow.compress.scales import QuantizeError
from sparrow.compress.store import draft_bytes, load_draft
from sparrow.hw.spec.base import SpecError

TUNED = {"epochs": 2, "batch": 8, "learning_rate": 0.01}


@pytest.mark.parametrize("options, kept", [
    ({"density": 0.25}, 180),
    ({"density": 0.25, "allocation": "uniform"}, 36 + 128 + 16),
    ({"density": 0.25, "allocation": "sensitivity", "scan_images": 20}, None),
    ({"density": 0.25, "criterion": "gradient", "batches": 2}, 180),
    ({"density": 0.25, "criterion": "random", **TUNED}, 180),
    ({"density": {"fc1": 0.1, "*": 0.5}, **TUNED}, 72 + 51 + 32),
    ({"density": 0.25, "layers": ["fc1"], "schedule": "gradual", "interval": 3, **TUNED},
     144 + 128 + 64),
    ({"pattern": "nm", "n": 1, "m": 2, "schedule": "gradual", **TUNED}, 360),
    ({"pattern": "block", "block": [4, 4], "density": 0.5, "allocation": "uniform"}, 360),
])
def test_pass(small_draft, small_data, options, kept, tmp_path):
    found = make_pass({"kind": "prune", **options}).apply(small_draft, Context(data=small_data))
    record = found.records[-1]
    assert record.options == options
    assert record.results["kept"] == found.kept
    assert found.kept == pytest.approx(kept / 720 if kept else 0.25, abs=0 if kept else 3 / 720)
    assert record.results["layers"]["fc1"] == int(found.mask("fc1").sum()) / 512
    json.dumps(record.results)
    (tmp_path / "draft").write_bytes(draft_bytes(found))
    assert load_draft(tmp_path / "draft").kept == found.kept
    network = quantize(found, small_data.train_images)
    later = make_pass({"kind": "finetune", **TUNED}).apply(found, Context(data=small_data))
    for name in found.weighted:
        assert not network.layer(name).weight[~found.mask(name)].any()
        assert not later.weighted[name].weight[~found.mask(name)].any()


def test_sensitivity_is_reported(small_draft, small_data):
    options = {"kind": "prune", "density": 0.5, "allocation": "sensitivity"}
    found = make_pass(options).apply(small_draft, Context(data=small_data))
    table = found.records[-1].results["sensitivity"]
    assert list(table) == ["conv", "fc1", "fc2"]
    assert set(table["fc1"]["points"][3]) == {"density", "loss", "accuracy"}
    assert table["fc1"]["density"] == pytest.approx(found.records[-1].results["layers"]["fc1"],
                                                    abs=1 / 512)


def test_better_than_chance(small_draft, small_data):
    """On a trained network, after pruning alone."""
    context = Context(data=small_data)
    trained = make_pass({"kind": "finetune", "epochs": 20, "batch": 8, "learning_rate": 0.01}
                        ).apply(small_draft, context)
    losses = {}
    for criterion in ("magnitude", "gradient", "random"):
        pruned = make_pass({"kind": "prune", "density": 0.4, "criterion": criterion}
                           ).apply(trained, context)
        outputs = pruned.graph.run(small_data.train_images)["fc2"].flatten(1).clone()
        losses[criterion] = outputs.log_softmax(1).gather(
            1, small_data.train_labels[:, None]).mean().neg().item()
    assert max(losses["magnitude"], losses["gradient"]) < losses["random"]


@pytest.mark.parametrize("options, text", [
    ({}, "density must be given with pattern 'unstructured'"),
    ({"pattern": "block"}, "density must be given with pattern 'block'"),
    ({"density": 2}, "density must be a number from 0.0 to 1.0, not 2"),
    ({"pattern": "nm", "density": 0.5},
     "density must be left out with pattern 'nm', which n and m say, not 0.5"),
    ({"pattern": "rows"}, "pattern must be one of 'unstructured', 'nm', 'block', not 'rows'"),
    ({"pattern": "nm", "n": 5}, "n must be an integer from 0 to 4, not 5"),
    ({"pattern": "nm", "m": 0}, "m must be an integer from 1 to 1024, not 0"),
    ({"density": 1, "block": 4}, "block must be two sizes, not 4"),
    ({"density": 1, "block": [0, 4]}, "block must be an integer from 1 to 4096, not 0"),
    ({"density": 1, "criterion": "size"},
     "criterion must be one of 'magnitude', 'gradient', 'random', not 'size'"),
    ({"density": 1, "schedule": "slow"},
     "schedule must be one of 'one_shot', 'gradual', not 'slow'"),
    ({"density": 1, "schedule": "gradual"},
     "epochs must be at least 1 with schedule 'gradual', not 0"),
    ({"density": {"*": 0.5}, "allocation": "uniform"},
     "allocation must be left out without a density over all layers, not 'uniform'"),
    ({"density": 1, "allocation": "fair"},
     "allocation must be one of 'global', 'uniform', 'sensitivity', not 'fair'"),
    ({"density": 1, "batches": 0}, "batches must be an integer from 1 to 1000000, not 0"),
    ({"density": 1, "ramp": 2}, "ramp must be a number from 0.0 to 1.0, not 2"),
])
def test_refused(options, text):
    with pytest.raises(SpecError, match=f"^pass \\(prune\\): {text}$"):
        make_pass({"kind": "prune", **options})


def test_refused_for_a_network(small_draft, small_data):
    context = Context(data=dataclasses.replace(small_data, train_labels=None))
    for options, text in (
            ({"density": {"fc9": 0.5}}, "density must name layers with weights, conv, fc1, fc2, "
                                        "not 'fc9'"),
            ({"density": 0.5, "layers": ["pool"]}, "layers must name layers with weights, conv, "
                                                   "fc1, fc2, not 'pool'"),
            ({"density": 0.5, "criterion": "gradient"},
             "data must have labels, for a ranking by gradient; they have none")):
        with pytest.raises(QuantizeError, match=f"^{text}$"):
            make_pass({"kind": "prune", **options}).apply(small_draft, context)
