"""Weight streams of a network as files."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparrow.compiler.streams import EncodedLayer, EncodeError, StreamTarget, encode_layer
from sparrow.flow.errors import UserError
from sparrow.flow.files import write_folder
from sparrow.golden.network import Network, Weighted

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["INDEX", "SUFFIX", "OWN", "encode_network", "encode_table", "index", "write_streams"]

INDEX, SUFFIX = "index.json", ".weights"
OWN: Mapping[str, Any] = {"owned": INDEX, "names": (INDEX, "*" + SUFFIX)}
"""What tells a folder that :func:`write_streams` wrote."""

FORMAT = 1


def encode_network(network: Network, target: StreamTarget, *, codec: str, goal: str,
                   span: int | None) -> list[EncodedLayer]:
    """All layers with weights; see :func:`sparrow.compiler.streams.encode_layer`.

    Raises
    ------
    UserError
        If a layer can't be encoded as wanted, or none has weights.
    """
    layers = [layer for layer in network if isinstance(layer, Weighted)]
    if not layers:
        raise UserError(f"The network {network.name!r} must have layers with weights, but has none")
    try:
        return [encode_layer(layer, network, target, codec=codec, goal=goal, span=span)
                for layer in layers]
    except EncodeError as error:
        raise UserError(str(error)) from None


def index(name: str, target: StreamTarget, layers: Sequence[EncodedLayer], *, goal: str,
          span: int | None) -> dict[str, Any]:
    """What ``index.json`` holds.

    Returns
    -------
    dict
        ``format``, ``name`` of the network, ``lanes``, ``columns``, ``word_bytes``, ``goal``,
        ``span`` (output blocks of a stream, or null), ``layers`` and ``total``. A layer has
        ``name``, ``kind``, ``file``, ``shape`` of its weights as those of a convolution,
        ``weight_bits``, ``weights``, ``nonzeros``, ``codec``, ``streams`` (how many),
        ``file_bytes``, ``bytes`` of all streams, ``bits_per_weight``, ``blocks`` in the streams,
        ``steps`` and ``cycles`` that a decoder is predicted to take, and ``tried``: bytes and
        cycles by codec.
    """
    rows = [{
        "name": layer.name, "kind": layer.kind, "file": layer.name + SUFFIX,
        "shape": list(layer.container.shape), "weight_bits": layer.weight_bits,
        "weights": layer.weights, "nonzeros": layer.nonzeros, "codec": layer.codec,
        "streams": len(layer.streams), "file_bytes": layer.container.offsets[-1],
        "bytes": layer.bytes, "bits_per_weight": round(layer.bits_per_weight, 4),
        "blocks": layer.blocks, "steps": layer.steps, "cycles": layer.cycles,
        "tried": {codec: {"bytes": found.bytes, "cycles": found.cycles}
                  for codec, found in layer.tried.items()}} for layer in layers]
    total = {name: sum(row[name] for row in rows)  # type: ignore[misc]
             for name in ("weights", "nonzeros", "file_bytes", "bytes", "blocks", "steps",
                          "cycles")}
    return {"format": FORMAT, "name": name, "lanes": target.lanes, "columns": target.columns,
            "word_bytes": target.word_bytes, "goal": goal, "span": span, "layers": rows,
            "total": total | {"bits_per_weight": round(8 * total["bytes"] / total["weights"], 4)}}


def write_streams(folder: Path, layers: Sequence[EncodedLayer], found: Mapping[str, Any]) -> Path:
    """Write every layer's file and the index, all or nothing; see :func:`write_folder`."""
    files: dict[str, str | bytes] = {layer.name + SUFFIX: layer.container.to_bytes()
                                     for layer in layers}
    return write_folder(folder, files | {INDEX: json.dumps(found, indent=1) + "\n"}, **OWN)


def encode_table(found: Mapping[str, Any]) -> "Table":
    """The layers of an index."""
    from rich.table import Table

    from sparrow.flow.numbers import grouped

    table = Table(title=f"{found['name']} for {found['lanes']} × {found['columns']}, words of "
                        f"{found['word_bytes']} bytes; fewest {found['goal']}",
                  title_justify="left")
    for heading in ("layer", "kind", "codec"):
        table.add_column(heading, no_wrap=True)
    for heading in ("weights", "kept", "streams", "bytes", "bits per weight", "blocks", "steps",
                    "cycles"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in (*found["layers"], {"name": "all", "kind": "", "codec": "", "streams": sum(
            row["streams"] for row in found["layers"])} | found["total"]):
        if not row["kind"]:
            table.add_section()
        table.add_row(
            row["name"], row["kind"], row["codec"], grouped(row["weights"]),
            f"{row['nonzeros'] / row['weights']:.2%}", grouped(row["streams"]),
            grouped(row["bytes"]), f"{row['bits_per_weight']:.2f}",
            *(grouped(row[name]) for name in ("blocks", "steps", "cycles")))
    return table
