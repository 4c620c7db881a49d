"""Residual additions on the way of a layer's results to the buffer."""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence

from sparrow.golden.network import Add, Conv, Layer, Linear, Network
from sparrow.hw.spec.accelerator import AcceleratorSpec
from sparrow.hw.spec.commands import ADD_FRACTION, Opcode

from ..errors import CompileError
from ..footprint import Instruction
from ..layout import TensorLayout
from ..passes import Pass
from .layers import lower, true_macs
from .plain import exact_sum

__all__ = ["Fusion", "Fusions", "fusions", "keep_additions", "lower_all", "readers"]

SHARED = ("scale_result", "add_factor", "add_offset", "add_mantissa", "add_shift",
          "add_zero_point", "add_minimum", "add_maximum")
LARGEST_FACTOR, LARGEST_SHIFT, LARGEST_OFFSET = (1 << 15) - 1, 63, (1 << 23) - 1


@dataclasses.dataclass(frozen=True)
class Fusion:
    """A layer whose results another tensor is added to; its own output is nowhere.

    Parameters
    ----------
    layer, addition, operand : str
        The layer, the ``Add``, and its other input.
    fields : dict of str to int
        Of COMPUTE.
    """

    layer: str
    addition: str
    operand: str
    fields: dict[str, int] = dataclasses.field(compare=False)


Fusions = Mapping[str, Fusion]
"""By the name of the ``Add``, in whose place the layer is executed."""


def fusions(network: Network, spec: AcceleratorSpec) -> dict[str, Fusion]:
    """All additions that convolutions or linear layers can do.

    A layer's results are added to if nobody else reads them; of two such the one with more
    products takes it, as the requantizer then keeps the array the least.
    """
    found: dict[str, Fusion] = {}
    for layer in network if spec.residual_add else ():
        if not isinstance(layer, Add) or layer.inputs[0] == layer.inputs[1]:
            continue
        for index in sorted((0, 1), key=lambda one: -_weight(network, layer.inputs[one])):
            own, operand = layer.inputs[index], layer.inputs[1 - index]
            if _weight(network, own) < 0 or len(list(network.consumers(own))) > 1:
                continue
            fields = _fields(layer, index, network, spec)
            if fields is not None:
                found[layer.name] = Fusion(own, layer.name, operand, fields)
                break
    return found


def _weight(network: Network, name: str) -> int:
    """Products that a tensor takes, -1 if it isn't that of a convolution or linear layer."""
    if name == network.input_name:
        return -1
    layer = network.layer(name)
    return true_macs(layer) if isinstance(layer, (Conv, Linear)) else -1


def _fields(layer: Add, index: int, network: Network,
            spec: AcceleratorSpec) -> dict[str, int] | None:
    """COMPUTE's fields for results that are an input of a sum; None if it can't do it exactly."""
    try:
        factors, mantissa, shift = exact_sum(layer, network, spec)
    except CompileError:
        return None
    zeros = [kind.zero_point for kind in network.input_types(layer)]
    for plain in (0, 1):  # the one without a factor
        power, other = factors[plain].bit_length() - 1, factors[1 - plain]
        if power < 0 or power > ADD_FRACTION or factors[plain] != 1 << power:
            continue
        more = ADD_FRACTION - power
        factor, last = other << more, shift + more
        offset = -(zeros[plain] << ADD_FRACTION) - zeros[1 - plain] * factor
        if factor <= LARGEST_FACTOR and last <= LARGEST_SHIFT and abs(offset) <= LARGEST_OFFSET:
            return {"add": 1, "scale_result": int(plain != index), "add_factor": factor,
                    "add_offset": offset, "add_mantissa": mantissa, "add_shift": last,
                    "add_zero_point": layer.output.zero_point, "add_minimum": layer.minimum,
                    "add_maximum": layer.maximum}
    return None


def keep_additions(instructions: Sequence[Instruction]) -> None:
    """Let results on their way keep the fields by which something is added to them.

    They need them when the next COMPUTE is at work, so that has the same ones. If it adds in
    another way, it waits until all results are in the buffer.
    """
    computes = [one.values for one in instructions if one.opcode is Opcode.COMPUTE]
    for own, following in itertools.pairwise(computes):
        if not own.get("add"):
            continue
        shared = {name: own[name] for name in SHARED}
        if not following.get("add"):
            following |= shared
        elif shared != {name: following[name] for name in SHARED}:
            own["drain"] = 1


def readers(network: Network, fused: Fusions) -> dict[str, list[str]]:
    """For each tensor the layers in whose place something reads it."""
    places = {fusion.layer: name for name, fusion in fused.items()}
    found: dict[str, list[str]] = {network.input_name: [],
                                   **{layer.name: [] for layer in network}}
    for layer in network:
        inputs = [fused[layer.name].operand] if layer.name in fused else layer.inputs
        for name in inputs:
            found[name].append(places.get(layer.name, layer.name))
    return found


def lower_all(network: Network, spec: AcceleratorSpec, layouts: Mapping[str, TensorLayout],
              fused: Fusions) -> dict[str, list[Pass]]:
    """The passes of all layers; those of a layer that is added to stand with the ``Add``."""
    elsewhere = {fusion.layer for fusion in fused.values()}
    return {layer.name: [] if layer.name in elsewhere
            else _lower_fused(fused[layer.name], network, spec, layouts)
            if layer.name in fused else lower(layer, network, spec, layouts) for layer in network}


def _lower_fused(fusion: Fusion, network: Network, spec: AcceleratorSpec,
                 layouts: Mapping[str, TensorLayout]) -> list[Pass]:
    layer: Layer = network.layer(fusion.layer)
    passes = lower(layer, network, spec, {**layouts, layer.name: layouts[fusion.addition]})

    def adding(work: Pass) -> Pass:
        return dataclasses.replace(work, operand=layouts[fusion.operand], addition=fusion.fields,
                                   alternatives=tuple(map(adding, work.alternatives)))

    return [adding(work) for work in passes]
