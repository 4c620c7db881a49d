"""Drafts as files: tensors and their description, with nothing that could run."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch

from . import graph as nodes
from .draft import Draft, Record, TensorFormat, WeightFormat
from .graph import Graph, Node
from .scales import QuantizeError

__all__ = ["draft_bytes", "load_draft"]

KINDS: dict[str, type[Node]] = {kind.__name__: kind for kind in (
    nodes.ConvNode, nodes.LinearNode, nodes.AddNode, nodes.ClampNode, nodes.ConcatNode,
    nodes.FunctionNode, nodes.MaxPoolNode, nodes.AveragePoolNode)}
FORMAT, VERSION = "sparrow draft", 1


def draft_bytes(draft: Draft) -> bytes:
    """A draft as the content of a safetensors file."""
    tensors: dict[str, torch.Tensor] = {}

    def plain(place: str, record: Any) -> dict[str, Any]:
        """Fields of a record; tensors go to ``tensors``."""
        found = {}
        for field in dataclasses.fields(record):
            value = getattr(record, field.name)
            if isinstance(value, torch.Tensor):
                tensors[f"{place}/{field.name}"] = value.detach().contiguous().clone()
            else:
                found[field.name] = value
        return found

    graph = draft.graph
    description = {
        "graph": {"name": graph.name, "shape": graph.shape, "output": graph.output,
                  "input_name": graph.input_name,
                  "nodes": [{"kind": type(node).__name__, **plain(f"node/{node.name}", node)}
                            for node in graph]},
        "formats": {name: plain(f"format/{name}", form) for name, form in draft.formats.items()},
        "tensors": {name: dataclasses.asdict(form) for name, form in draft.tensors.items()},
        "records": [dataclasses.asdict(record) for record in draft.records]}
    tensors |= {f"mask/{name}": mask.contiguous().clone() for name, mask in draft.masks.items()}
    # one entry: safetensors writes several in any order, and equal drafts must be equal bytes
    return safetensors.torch.save(tensors, metadata={
        FORMAT: json.dumps({"version": VERSION, **description})})


def load_draft(path: Path) -> Draft:
    """Read a draft.

    Raises
    ------
    QuantizeError
        If the file can't be read or isn't one; the text begins with ``path``.
    """
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            description = json.loads(metadata.get(FORMAT, "{}"))
            if description.get("version") != VERSION:
                raise QuantizeError(f"{path}: must be a draft of version {VERSION}, but isn't")
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}
        return _draft(description, tensors)
    except QuantizeError:
        raise
    except OSError as error:
        raise QuantizeError(f"{path}: {error.strerror or error}") from None
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError) as error:
        raise QuantizeError(f"{path}: must be a whole draft: {error}") from None


def _draft(description: dict[str, Any], tensors: dict[str, torch.Tensor]) -> Draft:
    def under(place: str) -> dict[str, Any]:
        start = f"{place}/"
        return {name.removeprefix(start): tensor for name, tensor in tensors.items()
                if name.startswith(start)}

    graph = dict(description["graph"])
    made = []
    for values in graph.pop("nodes"):
        kind = KINDS[values.pop("kind")]
        made.append(kind(**_tuples(values), **under(f"node/{values['name']}")))
    return Draft(
        graph=Graph(**_tuples(graph), nodes=tuple(made)), masks=under("mask"),
        formats={name: WeightFormat(**values, **under(f"format/{name}"))
                 for name, values in description["formats"].items()},
        tensors={name: TensorFormat(**values) for name, values in description["tensors"].items()},
        records=tuple(Record(**record) for record in description["records"]))


def _tuples(values: dict[str, Any]) -> dict[str, Any]:
    """Lists of JSON as the tuples that they were."""
    return {name: tuple(value) if isinstance(value, list) else value
            for name, value in values.items()}
