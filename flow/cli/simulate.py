"""``sparrow simulate``: a network on the accelerator's Verilog, against golden."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparrow.flow.blocks import add_settings, block
from sparrow.flow.compile_options import add_compile_options, compile_options, given_options
from sparrow.flow.errors import UserError

if TYPE_CHECKING:
    import torch

    from sparrow.compiler import Program
    from sparrow.golden.network import Network

__all__ = ["add_parser", "run"]

_SEEDS = 1 << 54  # that the native engine takes, too
_STALLS = ("always", "often", "seldom", "bursts", "alternate")


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "simulate", help="a network on the accelerator's Verilog, layer by layer against golden",
        description="Compile a network, or take a compiled one, run images through the "
                    "accelerator's Verilog, and compare every layer's output with golden. The "
                    "exit status is 1 when any differs.")
    parser.add_argument("network", type=Path, metavar="NET.sparrow|FOLDER",
                        help="a network, or what sparrow compile wrote")
    add_settings(parser, "the accelerator's specification, TOML; a folder has its own")
    parser.add_argument("--images", type=int, default=3, metavar="N",
                        help="how many (default: %(default)s)")
    parser.add_argument("--data", metavar="NAME",
                        help="whose first test images, and how many of their classes are right: "
                             "as in sparrow compress (default: digits where they fit, else "
                             "random ones)")
    add_compile_options(parser, keep_all=True)
    parser.add_argument("--latency", type=int, default=20, metavar="N",
                        help="of the memory, cycles (default: %(default)s)")
    parser.add_argument("--bandwidth", type=float, default=1.0, metavar="X",
                        help="of the memory, words per cycle (default: 1)")
    parser.add_argument("--stalls", choices=_STALLS, default="always",
                        help="in which cycles the memory's channels move (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, metavar="N",
                        help="of stalls and images (default: %(default)s)")
    parser.add_argument("--engine", default="cocotb", choices=("cocotb", "native"),
                        help="native: memory and host in C++, for millions of cycles; it takes "
                             "longer to build (default: %(default)s)")
    parser.add_argument("--simulator", default="verilator", choices=("verilator", "icarus"))
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    for name in ("images", "latency"):
        if getattr(arguments, name) < 1:
            raise UserError(f"--{name} must be at least 1, not {getattr(arguments, name)}")
    if not 0 <= arguments.seed < _SEEDS:
        raise UserError(f"--seed must be 0 to {_SEEDS - 1}, not {arguments.seed}")
    if not 0 < arguments.bandwidth <= 1:
        raise UserError(f"--bandwidth must be above 0 and at most 1, not {arguments.bandwidth:g}")
    if arguments.engine == "native" and arguments.simulator != "verilator":
        raise UserError(f"--simulator must be verilator with --engine native, not "
                        f"{arguments.simulator!r}")
    program, network = _program(arguments)

    from sparrow.flow.progress import progress
    from sparrow.flow.simulation import built_simulation, right_classes, simulate
    from sparrow.sim.accelerator import Traffic

    inputs, labels = _images(network, arguments)
    with progress(f"building the simulation on {arguments.simulator}"):
        built = built_simulation(program.spec, simulator=arguments.simulator,
                                 engine=arguments.engine,
                                 cycles=program.cycles * arguments.images)
    with progress(f"simulating {arguments.images} images"):
        result = simulate(built, program, network, inputs, traffic=Traffic(
            latency=arguments.latency, bandwidth=arguments.bandwidth, stalls=arguments.stalls,
            seed=arguments.seed))
    classes = {} if labels is None else right_classes(network, inputs, result, labels)
    _print(arguments, program, result, classes)
    return 0 if result.bit_exact == arguments.images else 1


def _images(network: "Network", arguments: argparse.Namespace
            ) -> "tuple[torch.Tensor, torch.Tensor | None]":
    """Images, and their classes where they are known."""
    from sparrow.flow.simulation import first_images, images_for

    if arguments.data is None:
        return images_for(network, arguments.images, seed=arguments.seed), None
    from sparrow.flow.datasets import dataset
    found = dataset(arguments.data)
    images = first_images(network, arguments.images, found, arguments.data)
    return images, None if found.test_labels is None else found.test_labels[:arguments.images]


def _program(arguments: argparse.Namespace) -> "tuple[Program, Network]":
    if arguments.network.is_dir():
        if arguments.spec or arguments.settings:
            raise UserError("--spec and --set must go with a .sparrow file; "
                            f"{arguments.network} has a specification of its own")
        if given := given_options(arguments):
            raise UserError(f"{' and '.join(given)} must go with a .sparrow file; "
                            f"{arguments.network} holds a program")
        from sparrow.flow.memory_image import read_image
        return read_image(arguments.network)
    spec = block("accelerator").parse(arguments.spec, arguments.settings)
    from sparrow.flow.memory_image import compiled, load_network
    network = load_network(arguments.network)
    return compiled(network, spec, latency=arguments.latency,
                    **compile_options(arguments)), network


def _print(arguments: argparse.Namespace, program: "Program", result: Any,
           classes: dict[str, float]) -> None:
    if arguments.json:
        import json
        print(json.dumps({
            "images": arguments.images, "bit_exact": result.bit_exact,
            "difference": result.difference, "simulator": result.simulator,
            "layers_compared": list(result.compared), **classes,
            "simulated_cycles": result.simulated_cycles, "seconds": result.seconds,
            "cycles": [image.outcome.cycles for image in result.images],
            "layers": [image.layer_cycles for image in result.images],
            "counters": [image.outcome.counters for image in result.images]}, indent=2))
        return
    from rich.console import Console

    from sparrow.flow.tables import compared, layer_table
    Console(highlight=False).print(layer_table(program, result.layer_cycles))
    layers = compared(len(result.compared), len(program.layers))
    print(f"{result.bit_exact} of {arguments.images} images bit-exact on {result.simulator}, "
          f"{layers}; "
          f"{result.simulated_cycles} cycles in {result.seconds:.1f} s, "
          f"{result.simulated_cycles / result.seconds:.0f} per second")
    if classes:
        print("right classes: {accuracy_rtl:.2%} on the Verilog, {accuracy_golden_same:.2%} by "
              "golden".format(**classes))
    if result.difference:
        print(result.difference)
