"""Which weight streams the layers of a program have, and what they would cost uncompressed."""

from collections.abc import Mapping, Sequence
from typing import Any

from sparrow.compiler import Program
from sparrow.golden.codec import CODECS
from sparrow.hw.spec.commands import Command, Opcode

__all__ = ["PLAIN", "compressed", "with_dense", "weight_traffic"]

PLAIN = "plain"


def weight_traffic(program: Program) -> dict[str, dict[str, Any]]:
    """Bytes and codecs of each layer's weight streams, by the layer's name.

    Returns
    -------
    dict
        ``weight_bytes`` of all streams, as often as they are read; ``codec``: the codecs of
        compressed ones and ``plain`` if there are others, with commas; empty if none is compressed.
    """
    commands = program.commands()
    return {layer.name: _traffic(program, commands[layer.first_command:][:layer.commands])
            for layer in program.layers}


def compressed(program: Program) -> bool:
    """Whether any stream is."""
    return any(values.get("compressed") for _, values in program.commands())


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


def _traffic(program: Program,
             commands: Sequence[tuple[Command, Mapping[str, int]]]) -> dict[str, Any]:
    size, codecs = 0, []
    for kind, values in commands:
        if kind.opcode is Opcode.WEIGHTS:
            size += values["words"] * program.spec.bus.word_bytes
            number = program.program_bytes[values["offset"]] >> 4 & 7  # of the header
            codecs.append(CODECS[number] if values.get("compressed") else PLAIN)
    found = dict.fromkeys(codecs)
    return {"codec": "" if set(found) <= {PLAIN} else ", ".join(found), "weight_bytes": size}
