"""Layers by their definitions: loops over unbounded integers and fractions."""

import itertools
from fractions import Fraction
from math import floor

import torch

from sparrow.golden.network import Add, AveragePool, Conv, Linear, MaxPool, Rounding
from sparrow.golden.post import rounding_divide_by_pot, saturating_rounding_doubling_high_mul

__all__ = ["elementwise_reference", "reference"]


def rescaled(numbers, value, mantissa, shift):
    """One scaled integer, rounded, by the definition."""
    if numbers.rounding is Rounding.TFLITE:
        high = saturating_rounding_doubling_high_mul(torch.tensor(value), torch.tensor(mantissa))
        return int(rounding_divide_by_pot(high, shift))
    exact = Fraction(value * mantissa, 2**shift)
    return floor(exact + Fraction(1, 2)) if numbers.rounding is Rounding.HALF_UP else round(exact)


def clamped(value, low, high):
    return max(low, min(high, value))


def windows(layer, dilation=(1, 1)):
    """For every output position the positions of the window's taps, those outside included."""
    _, height, width = layer.output.shape
    for y, x in itertools.product(range(height), range(width)):
        yield y, x, [(ky, kx, y * layer.stride[0] - layer.padding[0] + ky * dilation[0],
                      x * layer.stride[1] - layer.padding[1] + kx * dilation[1])
                     for ky in range(layer.kernel[0]) for kx in range(layer.kernel[1])]


def reference(network, layer, image):
    """One layer of one image, in loops."""
    numbers, kinds = network.numbers, network.input_types(layer)
    x, output = image[0].tolist(), torch.zeros(layer.output.shape, dtype=torch.int8)
    match layer:
        case Conv():
            per_group = layer.channels // layer.groups
            inputs = layer.weight.shape[1]
            for o in range(layer.channels):
                first = o // per_group * inputs
                for row, column, taps in windows(layer, layer.dilation):
                    acc = int(layer.bias[o])
                    for i, (ky, kx, iy, ix) in itertools.product(range(inputs), taps):
                        inside = (0 <= iy < kinds[0].shape[1]) and (0 <= ix < kinds[0].shape[2])
                        value = x[first + i][iy][ix] if inside else kinds[0].zero_point
                        acc += value * int(layer.weight[o, i, ky, kx])
                    output[o, row, column] = weighted_output(numbers, layer, o, acc)
        case Linear():
            flat = image[0].flatten().tolist()
            for o in range(layer.channels):
                acc = int(layer.bias[o]) + sum(a * b for a, b in
                                               zip(flat, layer.weight[o].tolist()))
                output[o, 0, 0] = weighted_output(numbers, layer, o, acc)
        case MaxPool() | AveragePool():
            for c in range(output.shape[0]):
                for row, column, taps in windows(layer):
                    inside = [x[c][iy][ix] for _, _, iy, ix in taps
                              if 0 <= iy < kinds[0].shape[1] and 0 <= ix < kinds[0].shape[2]]
                    average = Fraction(sum(inside), len(inside))
                    away = floor(abs(average) + Fraction(1, 2)) * (1 if average > 0 else -1)
                    output[c, row, column] = max(inside) if isinstance(layer, MaxPool) else away
    return output


def weighted_output(numbers, layer, channel, acc):
    scaled = rescaled(numbers, acc, int(layer.mantissa[channel]), int(layer.shift[channel]))
    return clamped(scaled + layer.output.zero_point, layer.minimum, layer.maximum)


def elementwise_reference(network, layer, values):
    """One element of a sum, or of the first input of a concatenation."""
    numbers, output = network.numbers, layer.output
    kinds = network.input_types(layer)
    if isinstance(layer, Add):
        total = sum(rescaled(numbers, (value - kind.zero_point) << 20, mantissa, shift)
                    for value, kind, mantissa, shift in zip(values, kinds, layer.mantissas,
                                                            layer.shifts))
        scaled = rescaled(numbers, total, layer.mantissas[2], layer.shifts[2])
        return clamped(scaled + output.zero_point, layer.minimum, layer.maximum)
    scaled = rescaled(numbers, values[0] - kinds[0].zero_point, layer.mantissas[0],
                      layer.shifts[0])
    return clamped(scaled + output.zero_point, output.minimum, output.maximum)
