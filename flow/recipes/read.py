"""Recipes as TOML: which model, on which data, which passes and bits, on which accelerator."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sparrow.compress.passes import make_pass
from sparrow.flow.compile_options import CODECS
from sparrow.flow.data import VARIABLE, require_data
from sparrow.flow.datasets import FACTORY
from sparrow.flow.errors import UserError
from sparrow.flow.recipes.recipe import ModelSource, Recipe
from sparrow.hw.spec.accelerator import AcceleratorSpec

__all__ = ["RANDOM", "make_recipe", "read_recipe", "read_values"]

_MODEL = {"factory": str, "weights": str, "epochs": int, "learning_rate": float, "shift": int,
          "seed": int}
_KINDS: dict[str, dict[str, Any]] = {
    "model": _MODEL,
    "teacher": _MODEL,
    "data": {"name": str, "test": int, "train": int, "seed": int},
    "quantize": {"bits": int, "layers": dict, "calibration": str, "calibration_images": int},
    "accelerator": {},
    "compile": {"keep_all": bool, "residency": bool, "fusion": bool, "codec": str},
    "simulate": {"images": int, "latency": int, "bandwidth": float, "stalls": str, "seed": int,
                 "engine": str},
    "estimate": {"targets": list},
}
_CHOICES: dict[tuple[str, str], tuple[Any, ...]] = {
    ("quantize", "bits"): (8, 4),
    ("quantize", "calibration"): ("minmax", "percentile", "mse"),
    ("compile", "codec"): CODECS,
    ("simulate", "stalls"): ("always", "often", "seldom", "bursts", "alternate"),
    ("simulate", "engine"): ("cocotb", "native"),
}
_LEAST = {("model", "epochs"): 1, ("teacher", "epochs"): 1, ("model", "shift"): 0,
          ("teacher", "shift"): 0, ("data", "test"): 1,
          ("data", "train"): 1, ("quantize", "calibration_images"): 1,
          ("simulate", "images"): 1, ("simulate", "latency"): 1}
# what torch takes, and what the native engine does
_LARGEST_SEED = dict.fromkeys(("model", "teacher", "data"), 2**63 - 1) | {"simulate": 2**54 - 1}
RANDOM = "random"
"""In the place of weights: those that the model starts with."""
PASSES = "pass"
_TARGETS = ("gates", "ice40", "ecp5", "xc7")


def read_recipe(path: Path) -> Recipe:
    """Read and check a recipe.

    Raises
    ------
    UserError, SpecError
        If the file can't be read, has a section or a setting that doesn't exist, or a value that
        isn't allowed; the text names file, section and setting.
    """
    return make_recipe(read_values(path), path)


def read_values(path: Path) -> dict[str, Any]:
    """What a recipe's file says, not checked; raises ``UserError`` if it isn't TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not a TOML file: {error}") from None


def make_recipe(values: Mapping[str, Any], path: Path) -> Recipe:
    """The recipe of plain values, as TOML gives them.

    Parameters
    ----------
    path : Path
        Of the file; its name is the recipe's, and files in it are relative to its folder.

    Raises
    ------
    UserError, SpecError
        As ``read_recipe``.
    """
    for section, settings in values.items():
        if section == PASSES:
            _check_passes(path, settings)
            continue
        if section not in _KINDS:
            names = ", ".join([f"[{name}]" for name in _KINDS] + [f"[[{PASSES}]]"])
            raise UserError(f"{path}: [{section}] must be one of {names}")
        if not isinstance(settings, dict):
            raise UserError(f"{path}: {section} must be a section, [{section}], not {settings!r}")
        if section != "accelerator":
            _check(path, section, settings)
    needed = [("model", "factory"), ("data", "name"),
              *([("teacher", "factory")] if "teacher" in values else [])]
    for section, setting in needed:
        if setting not in values.get(section, {}):
            raise UserError(f"{path}: [{section}] must have {setting}")
    return _recipe(path, {name: values.get(name, {}) for name in (*_KINDS, PASSES)})


def _check_passes(path: Path, passes: Any) -> None:
    if not isinstance(passes, list) or not all(isinstance(each, dict) for each in passes):
        raise UserError(f"{path}: {PASSES} must be sections, [[{PASSES}]], not {passes!r}")


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
        if name == "seed" and not 0 <= value <= _LARGEST_SEED[section]:
            raise UserError(f"{subject} must be 0 to {_LARGEST_SEED[section]}, not {value!r}")
        if name in ("bandwidth", "learning_rate") and not 0 < value <= 1:
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


def _recipe(path: Path, values: Mapping[str, Any]) -> Recipe:
    data, simulate = dict(values["data"]), dict(values["simulate"])
    quantize = dict(values["quantize"])
    settings: dict[str, Any] = {
        "model": _source(path, "model", values["model"]),
        "teacher": _source(path, "teacher", values["teacher"]) if values["teacher"] else None,
        "passes": tuple(make_pass(each, source=f"{path}: pass {place}")
                        for place, each in enumerate(values[PASSES] or [], start=1)),
        "data": data.pop("name"), "data_options": data,
        "accelerator": AcceleratorSpec.from_mapping(values["accelerator"],
                                                    source=f"{path}: [accelerator]"),
        "layer_bits": dict(quantize.pop("layers", {})), **quantize, **values["compile"]}
    codecs = ("auto", "plain", *(codec.value for codec in settings["accelerator"].codecs))
    if values["compile"].get("codec", "auto") not in codecs:
        raise UserError(f"{path}: codec in [compile] must be one of {', '.join(codecs)} with this "
                        f"[accelerator], not {values['compile']['codec']!r}")
    if ("/" in settings["data"] or FACTORY in settings["data"]
            or settings["data"].endswith(".safetensors")):
        settings["data"] = str(_located(path, settings["data"]))
    settings |= {"stall_seed" if name == "seed" else name: value
                 for name, value in simulate.items()}
    if "targets" in values["estimate"]:
        settings["targets"] = tuple(values["estimate"]["targets"])
    return Recipe(name=path.stem, folder=path.parent, **settings)


def _source(path: Path, section: str, values: Mapping[str, Any]) -> ModelSource:
    """A model and its weights."""
    settings = dict(values)
    weights = settings.pop("weights", None)
    if weights == RANDOM:
        settings["random_weights"] = True
    elif weights is not None:
        settings["weights"] = _located(path, weights)
    return ModelSource(section=section, **settings)


def _located(path: Path, file: str) -> Path:
    """A file that a recipe names."""
    start = f"${VARIABLE}/"
    if not file.startswith(start):
        return path.parent / file
    try:
        return require_data(file.removeprefix(start))
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
