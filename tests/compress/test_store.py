"""Drafts as files."""

import json

import pytest
import safetensors.torch
import torch

from sparrow.compress.calibrate import Method
from sparrow.compress.capture import capture
from sparrow.compress.draft import Draft, Record, WeightFormat
from sparrow.compress.formats import tensor_formats
from sparrow.compress.scales import QuantizeError
from sparrow.compress.store import FORMAT, draft_bytes, load_draft


@pytest.fixture
def draft(small_draft, small_data):
    forms = {"fc1": WeightFormat(bits=4, step=torch.tensor([0.1], dtype=torch.float64),
                                 codebook=torch.tensor([-0.2, 0.1])),
             "fc2": WeightFormat(bits=8, step=torch.rand(4, dtype=torch.float64))}
    masks = {"conv": torch.rand(8, 2, 3, 3) > 0.5}
    return small_draft.with_masks(masks).replace(
        formats=forms, tensors=tensor_formats(small_draft.graph, small_data.train_images,
                                              Method.MINMAX),
        records=(Record(kind="share", options={"bits": 4}, results={"layers": [1, 2]}),))


def test_round_trip(tmp_path, draft):
    path = tmp_path / "draft.safetensors"
    path.write_bytes(draft_bytes(draft))
    found = load_draft(path)
    assert draft_bytes(found) == path.read_bytes()
    assert found.records == draft.records
    assert found.tensors == draft.tensors
    assert torch.equal(found.masks["conv"], draft.masks["conv"])
    assert torch.equal(found.formats["fc1"].codebook, draft.formats["fc1"].codebook)
    assert found.formats["fc1"].step.dtype == torch.float64
    images = torch.rand(3, 2, 6, 6)
    assert torch.equal(found.graph.run(images)["fc2"], draft.graph.run(images)["fc2"])


def test_every_kind_of_node(tmp_path, example):
    """A network with residual additions, batch normalization folded, pooling."""
    module = example("digits")
    path = tmp_path / "draft.safetensors"
    draft = Draft(graph=capture(module.digits_cnn().eval(), module.SHAPE))
    path.write_bytes(draft_bytes(draft))
    images = torch.rand(2, 1, 8, 8)
    found = load_draft(path).graph
    assert torch.equal(found.run(images)[found.output],
                       draft.graph.run(images)[draft.graph.output])


def test_equal_drafts_are_equal_bytes(draft):
    assert len({draft_bytes(draft) for _ in range(5)}) == 1


def test_refused(tmp_path, draft):
    path = tmp_path / "draft.safetensors"
    with pytest.raises(QuantizeError, match="No such file"):
        load_draft(path)
    path.write_bytes(b"junk")
    with pytest.raises(QuantizeError, match="must be a whole draft"):
        load_draft(path)
    path.write_bytes(safetensors.torch.save({"a": torch.ones(1)}))
    with pytest.raises(QuantizeError, match="must be a draft of version 1, but isn't"):
        load_draft(path)
    metadata = {FORMAT: json.dumps({"version": 1})}
    path.write_bytes(safetensors.torch.save({"a": torch.ones(1)}, metadata=metadata))
    with pytest.raises(QuantizeError, match="must be a whole draft"):
        load_draft(path)
