"""Stimuli for a unit for Winograd convolution, and what golden says must come out."""

import collections
import dataclasses
from collections.abc import Iterator

import torch

from sparrow.golden.winograd import ConvPass, conv_cycles, pass_fields, result_order, weight_blocks

from .samples import Sample, Source

__all__ = ["Scenario", "random_scenarios", "scenario_of"]


@dataclasses.dataclass(frozen=True)
class Scenario:
    """A memory's contents, payloads for all inputs in order, and the results to expect.

    Parameters
    ----------
    memory : list of int
        Rows.
    passes, weights, parameters, expected : list of dict
        Values of the flat ports' fields.
    cycles : int
        That its layers take where nothing waits, one after the other.
    covered : collections.Counter
    """
    memory: list[int]
    passes: list[dict] = dataclasses.field(default_factory=list)
    weights: list[dict] = dataclasses.field(default_factory=list)
    parameters: list[dict] = dataclasses.field(default_factory=list)
    expected: list[dict] = dataclasses.field(default_factory=list)
    cycles: int = 0
    covered: collections.Counter = dataclasses.field(default_factory=collections.Counter)


def random_scenarios(source: Source, *, blocks: int, **options) -> Iterator[Scenario]:
    """Layers with so many channel blocks of all passes and output blocks, or some more.

    In as few scenarios as the memory allows; ``options`` as in :meth:`.samples.Source.sample`.
    """
    samples: list[Sample] = []
    while blocks > 0:
        sample = source.sample(**options)
        if sum(map(_rows, samples)) + _rows(sample) > source.spec.rows:
            yield scenario_of(source, samples)
            samples = []
        samples.append(sample)
        blocks -= _channel_blocks(source, sample)
    yield scenario_of(source, samples)


def scenario_of(source: Source, samples: list[Sample]) -> Scenario:
    """Layers back to back, which must fit the memory side by side; the rest of it is noise."""
    spec = source.spec
    bits = spec.lanes * spec.activation_width
    scenario = Scenario(
        [source.random.getrandbits(bits) for _ in range(spec.rows)],
        cycles=sum(conv_cycles(spec, sample.layer, sample.passes) for sample in samples))
    base = source.random.randrange(spec.rows)
    for sample in samples:
        _store(source, scenario.memory, sample, base)
        blocks = weight_blocks(spec, sample.weights)
        for part in sample.passes:
            scenario.passes.append(pass_fields(
                spec, sample.layer, part, base=base, row_step=sample.row_step,
                block_step=sample.block_step, zero_point=sample.zero_point))
            for number, output_block in enumerate(blocks):
                for block in output_block.flatten(0, 1).tolist():
                    scenario.weights.extend(_loads(source, block, sample.dense))
                scenario.parameters.extend(_parameters(source, sample, number))
                scenario.expected.extend(_results(source, sample, part, number))
        base += _rows(sample)
        scenario.covered.update(_covered(source, sample))
    return scenario


def _rows(sample: Sample) -> int:
    """Rows of memory from the first one to the first free one."""
    return sample.channel_blocks * sample.block_step


def _channel_blocks(source: Source, sample: Sample) -> int:
    """Channel blocks that the unit goes through."""
    blocks = sample.layer.blocks(source.spec)
    return blocks[0] * blocks[1] * len(sample.passes)


def _store(source: Source, memory: list[int], sample: Sample, base: int) -> None:
    """Write an image to the memory."""
    spec = source.spec
    mask = (1 << spec.activation_width) - 1
    vectors = sample.activations.unflatten(0, (-1, spec.lanes)).permute(0, 2, 3, 1).tolist()
    for block, rows in enumerate(vectors):
        for y, pixels in enumerate(rows):
            for x, vector in enumerate(pixels):
                at = base + block * sample.block_step + y * sample.row_step + x
                memory[at % spec.rows] = sum((value & mask) << (lane * spec.activation_width)
                                             for lane, value in enumerate(vector))


def _loads(source: Source, block: list[list[int]], dense: bool) -> list[dict]:
    """A weight block: as ``dense`` a lane per transfer, else each column's own in its order."""
    bits, spec = source.random.getrandbits, source.spec.weights
    columns = []
    for column in block:
        entries: list = [(lane, value) if value else None for lane, value in enumerate(column)]
        columns.append(entries if dense else [entry for entry in entries if entry])
    transfers = max(1, *map(len, columns))
    payloads: list[dict] = []
    for step in range(transfers):
        loads = []
        for entries in columns:
            entry = entries[step] if step < len(entries) else None
            index, value = entry or (bits(6) % spec.lanes, bits(spec.weight_width))
            loads.append({"index": index, "value": value, "valid": entry is not None})
        payloads.append({"loads": loads, "commit": step == transfers - 1})
    return payloads


def _parameters(source: Source, sample: Sample, output_block: int) -> list[dict]:
    """The scales of an output block, its columns in any order."""
    spec, scales = source.spec, sample.scales
    payloads: list[dict] = []
    for column in source.random.sample(range(spec.columns), spec.columns):
        channel = output_block * spec.columns + column
        payloads.append({
            "column": column, "mantissa": scales.mantissa[channel].item(),
            "shift": scales.shift[channel].item(), "bias": scales.bias[channel].item(),
            "zero_point": scales.zero_point, "minimum": scales.minimum,
            "maximum": scales.maximum, "commit": len(payloads) == spec.columns - 1})
    return payloads


def _results(source: Source, sample: Sample, part: ConvPass, output_block: int) -> list[dict]:
    """The results of an output block of a pass."""
    columns = source.spec.columns
    values = sample.results[output_block * columns:(output_block + 1) * columns]
    pixels = values[:, part.row:, part.column:].permute(1, 2, 0).tolist()
    order = result_order(source.spec, part.out_height, part.out_width)
    return [{"values": pixels[y][x], "x": x, "y": y, "first": number == 0,
             "last": number == len(order) - 1} for number, (y, x) in enumerate(order)]


def _covered(source: Source, sample: Sample) -> collections.Counter:
    spec, layer, scales = source.spec, sample.layer, sample.scales
    blocks = layer.blocks(spec)
    whole = source.spec.tile
    between = ((sample.results > scales.minimum) & (sample.results < scales.maximum)).sum().item()
    return collections.Counter({
        "layers": 1, "passes": len(sample.passes),
        "channel blocks": _channel_blocks(source, sample),
        "dense layers": sample.dense, "sparse layers": not sample.dense,
        "layers with several passes": len(sample.passes) > 1,
        "layers with several channel blocks": blocks[0] > 1,
        "layers with several output blocks": blocks[1] > 1,
        "layers with gaps in memory": sample.gaps != (0, 0),
        "layers with padding": sum(layer.padding) > 0,
        "full passes": sum(part.tiles == spec.tiles for part in sample.passes),
        "passes with ragged tiles": sum(
            part.out_width % whole > 0 or part.out_height % whole > 0 for part in sample.passes),
        "images of one pixel": layer.height * layer.width == 1,
        "values between limits": between,
        "values at a limit": sample.results.numel() - between,
        "weight blocks of zeros": len(sample.passes) * (
            weight_blocks(spec, sample.weights).flatten(0, 2).flatten(1) == 0).all(1).sum().item(),
        "extreme activations": torch.isin(
            sample.activations, torch.tensor([-1 << (spec.activation_width - 1)])).sum().item(),
    })
