"""The steps of a recipe's job: each takes what those before it have left in the folder."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sparrow.compiler.schedule import PLAIN
from sparrow.flow.blocks import block
from sparrow.flow.compression import accelerator_numbers
from sparrow.flow.errors import UserError
from sparrow.flow.files import write_atomically
from sparrow.flow.interface.network_header import NETWORK_HEADER_FILE
from sparrow.flow.memory_image import (
    NETWORK_FILE,
    compiled,
    layer_rows,
    load_network,
    read_image,
    write_image,
)
from sparrow.flow.profile import measured_stalls
from sparrow.flow.recipes.network import NetworkSteps
from sparrow.flow.recipes.recipe import Recipe
from sparrow.flow.simulation import (
    built_simulation,
    first_images,
    require_engine,
    right_classes,
    simulate,
)
from sparrow.flow.steps import code_digest, digest
from sparrow.flow.synthesis import estimate
from sparrow.flow.weight_traffic import with_dense
from sparrow.sim.accelerator import Traffic
from sparrow.sim.runner import SimulationError, require_buildable, simulator_version

__all__ = ["IMAGE", "RecipeSteps"]

IMAGE = "image"


class RecipeSteps:
    """The steps of a recipe's job.

    Parameters
    ----------
    recipe : Recipe
    folder : Path
        Where everything goes.

    Raises
    ------
    UserError
        If what the recipe names isn't there, or a setting doesn't go with it. The model's file is
        executed, nothing else is done.
    """

    def __init__(self, recipe: Recipe, folder: Path):
        self.recipe, self.folder = recipe, folder
        self.spec = recipe.accelerator
        self.network = NetworkSteps(recipe, folder / ".steps", accelerator_numbers(self.spec))
        self.steps, self.data = self.network.steps, self.network.data
        self.block = block("accelerator")
        self.verilog_file = folder / f"{self.block.top_name}.v"
        self.network_file = folder / IMAGE / NETWORK_FILE
        self._check()

    def _check(self) -> None:
        recipe = self.recipe
        require_engine(recipe.engine, self.spec)
        if recipe.images > len(self.data.test_images):
            raise UserError(f"images in [simulate] must be at most the test images, "
                            f"{len(self.data.test_images)}, not {recipe.images}")
        try:
            require_buildable(self._simulation_folder)
        except SimulationError as error:
            raise UserError(str(error)) from None

    def capture(self) -> dict[str, Any]:
        """Find out, before the model is trained, whether it can be captured as the recipe says."""
        found = self.network.capture()
        narrow = [name for name, bits in found["weight_bits"].items() if bits == 4]
        if narrow and not self.spec.int4:
            raise UserError("precision in [accelerator] must be 'int8_int4' for weights of 4 "
                            f"bits, which layer {narrow[0]!r} has, not "
                            f"{self.spec.precision.value!r}")
        return found

    def quantize(self) -> dict[str, Any]:
        """Train the model, carry out the passes, and make the integer network."""
        return self.network.quantize(self.network.train(self.recipe.model))

    def compile(self, quantized: dict[str, Any]) -> dict[str, Any]:
        key = {"network": quantized["network"], "spec": self.spec.to_mapping(),
               "compile": self.recipe.compile_options,
               "code": code_digest("sparrow.compiler", "sparrow.hw.spec", "sparrow.golden.codec",
                                   "sparrow.flow.interface")}
        image = self.folder / IMAGE

        def make() -> dict[str, Any]:
            network = load_network(self.network.network_file)
            program = compiled(network, self.spec, **self.recipe.compile_options)
            paths = write_image(image, program, network, with_listing=True)
            plain = None
            if program.decodings:
                plain = compiled(network, self.spec,
                                 **self.recipe.compile_options | {"codec": PLAIN})
            rows = with_dense(layer_rows(program), program, plain)
            return {"layers": rows, "program": digest(program.program_bytes),
                    "program_bytes": len(program.program_bytes),
                    "data_bytes": program.data_size, "files": [path.name for path in paths]}

        return self.steps.run("compile", key, make, text="compiling", files=[
            image / name for name in ("program.bin", "layout.json", NETWORK_FILE,
                                      NETWORK_HEADER_FILE, "listing.txt")])

    def generate(self) -> dict[str, Any]:
        key = {"spec": self.spec.to_mapping(),
               "code": code_digest("sparrow.hw", "sparrow.flow.interface")}
        names = list(self.block.files_beside(self.spec, [self.verilog_file.name]))

        def make() -> dict[str, Any]:
            text = self.block.verilog(self.spec)
            write_atomically(self.verilog_file, text)
            for name, content in self.block.files_beside(self.spec,
                                                         [self.verilog_file.name]).items():
                write_atomically(self.folder / name, content)
            return {"verilog": digest(text.encode()), "bytes": len(text.encode())}

        return self.steps.run("generate", key, make, text="generating Verilog", files=[
            self.verilog_file, *(self.folder / name for name in names)])

    def build(self) -> None:
        """Build the simulation, unless that of this Verilog is there."""
        built_simulation(self.spec, verilog=self.verilog_file.read_text(encoding="utf-8"),
                         folder=self._simulation_folder, engine=self.recipe.engine)

    @property
    def _simulation_folder(self) -> Path:
        return self.folder / ".simulation"

    def simulate(self, image: dict[str, Any], generated: dict[str, Any],
                 build: Callable[[], None]) -> dict[str, Any]:
        recipe = self.recipe
        traffic = Traffic(latency=recipe.latency, bandwidth=recipe.bandwidth,
                          stalls=recipe.stalls, seed=recipe.stall_seed)
        key = {"verilog": generated["verilog"], "program": image["program"],
               "network": digest(self.network_file.read_bytes()), "images": recipe.images,
               "traffic": dataclasses.asdict(traffic), "data": self.network.data_key,
               "engine": recipe.engine,
               "simulator": simulator_version("verilator"),
               "code": code_digest("sparrow.sim", "sparrow.golden.network")}

        def make() -> dict[str, Any]:
            build()
            return self._simulated(traffic)

        return self.steps.run("simulate", key, make, text=f"simulating {recipe.images} images")

    def _simulated(self, traffic: Traffic) -> dict[str, Any]:
        program, network = read_image(self.folder / IMAGE)
        inputs = first_images(network, self.recipe.images, self.data, self.recipe.data)
        built = built_simulation(self.spec, folder=self._simulation_folder,
                                 engine=self.recipe.engine,
                                 verilog=self.verilog_file.read_text(encoding="utf-8"))
        result = simulate(built, program, network, inputs, traffic=traffic)
        first = result.images[0].outcome
        found: dict[str, float | None] = {"accuracy_rtl": None, "accuracy_golden_same": None}
        if self.data.test_labels is not None:
            found |= right_classes(network, inputs, result,
                                   self.data.test_labels[:self.recipe.images])
        return {"images": self.recipe.images, "bit_exact": result.bit_exact,
                "difference": result.difference, "layers_compared": len(result.compared), **found,
                "measured_cycles": result.layer_cycles, "cycles": result.cycles,
                "stalls": measured_stalls(program, first) if first.marks else {},
                "counters": first.counters, "simulator": result.simulator,
                "simulated_cycles": result.simulated_cycles, "seconds": result.seconds}

    def area(self, generated: dict[str, Any], target: str) -> dict[str, Any]:
        key = {"verilog": generated["verilog"], "target": target,
               "code": code_digest("sparrow.flow.synthesis")}
        # keeping the modules is ten times as fast as a flat design
        return self.steps.run(f"estimate-{target}", key, make=lambda: estimate(
            self.verilog_file, self.block.top_name, target, hierarchy=target == "gates",
            macs_per_cycle=self.spec.macs_per_cycle).to_dict())
