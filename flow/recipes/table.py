"""The closing table of a compression: what is left of each layer."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sparrow.compiler.streams import FLOAT_BYTES, Sizes
from sparrow.compress.draft import WeightedNode
from sparrow.compress.graph import Graph
from sparrow.flow.numbers import grouped

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["compared_sizes", "compression_table"]


def compared_sizes(original: Graph, sizes: Sizes) -> dict[str, Any]:
    """The bytes of a compressed network beside those of the one that it was made of.

    Parameters
    ----------
    original : Graph
        Before the first pass. A layer of its that is there no more counts in the total alone; one
        that a pass has made is compared with itself in float32.
    sizes : Sizes
        Of the integer network.

    Returns
    -------
    dict
        ``layers``, each with ``name``, ``shape``, ``kept`` (share of the original's weights that
        isn't zero), ``bits``, ``codec``, ``before``, ``after`` (bytes) and ``ratio``; and
        ``before``, ``after``, ``ratio`` and ``kept`` of all.
    """
    weights = {node.name: node.weight.numel() for node in original
               if isinstance(node, WeightedNode)}
    bytes_of = {node.name: FLOAT_BYTES * (node.weight.numel() + node.bias.numel())
                for node in original if isinstance(node, WeightedNode)}
    layers = []
    for layer in sizes.layers:
        before = bytes_of.get(layer.name, layer.before)
        count = weights.get(layer.name, layer.weights)
        layers.append({
            "name": layer.name, "shape": list(layer.shape), "bits": layer.bits,
            "kept": layer.nonzeros / count if count else None, "codec": layer.codec,
            "before": before, "after": layer.after,
            "ratio": before / layer.after if before else None})
    before, kept = sum(bytes_of.values()), sum(layer.nonzeros for layer in sizes.layers)
    return {"layers": layers, "before": before, "after": sizes.after,
            "ratio": before / sizes.after if before else None,
            "kept": kept / sum(weights.values()) if weights else None}


def compression_table(results: Mapping[str, Any]) -> "Table":
    """Layers with shape, weights kept, bits, bytes before and after, ratio; and all of them.

    Parameters
    ----------
    results : dict
        What the step ``quantize`` gives.
    """
    from rich.table import Table

    table = Table(title="bytes as stored; float32 before", title_justify="left")
    table.add_column("layer", no_wrap=True)
    for heading in ("shape", "kept", "bits", "codec", "before", "after", "ratio"):
        table.add_column(heading, justify="right", no_wrap=True)
    sizes = results["sizes"]
    for layer in sizes["layers"]:
        table.add_row(layer["name"], "×".join(map(str, layer["shape"])), _share(layer["kept"]),
                      str(layer["bits"] or ""), layer["codec"] or "", grouped(layer["before"]),
                      grouped(layer["after"]), _ratio(layer["ratio"]))
    table.add_section()
    table.add_row("all", "", _share(sizes["kept"]), "", "", grouped(sizes["before"]),
                  grouped(sizes["after"]), _ratio(sizes["ratio"]))
    return table


def _share(share: float | None) -> str:
    return "" if share is None else f"{share:.2%}"


def _ratio(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.1f}×"
