"""Recipes: which model, on which data, with which bits, on which accelerator; as TOML."""

import dataclasses
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sparrow.flow.data import VARIABLE, require_data
from sparrow.flow.datasets import FACTORY
from sparrow.flow.errors import UserError
from sparrow.hw.spec.accelerator import AcceleratorSpec

__all__ = ["RANDOM", "Recipe", "read_recipe"]

_KINDS: dict[str, dict[str, Any]] = {
    "model": {"factory": str, "weights": str, "epochs": int, "seed": int},
    "data": {"name": str, "test": int, "train": int, "seed": int},
    "quantize": {"bits": int, "layers": dict, "calibration": str, "calibration_images": int},
    "accelerator": {},
    "compile": {"keep_all": bool, "residency": bool, "fusion": bool},
    "simulate": {"images": int, "latency": int, "bandwidth": float, "stalls": str, "seed": int,
                 "engine": str},
    "estimate": {"targets": list},
}
_CHOICES: dict[tuple[str, str], tuple[Any, ...]] = {
    ("quantize", "bits"): (8, 4),
    ("quantize", "calibration"): ("minmax", "percentile", "mse"),
    ("simulate", "stalls"): ("always", "often", "seldom", "bursts", "alternate"),
    ("simulate", "engine"): ("cocotb", "native"),
}
_LEAST = {("model", "epochs"): 1, ("data", "test"): 1, ("data", "train"): 1,
          ("quantize", "calibration_images"): 1,
          ("simulate", "images"): 1, ("simulate", "latency"): 1}
RANDOM = "random"
"""In the place of weights: those that the model starts with."""
_TARGETS = ("gates", "ice40", "ecp5", "xc7")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """A recipe; paths in it are relative to its file, or begin with ``$SPARROW_DATA/``.

    Parameters
    ----------
    name : str
        Of the file, which names the folder of the results.
    folder : Path
        Where the file lies.
    factory : str
        ``FILE.py:function`` that gives the model.
    weights : Path or None
        The model's tensors; else it is trained.
    random_weights : bool
        Not even that.
    epochs, model_seed : int
        Of the training.
    data : str
        Name of a data set, a file or a folder.
    data_options : dict
        Of the data set.
    bits : int
        Of weights.
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
    factory: str
    weights: Path | None = None
    random_weights: bool = False
    epochs: int = 20
    model_seed: int = 0
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
    images: int = 50
    latency: int = 20
    bandwidth: float = 1.0
    stalls: str = "always"
    stall_seed: int = 1
    engine: str = "cocotb"
    targets: tuple[str, ...] = ("gates",)


def read_recipe(path: Path) -> Recipe:
    """Read and check a recipe.

    Raises
    ------
    UserError, SpecError
        If the file can't be read, has a section or a setting that doesn't exist, or a value that
        isn't allowed; the text names file, section and setting.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not a TOML file: {error}") from None
    for section, settings in values.items():
        if section not in _KINDS:
            raise UserError(f"{path}: [{section}] must be one of "
                            f"{', '.join(f'[{name}]' for name in _KINDS)}")
        if not isinstance(settings, dict):
            raise UserError(f"{path}: {section} must be a section, [{section}], not {settings!r}")
        if section != "accelerator":
            _check(path, section, settings)
    for section, setting in (("model", "factory"), ("data", "name")):
        if setting not in values.get(section, {}):
            raise UserError(f"{path}: [{section}] must have {setting}")
    return _recipe(path, {name: values.get(name, {}) for name in _KINDS})


def _check(path: Path, section: str, settings: Mapping[str, Any]) -> None:
    for name, value in settings.items():
        subject = f"{path}: {name} in [{section}]"
        if name not in _KINDS[section]:
            raise UserError(f"{subject} must be one of {', '.join(_KINDS[section])}")
        kind = _KINDS[section][name]
        if kind is float and type(value) is int:
            value = float(value)
        if type(value) is not kind:
            words = {str: "a text", int: "a whole number", float: "a number", dict: "a section",
                     list: "a list", bool: "true or false"}
            raise UserError(f"{subject} must be {words[kind]}, not {value!r}")
        choices = _CHOICES.get((section, name))
        if choices is not None and value not in choices:
            raise UserError(f"{subject} must be one of {', '.join(map(str, choices))}, "
                            f"not {value!r}")
        if _below(section, name, value):
            raise UserError(f"{subject} must be at least {_LEAST[section, name]}, not {value!r}")
        if name == "bandwidth" and not 0 < value <= 1:
            raise UserError(f"{subject} must be above 0 and at most 1, not {value!r}")
    for layer, bits in settings.get("layers", {}).items():
        if type(bits) is not int or bits not in (8, 4):
            raise UserError(f"{path}: {layer!r} in [quantize.layers] must be 8 or 4, not {bits!r}")
    for target in settings.get("targets", ()):
        if target not in _TARGETS:
            raise UserError(f"{path}: targets in [estimate] must be of {', '.join(_TARGETS)}, "
                            f"not {target!r}")


def _below(section: str, name: str, value: Any) -> bool:
    """Whether a setting is less than it may be."""
    return (section, name) in _LEAST and value < _LEAST[section, name]


def _recipe(path: Path, values: Mapping[str, Mapping[str, Any]]) -> Recipe:
    model, data, simulate = dict(values["model"]), dict(values["data"]), dict(values["simulate"])
    quantize = dict(values["quantize"])
    settings: dict[str, Any] = {
        "factory": model.pop("factory"), "data": data.pop("name"), "data_options": data,
        "accelerator": AcceleratorSpec.from_mapping(values["accelerator"],
                                                    source=f"{path}: [accelerator]"),
        "layer_bits": dict(quantize.pop("layers", {})), **quantize}
    weights = model.pop("weights", None)
    if weights == RANDOM:
        settings["random_weights"] = True
    elif weights is not None:
        settings["weights"] = _located(path, weights)
    if ("/" in settings["data"] or FACTORY in settings["data"]
            or settings["data"].endswith(".safetensors")):
        settings["data"] = str(_located(path, settings["data"]))
    for section, renamed in ((model, {"seed": "model_seed"}), (simulate, {"seed": "stall_seed"}),
                             (values["compile"], {})):
        settings |= {renamed.get(name, name): value for name, value in section.items()}
    if "targets" in values["estimate"]:
        settings["targets"] = tuple(values["estimate"]["targets"])
    return Recipe(name=path.stem, folder=path.parent, **settings)


def _located(path: Path, file: str) -> Path:
    """A file that a recipe names."""
    start = f"${VARIABLE}/"
    if not file.startswith(start):
        return path.parent / file
    try:
        return require_data(file.removeprefix(start))
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
