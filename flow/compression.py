"""From a PyTorch model and data to an integer network and its accuracy."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from sparrow.compress.calibrate import Method
from sparrow.compress.capture import CaptureError, capture
from sparrow.compress.data import Dataset
from sparrow.compress.quantize import QuantizeError, quantize
from sparrow.compress.report import Comparison, compare
from sparrow.compress.train import initialized, train
from sparrow.flow.errors import UserError
from sparrow.flow.models import load_weights
from sparrow.golden.network import Network, NetworkError, Numbers

__all__ = ["Compressed", "bits_of", "compress", "rows", "trained"]

CALIBRATION_IMAGES = 256


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


def trained(factory: Callable[[], torch.nn.Module], data: Dataset, *, weights: Path | None = None,
            seed: int = 0, epochs: int = 20) -> torch.nn.Module:
    """A model with weights of a file, or trained on the data; in evaluation mode.

    Raises
    ------
    UserError
        If the factory fails or gives no model, or the file isn't of its kind.
    """
    try:
        model = initialized(factory, seed)
    except Exception as error:
        raise UserError(f"The model's factory must give a model: {type(error).__name__}: "
                        f"{error}") from error
    if not isinstance(model, torch.nn.Module):
        raise UserError(f"The model's factory must give a torch.nn.Module, not {model!r}")
    if weights is not None:
        load_weights(model, weights)
        return model.eval()
    train(model, data, epochs=epochs, seed=seed)
    return model


def compress(model: torch.nn.Module, data: Dataset, *, name: str | None = None, bits: int = 8,
             layer_bits: Mapping[str, int] | None = None, calibration: str = "minmax",
             calibration_images: int = CALIBRATION_IMAGES,
             numbers: Numbers | None = None) -> Compressed:
    """Capture, quantize and compare a trained model.

    Parameters
    ----------
    model
        In evaluation mode.
    data
        Training images calibrate, test images compare.
    name
        Of the network; that of the model's class unless given.
    bits, layer_bits
        Of weights: 8 or 4, and exceptions by layer.
    calibration
        ``minmax``, ``percentile`` or ``mse``.
    calibration_images
        How many of the training images.
    numbers
        Widths and rounding of the network.

    Raises
    ------
    UserError
        If the model or a setting isn't supported.
    """
    try:
        graph = capture(model, tuple(data.train_images.shape[1:]), name=name)
        network = quantize(graph, data.train_images[:calibration_images], bits=bits,
                           layer_bits=layer_bits, method=Method(calibration), numbers=numbers)
        return Compressed(network, compare(graph, network, data.test_images, data.test_labels))
    except (CaptureError, QuantizeError, NetworkError) as error:
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


def rows(comparison: Comparison) -> list[tuple[str, ...]]:
    """Layers of a comparison as words: name, kind, bits, largest difference, decibels."""
    def bits(value: Any) -> str:
        return "" if value is None else str(value)
    return [(layer.name, layer.kind, bits(layer.weight_bits), f"{layer.largest_difference:.3g}",
             f"{layer.signal_to_noise:.1f}") for layer in comparison.layers]
