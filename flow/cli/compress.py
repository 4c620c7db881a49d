"""``sparrow compress``: a PyTorch model as an integer network."""

import argparse
import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sparrow.flow.recipes.recipe import Recipe

__all__ = ["add_parser", "run"]

STEPS = ".steps"


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    from sparrow.flow.datasets import DATASETS

    parser = subparsers.add_parser(
        "compress", help="an integer network from a PyTorch model",
        description="Train a model, or take its weights from a file, carry out the passes of a "
                    "recipe, quantize it, and compare the integer network with it. The model's "
                    "file is executed. With a recipe every finished pass is kept beside the "
                    "output, so that a run which was interrupted goes on there; options given "
                    "here go before the recipe's.")
    parser.add_argument("model", metavar="MODEL.py:function", nargs="?",
                        help="a function without arguments that gives the model; needed unless "
                             "the recipe has [model]")
    parser.add_argument("--data", metavar="NAME",
                        help=f"{', '.join(DATASETS)}; a .safetensors file with train_images, "
                             "train_labels, test_images, test_labels; a folder with MNIST's four "
                             "files; FILE.py:function, which is executed and gives a PyTorch "
                             "Dataset, or two; or random numbers of a shape, such as "
                             "random:3x32x32; needed unless the recipe has [data]")
    parser.add_argument("--recipe", type=Path, metavar="FILE",
                        help="passes, [[pass]], in TOML, and perhaps the other sections of a "
                             "recipe; see docs/compression.md")
    parser.add_argument("--weights", metavar="FILE",
                        help="the model's tensors, .safetensors, or .pt, .pth, .th of torch.save; "
                             "or a .tflite file with the same layers; or 'random'; else it is "
                             "trained on the data")
    parser.add_argument("--epochs", type=int, metavar="N",
                        help="rounds of training (default: 20)")
    parser.add_argument("--seed", type=int, metavar="N",
                        help="of training and passes (default: 0)")
    parser.add_argument("--bits", type=int, choices=(8, 4),
                        help="bits of a weight that no pass quantizes (default: 8)")
    parser.add_argument("--bits-of", action="append", default=[], metavar="LAYER=BITS",
                        help="bits of a layer's weights")
    parser.add_argument("--calibration", choices=("minmax", "percentile", "mse"),
                        help="how the range of activations is found (default: minmax)")
    parser.add_argument("--mantissa-width", type=int, metavar="N",
                        help="bits of a scale's mantissa; this and the next two as in the "
                             "accelerator's specification (default: the recipe's, or 16)")
    parser.add_argument("--rounding", choices=("half_up", "half_even"),
                        help="of scaled sums (default: the recipe's, or half_up)")
    parser.add_argument("--accumulator-width", type=int, metavar="N",
                        help="bits of a sum (default: the recipe's, or 32)")
    parser.add_argument("--json", action="store_true", help="the closing table as JSON")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="NET.sparrow")


def run(arguments: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    from sparrow.flow.errors import UserError
    from sparrow.flow.files import require_writable, write_atomically

    recipe = _recipe(arguments)
    if arguments.output.suffix == STEPS:
        raise UserError(f"--output must not end in {STEPS}, as the folder beside it does, "
                        f"not {str(arguments.output)!r}")
    require_writable(arguments.output)

    from sparrow.flow.compression import accelerator_numbers
    from sparrow.flow.recipes.network import NetworkSteps
    from sparrow.golden.network import Numbers

    given = {name: getattr(arguments, name)
             for name in ("mantissa_width", "rounding", "accumulator_width")}
    numbers = Numbers.from_mapping(
        accelerator_numbers(recipe.accelerator).to_mapping()
        | {name: value for name, value in given.items() if value is not None}, source="compress")
    with _work_folder(arguments) as folder:
        job = NetworkSteps(recipe, folder, numbers)
        job.capture()
        results = job.quantize(job.train(recipe.model))
        write_atomically(arguments.output, job.network_file.read_bytes())
    if arguments.json:
        print(json.dumps({"file": str(arguments.output), **results}))
        return 0
    _print(results)
    if arguments.recipe is not None and job.steps.kept:
        print(f"unchanged since the last run: {', '.join(job.steps.kept)}")
    print(arguments.output)
    return 0


@contextlib.contextmanager
def _work_folder(arguments: argparse.Namespace) -> Iterator[Path]:
    """Where steps are remembered: beside the output; nowhere without a recipe or a file."""
    from sparrow.flow.files import only_user
    from sparrow.flow.tools import run_folder

    device = arguments.output.exists() and not arguments.output.is_file()
    if arguments.recipe is None or device:
        with run_folder() as folder:
            yield folder
        return
    folder = arguments.output.with_suffix(STEPS)
    with only_user(folder):
        yield folder


def _recipe(arguments: argparse.Namespace) -> "Recipe":
    """The recipe, with what the command line says in place of what its file says."""
    import dataclasses

    from sparrow.flow.compression import bits_of
    from sparrow.flow.datasets import FACTORY
    from sparrow.flow.errors import UserError
    from sparrow.flow.models import split_reference
    from sparrow.flow.recipes.read import RANDOM, make_recipe, read_values

    values = {} if arguments.recipe is None else read_values(arguments.recipe)
    for subject, value, section in (("MODEL", arguments.model, "model"),
                                    ("--data", arguments.data, "data")):
        if value is None and section not in values:
            raise UserError(f"{subject} must be given, unless a recipe has [{section}]")
    if arguments.epochs is not None and arguments.epochs < 1:
        raise UserError(f"--epochs must be at least 1, not {arguments.epochs}")
    weights = arguments.weights
    if weights is not None and weights != RANDOM:
        if not Path(weights).is_file():
            raise UserError(f"--weights must be a file or {RANDOM!r}, not {weights!r}")
        weights = str(_place(weights, arguments))
    factory = None
    if arguments.model is not None:
        path, function = split_reference(arguments.model)
        factory = f"{_place(path, arguments)}:{function}"
    data = arguments.data
    if data is not None:
        file, colon, function = data.rpartition(":") if FACTORY in data else (data, "", "")
        if Path(file).exists():
            data = f"{_place(file, arguments)}{colon}{function}"
    _override(values, "model", factory=factory, weights=weights, epochs=arguments.epochs,
              seed=arguments.seed)
    _override(values, "data", name=data)
    _override(values, "quantize", bits=arguments.bits, calibration=arguments.calibration)
    if arguments.bits_of:
        given = bits_of(arguments.bits_of)
        if isinstance(values["quantize"], dict):  # else it is refused later
            _override(values["quantize"], "layers", **given)
    recipe = make_recipe(values, arguments.recipe or Path("compress"))
    return dataclasses.replace(recipe, name=arguments.output.stem)


def _place(path: str | Path, arguments: argparse.Namespace) -> Path:
    """A file of the command line, which a recipe would take as relative to its own folder."""
    return Path(path) if arguments.recipe is None else Path(path).resolve()


def _override(values: dict[str, Any], section: str, **settings: Any) -> None:
    """Put those settings into a section that aren't ``None``."""
    before = values.get(section, {})
    if isinstance(before, dict):  # else it is refused later
        values[section] = {**before, **{name: value for name, value in settings.items()
                                        if value is not None}}


def _print(results: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    from sparrow.flow.compression import rows
    from sparrow.flow.recipes.table import compression_table

    table = Table(title=f"on {results['test_images']} test images", title_justify="left")
    for heading in ("layer", "kind", "weight bits", "largest difference", "signal to noise, dB"):
        table.add_column(heading, justify="left" if heading in ("layer", "kind") else "right")
    for row in rows(results["comparison"]):
        table.add_row(*row)
    console = Console(highlight=False)
    console.print(table)
    console.print(compression_table(results))
    if results["accuracy_float"] is not None:
        print(f"accuracy: float {results['accuracy_float']:.2%}, "
              f"integer {results['accuracy_golden']:.2%}")
    print(f"outputs: the float network's class on {results['agreement']:.2%}, "
          f"{results['output_signal_to_noise']:.2f} dB signal to noise")
