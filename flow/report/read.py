"""A report's content from the folder of a run, or from the JSON of ``sparrow profile``."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sparrow.flow.errors import UserError
from sparrow.flow.numbers import grouped
from sparrow.flow.report.fields import Fields, read_json
from sparrow.flow.report.model import (
    CAUSES,
    Area,
    Array,
    Dense,
    Figure,
    Layer,
    Module,
    Report,
    Weights,
)

if TYPE_CHECKING:
    from sparrow.golden.network import Layer as NetworkLayer

__all__ = ["read_report"]

RESULTS, NETWORK = "results.json", Path("image", "network.sparrow")

_AREA_FIGURES = (("nand2_equivalents", "NAND2 equivalents"), ("area_um2", "µm²"),
                 ("delay_ns", "ns, critical path"), ("gates", "gates"),
                 ("flip_flops", "flip-flops"), ("luts", "LUTs"), ("dsps", "DSPs"),
                 ("carry_cells", "carry cells"), ("block_rams", "block RAMs"),
                 ("fmax_mhz", "MHz"), ("memory_bits", "memory bits"))
_COUNTERS = {"VECTORS": "busy", "STALL_WEIGHTS": "weights", "STALL_DECODING": "decoding",
             "STALL_RESULTS": "results", "STALL_TOKENS": "tokens", "STALL_BUFFER": "buffer"}


def read_report(path: Path) -> Report:
    """Read what a report tells.

    Parameters
    ----------
    path
        The folder that ``sparrow run RECIPE.toml`` has filled, its ``results.json``, or a JSON
        file by ``sparrow profile``.

    Raises
    ------
    UserError
        If the file can't be read, or a value in it isn't what it must be.
    """
    if path.is_dir():
        if not (path / RESULTS).is_file():
            raise UserError(f"{path} must hold {RESULTS} of a finished run, which it doesn't")
        path = path / RESULTS
    values = read_json(path)
    if "bit_exact" in values:
        return _from_results(values, path.parent / NETWORK)
    if "layers" in values and "total" in values:
        return _from_profile(values, path.stem)
    raise UserError(f"{path} must be the results.json of a recipe's run or a profile, but has "
                    "neither bit_exact nor layers and total")


def _from_results(values: Fields, network: Path) -> Report:
    array = _array(values.inside("accelerator"))
    layers = _layers(values)
    report = Report(
        name=values.text("name"), layers=layers, cycles=values.count("cycles"),
        images=values.count("images"), exact=values.count("bit_exact"),
        compared=values.count("layers_compared", len(layers)),
        difference=values.text("difference", ""), accuracies=_accuracies(values), array=array,
        areas=tuple(_area(target, values.inside("area").inside(target))
                    for target in values.inside("area")),
        counters={name: values.inside("counters").count(counter)
                  for counter, name in _COUNTERS.items() if counter in values.inside("counters")},
        facts=_facts(values), off=values.texts("predictions_off"))
    return _with_utilization(_with_network(_with_weights(report, values), network))


def _from_profile(values: Fields, name: str) -> Report:
    layers, total = _layers(values), values.inside("total")
    cycles = total.maybe_count("measured_cycles")
    array = _array(values.inside("accelerator")) if "accelerator" in values else None
    report = Report(
        name=values.text("name", name), layers=layers, array=array,
        cycles=sum(layer.cycles for layer in layers) if cycles is None else cycles,
        utilization=total.number("utilization") if "utilization" in total else None)
    return _with_utilization(report)


def _layers(values: Fields) -> tuple[Layer, ...]:
    layers = tuple(_layer(fields) for fields in values.items("layers"))
    if not layers:
        raise values.error("layers", "at least one layer")
    return layers


def _layer(fields: Fields) -> Layer:
    dense = fields.inside("dense") if "dense" in fields else None
    return Layer(
        name=fields.text("name"), kind=fields.text("kind", ""), macs=fields.count("macs", 0),
        predicted=fields.count("predicted_cycles", 0),
        measured=fields.maybe_count("measured_cycles"),
        bytes_read=fields.count("bytes_read", 0), bytes_written=fields.count("bytes_written", 0),
        place=fields.text("output", ""), vectors=fields.maybe_count("vectors"),
        accesses=fields.maybe_count("memory_accesses"),
        stalls=_stalls(fields),
        utilization=fields.number("utilization") if "utilization" in fields else None,
        codec=fields.text("codec", ""), weight_bytes=fields.maybe_count("weight_bytes"),
        dense=None if dense is None else Dense(
            dense.count("weight_bytes"), dense.count("predicted_cycles"), _stalls(dense)))


def _stalls(fields: Fields) -> dict[str, int]:
    stalls = fields.inside("stalls")
    return {cause: stalls.count(cause, 0) for cause in CAUSES} if "stalls" in fields else {}


def _array(fields: Fields) -> Array:
    array = Array(lanes=fields.count("lanes"), columns=fields.count("columns"),
                  int4=fields.text("precision", "int8") == "int8_int4",
                  bus_bytes=fields.count("data_width", 64) // 8)
    for name, value in (("lanes", array.lanes), ("columns", array.columns),
                        ("data_width", array.bus_bytes)):
        if not value:
            raise fields.error(name, "above 0")
    return array


def _accuracies(values: Fields) -> tuple[tuple[str, float, int], ...]:
    tested, simulated = values.count("test_images", 0), values.count("images")
    named = (("float", "accuracy_float", tested), ("golden", "accuracy_golden", tested),
             ("golden", "accuracy_golden_same", simulated), ("RTL", "accuracy_rtl", simulated))
    return tuple((label, values.share(name), images) for label, name, images in named
                 if name in values)


def _facts(values: Fields) -> tuple[Figure, ...]:
    facts = [("simulator", values.text("simulator", "")),
             ("memory latency, cycles", _count(values, "latency")),
             ("simulated cycles", _count(values, "simulated_cycles")),
             ("program, bytes", _count(values, "program_bytes")),
             ("data, bytes", _count(values, "data_bytes")),
             ("Verilog, bytes", _count(values, "verilog_bytes")),
             ("Sparrow", values.text("sparrow", ""))]
    return tuple((label, value) for label, value in facts if value)


def _count(values: Fields, name: str) -> str:
    return grouped(values.count(name)) if name in values else ""


def _area(target: str, fields: Fields) -> Area:
    total = fields.maybe_number("area_um2")
    unit = "NAND2" if total is None else "µm²"
    if total is None:
        total = fields.maybe_number("nand2_equivalents")
    figures = tuple((label, grouped(fields.number(name), "{:,.0f}"))
                    for name, label in _AREA_FIGURES if name in fields)
    modules = fields.items("modules") if "modules" in fields else []
    return Area(target, unit, total, fields.maybe_count("memory_bits"), figures,
                tuple(_module(module) for module in modules))


def _module(fields: Fields) -> Module:
    inside = fields.inside("submodules")
    return Module(name=fields.text("name"), instances=fields.count("instances"),
                  area=fields.number("area"), memory_bits=fields.count("memory_bits", 0),
                  submodules={name: inside.count(name) for name in inside})


def _with_weights(report: Report, values: Fields) -> Report:
    """With the sizes of the layers' weights, where they are told."""
    sizes = values.inside("sizes")
    known = {fields.text("name"): Weights(
        fields.text("codec"), fields.share("kept") if "kept" in fields else None,
        fields.count("before"), fields.count("after"))
        for fields in (sizes.items("layers") if "layers" in sizes else ()) if "codec" in fields}
    return dataclasses.replace(report, layers=tuple(
        dataclasses.replace(layer, weights=known.get(layer.name)) for layer in report.layers))


def _with_network(report: Report, path: Path) -> Report:
    """With shapes, bits and inputs of the layers, if the network is there."""
    if not path.is_file():
        return report
    from sparrow.golden.network import NetworkError, load
    try:
        network = load(path)
    except NetworkError as error:
        raise UserError(str(error)) from None
    known = {layer.name: layer for layer in network}
    if [layer.name for layer in report.layers if layer.name in known] != list(known):
        raise UserError(f"{path} must be the network of the run, but has other layers")
    return dataclasses.replace(report, input_name=network.input_name,
                               input_shape=network.input.shape, layers=tuple(
        dataclasses.replace(layer, shape=found.output.shape, inputs=found.inputs,
                            bits=getattr(found, "weight_bits", None), detail=_detail(found))
        if (found := known.get(layer.name)) else layer for layer in report.layers))


def _detail(layer: "NetworkLayer") -> str:
    """Kernel, stride, dilation and groups, those that aren't plain."""
    def pair(values: Sequence[int]) -> str:
        return f"{values[0]}" if values[0] == values[1] else f"{values[0]}×{values[1]}"

    parts = []
    if kernel := getattr(layer, "kernel", None):
        depthwise = "depthwise " if getattr(layer, "depthwise", False) else ""
        parts.append(f"{depthwise}{kernel[0]}×{kernel[1]}")
    for name, word in (("stride", "stride"), ("dilation", "dilation")):
        values = getattr(layer, name, (1, 1))
        if tuple(values) != (1, 1):
            parts.append(f"{word} {pair(values)}")
    if (groups := getattr(layer, "groups", 1)) > 1 and not getattr(layer, "depthwise", False):
        parts.append(f"{groups} groups")
    return ", ".join(parts)


def _with_utilization(report: Report) -> Report:
    """With the utilization of every layer and of all, where the array is known."""
    array = report.array
    if array is None:
        return report
    ideal = {layer.name: layer.macs / array.macs_per_cycle(layer.bits) for layer in report.layers}
    layers = tuple(
        dataclasses.replace(layer, utilization=ideal[layer.name] / layer.cycles)
        if layer.utilization is None and layer.cycles else layer for layer in report.layers)
    total = report.utilization
    if total is None and report.cycles:
        total = sum(ideal.values()) / report.cycles
    return dataclasses.replace(report, layers=layers, utilization=total)
