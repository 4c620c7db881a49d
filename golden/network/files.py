"""Integer networks as files: tensors and their description, with nothing that could run.

A ``.sparrow`` file is a safetensors file. Its metadata hold ``format``, ``version``,
``description`` (JSON: everything but the tensors) and ``checksum`` (SHA-256 over the description
and every tensor's name, type, shape and bytes). A tensor is named ``layer/field``.
"""

import contextlib
import dataclasses
import errno
import hashlib
import json
import os
import secrets
from pathlib import Path

import safetensors
import safetensors.torch
import torch

from sparrow.hw.spec.base import SpecError

from .checks import NetworkError, shown
from .layer import Layer
from .network import Network
from .plain import Add, AveragePool, Concat, MaxPool, Table
from .types import Numbers, TensorType
from .weighted import Conv, Linear

__all__ = ["FORMAT", "VERSION", "load", "save"]

FORMAT, VERSION = "sparrow network", 1
KINDS: dict[str, type[Layer]] = {
    "conv": Conv, "linear": Linear, "add": Add, "concat": Concat, "max_pool": MaxPool,
    "average_pool": AveragePool, "table": Table,
}
STORED = {"weight": torch.int8, "codebook": torch.int8, "entries": torch.int8,
          "bias": torch.int32, "mantissa": torch.int32, "shift": torch.uint8}
USED = {name: torch.int8 if kind is torch.int8 else torch.int64 for name, kind in STORED.items()}


def save(network: Network, path: str | Path) -> Path:
    """Write a network to a file, whole or not at all.

    Parameters
    ----------
    network : Network
    path : str or Path
        The file, by convention ``*.sparrow``; one that is there is replaced. Equal networks
        make equal bytes.

    Returns
    -------
    Path
        ``path``, as given.

    Raises
    ------
    TypeError
        If ``network`` isn't one.
    OSError
        If the file can't be written.
    """
    if not isinstance(network, Network):
        raise TypeError(f"network must be a Network, not {shown(network)}")
    tensors = {f"{layer.name}/{field}": getattr(layer, field).to(kind)
               for layer in network for field, kind in STORED.items()
               if getattr(layer, field, None) is not None}
    description = json.dumps(_describe(network), allow_nan=False)
    metadata = {"format": FORMAT, "version": str(VERSION), "description": description,
                "checksum": _checksum(description, tensors)}
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "must be a file, not a folder", str(path))
    target = path.resolve()
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        temporary.write_bytes(_ordered(safetensors.torch.save(tensors, metadata=metadata)))
        os.replace(temporary, target)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.strerror:
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise
    return path


def load(path: str | Path) -> Network:
    """Read a network from a file.

    Returns
    -------
    Network
        Equal to the one that was saved.

    Raises
    ------
    NetworkError
        If the file can't be read, isn't a ``.sparrow`` file, is damaged, of another version, or
        holds no valid network; the text begins with ``path``.
    """
    try:
        with open(path, "rb"):
            pass
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            _check_metadata(metadata)
            tensors = {name: file.get_tensor(name).clone() for name in sorted(file.keys())}
        if _checksum(metadata["description"], tensors) != metadata["checksum"]:
            raise NetworkError("must match its checksum, but doesn't: it is damaged")
        return _network(json.loads(metadata["description"]), tensors)
    except OSError as error:
        raise NetworkError(f"{path}: {error.strerror or error}") from None
    except safetensors.SafetensorError as error:
        raise NetworkError(f"{path}: must be a whole .sparrow file: {shown(str(error))}") from None
    except NetworkError as error:
        raise NetworkError(f"{path}: {error}") from None
    except (SpecError, TypeError, ValueError, KeyError, RecursionError) as error:
        raise NetworkError(f"{path}: must hold a valid network: "
                           f"{' '.join(str(error).split())}") from None


def _ordered(content: bytes) -> bytes:
    """A safetensors file with its header in order; the library writes metadata in any order."""
    size = int.from_bytes(content[:8], "little")
    header = json.dumps(json.loads(content[8:8 + size]), sort_keys=True,
                        separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + content[8 + size:]


def _check_metadata(metadata: dict[str, str]) -> None:
    if metadata.get("format") != FORMAT:
        raise NetworkError("must be a .sparrow file, but doesn't say so")
    version = metadata.get("version", "")
    if version != str(VERSION):
        raise NetworkError(f"must be of format version {VERSION}, not {shown(version)}")
    for key in ("description", "checksum"):
        if key not in metadata:
            raise NetworkError(f"must have a {key}, but has none: it is damaged")


def _checksum(description: str, tensors: dict[str, torch.Tensor]) -> str:
    digest = hashlib.sha256(description.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"\n{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


def _describe(network: Network) -> dict[str, object]:
    kinds = {kind: name for name, kind in KINDS.items()}
    layers = []
    for layer in network:
        fields = {field.name: getattr(layer, field.name) for field in dataclasses.fields(layer)
                  if field.name not in STORED}
        fields["output"] = dataclasses.asdict(layer.output)
        layers.append({"kind": kinds[type(layer)], **fields})
    return {"name": network.name, "input": dataclasses.asdict(network.input),
            "input_name": network.input_name, "output": network.output,
            "numbers": network.numbers.to_mapping(), "layers": layers}


def _network(description: object, tensors: dict[str, torch.Tensor]) -> Network:
    fields = _mapping("network", description)
    layers = fields.pop("layers", None)
    if not isinstance(layers, list):
        raise NetworkError(f"layers must be a list, not {shown(layers)}")
    rest = dict(tensors)
    network = _record(
        Network, "network", fields, input=_type("input", fields.pop("input", None)),
        numbers=Numbers.from_mapping(_mapping("numbers", fields.pop("numbers", None)),
                                     source="numbers"),
        layers=tuple(_layer(layer, rest) for layer in layers))
    for name in rest:
        raise NetworkError(f"tensor {shown(name)} must belong to a layer, but doesn't")
    return network


def _layer(description: object, tensors: dict[str, torch.Tensor]) -> Layer:
    """A layer, whose tensors are taken out of ``tensors``."""
    fields = _mapping("layer", description)
    kind, name = fields.pop("kind", None), fields.get("name")
    if not isinstance(kind, str) or kind not in KINDS:
        raise NetworkError(f"Layer {shown(name)}: kind must be one of {', '.join(KINDS)}, "
                           f"not {shown(kind)}")
    own = {}
    for field in dataclasses.fields(KINDS[kind]):
        if field.name in STORED and f"{name}/{field.name}" in tensors:
            tensor = tensors.pop(f"{name}/{field.name}")
            if tensor.dtype != STORED[field.name]:
                raise NetworkError(f"Layer {shown(name)}: stored {field.name} must be a tensor of "
                                   f"{STORED[field.name]}, not {tensor.dtype}")
            own[field.name] = tensor.to(USED[field.name])
    subject = f"Layer {shown(name)}"
    return _record(KINDS[kind], subject, fields, **own,
                   output=_type(f"{subject}: output", fields.pop("output", None)))


def _type(subject: str, description: object) -> TensorType:
    return _record(TensorType, subject, _mapping(subject, description))


def _record(kind, subject: str, fields: dict[str, object], **values: object):
    """A dataclass of plain fields, in which lists stand for tuples, and ready values."""
    plain = {name: tuple(value) if isinstance(value, list) else value
             for name, value in fields.items()}
    known = {field.name: field for field in dataclasses.fields(kind)}
    for name in plain:
        if name not in known or name in STORED or name in values:
            raise NetworkError(f"{subject}: {shown(name)} is no field of it")
    for name, field in known.items():
        if (name not in plain and name not in values and field.default is dataclasses.MISSING
                and field.default_factory is dataclasses.MISSING):
            raise NetworkError(f"{subject}: {name} must be given, but isn't")
    return kind(**plain, **values)


def _mapping(subject: str, value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise NetworkError(f"{subject} must be a mapping, not {shown(value)}")
    return dict(value)
