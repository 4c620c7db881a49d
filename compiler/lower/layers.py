"""Layers as passes, whatever their kind."""

from collections.abc import Callable, Mapping

from sparrow.golden.network import (
    Add,
    AveragePool,
    Concat,
    Conv,
    Layer,
    Linear,
    MaxPool,
    Network,
)
from sparrow.hw.spec.accelerator import AcceleratorSpec

from ..errors import CompileError, require_range
from ..layout import TensorLayout
from ..passes import LARGEST_WINDOW_FIELD, Pass
from .average import lower_average_pool
from .plain import lower_add, lower_concat, lower_max_pool
from .weighted import lower_weighted

__all__ = ["lower", "require_supported", "true_macs"]

Lowering = Callable[..., list[Pass]]
LOWERINGS: dict[type[Layer], Lowering] = {
    Conv: lower_weighted, Linear: lower_weighted, MaxPool: lower_max_pool,
    AveragePool: lower_average_pool, Add: lower_add, Concat: lower_concat}


def require_supported(network: Network, spec: AcceleratorSpec) -> None:
    """Check what can be seen without looking into layers.

    Raises
    ------
    CompileError
        If the network rounds in another way than the accelerator, or has a layer of a kind that
        isn't supported.
    """
    if network.numbers.rounding is not spec.rounding:
        raise CompileError(f"Network {network.name!r}: rounding must be that of the accelerator, "
                           f"{spec.rounding.value!r}, not {network.numbers.rounding.value!r}")
    for layer in network:
        if type(layer) not in LOWERINGS:
            raise CompileError(f"Layer {layer.name!r}: {type(layer).__name__} is not supported by "
                               "this accelerator")


def lower(layer: Layer, network: Network, spec: AcceleratorSpec,
          layouts: Mapping[str, TensorLayout]) -> list[Pass]:
    """The passes of a layer, none if its output is there already.

    Raises
    ------
    CompileError
        If the layer can't run; the text names it.
    """
    passes = LOWERINGS[type(layer)](layer, network, spec, layouts)
    for work in passes:
        for name, values in (("kernel", work.kernel), ("stride", work.stride),
                             ("dilation", work.dilation)):
            for value in values:
                require_range(layer.name, name, value, 1, LARGEST_WINDOW_FIELD)
        for value in work.padding:
            require_range(layer.name, "padding", value, 0, LARGEST_WINDOW_FIELD)
    return passes


def true_macs(layer: Layer) -> int:
    """Products of weights and activations that a layer needs, padding included, for one image."""
    if isinstance(layer, Conv):
        return layer.output.size * layer.weight[0].numel()
    return layer.weight.numel() if isinstance(layer, Linear) else 0
