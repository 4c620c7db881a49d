"""The results of a recipe's job: what all of its steps gave, as one mapping and as a table."""

import io
from collections.abc import Mapping
from typing import Any

from rich.console import Console

from sparrow import __version__
from sparrow.compiler import Program
from sparrow.flow.recipes.recipe import Recipe
from sparrow.flow.tables import layer_table, result_table, weights_table
from sparrow.hw.spec.bus import BusClock
from sparrow.sim.accelerator.predictions import CYCLES, SHARE, is_off

__all__ = ["as_text", "merged", "predictions_line"]

WIDTH = 100


def merged(recipe: Recipe, quantized: Mapping[str, Any], image: Mapping[str, Any],
           generated: Mapping[str, Any], simulated: Mapping[str, Any],
           areas: Mapping[str, Any]) -> dict[str, Any]:
    """What is in ``results.json``.

    ``predictions_off`` names the layers whose cycles were predicted wrongly, none if the buses have
    a clock of their own, by which others are measured. That is a warning: whether the job has
    passed depends on ``bit_exact`` alone. Accuracies are ``None`` for images
    without labels. A layer's ``stalls`` are measured on the native engine, else predicted, as
    ``stalls_measured`` says; what its weights cost is told as in
    :func:`~sparrow.flow.weight_traffic.with_dense`.

    Parameters
    ----------
    recipe : Recipe
    quantized, image, generated, simulated : dict
        What the steps gave.
    areas : dict of str to dict
        Estimates by target.
    """
    measured = simulated["measured_cycles"]
    layers = [{**layer, "measured_cycles": measured.get(layer["name"], 0),
               "stalls": simulated["stalls"].get(layer["name"], layer["stalls"])}
              for layer in image["layers"]]
    return {
        "sparrow": __version__, "name": recipe.name,
        "accelerator": recipe.accelerator.to_mapping(),
        **{name: simulated[name] for name in ("images", "bit_exact", "difference",
                                              "layers_compared")},
        **{name: quantized[name] for name in ("test_images", "accuracy_float",
                                              "accuracy_golden", "sizes", "passes")},
        **{name: simulated[name] for name in ("accuracy_rtl", "accuracy_golden_same", "cycles")},
        "latency": recipe.latency, "layers": layers,
        "predictions_off": [layer["name"] for layer in layers if layer["name"] in measured
                            and recipe.accelerator.bus_clock is BusClock.SAME
                            and is_off(layer["predicted_cycles"], layer["measured_cycles"])],
        "stalls_measured": bool(simulated["stalls"]), "counters": simulated["counters"],
        "program_bytes": image["program_bytes"], "data_bytes": image["data_bytes"],
        "verilog_bytes": generated["bytes"], "simulator": simulated["simulator"],
        "simulated_cycles": simulated["simulated_cycles"],
        "simulation_seconds": simulated["seconds"], "area": dict(areas),
    }


def as_text(results: Mapping[str, Any], program: Program) -> str:
    """What is in ``results.txt``."""
    text = io.StringIO()
    console = Console(file=text, width=WIDTH, no_color=True, highlight=False)
    measured = {layer["name"]: layer["measured_cycles"] for layer in results["layers"]}
    console.print(result_table(results))
    console.print(layer_table(program, measured))
    if (weights := weights_table(results)) is not None:
        console.print(weights)
    console.print(predictions_line(results), soft_wrap=True)
    return text.getvalue()


def predictions_line(results: Mapping[str, Any]) -> str:
    """How well the layers' cycles were predicted: a warning that names those that weren't."""
    if results["accelerator"]["bus_clock"] != BusClock.SAME.value:
        return ("predicted cycles: not compared, since they are the core's, and measured ones "
                "those of the buses' clock")
    off = results["predictions_off"]
    text = f"off by more than {SHARE:.0%} and {CYCLES} cycles"
    if not off:
        return f"predicted cycles: no layer is {text}"
    return (f"WARNING: predicted cycles of {len(off)} of {len(results['layers'])} layers are "
            f"{text}: {', '.join(off)}")
