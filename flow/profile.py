"""What each layer of a model costs on an accelerator: cycles, traffic, stalls by cause."""

from collections.abc import Mapping, Sequence
from typing import Any

from sparrow.compiler import Program
from sparrow.compiler.program import LayerInfo
from sparrow.golden.network import Network
from sparrow.hw.spec.accelerator import AcceleratorSpec
from sparrow.hw.spec.commands import Command, Opcode, compute_vectors
from sparrow.sim.accelerator import Outcome

__all__ = ["measured_stalls", "profile"]

STALL_COUNTERS = {"weights": "STALL_WEIGHTS", "decoding": "STALL_DECODING",
                  "results": "STALL_RESULTS", "buffer": "STALL_BUFFER", "tokens": "STALL_TOKENS"}
SUMMED = ("macs", "vectors", "predicted_cycles", "measured_cycles", "bytes_read",
          "bytes_written", "memory_accesses")


def profile(program: Program, network: Network, outcome: Outcome | None = None) -> dict[str, Any]:
    """The profile of a program, ready for JSON.

    Parameters
    ----------
    program : Program
        With predicted cycles.
    network : Network
        What it was compiled from.
    outcome : Outcome or None
        Of a run on the Verilog; without it, measured cycles are ``None`` and stalls are predicted.

    Returns
    -------
    dict
        ``name``, ``accelerator``, ``layers`` and ``total``. A layer has ``name``, ``kind``,
        ``bits`` of a weight or ``None``, ``macs`` (true ones), ``vectors`` (cycles in which the
        array is at work), ``predicted_cycles``, ``measured_cycles``, ``utilization`` (MACs by
        those that the array could do in these cycles; measured ones if known), ``bytes_read``
        and ``bytes_written`` on the bus (commands not counted), ``output`` (where it is: in
        ``memory``, on the ``chip``, ``both``, or ``fused``: nowhere),
        ``memory_accesses`` (reads and writes of vectors, or parts of them, in the activation
        buffer) and ``stalls``, cycles by cause. Layers without commands of their own take no
        cycles. The total has the same but for name, kind, bits, output and ``fused_into`` (the
        addition that its results meet on their way, or empty).
    """
    commands = program.commands()
    measured = measured_stalls(program, outcome) if outcome is not None else None
    cycles = _measured_cycles(program, outcome)
    layers: list[dict[str, Any]] = []
    for info in program.layers:
        bits = getattr(network.layer(info.name), "weight_bits", None)
        entry: dict[str, Any] = {
            "name": info.name, "kind": info.kind, "bits": bits, "macs": info.macs,
            "vectors": info.vectors, "predicted_cycles": info.cycles,
            "measured_cycles": None if cycles is None else cycles[info.name],
            "bytes_read": info.bytes_read, "bytes_written": info.bytes_written,
            "output": info.output, "fused_into": info.fused_into,
            "memory_accesses": _accesses([commands[number] for number in info.numbers],
                                         program.spec),
            "stalls": dict(info.stalls) if measured is None else measured[info.name]}
        layers.append(entry | {"utilization": _share(_ideal(info, bits, program.spec),
                                                     _cycles(entry))})
    total: dict[str, Any] = {name: _sum(entry[name] for entry in layers) for name in SUMMED}
    total["stalls"] = {cause: sum(entry["stalls"][cause] for entry in layers)
                       for cause in STALL_COUNTERS}
    ideal = sum(_ideal(info, entry["bits"], program.spec)
                for info, entry in zip(program.layers, layers))
    total["utilization"] = _share(ideal, _cycles(total))
    return {"name": program.name, "accelerator": program.spec.to_mapping(), "layers": layers,
            "total": total}


def measured_stalls(program: Program, outcome: Outcome) -> dict[str, dict[str, int]]:
    """Stalls by cause of each layer, by name; all 0 for layers without commands of their own."""
    counted = iter(outcome.layer_counters)
    return {info.name: {cause: count[counter] for cause, counter in STALL_COUNTERS.items()}
            if info.commands and (count := next(counted)) else dict.fromkeys(STALL_COUNTERS, 0)
            for info in program.layers}


def _measured_cycles(program: Program, outcome: Outcome | None) -> dict[str, int] | None:
    if outcome is None:
        return None
    cycles = iter(outcome.layer_cycles)
    return {info.name: next(cycles) if info.commands else 0 for info in program.layers}


def _cycles(entry: Mapping[str, Any]) -> int:
    found = entry["measured_cycles"]
    return entry["predicted_cycles"] if found is None else found


def _ideal(info: LayerInfo, bits: int | None, spec: AcceleratorSpec) -> float:
    """Cycles of a layer if no multiplier were ever idle."""
    doubled = bits is not None and bits <= 4 and spec.int4
    return info.macs / (spec.lanes * spec.columns * (2 if doubled else 1))


def _share(ideal: float, cycles: int) -> float:
    return round(ideal / cycles, 4) if cycles else 0.0


def _sum(values: Any) -> int | None:
    found = list(values)
    return None if None in found else sum(found)


def _accesses(commands: Sequence[tuple[Command, Mapping[str, int]]], spec: AcceleratorSpec) -> int:
    """Accesses to the activation buffer: words of loads, vectors of all others."""
    total = 0
    for kind, values in commands:
        match kind.opcode:
            case Opcode.LOAD | Opcode.STORE:
                vectors = values["planes"] * values["runs"] * values["run"]
                words = spec.lanes // spec.bus.word_bytes
                total += vectors * (words if kind.opcode is Opcode.LOAD else 1)
            case Opcode.COMPUTE:
                results = values["out_height"] * values["out_width"] * values["output_blocks"]
                read = values["output_blocks"] * compute_vectors(values, spec.winograd_tile)
                total += results * (1 + values["add"]) + read * (2 if values["int4"] else 1)
    return total
