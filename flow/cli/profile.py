"""``sparrow profile``: what each layer of a model costs on an accelerator."""

import argparse
import json
import re
from pathlib import Path
from typing import Any

from sparrow.flow.blocks import add_settings, block
from sparrow.flow.compile_options import add_compile_options, compile_options
from sparrow.flow.errors import UserError

__all__ = ["add_parser", "run"]

_IMAGES = 8  # that calibrate
_WIDEST = 1000


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "profile", help="cycles, utilization, traffic and stalls of a model, layer by layer",
        description="Quantize a PyTorch model, compile it, and tell what each layer costs: by "
                    "prediction, or with --measure on the accelerator's Verilog, where all that "
                    "stays in memory is compared with golden, too. The model's file is executed. "
                    "Images are random, since cycles don't depend on them.")
    parser.add_argument("model", metavar="MODEL.py:function",
                        help="a function without arguments that gives the model")
    parser.add_argument("--input", required=True, metavar="CxHxW",
                        help="shape of an image, such as 3x224x224")
    add_settings(parser, "the accelerator's specification, TOML")
    parser.add_argument("--weights", default="random", metavar="random|FILE",
                        help="the model's tensors, .safetensors, or .pt, .pth, .th of torch.save "
                             "(default: %(default)s)")
    parser.add_argument("--bits", type=int, choices=(8, 4), default=8,
                        help="bits of a weight (default: %(default)s)")
    parser.add_argument("--bits-of", action="append", default=[], metavar="LAYER=BITS",
                        help="bits of a layer's weights")
    parser.add_argument("--density", type=float, metavar="SHARE",
                        help="share of each layer's weights that stays, the largest; the others "
                             "become 0, without training")
    parser.add_argument("--pattern", choices=("unstructured", "block"), default="unstructured",
                        help="with --density, which become 0 together: single ones, or those of "
                             "a step of the array (default: %(default)s)")
    add_compile_options(parser, keep_all=False)
    parser.add_argument("--latency", type=int, default=100, metavar="N",
                        help="of the memory, cycles (default: %(default)s)")
    parser.add_argument("--measure", action="store_true",
                        help="run an image through the Verilog, on the native engine")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    from sparrow.flow.models import model_factory, split_reference

    if arguments.latency < 1:
        raise UserError(f"--latency must be at least 1, not {arguments.latency}")
    if arguments.pattern != "unstructured" and arguments.density is None:
        raise UserError(f"--pattern {arguments.pattern} must go with --density")
    if not re.fullmatch(r"\d+x\d+x\d+", arguments.input, re.ASCII):
        raise UserError(f"--input must be CxHxW, such as 3x32x32, not {arguments.input!r}")
    weights = None if arguments.weights == "random" else Path(arguments.weights)
    if weights is not None and not weights.is_file():
        raise UserError(f"--weights must be a file or 'random', not {arguments.weights!r}")
    spec = block("accelerator").parse(arguments.spec, arguments.settings)
    if arguments.measure:
        from sparrow.flow.simulation import require_engine
        require_engine("native", spec)
    path, name = split_reference(arguments.model)

    from sparrow.flow.compression import (
        accelerator_numbers,
        bits_of,
        captured,
        check_layers,
        compress,
        pruned,
        trained,
        untrained,
    )
    from sparrow.flow.datasets import dataset
    from sparrow.flow.memory_image import compiled
    from sparrow.flow.profile import profile
    from sparrow.flow.progress import progress

    data = dataset(f"random:{arguments.input}", test=1, train=_IMAGES)
    layer_bits, factory = bits_of(arguments.bits_of), model_factory(path, name)
    with progress("quantizing"):
        model = untrained(factory, data, weights=weights)
        widths = check_layers(model, data, bits=arguments.bits, layer_bits=layer_bits)
        model = trained(factory, data, weights=weights, random=weights is None)
        source: Any = captured(model, data, name=name)
        if arguments.density is not None:
            source = pruned(source, data, spec, widths, density=arguments.density,
                            pattern=arguments.pattern)
        network = compress(source, data, bits=arguments.bits,
                           layer_bits=layer_bits, numbers=accelerator_numbers(spec)).network
    with progress("compiling"):
        program = compiled(network, spec, latency=arguments.latency,
                           **compile_options(arguments))
    outcome = _measure(arguments, program, network, data) if arguments.measure else None
    found = profile(program, network, outcome)
    found["latency"] = arguments.latency
    if arguments.json:
        print(json.dumps(found))
        return 0

    from rich.console import Console

    from sparrow.flow.tables import profile_table

    table = profile_table(found)
    width = Console(width=_WIDEST).measure(table).maximum  # whole, however wide the terminal is
    Console(highlight=False, width=width).print(table)
    return 0


def _measure(arguments: argparse.Namespace, program: Any, network: Any, data: Any) -> Any:
    """Run one image; raises ``UserError`` if it isn't golden's, bit for bit."""
    import torch

    from sparrow.flow.progress import progress
    from sparrow.flow.simulation import built_simulation, simulate
    from sparrow.sim.accelerator import Traffic

    with progress("building the native simulation"):
        built = built_simulation(program.spec, engine="native")
    inputs = network.input.to_elements(data.test_images[:1]).to(torch.int8)
    with progress(f"simulating {program.cycles} cycles"):
        result = simulate(built, program, network, inputs,
                          traffic=Traffic(latency=arguments.latency))
    if result.difference:
        raise UserError(result.difference)
    return result.images[0].outcome
