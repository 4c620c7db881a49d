"""From a PyTorch model and data to an integer network and its accuracy."""

import dataclasses
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from sparrow.compress.calibrate import Method
from sparrow.compress.capture import CaptureError, capture
from sparrow.compress.data import Dataset
from sparrow.compress.draft import Draft
from sparrow.compress.graph import Graph
from sparrow.compress.passes import Context, Pass, make_pass
from sparrow.compress.quantize import QuantizeError, quantize, weight_widths
from sparrow.compress.report import Comparison, compare
from sparrow.compress.train import LEARNING_RATE, initialized, normalize, train
from sparrow.flow.errors import UserError
from sparrow.flow.models import load_weights
from sparrow.golden.network import Network, NetworkError, Numbers
from sparrow.hw.spec.accelerator import AcceleratorSpec
from sparrow.hw.spec.base import SpecError

__all__ = ["Compressed", "accelerator_numbers", "bits_of", "captured", "check_layers",
           "check_names", "compress", "pruned", "rows", "trained", "untrained"]

CALIBRATION_IMAGES = 256
LARGEST_SEED = 2**63 - 1


@dataclasses.dataclass(frozen=True)
class Compressed:
    """An integer network and how far it is from the model.

    Members
    -------
    network : Network
    comparison : Comparison
        On the test images.
    """
    network: Network
    comparison: Comparison


def untrained(factory: Callable[[], torch.nn.Module], data: Dataset, *,
              weights: Path | None = None, seed: int = 0) -> torch.nn.Module:
    """A model with weights of a file, or random ones; in evaluation mode.

    Raises
    ------
    UserError
        If the factory fails or gives no model, the model doesn't go with the data, or the file
        isn't of its kind.
    """
    if not 0 <= seed <= LARGEST_SEED:
        raise UserError(f"The seed must be 0 to {LARGEST_SEED}, not {seed}")
    try:
        model = initialized(factory, seed)
    except (Exception, SystemExit) as error:
        raise UserError(f"The model's factory must give a model: {type(error).__name__}: "
                        f"{error}") from error
    if not isinstance(model, torch.nn.Module):
        raise UserError(f"The model's factory must give a torch.nn.Module, not {model!r}")
    _check_classes(model, data, seed)
    if weights is not None and weights.suffix == ".tflite":
        from sparrow.flow.tflite import load_tflite
        load_tflite(model, weights, tuple(data.train_images.shape[1:]))
    elif weights is not None:
        load_weights(model, weights)
    return model.eval()


def trained(factory: Callable[[], torch.nn.Module], data: Dataset, *, weights: Path | None = None,
            random: bool = False, seed: int = 0, epochs: int = 20,
            learning_rate: float = LEARNING_RATE, shift: int = 0) -> torch.nn.Module:
    """A model with weights of a file, or trained on the data; in evaluation mode.

    With ``random`` it keeps the weights it starts with, and its batch normalizations take the
    statistics of the training images.

    Raises
    ------
    UserError
        As :func:`untrained`, and if the model can't be trained.
    """
    model = untrained(factory, data, weights=weights, seed=seed)
    if weights is not None:
        return model
    if random:
        normalize(model, data.train_images, seed=seed)
        return model
    if data.train_labels is None:
        raise UserError("The model must be given weights, random ones too, with data that have no "
                        "labels to train it on")
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise UserError("The model must have parameters, to be trained, but has none")
    try:
        train(model, data, epochs=epochs, learning_rate=learning_rate, shift=shift, seed=seed)
    except Exception as error:  # the model's code runs here
        raise UserError(f"The model must be one that can be trained: {type(error).__name__}: "
                        f"{error}") from error
    return model


def _check_classes(model: torch.nn.Module, data: Dataset, seed: int) -> None:
    """Check that the model takes the images, and has an output for every label."""
    images = data.train_images[:2]
    shape = tuple(images.shape[1:])
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)  # lazy modules get their weights here
            output = model.eval()(images)
    except (Exception, SystemExit) as error:
        raise UserError(f"The model must take images of shape {shape}: {type(error).__name__}: "
                        f"{error}") from error
    if not isinstance(output, torch.Tensor) or output.shape[:1] != images.shape[:1]:
        found = (f"a tensor of shape {tuple(output.shape)}" if isinstance(output, torch.Tensor)
                 else type(output).__name__)
        raise UserError(f"The model must give one tensor, {len(images)} outputs for "
                        f"{len(images)} images, not {found}")
    labels = [each for each in (data.train_labels, data.test_labels) if each is not None]
    if not labels:
        return
    classes = output[0].numel()
    largest = max(int(each.max()) for each in labels)
    if largest >= classes:
        raise UserError(f"The model must give an output for each class, 0 to {largest}, "
                        f"not {classes} outputs")


def check_layers(model: torch.nn.Module, data: Dataset, *, bits: int = 8,
                 layer_bits: Mapping[str, int] | None = None) -> dict[str, int]:
    """The bits of weights by layer, of a model that needn't be trained yet.

    Raises
    ------
    UserError
        If the model can't be captured, or has no layer with weights of a name.
    """
    try:
        graph = capture(model, tuple(data.train_images.shape[1:]))
        return weight_widths(graph, bits, layer_bits or {})
    except (CaptureError, QuantizeError) as error:
        raise UserError(str(error)) from None


def check_names(passes: Sequence[Pass], layers: Collection[str],
                layer_bits: Mapping[str, int]) -> None:
    """Check, before anything is trained, that options of passes name layers with weights.

    Behind a pass that factorizes, the name of a layer and something behind a point may be a factor.

    Raises
    ------
    UserError
        With the first option that doesn't.
    """
    named = [(f"pass {place} ({each.kind}): {option}", names, place)
             for place, each in enumerate(passes, start=1)
             for option, names in each.named_layers().items()]
    named.append(("layer_bits", list(layer_bits), len(passes) + 1))
    factorized = min((place for place, each in enumerate(passes, start=1)
                      if each.kind == "factorize"), default=len(passes) + 1)
    for subject, names, place in named:
        for name in names:
            may_be_factor = place > factorized and any(name.startswith(f"{layer}.")
                                                       for layer in layers)
            if name not in layers and not may_be_factor:
                raise UserError(f"{subject} must name layers with weights, {', '.join(layers)}, "
                                f"not {name!r}")


def captured(model: torch.nn.Module, data: Dataset, *, name: str) -> Graph:
    """The float network of a model; raises ``UserError`` if it can't be captured.

    A letter of ``name`` that networks' names can't have becomes an underscore.
    """
    try:
        return capture(model, tuple(data.train_images.shape[1:]),
                       name=re.sub(r"[^A-Za-z0-9]", "_", name))
    except CaptureError as error:
        raise UserError(str(error)) from None


def pruned(graph: Graph, data: Dataset, spec: AcceleratorSpec, widths: Mapping[str, int], *,
           density: float, pattern: str = "unstructured") -> Draft:
    """A network whose smallest weights are 0, each layer by itself, with no training.

    Parameters
    ----------
    widths
        Bits of weights by layer, of all layers, as :func:`check_layers` gives them.
    density
        Share of a layer's weights that stays.
    pattern
        ``unstructured``, or ``block``: whole blocks, one step of the accelerator's array each.

    Raises
    ------
    UserError
        If the density isn't from 0 to 1.
    """
    draft = Draft(graph=graph)
    for bits in sorted(set(widths.values())):
        layers = {name: density for name, own in widths.items() if own == bits}
        lanes = spec.lanes * (2 if bits == 4 else 1)
        try:
            found = make_pass({"kind": "prune", "pattern": pattern, "density": layers,
                               "block": [lanes, spec.columns]})
        except SpecError as error:
            raise UserError(f"density must be from 0 to 1, not {density!r}") from error
        draft = found.apply(draft, Context(data=data))
    return draft


def accelerator_numbers(spec: AcceleratorSpec) -> Numbers:
    """The numbers of networks that run on an accelerator."""
    return Numbers(mantissa_width=spec.mantissa_width, rounding=spec.rounding,
                   accumulator_width=spec.accumulator_width)


def compress(source: Graph | Draft, data: Dataset, *, bits: int = 8,
             layer_bits: Mapping[str, int] | None = None, calibration: str = "minmax",
             calibration_images: int = CALIBRATION_IMAGES,
             numbers: Numbers | None = None, model: Graph | None = None) -> Compressed:
    """Quantize and compare a captured network.

    Parameters
    ----------
    source
        As ``capture`` gives it, or as passes made it, whose formats are kept.
    data
        Training images calibrate, test images compare.
    bits, layer_bits
        Of weights: 8 or 4, and exceptions by layer.
    calibration
        ``minmax``, ``percentile`` or ``mse``.
    calibration_images
        How many of the training images.
    numbers
        Widths and rounding of the network.
    model
        The network before the passes, with which the outputs are compared.

    Raises
    ------
    UserError
        If a setting isn't supported.
    """
    graph = source.graph if isinstance(source, Draft) else source
    try:
        network = quantize(source, data.train_images[:calibration_images], bits=bits,
                           layer_bits=layer_bits, method=Method(calibration), numbers=numbers)
        return Compressed(network, compare(graph, network, data.test_images, data.test_labels,
                                           model=model))
    except (QuantizeError, NetworkError) as error:
        raise UserError(str(error)) from None


def bits_of(settings: list[str]) -> dict[str, int]:
    """The bits by layer of ``LAYER=BITS`` each; raises ``UserError`` on another form."""
    result = {}
    for setting in settings:
        layer, equals, bits = setting.rpartition("=")
        if not equals or not layer or bits not in ("4", "8"):
            raise UserError(f"--bits-of must be given LAYER=4 or LAYER=8, not {setting!r}")
        result[layer] = int(bits)
    return result


def rows(comparison: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """Layers of a comparison as words: name, kind, bits, largest difference, decibels."""
    def bits(value: Any) -> str:
        return "" if value is None else str(value)
    return [(layer["name"], layer["kind"], bits(layer["weight_bits"]),
             f"{layer['largest_difference']:.3g}", f"{layer['signal_to_noise']:.1f}")
            for layer in comparison]
