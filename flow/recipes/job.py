"""The job of a recipe: from a PyTorch model to an accelerator that is proved to run it."""

import dataclasses
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from sparrow.compiler import Program
from sparrow.flow.files import write_atomically
from sparrow.flow.progress import progress
from sparrow.flow.recipes.recipe import Recipe
from sparrow.flow.recipes.results import as_text, merged
from sparrow.flow.recipes.steps import IMAGE, RecipeSteps
from sparrow.flow.report import PAGE, write_report

__all__ = ["RecipeJob", "run_recipe"]

RESULTS, TABLE = "results.json", "results.txt"


@dataclasses.dataclass(frozen=True)
class RecipeJob:
    """What a recipe's job found.

    Members
    -------
    results : dict
        As in ``results.json``.
    folder : Path
    done, kept : list of str
        Steps that were carried out, and those whose results were there.
    """
    results: dict[str, Any]
    folder: Path
    done: list[str]
    kept: list[str]

    @property
    def passed(self) -> bool:
        """Whether every layer of every image was equal to golden's."""
        return self.results["bit_exact"] == self.results["images"]


def run_recipe(recipe: Recipe, folder: Path) -> RecipeJob:
    """Train, quantize, compile, generate, simulate, compare, and estimate; write all of it.

    Into ``folder``: the Verilog with C header, FuseSoC core and constraints, the memory image in
    ``image``, ``results.json``, ``results.txt`` and ``report.html``. What hasn't changed since the
    last run in the same folder isn't done again. Earlier results stay until the recipe has been
    checked.

    Raises
    ------
    UserError
        If something in the recipe can't be done, or a tool fails.
    """
    job = RecipeSteps(recipe, folder)
    job.capture()
    for name in (RESULTS, TABLE, PAGE):  # of an earlier run, until this one is complete
        (folder / name).unlink(missing_ok=True)
    generated = job.generate()
    pool = ThreadPoolExecutor(max_workers=1)  # tools on one core, Python on another
    try:
        built = pool.submit(job.build)
        areas = {target: pool.submit(job.area, generated, target) for target in recipe.targets}
        image = job.compile(quantized := job.quantize())
        simulated = job.simulate(image, generated, built.result)
        with progress("estimating the area"):
            found = {target: area.result() for target, area in areas.items()}
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    results = merged(recipe, quantized, image, generated, simulated, found)
    write_atomically(folder / RESULTS, json.dumps(results, indent=2) + "\n")
    write_atomically(folder / TABLE, as_text(results, Program.load(folder / IMAGE)))
    write_report(folder)
    return RecipeJob(results, folder, job.steps.done, job.steps.kept)
