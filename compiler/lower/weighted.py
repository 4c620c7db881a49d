"""Convolutions and linear layers as passes."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from sparrow.golden.network import Conv, Linear, Network, Weighted, accumulator_bound
from sparrow.hw.spec.accelerator import AcceleratorSpec

from ..errors import refuse, require_range
from ..layout import TensorLayout
from ..passes import LARGEST_WINDOW_FIELD, Pass, Region, spans
from ..unfold import Unfolding, unfolding_choices
from .depthwise import fit_window, window_block

__all__ = ["lower_weighted"]


def lower_weighted(layer: Weighted, network: Network, spec: AcceleratorSpec,
                   layouts: Mapping[str, TensorLayout]) -> list[Pass]:
    """The pass of a ``Conv`` or ``Linear``.

    A linear layer is a convolution whose kernel is the whole image.

    Raises
    ------
    CompileError
        If the accelerator has no 4-bit weights, a scale is too wide, or a sum may overflow.
    """
    source, target = layouts[layer.inputs[0]].as_blocks, layouts[layer.name]
    kind = network.input_types(layer)[0]
    if layer.weight_bits == 4 and not spec.int4:
        raise refuse(layer.name, "weight_bits", "8 on an accelerator without 4-bit weights", 4)
    require_range(layer.name, "mantissa", int(layer.mantissa.max()), 0,
                  (1 << spec.mantissa_width) - 1)
    bound = accumulator_bound(layer, input_bits=kind.bits)
    if bound.width > spec.accumulator_width:
        raise refuse(layer.name, "sums", f"in the {spec.accumulator_width} bits of an accumulator "
                     "for all inputs", f"{bound.minimum} to {bound.maximum}, {bound.width} bits")
    plain = _window(layer, source)
    _check_padding(layer.name, plain)
    windows = [plain]
    if source.format == "image":
        assert isinstance(layer, Conv)
        windows = [_unfolded(layer, plain, target, rows, kind.zero_point)
                   for rows in unfolding_choices(network, spec)]
    first, *others = [_pass(layer, window, target, kind.zero_point, spec) for window in windows]
    if spec.winograd_tile and _takes_winograd(layer, first):
        others.append(dataclasses.replace(first, winograd=spec.winograd_tile))
    return [dataclasses.replace(first, alternatives=tuple(others))]


def _takes_winograd(layer: Weighted, work: Pass) -> bool:
    """Whether a pass is a 3×3 convolution of stride 1, all of whose channels meet."""
    return (isinstance(layer, Conv) and layer.groups == 1 and work.unfolding is None
            and (work.kernel, work.stride, work.dilation) == ((3, 3), (1, 1), (1, 1))
            and len(work.spans) == 1
            and (work.spans[0].move == 0 or work.spans[0].count == 1))


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Window:
    """A convolution over a source: weights (see ``_Weights``) and how they go over it."""

    source: TensorLayout
    weight: np.ndarray
    groups: int = 1
    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    unfolding: Unfolding | None = None


def _window(layer: Weighted, source: TensorLayout) -> _Window:
    if isinstance(layer, Linear):
        kernel = source.height, source.width
        weight = layer.weight.numpy().reshape(-1, source.channels, *kernel)
        return _Window(source=source, weight=weight, kernel=kernel)
    assert isinstance(layer, Conv)
    return _Window(source=source, weight=layer.weight.numpy(), groups=layer.groups,
                   kernel=layer.kernel, stride=layer.stride, dilation=layer.dilation,
                   padding=layer.padding)


def _check_padding(name: str, window: _Window) -> None:
    for axis, side in enumerate(("top", "left", "bottom", "right")):
        reach = (window.kernel[axis % 2] - 1) * window.dilation[axis % 2] + 1
        # a tile of padding alone has as much of it before the source, in as many bits
        require_range(name, f"padding at the {side}", window.padding[axis], 0,
                      max(LARGEST_WINDOW_FIELD, reach - 1))


def _unfolded(conv: Conv, plain: _Window, target: TensorLayout, rows: int,
              fill_value: int) -> _Window:
    """The same over an unfolded source, with some kernel rows in a position."""
    unfolding = Unfolding.of(conv, plain.source, rows, fill_value=fill_value)
    kernel, stride, dilation = unfolding.window_of(conv)
    return _Window(source=unfolding.source(target, conv), weight=unfolding.weight(plain.weight),
                   kernel=kernel, stride=stride, dilation=dilation, unfolding=unfolding)


def _pass(layer: Weighted, window: _Window, target: TensorLayout, pad_value: int,
          spec: AcceleratorSpec) -> Pass:
    weights = _Weights(window.weight, window.groups, window.source, spec.lanes)
    slide = None
    if (window.unfolding is None and window.groups == len(window.weight)
            and window.weight.shape[1] == 1):
        slide = fit_window(spec, window.kernel, window.stride, window.dilation, window.source,
                           target)
    int4 = layer.weight_bits == 4 and not slide and weights.pays_in_pairs()
    needs = weights.needs(int4)

    def parameters(block: int, key: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        first, last = block * spec.columns, min((block + 1) * spec.columns, len(layer.bias))
        fill = 0, first + spec.columns - last
        bias, mantissa, shift = (np.pad(values.numpy()[first:last], fill) for values in
                                 (layer.bias, layer.mantissa, layer.shift))
        return bias, mantissa, shift

    def blocks(block: int) -> np.ndarray:
        if slide:
            return window_block(window.weight, block, slide, spec.columns)
        return weights.blocks(block, *needs[block], int4=int4)

    kernel, dilation = window.kernel, window.dilation
    if slide:
        kernel, dilation = slide.kernel, slide.dilation
    return Pass(
        layer=layer.name, sources=(window.source,), target=target, spans=spans(needs, int4=int4),
        regions=(Region(0, 0, target.height, target.width),), kernel=kernel,
        stride=window.stride, dilation=dilation, padding=window.padding[:2],
        pad_value=pad_value, int4=int4, window=slide is not None,
        down=slide is not None and slide.down, zero_point=layer.output.zero_point,
        minimum=layer.minimum, maximum_value=layer.maximum, unfolding=window.unfolding,
        parameters=parameters, blocks=blocks)


class _Weights:
    """Weights arranged by blocks.

    Parameters
    ----------
    weight : numpy.ndarray, int8, shape (outputs, inputs of a group, kernel height, width)
    """

    def __init__(self, weight: np.ndarray, groups: int, source: TensorLayout, lanes: int):
        self._weight, self._lanes = weight, lanes
        self._positions = source.positions
        self._group_outputs = len(weight) // groups

    def _outputs(self, block: int) -> range:
        return range(block * self._lanes, min((block + 1) * self._lanes, len(self._weight)))

    def _inputs(self, group: int) -> np.ndarray:
        """Places of a group's input channels."""
        size = self._weight.shape[1]
        return self._positions[group * size:(group + 1) * size]

    def needs(self, int4: bool) -> list[tuple[int, int]]:
        """For each output block, the first channel block that it takes, and how many."""
        result = []
        for block in range(-(-len(self._weight) // self._lanes)):
            outputs = self._outputs(block)
            first = self._inputs(outputs[0] // self._group_outputs)[0] // self._lanes
            last = self._inputs(outputs[-1] // self._group_outputs)[-1] // self._lanes
            first -= first % 2 if int4 else 0
            result.append((int(first), int(last - first + 1)))
        return result

    def pays_in_pairs(self) -> bool:
        """Whether two channel blocks at a time take fewer steps.

        If not, 4-bit weights are sent as 8-bit ones, in as many bytes: steps then read one bank.
        """
        pairs = sum(-(-channels // 2) for _, channels in self.needs(True))
        singles = sum(channels for _, channels in self.needs(False))
        return pairs < singles

    def blocks(self, block: int, channel: int, channels: int, *, int4: bool) -> np.ndarray:
        """Weight blocks in the order channel block, kernel row, kernel column."""
        _, _, height, width = self._weight.shape
        channels += channels % 2 if int4 else 0
        dense = np.zeros((channels * self._lanes, height, width, self._lanes), np.int8)
        outputs = np.asarray(self._outputs(block))
        for group in np.unique(outputs // self._group_outputs):
            own = outputs[outputs // self._group_outputs == group]
            places = np.ix_(self._inputs(group) - channel * self._lanes, np.arange(height),
                            np.arange(width), own - outputs[0])
            dense[places] = self._weight[own].transpose(1, 2, 3, 0)
        ordered = dense.reshape(channels, self._lanes, height, width, self._lanes).transpose(
            0, 2, 3, 1, 4)
        if int4:
            ordered = ordered[0::2] & 15 | ordered[1::2] << 4
        return np.ascontiguousarray(ordered).view(np.uint8).reshape(-1, self._lanes, self._lanes)
