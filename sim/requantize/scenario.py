"""Stimuli for a requantizer, and what golden says must come out."""

import collections
import dataclasses
import itertools

import torch

from sparrow.golden.post import requantize
from sparrow.hw.spec.requantize import RequantizeSpec, Rounding

from .operands import STYLES, Source, Tensor

__all__ = ["STYLES", "Scenario", "corner_scenario", "exhaustive_scenario", "faulty_scenario",
           "random_scenario", "steady_scenario", "stray_columns"]


@dataclasses.dataclass(frozen=True)
class Scenario:
    """Payloads for both inputs in order, the vectors to expect, and what they cover.

    It begins after a reset.

    Parameters
    ----------
    parameters, sums : list of dict
        Values of the flat ports' fields.
    expected : list of dict
        The same of the output; of each value, a tuple of what it may be, empty if anything.
    fault : int or None
        The first transfer on ``parameters`` that must be reported, counted from 0.
    covered : collections.Counter
    """
    parameters: list
    sums: list
    expected: list
    fault: int | None
    covered: collections.Counter

    @classmethod
    def of(cls, source: Source, tensors: list[Tensor], *, strays: float = 0):
        """The scenario of tensors one after the other.

        ``strays`` is the share of transfers on ``parameters`` that come after one that names a
        column that isn't there.
        """
        spec, chance = source.spec, source.random.random
        scenario = cls([], [], [], None, collections.Counter())
        faults = []
        for number, tensor in enumerate(tensors):
            for payload in source.parameters(tensor):
                if chance() < strays:
                    faults.append(len(scenario.parameters))
                    stray = source.random.choice(stray_columns(spec))
                    scenario.parameters.append(source.scale_payload(stray))
                if payload["commit"] and tensor.minimum > tensor.maximum:
                    faults.append(len(scenario.parameters))
                scenario.parameters.append(payload)
            for position, (sums, values) in enumerate(zip(
                    tensor.arriving(spec), _values(spec, tensor), strict=True)):
                # the first vector of all takes a set even if it isn't marked
                first = position == 0 and (number > 0 or chance() < 0.5)
                last = (position == len(tensor.sums) - 1) != (chance() < 0.05)
                scenario.sums.append({"sums": sums, "first": int(first), "last": int(last)})
                scenario.expected.extend(_transfers(
                    spec, {"values": values, "first": first, "last": last}))
            scenario.covered.update(_covered(spec, tensor))
        scenario.covered["parameter sets"] = len(tensors)
        scenario.covered["faulty parameters"] = len(faults)
        return dataclasses.replace(scenario, fault=min(faults, default=None))


def _transfers(spec: RequantizeSpec, vector: dict) -> list[dict]:
    """A vector's transfers on the output: one, or if it isn't collected, one for each step."""
    if spec.collect:
        return [vector]
    values = vector["values"] + [()] * (spec.steps * spec.lanes - spec.columns)
    return [vector | {"values": values[step * spec.lanes:(step + 1) * spec.lanes], "step": step,
                      "end": step == spec.steps - 1} for step in range(spec.steps)]


def _values(spec: RequantizeSpec, tensor: Tensor) -> list:
    limits = (tensor.minimum, tensor.maximum)
    if tensor.minimum > tensor.maximum:
        return [[limits] * spec.columns for _ in tensor.sums]
    values = requantize(spec, torch.tensor(tensor.arriving(spec)), torch.tensor(tensor.mantissas),
                        torch.tensor(tensor.shifts), tensor.zero_point, *limits,
                        torch.tensor(tensor.biases) if spec.bias else None)
    return [[(value,) for value in vector] for vector in values.tolist()]


def _covered(spec: RequantizeSpec, tensor: Tensor) -> collections.Counter:
    covered = collections.Counter({"vectors": len(tensor.sums)})
    lowest = -1 << (spec.accumulator_width - 1)
    arriving = zip(*tensor.arriving(spec))
    for mantissa, shift, bias, sums in zip(tensor.mantissas, tensor.shifts, tensor.biases,
                                           arriving, strict=True):
        covered["lowest biases"] += bias == lowest
        covered["highest biases"] += bias == ~lowest
        covered["sums with a bias"] += len(sums) * (bias != 0)
        column = [value + bias for value in sums]
        covered["largest mantissas"] += mantissa == spec.maximum_mantissa
        covered["shifts of 0"] += shift == 0
        covered["largest shifts"] += shift == spec.maximum_shift
        covered["lowest sums"] += column.count(lowest)
        covered["highest sums"] += column.count(~lowest)
        exponent = shift + 31 * (spec.rounding is Rounding.TFLITE)
        half = (1 << exponent) // 2
        covered["ties"] += sum(half > 0 and value * mantissa % (2 * half) == half
                               for value in column)
    if tensor.minimum <= tensor.maximum:
        for (value,) in itertools.chain.from_iterable(_values(spec, tensor)):
            covered["values at the minimum"] += value == tensor.minimum
            covered["values at the maximum"] += value == tensor.maximum
            covered["values between"] += tensor.minimum < value < tensor.maximum
    return covered


def random_scenario(spec: RequantizeSpec, *, seed: int, blocks: int,
                    styles: tuple = STYLES) -> Scenario:
    """As many tensors as ``blocks``, of random length, scales and style."""
    source = Source(spec, seed)
    return Scenario.of(source, [source.tensor(source.length(), styles) for _ in range(blocks)])


def steady_scenario(spec: RequantizeSpec, *, seed: int, blocks: int, length: int) -> Scenario:
    """Tensors of ``length`` vectors each, for counting cycles."""
    source = Source(spec, seed)
    return Scenario.of(source, [source.tensor(length) for _ in range(blocks)])


def stray_columns(spec: RequantizeSpec) -> range:
    """The columns that can be named and aren't there; none if ``columns`` is a power of two.

    A single column is also named by a bit, and so there is a second name.
    """
    return range(spec.columns, max(2, 1 << (spec.columns - 1).bit_length()))


def faulty_scenario(spec: RequantizeSpec, *, seed: int, blocks: int, strays: float,
                    crossed: float) -> Scenario:
    """A random scenario in which some parameters must be reported.

    Parameters
    ----------
    strays : float
        Chance of a column that isn't there, before each scale; 0 where there are no such names.
    crossed : float
        Chance of limits that are the wrong way round, in each set.
    """
    source = Source(spec, seed)
    tensors = [source.tensor(source.length()) for _ in range(blocks)]
    for number, tensor in enumerate(tensors):
        if source.random.random() < crossed and tensor.minimum < tensor.maximum:
            tensors[number] = dataclasses.replace(tensor, minimum=tensor.maximum,
                                                  maximum=tensor.minimum)
    return Scenario.of(source, tensors, strays=strays)


def corner_scenario(spec: RequantizeSpec, *, seed: int) -> Scenario:
    """Every shift with extreme mantissas and with those that make ties.

    Each meets extreme sums, ties and their neighbours, and sums that come out at the limits.
    """
    source = Source(spec, seed)
    scales = [(mantissa, shift) for shift in range(spec.maximum_shift + 1)
              for mantissa in (*source.extreme_mantissas, *source.tie_mantissas(shift))]
    scales += scales[:-len(scales) % spec.columns]
    tensors = []
    for number, begin in enumerate(range(0, len(scales), spec.columns)):
        part = scales[begin:begin + spec.columns]
        whole = source.tensor(0, scales=(part + scales)[:spec.columns], wide=number % 4 > 0)
        columns = [[*source.extreme_sums,
                    *(source.sum(style, whole, column) for style in ("ties", "limits")
                      for _ in range(8))]
                   for column in range(spec.columns)]
        tensors.append(dataclasses.replace(whole, sums=[list(row) for row in zip(*columns)]))
    scenario = Scenario.of(source, tensors)
    scenario.covered["corner scales"] = len(scales)
    return scenario


def exhaustive_scenario(spec: RequantizeSpec) -> Scenario:
    """Every sum with every mantissa and shift, for narrow ones."""
    source = Source(spec, 0)
    scales = list(itertools.product(range(spec.maximum_mantissa + 1),
                                    range(spec.maximum_shift + 1)))
    limit = 1 << (spec.accumulator_width - 1)
    covered, tensors = len(scales) * 2 * limit, []
    for number, begin in enumerate(range(0, len(scales), spec.columns)):
        part = (scales[begin:] + scales)[:spec.columns]
        part = [part[column % len(part)] for column in range(spec.columns)]
        whole = source.tensor(0, scales=part, wide=number % 4 > 0)
        # columns hold different sums at the same time
        sums = [[(value + 7 * column) % (2 * limit) - limit for column in range(spec.columns)]
                for value in range(2 * limit)]
        tensors.append(dataclasses.replace(whole, sums=sums, biases=[0] * spec.columns))
    scenario = Scenario.of(source, tensors)
    scenario.covered["sums with mantissa and shift"] = covered
    return scenario
