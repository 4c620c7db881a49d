"""What removing channels does to cycles: ``python -m sparrow.flow.channel_cycles``.

Prints a table for the documentation: for each way of removing channels what is left of the
multiplications and of the cycles, predicted and on the Verilog. Weights are random, as cycles
don't depend on them.
"""

import argparse
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from sparrow.compress.capture import capture
from sparrow.compress.data import Dataset
from sparrow.compress.draft import Draft
from sparrow.compress.passes import Context, make_pass
from sparrow.compress.quantize import quantize
from sparrow.flow.compression import trained
from sparrow.flow.datasets import dataset
from sparrow.flow.errors import UserError
from sparrow.flow.memory_image import compiled
from sparrow.flow.models import model_factory, split_reference
from sparrow.flow.progress import progress
from sparrow.flow.simulation import built_simulation, simulate
from sparrow.golden.network import Network
from sparrow.hw.spec import AcceleratorSpec
from sparrow.sim.accelerator import Traffic

__all__ = ["cycles_of", "main", "table"]

LATENCY = 100
HEADER = ("channels", "MACs", "predicted", "measured", "MACs left", "cycles left",
          "fewer MACs", "fewer cycles")


def cycles_of(network: Network, images: torch.Tensor, *,
              measure: bool) -> tuple[int, int, int | None]:
    """Multiplications of an image, and its cycles on the default accelerator: predicted, and
    counted by the Verilog.

    Raises
    ------
    UserError
        If the Verilog's results aren't golden's.
    """
    spec = AcceleratorSpec()
    program = compiled(network, spec, latency=LATENCY, keep_all=False)
    macs = sum(layer.macs for layer in program.layers)
    if not measure:
        return macs, program.cycles, None
    with progress(f"simulating {program.cycles} cycles"):
        result = simulate(built_simulation(spec, engine="native"), program, network,
                          network.input.to_elements(images[:1]).to(torch.int8),
                          traffic=Traffic(latency=LATENCY))
    if result.difference:
        raise UserError(result.difference)
    return macs, program.cycles, sum(result.images[0].outcome.layer_cycles)


def table(draft: Draft, data: Dataset, options: Sequence[dict[str, Any]], *,
          measure: bool) -> list[tuple[str, ...]]:
    """Rows below ``HEADER``: the whole network, then one for each set of options of the pass."""
    context, first = Context(data=data), (0, 0)
    rows: list[tuple[str, ...]] = []
    for values in ({}, *options):
        pruned = (make_pass({"kind": "channels", **values}).apply(draft, context) if values
                  else draft)
        network = quantize(pruned, data.train_images, numbers=context.numbers)
        macs, predicted, measured = cycles_of(network, data.test_images, measure=measure)
        cycles = predicted if measured is None else measured
        first = first if values else (macs, cycles)
        rows.append((_words(values), f"{macs:,}", f"{predicted:,}",
                     "" if measured is None else f"{measured:,}", f"{macs / first[0]:.1%}",
                     f"{cycles / first[1]:.1%}", f"{first[0] / macs:.2f}×",
                     f"{first[1] / cycles:.2f}×"))
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table, as Markdown."""
    parser = argparse.ArgumentParser(prog="python -m sparrow.flow.channel_cycles",
                                     description=str(__doc__).partition("\n\n")[2])
    parser.add_argument("model", metavar="MODEL.py:function")
    parser.add_argument("--input", required=True, metavar="CxHxW")
    parser.add_argument("--options", action="append", default=[], metavar="TOML",
                        help="of the pass 'channels', such as 'density=0.5;multiple=16'; may be "
                             "repeated")
    parser.add_argument("--measure", action="store_true", help="on the Verilog, too")
    given = parser.parse_args(arguments)
    path, name = split_reference(given.model)
    data = dataset(f"random:{given.input}", test=1, train=8)
    model = trained(model_factory(Path(path), name), data, random=True)
    draft = Draft(graph=capture(model, tuple(data.train_images.shape[1:])))
    rows = table(draft, data, [tomllib.loads(each.replace(";", "\n")) for each in given.options],
                 measure=given.measure)
    for line in (HEADER, ("---", *["---:"] * (len(HEADER) - 1)), *rows):
        print(f"| {' | '.join(line)} |".replace("|  |", "| |"))


def _words(values: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items()) or "all"


if __name__ == "__main__":
    main()
