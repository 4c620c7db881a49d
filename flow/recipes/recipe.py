"""What a recipe says."""

import dataclasses
from pathlib import Path
from typing import Any

from sparrow.compress.passes import Pass
from sparrow.compress.train import LEARNING_RATE
from sparrow.hw.spec.accelerator import AcceleratorSpec

__all__ = ["ModelSource", "Recipe"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelSource:
    """Where a model and its weights come from.

    Parameters
    ----------
    section : str
        Of the recipe: ``model`` or ``teacher``.
    factory : str
        ``FILE.py:function`` that gives the model.
    weights : Path or None
        The model's tensors; else it is trained.
    random_weights : bool
        Not even that.
    epochs, seed : int
        Of the training.
    learning_rate : float
        The largest in it.
    shift : int
        Pixels by which training images are moved at random, at most, each way.
    """
    section: str
    factory: str
    weights: Path | None = None
    random_weights: bool = False
    epochs: int = 20
    learning_rate: float = LEARNING_RATE
    shift: int = 0
    seed: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """A recipe; paths in it are relative to its file, or begin with ``$SPARROW_DATA/``.

    Parameters
    ----------
    name : str
        Of the file, which names the folder of the results.
    folder : Path
        Where the file lies.
    model : ModelSource
    teacher : ModelSource or None
        Of distillation; the model before the first pass unless given.
    passes : tuple of Pass
        In order.
    data : str
        Name of a data set, a file or a folder.
    data_options : dict
        Of the data set.
    bits : int
        Of weights that no pass has quantized.
    layer_bits : dict of str to int
        Exceptions.
    calibration : str
    calibration_images : int
    accelerator : AcceleratorSpec
    keep_all : bool
        Store every layer's output, so that each is compared.
    residency : bool
        Let tensors stay in the buffer where that is faster.
    fusion : bool
        Add residuals to a layer's results on their way to the buffer.
    codec : str
        How weights are sent: ``auto``, ``plain`` or a codec.
    images : int
        Test images that are simulated.
    latency : int
        Of the memory, cycles.
    bandwidth : float
        Words per cycle.
    stalls : str
    stall_seed : int
    engine : str
        ``cocotb``, or ``native`` for millions of cycles.
    targets : tuple of str
        Of the estimates.
    """
    name: str
    folder: Path
    model: ModelSource
    teacher: ModelSource | None = None
    passes: tuple[Pass, ...] = ()
    data: str
    data_options: dict[str, int] = dataclasses.field(default_factory=dict)
    bits: int = 8
    layer_bits: dict[str, int] = dataclasses.field(default_factory=dict)
    calibration: str = "minmax"
    calibration_images: int = 256
    accelerator: AcceleratorSpec = dataclasses.field(default_factory=AcceleratorSpec)
    keep_all: bool = True
    residency: bool = True
    fusion: bool = True
    codec: str = "auto"
    images: int = 50
    latency: int = 20
    bandwidth: float = 1.0
    stalls: str = "always"
    stall_seed: int = 1
    engine: str = "cocotb"
    targets: tuple[str, ...] = ("gates",)

    @property
    def compile_options(self) -> dict[str, Any]:
        """What the compiler is told beside network and accelerator."""
        return {"latency": self.latency, "keep_all": self.keep_all, "residency": self.residency,
                "fusion": self.fusion, "codec": self.codec}
