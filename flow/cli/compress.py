"""``sparrow compress``: a PyTorch model as an integer network."""

import argparse
import re
from pathlib import Path
from typing import Any

__all__ = ["add_parser", "run"]


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    from sparrow.flow.datasets import DATASETS

    parser = subparsers.add_parser(
        "compress", help="an integer network from a PyTorch model",
        description="Train a model, or take its weights from a file, quantize it, and compare "
                    "the integer network with it. The model's file is executed.")
    parser.add_argument("model", metavar="MODEL.py:function",
                        help="a function without arguments that gives the model")
    parser.add_argument("--data", required=True, metavar="NAME",
                        help=f"{', '.join(DATASETS)}; a .safetensors file with train_images, "
                             "train_labels, test_images, test_labels; a folder with MNIST's four "
                             "files; FILE.py:function, which is executed and gives a PyTorch "
                             "Dataset, or two; or random numbers of a shape, such as "
                             "random:3x32x32")
    parser.add_argument("--weights", metavar="FILE",
                        help="the model's tensors, .safetensors, or .pt, .pth, .th of torch.save; "
                             "or a .tflite file with the same layers; or 'random'; else it is "
                             "trained on the data")
    parser.add_argument("--epochs", type=int, default=20, metavar="N",
                        help="rounds of training (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, metavar="N",
                        help="of the training (default: %(default)s)")
    parser.add_argument("--bits", type=int, choices=(8, 4), default=8,
                        help="bits of a weight (default: %(default)s)")
    parser.add_argument("--bits-of", action="append", default=[], metavar="LAYER=BITS",
                        help="bits of a layer's weights")
    parser.add_argument("--calibration", choices=("minmax", "percentile", "mse"),
                        default="minmax",
                        help="how the range of activations is found (default: %(default)s)")
    parser.add_argument("--mantissa-width", type=int, default=16, metavar="N",
                        help="bits of a scale's mantissa; this and the next two as in the "
                             "accelerator's specification (default: %(default)s)")
    parser.add_argument("--rounding", choices=("half_up", "half_even"), default="half_up",
                        help="of scaled sums (default: %(default)s)")
    parser.add_argument("--accumulator-width", type=int, default=32, metavar="N",
                        help="bits of a sum (default: %(default)s)")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="NET.sparrow")


def run(arguments: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    from sparrow.flow.datasets import dataset
    from sparrow.flow.errors import UserError
    from sparrow.flow.files import require_writable
    from sparrow.flow.models import model_factory, split_reference
    from sparrow.flow.progress import progress
    from sparrow.flow.recipe import RANDOM

    if arguments.epochs < 1:
        raise UserError(f"--epochs must be at least 1, not {arguments.epochs}")
    path, name = split_reference(arguments.model)
    random = arguments.weights == RANDOM
    weights = Path(arguments.weights) if arguments.weights and not random else None
    if weights is not None and not weights.is_file():
        raise UserError(f"--weights must be a file or {RANDOM!r}, not {arguments.weights!r}")

    require_writable(arguments.output)

    from sparrow.flow.compression import bits_of, check_layers, compress, trained, untrained
    from sparrow.golden.network import Numbers, save

    layer_bits = bits_of(arguments.bits_of)
    numbers = Numbers.from_mapping({
        name: getattr(arguments, name)
        for name in ("mantissa_width", "rounding", "accumulator_width")}, source="compress")
    data = dataset(arguments.data)
    factory = model_factory(path, name)
    with progress("capturing the model"):
        check_layers(untrained(factory, data, weights=weights, seed=arguments.seed),
                     data, bits=arguments.bits, layer_bits=layer_bits)
    with progress("weights" if arguments.weights else "training"):
        model = trained(factory, data, weights=weights, random=random, seed=arguments.seed,
                        epochs=arguments.epochs)
    with progress("quantizing"):
        found = compress(model, data, name=re.sub(r"\W", "_", arguments.output.stem),
                         bits=arguments.bits, layer_bits=layer_bits,
                         calibration=arguments.calibration, numbers=numbers)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    save(found.network, arguments.output)
    _print(found.comparison)
    print(arguments.output)
    return 0


def _print(comparison: Any) -> None:
    from rich.console import Console
    from rich.table import Table

    from sparrow.flow.compression import rows

    table = Table(title=f"on {comparison.images} test images", title_justify="left")
    for heading in ("layer", "kind", "weight bits", "largest difference", "signal to noise, dB"):
        table.add_column(heading, justify="left" if heading in ("layer", "kind") else "right")
    for row in rows(comparison):
        table.add_row(*row)
    Console(highlight=False).print(table)
    if comparison.float_accuracy is not None:
        print(f"accuracy: float {comparison.float_accuracy:.2%}, "
              f"integer {comparison.accuracy:.2%}")
