"""Which weight streams the layers of a program have, and what they would cost uncompressed."""

from collections.abc import Mapping, Sequence
from typing import Any

from sparrow.compiler import Program
from sparrow.compiler.schedule import PLAIN
from sparrow.hw.spec.commands import Opcode

__all__ = ["weight_traffic", "with_dense"]


def weight_traffic(program: Program) -> dict[str, dict[str, Any]]:
    """Bytes and codecs of each layer's weight streams, by the layer's name.

    Returns
    -------
    dict
        ``weight_bytes`` of all streams, as often as they are read; ``codec``: the codecs of
        compressed ones and ``plain`` if there are others, with commas; empty if none is compressed.
    """
    commands, word = program.commands(), program.spec.bus.word_bytes
    result: dict[str, dict[str, Any]] = {}
    for layer in program.layers:
        own = [commands[number] for number in layer.numbers]
        codecs = dict.fromkeys(codec.partition(",")[0] for codec in layer.codecs)
        result[layer.name] = {
            "codec": "" if set(codecs) <= {PLAIN} else ", ".join(codecs),
            "weight_bytes": sum(values["words"] * word for kind, values in own
                                if kind.opcode is Opcode.WEIGHTS)}
    return result


def with_dense(rows: Sequence[Mapping[str, Any]], program: Program,
               plain: Program | None) -> list[dict[str, Any]]:
    """Rows of :func:`~sparrow.flow.memory_image.layer_rows` with what weights cost.

    Parameters
    ----------
    rows : sequence of dict
        Of ``program``. Each gets ``codec`` and ``weight_bytes``.
    program, plain : Program
        With weight streams as they are, and with none compressed, or None. Layers with weights get
        ``dense``: ``weight_bytes``, ``predicted_cycles`` and ``stalls`` without compression.
    """
    traffic = weight_traffic(program)
    result = [dict(row) | traffic[row["name"]] for row in rows]
    if plain is None:
        return result
    before = weight_traffic(plain)
    for row in result:
        layer = plain.layer(row["name"])
        if row["weight_bytes"]:
            row["dense"] = {"weight_bytes": before[layer.name]["weight_bytes"],
                            "predicted_cycles": layer.cycles, "stalls": dict(layer.stalls)}
    return result
