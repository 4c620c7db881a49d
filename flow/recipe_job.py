"""The main job: from a PyTorch model to an accelerator that is proved to run it, in one folder."""

import dataclasses
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch

from sparrow.compiler import Program
from sparrow.compress.report import accuracy
from sparrow.flow.blocks import block
from sparrow.flow.compression import compress, trained
from sparrow.flow.errors import UserError
from sparrow.flow.files import write_atomically
from sparrow.flow.memory_image import (
    NETWORK_FILE,
    compiled,
    layer_rows,
    load_network,
    read_image,
    write_image,
)
from sparrow.flow.models import DATASETS, dataset, model_factory, split_reference
from sparrow.flow.progress import progress
from sparrow.flow.recipe import Recipe
from sparrow.flow.recipe_results import as_text, merged
from sparrow.flow.simulation import built_simulation, simulate
from sparrow.flow.steps import Steps, code_digest, digest
from sparrow.flow.synthesis import estimate
from sparrow.golden.network import Numbers, save
from sparrow.sim.accelerator import Traffic
from sparrow.sim.runner import simulator_version

__all__ = ["RecipeJob", "run_recipe"]

RESULTS, TABLE, IMAGE = "results.json", "results.txt", "image"


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


class _Job:
    """The steps of a recipe; each takes what those before have left in the folder."""

    def __init__(self, recipe: Recipe, folder: Path):
        self.recipe, self.folder = recipe, folder
        self.steps = Steps(folder / ".steps", code=code_digest("sparrow.flow"))
        self.spec = recipe.accelerator
        self.block = block("accelerator")
        self.verilog_file = folder / f"{self.block.top_name}.v"
        self.network_file = folder / IMAGE / NETWORK_FILE
        self.weights_file = folder / ".steps" / "weights.safetensors"
        self.quantized_file = folder / ".steps" / NETWORK_FILE
        self.model_file, self.function = split_reference(recipe.factory, "factory in [model]",
                                                         folder=recipe.folder)
        self.data = dataset(recipe.data, **recipe.data_options)

    def train(self) -> dict[str, Any]:
        recipe = self.recipe
        key = {"model": digest(self.model_file.read_bytes()), "function": self.function,
               "data": self._data_key(), "epochs": recipe.epochs, "seed": recipe.model_seed,
               "weights": recipe.weights and _file_digest(recipe.weights),
               "torch": torch.__version__, "code": code_digest("sparrow.compress")}

        def make() -> dict[str, Any]:
            import safetensors.torch
            model = trained(model_factory(self.model_file, self.function), self.data,
                            weights=recipe.weights, seed=recipe.model_seed, epochs=recipe.epochs)
            tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
            write_atomically(self.weights_file, safetensors.torch.save(tensors))
            return {"weights": digest(self.weights_file.read_bytes())}

        return self.steps.run("train", key, make, files=[self.weights_file],
                              text="training" if recipe.weights is None else "reading weights")

    def _data_key(self) -> Any:
        if self.recipe.data in DATASETS:
            return [self.recipe.data, self.recipe.data_options]
        return _file_digest(Path(self.recipe.data))

    def quantize(self, weights: dict[str, Any]) -> dict[str, Any]:
        recipe = self.recipe
        numbers = Numbers(mantissa_width=self.spec.mantissa_width, rounding=self.spec.rounding,
                          accumulator_width=self.spec.accumulator_width)
        key = {"weights": weights["weights"], "bits": recipe.bits, "layers": recipe.layer_bits,
               "calibration": recipe.calibration, "images": recipe.calibration_images,
               "numbers": numbers.to_mapping(), "name": recipe.name, "data": self._data_key(),
               "model": digest(self.model_file.read_bytes()), "function": self.function,
               "code": code_digest("sparrow.compress", "sparrow.golden.network")}

        def make() -> dict[str, Any]:
            model = trained(model_factory(self.model_file, self.function), self.data,
                            weights=self.weights_file)
            found = compress(model, self.data, name=_identifier(recipe.name), bits=recipe.bits,
                             layer_bits=recipe.layer_bits, calibration=recipe.calibration,
                             calibration_images=recipe.calibration_images, numbers=numbers)
            self.quantized_file.parent.mkdir(parents=True, exist_ok=True)
            save(found.network, self.quantized_file)
            return {"network": digest(self.quantized_file.read_bytes()),
                    "test_images": found.comparison.images,
                    "accuracy_float": found.comparison.float_accuracy,
                    "accuracy_golden": found.comparison.accuracy,
                    "comparison": [dataclasses.asdict(layer)
                                   for layer in found.comparison.layers]}

        return self.steps.run("quantize", key, make, files=[self.quantized_file],
                              text="quantizing")

    def compile(self, quantized: dict[str, Any]) -> dict[str, Any]:
        key = {"network": quantized["network"], "spec": self.spec.to_mapping(),
               "latency": self.recipe.latency,
               "code": code_digest("sparrow.compiler", "sparrow.hw.spec")}
        image = self.folder / IMAGE

        def make() -> dict[str, Any]:
            network = load_network(self.quantized_file)
            program = compiled(network, self.spec, latency=self.recipe.latency)
            paths = write_image(image, program, network, with_listing=True)
            return {"layers": layer_rows(program), "program": digest(program.program_bytes),
                    "program_bytes": len(program.program_bytes),
                    "data_bytes": program.data_size, "files": [path.name for path in paths]}

        return self.steps.run("compile", key, make, text="compiling", files=[
            image / name for name in ("program.bin", "layout.json", NETWORK_FILE, "listing.txt")])

    def generate(self) -> dict[str, Any]:
        key = {"spec": self.spec.to_mapping(),
               "code": code_digest("sparrow.hw", "sparrow.flow.interface")}
        names = list(self.block.files_beside(self.spec, self.verilog_file.name))

        def make() -> dict[str, Any]:
            text = self.block.verilog(self.spec)
            write_atomically(self.verilog_file, text)
            for name, content in self.block.files_beside(self.spec,
                                                         self.verilog_file.name).items():
                write_atomically(self.folder / name, content)
            return {"verilog": digest(text.encode()), "bytes": len(text.encode())}

        return self.steps.run("generate", key, make, text="generating Verilog", files=[
            self.verilog_file, *(self.folder / name for name in names)])

    def build(self) -> None:
        """Build the simulation, unless that of this Verilog is there."""
        built_simulation(self.spec, verilog=self.verilog_file.read_text(encoding="utf-8"),
                         folder=self._simulation_folder)

    @property
    def _simulation_folder(self) -> Path:
        return self.folder / ".simulation"

    def simulate(self, image: dict[str, Any], generated: dict[str, Any],
                 build: Callable[[], None]) -> dict[str, Any]:
        recipe = self.recipe
        traffic = Traffic(latency=recipe.latency, bandwidth=recipe.bandwidth,
                          stalls=recipe.stalls, seed=recipe.stall_seed)
        if recipe.images > len(self.data.test_images):
            raise UserError(f"images in [simulate] must be at most the test images, "
                            f"{len(self.data.test_images)}, not {recipe.images}")
        key = {"verilog": generated["verilog"], "program": image["program"],
               "network": digest(self.network_file.read_bytes()), "images": recipe.images,
               "traffic": dataclasses.asdict(traffic), "data": self._data_key(),
               "simulator": simulator_version("verilator"),
               "code": code_digest("sparrow.sim", "sparrow.golden.network")}

        def make() -> dict[str, Any]:
            build()
            return self._simulated(traffic)

        return self.steps.run("simulate", key, make, text=f"simulating {recipe.images} images")

    def _simulated(self, traffic: Traffic) -> dict[str, Any]:
        program, network = read_image(self.folder / IMAGE)
        images = self.data.test_images[:self.recipe.images]
        shaped = images.reshape(len(images), *network.input.shape)
        built = built_simulation(self.spec, folder=self._simulation_folder,
                                 verilog=self.verilog_file.read_text(encoding="utf-8"))
        result = simulate(built, program, network, network.input.to_elements(shaped),
                          traffic=traffic)
        labels = self.data.test_labels[:self.recipe.images]
        right = [image.output is not None and _class(image.output) == int(label)
                 for image, label in zip(result.images, labels)]
        golden = accuracy(network, images, labels)
        return {"images": self.recipe.images, "bit_exact": result.bit_exact,
                "difference": result.difference, "accuracy_rtl": sum(right) / len(labels),
                "accuracy_golden_same": golden,
                "measured_cycles": result.layer_cycles, "cycles": result.cycles,
                "counters": result.images[0].outcome.counters, "simulator": result.simulator,
                "simulated_cycles": result.simulated_cycles, "seconds": result.seconds}

    def area(self, generated: dict[str, Any], target: str) -> dict[str, Any]:
        key = {"verilog": generated["verilog"], "target": target,
               "code": code_digest("sparrow.flow.synthesis")}
        # keeping the modules is ten times as fast as a flat design
        return self.steps.run(f"estimate-{target}", key, make=lambda: estimate(
            self.verilog_file, self.block.top_name, target, hierarchy=target == "gates",
            macs_per_cycle=self.spec.macs_per_cycle).to_dict())


def _identifier(name: str) -> str:
    return "".join(letter if letter.isalnum() and letter.isascii() else "_" for letter in name)


def _file_digest(path: Path) -> str:
    if not path.is_file():
        raise UserError(f"{path} must be an existing file")
    return digest(path.read_bytes())


def _class(output: torch.Tensor) -> int:
    """The first of the largest outputs."""
    values = output.flatten()
    return int((values == values.max()).nonzero()[0])


def run_recipe(recipe: Recipe, folder: Path) -> RecipeJob:
    """Train, quantize, compile, generate, simulate, compare, and estimate; write all of it.

    Into ``folder``: the Verilog with C header, FuseSoC core and constraints, the memory image in
    ``image``, ``results.json`` and ``results.txt``. What hasn't changed since the last run in the
    same folder isn't done again.

    Raises
    ------
    UserError
        If something in the recipe can't be done, or a tool fails.
    """
    for name in (RESULTS, TABLE):  # of an earlier run, until this one is complete
        (folder / name).unlink(missing_ok=True)
    job = _Job(recipe, folder)
    generated = job.generate()
    pool = ThreadPoolExecutor(max_workers=1)  # tools on one core, Python on another
    try:
        built = pool.submit(job.build)
        areas = {target: pool.submit(job.area, generated, target) for target in recipe.targets}
        image = job.compile(quantized := job.quantize(job.train()))
        simulated = job.simulate(image, generated, built.result)
        with progress("estimating the area"):
            found = {target: area.result() for target, area in areas.items()}
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    results = merged(recipe, quantized, image, generated, simulated, found)
    write_atomically(folder / RESULTS, json.dumps(results, indent=2) + "\n")
    write_atomically(folder / TABLE, as_text(results, Program.load(folder / IMAGE)))
    return RecipeJob(results, folder, job.steps.done, job.steps.kept)
