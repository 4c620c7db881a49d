"""Tables of layers, for the terminal and for files."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sparrow.flow.numbers import grouped

if TYPE_CHECKING:
    from rich.table import Table

    from sparrow.compiler import Program
    from sparrow.compiler.streams import Sizes

__all__ = ["compared", "layer_table", "part_table", "profile_table", "result_table", "size_table",
           "weights_table"]


def layer_table(program: "Program", measured: Mapping[str, int] | None = None) -> "Table":
    """Layers with predicted cycles and bytes; with measured cycles by layer beside them."""
    from rich.table import Table

    table = Table(title=f"{program.name} on {program.spec.lanes} × {program.spec.columns}",
                  title_justify="left")
    for heading in ("layer", "kind"):
        table.add_column(heading, no_wrap=True)
    for heading in ("predicted", *(("measured",) if measured is not None else ()), "steps",
                    "bytes read", "written", "output"):
        table.add_column(heading, justify="right")
    totals = [0, 0, 0, 0, 0]
    for layer in program.layers:
        found = 0 if measured is None else measured.get(layer.name, 0)
        numbers = [layer.cycles, found, layer.vectors, layer.bytes_read, layer.bytes_written]
        totals = [total + number for total, number in zip(totals, numbers)]
        table.add_row(layer.name, layer.kind, *_words(numbers, measured is not None),
                      _output(layer.output, layer.fused_into))
    table.add_section()
    table.add_row("all", "", *_words(totals, measured is not None))
    return table


def _output(output: str, fused_into: str) -> str:
    """Where a layer's output is: of one that is nowhere, the addition in which it is."""
    return f"in {fused_into}" if fused_into else output


def _words(numbers: list[int], with_measured: bool) -> list[str]:
    return [grouped(number) for place, number in enumerate(numbers)
            if with_measured or place != 1]


def result_table(results: Mapping[str, Any]) -> "Table":
    """What a recipe's job found, in short."""
    from rich.table import Table

    exact = (f"{results['bit_exact']} of {results['images']} images, "
             f"{compared(results['layers_compared'], len(results['layers']))}")
    cycles = sum(layer["predicted_cycles"] for layer in results["layers"])
    sizes = results["sizes"]
    rows = [("bit-exact on " + results["simulator"], exact),
            *([("first difference", results["difference"])] if results["difference"] else []),
            *_accuracies(results),
            ("weights as stored", f"{grouped(sizes['after'])} bytes, {grouped(sizes['before'])} in "
                                  f"float32, {sizes['ratio'] or 0:.1f}×"),
            ("cycles per image", f"{results['cycles']}, predicted {cycles}, at a memory latency "
                                 f"of {results['latency']}"),
            ("program and data", f"{results['program_bytes']} and {results['data_bytes']} bytes"),
            *(row for target, area in results["area"].items() for row in _area(target, area))]
    table = Table(title=f"{results['name']}: "
                        f"{'proved' if results['bit_exact'] == results['images'] else 'FAILED'}",
                  title_justify="left", show_header=False)
    for row in rows:
        table.add_row(*row)
    return table


def compared(layers: int, of: int) -> str:
    """How many layers' outputs were compared with golden."""
    return "every layer" if layers == of else f"{layers} of {of} layers"


def _accuracies(results: Mapping[str, Any]) -> list[tuple[str, str]]:
    """None of data without labels."""
    if results["accuracy_float"] is None:
        return []
    return [(f"accuracy on {results['test_images']} test images",
             f"float {results['accuracy_float']:.2%}, golden {results['accuracy_golden']:.2%}"),
            (f"accuracy on the {results['images']} simulated ones",
             f"golden {results['accuracy_golden_same']:.2%}, RTL {results['accuracy_rtl']:.2%}")]


def _area(target: str, area: Mapping[str, Any]) -> list[tuple[str, str]]:
    figures = [("NAND2 equivalents", "nand2_equivalents"), ("flip-flops", "flip_flops"),
               ("memory bits", "memory_bits"), ("LUTs", "luts"), ("DSPs", "dsps"),
               ("block RAMs", "block_rams")]
    return [(f"{target}: {label}", grouped(area[name], "{:,.0f}"))
            for label, name in figures if area.get(name) is not None]


def weights_table(results: Mapping[str, Any]) -> "Table | None":
    """Layers with and without compressed weights: bytes, cycles, waits for weights.

    None if no layer has any. Cycles with compression are those that were measured, stalls as
    ``stalls_measured`` of the results says; without, all are predicted.
    """
    from rich.table import Table

    layers = [layer for layer in results["layers"] if layer.get("dense")]
    if not any(layer["codec"] for layer in layers):
        return None
    table = Table(title="compressed weights; in brackets plain ones, as predicted",
                  title_justify="left")
    table.add_column("layer", no_wrap=True)
    table.add_column("codec", min_width=len("huffman,"))
    for heading in ("bytes", "cycles", "faster", "waits", "decoding"):
        table.add_column(heading, justify="right", no_wrap=True)
    for layer in layers:
        table.add_row(layer["name"], layer["codec"] or "plain", *_compared_weights([layer]))
    table.add_section()
    table.add_row("all", "", *_compared_weights(layers))
    return table


def _compared_weights(layers: Sequence[Mapping[str, Any]]) -> list[str]:
    def pair(now: int, dense: int) -> str:
        return f"{grouped(now)} ({grouped(dense)})"

    cycles = sum(layer["measured_cycles"] or layer["predicted_cycles"] for layer in layers)
    dense = [layer["dense"] for layer in layers]
    before = sum(one["predicted_cycles"] for one in dense)
    return [pair(sum(layer["weight_bytes"] for layer in layers),
                 sum(one["weight_bytes"] for one in dense)),
            pair(cycles, before), f"{before / cycles:.2f}×" if cycles else "",
            pair(sum(layer["stalls"]["weights"] for layer in layers),
                 sum(one["stalls"]["weights"] for one in dense)),
            grouped(sum(layer["stalls"].get("decoding", 0) for layer in layers))]


def profile_table(found: Mapping[str, Any]) -> "Table":
    """The layers of a profile, see :func:`sparrow.flow.profile.profile`."""
    from rich.table import Table

    spec, total = found["accelerator"], found["total"]
    measured = total["measured_cycles"] is not None
    causes = list(total["stalls"])
    table = Table(title=f"{found['name']} on {spec['lanes']} × {spec['columns']}, memory latency "
                        f"{found['latency']}; stalls {'measured' if measured else 'predicted'}",
                  title_justify="left")
    for heading in ("layer", "kind"):
        table.add_column(heading, no_wrap=True)
    for heading in ("bits", "MACs", "predicted", *(("measured",) if measured else ()),
                    "utilization", "read", "written", "output", *causes):
        table.add_column(heading, justify="right", no_wrap=True)
    for entry in (*found["layers"], {"name": "all", "kind": "", "bits": None} | total):
        if entry["name"] == "all" and not entry["kind"]:
            table.add_section()
        cycles = [entry["predicted_cycles"], *([entry["measured_cycles"]] if measured else [])]
        table.add_row(
            entry["name"], entry["kind"], str(entry["bits"] or ""), grouped(entry["macs"]),
            *map(grouped, cycles), f"{entry['utilization']:.1%}", grouped(entry["bytes_read"]),
            grouped(entry["bytes_written"]),
            _output(entry.get("output", ""), entry.get("fused_into", "")),
            *(grouped(entry["stalls"][cause]) for cause in causes))
    return table


def size_table(sizes: "Sizes") -> "Table":
    """Layers with their bytes by every codec; see :func:`sparrow.compiler.streams.network_size`."""
    from rich.table import Table

    codecs = list(dict.fromkeys(codec for layer in sizes.layers for codec in layer.codecs))
    table = Table(title=f"{sizes.name}: bytes as stored", title_justify="left")
    for heading in ("layer", "kind", "shape"):
        table.add_column(heading, no_wrap=True)
    for heading in ("kept", "bits", "float32", *codecs, "stored", "ratio"):
        table.add_column(heading, justify="right", no_wrap=True)
    for layer in sizes.layers:
        streams = [f"[bold]{grouped(layer.codecs[codec])}[/bold]" if codec == layer.codec else
                   grouped(layer.codecs[codec]) if layer.codecs else "" for codec in codecs]
        table.add_row(
            layer.name, layer.kind, " × ".join(map(str, layer.shape)),
            "" if layer.kept is None else f"{layer.kept:.2%}", str(layer.bits or ""),
            grouped(layer.before) if layer.before else "", *streams, grouped(layer.after),
            _ratio(layer.ratio))
    table.add_section()
    table.add_row("all", "", "", "" if sizes.kept is None else f"{sizes.kept:.2%}", "",
                  grouped(sizes.before), *("" for _ in codecs), grouped(sizes.after),
                  _ratio(sizes.ratio))
    return table


def _ratio(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.1f}×"


def part_table(sizes: "Sizes") -> "Table":
    """What the stored bytes of all layers are."""
    from rich.table import Table

    table = Table(show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for name, count in sizes.parts.items():
        table.add_row(name, grouped(count, "{:,.1f}"))
    return table
