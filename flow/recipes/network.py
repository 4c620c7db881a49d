"""The steps from a PyTorch model to an integer network, each kept once it is done."""

import dataclasses
from pathlib import Path
from typing import Any

import torch

from sparrow.compiler.streams import network_size
from sparrow.compress.data import Dataset
from sparrow.compress.draft import Draft
from sparrow.compress.graph import Graph
from sparrow.compress.passes import Context, Pass
from sparrow.compress.store import draft_bytes, load_draft
from sparrow.compress.train import float_accuracy
from sparrow.flow.compression import (
    captured,
    check_layers,
    check_names,
    compress,
    trained,
    untrained,
)
from sparrow.flow.datasets import dataset
from sparrow.flow.errors import UserError
from sparrow.flow.files import write_atomically
from sparrow.flow.memory_image import NETWORK_FILE, compiled
from sparrow.flow.models import files_of, model_factory, split_reference
from sparrow.flow.progress import progress_bar
from sparrow.flow.recipes.recipe import ModelSource, Recipe
from sparrow.flow.recipes.table import compared_sizes
from sparrow.flow.steps import Steps, code_digest, digest
from sparrow.golden.network import Network, NetworkError, Numbers, save

__all__ = ["NetworkSteps"]

THREADS = 1  # of torch, in passes: more would change their results


class NetworkSteps:
    """The steps of a recipe that need no accelerator.

    Parameters
    ----------
    recipe : Recipe
    folder : Path
        Where steps are remembered.
    numbers : Numbers
        Of the integer network.

    Raises
    ------
    UserError
        If what the recipe names isn't there. The model's file is executed, nothing else is done.
    """

    def __init__(self, recipe: Recipe, folder: Path, numbers: Numbers):
        self.recipe, self.folder, self.numbers = recipe, folder, numbers
        self.steps = Steps(folder, code=code_digest("sparrow.flow", without=("cli", "report")))
        self.network_file = folder / NETWORK_FILE
        self.data: Dataset = dataset(recipe.data, **recipe.data_options)
        self.data_key = self.data.digest()
        self._factories = {}
        for source in filter(None, (recipe.model, recipe.teacher)):
            if source.weights is not None and not source.weights.is_file():
                raise UserError(f"weights in [{source.section}] must be an existing file, not "
                                f"{str(source.weights)!r}")
            path, function = split_reference(source.factory, f"factory in [{source.section}]",
                                             folder=recipe.folder)
            self._factories[source.section] = (path, model_factory(path, function))

    def model_key(self, source: ModelSource) -> dict[str, Any]:
        """All that a model depends on, but its training."""
        path, _ = self._factories[source.section]
        return {"function": source.factory.rpartition(":")[2],
                "files": {name: digest(file.read_bytes())
                          for name, file in files_of(path).items()},
                "weights": source.weights and digest(source.weights.read_bytes()),
                "random": source.random_weights}

    def weights_file(self, source: ModelSource) -> Path:
        """Where the tensors of a model are kept."""
        return self.folder / ("weights.safetensors" if source.section == "model"
                              else f"{source.section}.safetensors")

    def capture(self) -> dict[str, Any]:
        """Find out, before the model is trained, whether it can be captured as the recipe says."""
        recipe, source = self.recipe, self.recipe.model
        key = {"model": self.model_key(source), "data": self.data_key, "bits": recipe.bits,
               "teacher": recipe.teacher and self.model_key(recipe.teacher),
               "layers": recipe.layer_bits, "seed": source.seed, "torch": torch.__version__,
               "named": [[each.kind, each.named_layers()] for each in recipe.passes],
               "code": code_digest("sparrow.compress")}

        def make() -> dict[str, Any]:
            model = untrained(self._factories["model"][1], self.data, weights=source.weights,
                              seed=source.seed)
            if recipe.teacher is not None:
                untrained(self._factories["teacher"][1], self.data,
                          weights=recipe.teacher.weights, seed=recipe.teacher.seed)
            widths = check_layers(model, self.data, bits=recipe.bits)
            check_names(recipe.passes, widths, recipe.layer_bits)
            return {"weight_bits": widths | recipe.layer_bits}

        return self.steps.run("capture", key, make, text="capturing the model")

    def train(self, source: ModelSource) -> dict[str, Any]:
        """The weights of the model, or of the teacher."""
        key = {"model": self.model_key(source), "data": self.data_key, "epochs": source.epochs,
               "learning_rate": source.learning_rate, "shift": source.shift,
               "seed": source.seed, "torch": torch.__version__,
               "code": code_digest("sparrow.compress")}
        target = self.weights_file(source)

        def make() -> dict[str, Any]:
            import safetensors.torch
            model = trained(self._factories[source.section][1], self.data,
                            weights=source.weights, random=source.random_weights,
                            seed=source.seed, epochs=source.epochs,
                            learning_rate=source.learning_rate, shift=source.shift)
            tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
            write_atomically(target, safetensors.torch.save(tensors))
            accuracy = None if self.data.test_labels is None else float_accuracy(
                model, self.data.test_images, self.data.test_labels)
            return {"weights": digest(target.read_bytes()), "accuracy": accuracy}

        what = "training" if source.weights is None and not source.random_weights else "weights"
        name = "train" if source.section == "model" else source.section
        return self.steps.run(name, key, make, files=[target],
                              text=what if source.section == "model" else f"teacher: {what}")

    def passes(self, graph: Graph, weights: dict[str, Any]) -> tuple[Draft, str]:
        """The network after all passes, and a digest of it.

        Raises
        ------
        UserError
            If a pass fails; what those before it gave stays, and the next run begins there.
        """
        draft = Draft(graph=graph)
        before = digest(draft_bytes(draft))
        if not self.recipe.passes:
            return draft, before
        context, context_key = self._context(graph, weights)
        for place, each in enumerate(self.recipe.passes, start=1):
            found = self._pass(place, each, before, draft, context, context_key)
            before = found["draft"]
            draft = load_draft(self._draft_file(place))
        return draft, before

    def quantize(self, weights: dict[str, Any]) -> dict[str, Any]:
        """The integer network, in ``network_file``, and how good it is."""
        recipe = self.recipe
        original = self._graph(recipe.model)
        draft, made_of = self.passes(original, weights)
        key = {"weights": weights["weights"], "draft": made_of, "bits": recipe.bits,
               "layers": recipe.layer_bits, "calibration": recipe.calibration,
               "images": recipe.calibration_images, "numbers": self.numbers.to_mapping(),
               "name": recipe.name, "data": self.data_key,
               "array": [recipe.accelerator.lanes, recipe.accelerator.columns],
               "code": code_digest("sparrow.compress", "sparrow.compiler",
                                   "sparrow.golden.network", "sparrow.golden.codec")}

        def make() -> dict[str, Any]:
            found = compress(draft, self.data, bits=recipe.bits, layer_bits=recipe.layer_bits,
                             calibration=recipe.calibration,
                             calibration_images=recipe.calibration_images, numbers=self.numbers,
                             model=original if recipe.passes else None)
            self.network_file.parent.mkdir(parents=True, exist_ok=True)
            save(found.network, self.network_file)
            sizes = network_size(found.network, lanes=recipe.accelerator.lanes,
                                 columns=recipe.accelerator.columns)
            return {"network": digest(self.network_file.read_bytes()),
                    "test_images": found.comparison.images,
                    "accuracy_float": weights["accuracy"],
                    "accuracy_golden": found.comparison.accuracy,
                    "sizes": compared_sizes(original, sizes),
                    "agreement": found.comparison.agreement,
                    "output_signal_to_noise": found.comparison.output_signal_to_noise,
                    "passes": [dataclasses.asdict(record) for record in draft.records],
                    "comparison": [dataclasses.asdict(layer)
                                   for layer in found.comparison.layers]}

        return self.steps.run("quantize", key, make, files=[self.network_file], text="quantizing")

    def _graph(self, source: ModelSource) -> Graph:
        model = untrained(self._factories[source.section][1], self.data,
                          weights=self.weights_file(source))
        name = self.recipe.name if source.section == "model" else source.factory.rpartition(":")[2]
        return captured(model, self.data, name=name)

    def _context(self, graph: Graph, weights: dict[str, Any]) -> tuple[Context, dict[str, Any]]:
        """What passes may use, and what it depends on."""
        recipe, teacher = self.recipe, graph
        key = {"data": self.data_key, "seed": recipe.model.seed, "threads": THREADS,
               "numbers": self.numbers.to_mapping(), "images": recipe.calibration_images,
               "teacher": weights["weights"], "accelerator": recipe.accelerator.to_mapping(),
               "compile": recipe.compile_options,
               "code": code_digest("sparrow.compress", "sparrow.golden.network",
                                   "sparrow.compiler", "sparrow.hw.spec")}
        if recipe.teacher is not None:
            key["teacher"] = self.train(recipe.teacher)["weights"]
            teacher = self._graph(recipe.teacher)
        context = Context(data=self.data, teacher=teacher, seed=recipe.model.seed,
                          threads=THREADS, numbers=self.numbers,
                          calibration_images=recipe.calibration_images,
                          cycles=self._predicted_cycles)
        return context, key

    def _predicted_cycles(self, network: Network) -> dict[str, int]:
        """By layer, on the recipe's accelerator."""
        program = compiled(network, self.recipe.accelerator, **self.recipe.compile_options)
        return {layer.name: layer.cycles for layer in program.layers}

    def _pass(self, place: int, each: Pass, before: str, draft: Draft, context: Context,
              context_key: dict[str, Any]) -> dict[str, Any]:
        key = {"before": before, "kind": each.kind, "options": each.to_mapping(), **context_key}
        target = self._draft_file(place)

        def make() -> dict[str, Any]:
            with progress_bar(f"pass {place} of {len(self.recipe.passes)}: {each.kind}") as share:
                try:
                    made = each.apply(draft, dataclasses.replace(context, progress=share))
                except (ValueError, TypeError, NetworkError) as error:
                    raise UserError(f"{self.recipe.name}: pass {place} ({each.kind}): "
                                    f"{error}") from None
            write_atomically(target, content := draft_bytes(made))
            return {"draft": digest(content)}

        return self.steps.run(f"pass{place}", key, make, files=[target])

    def _draft_file(self, place: int) -> Path:
        return self.folder / f"pass{place}.safetensors"
