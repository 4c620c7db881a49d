"""Stimuli for accumulators, and what golden says must come out."""

import collections
import dataclasses
import itertools
import random

import torch

from sparrow.golden.mac.accumulators import Block, accumulators
from sparrow.hw.spec.mac import AccumulatorsSpec

__all__ = ["STYLES", "Scenario", "exhaustive_scenario", "overflow_scenario", "overflow_steps",
           "random_scenario", "steady_scenario"]

STYLES = ("random", "extremes", "lowest", "highest", "zero")


@dataclasses.dataclass(frozen=True)
class Scenario:
    """Payloads in order, the results to expect, and what they cover; it begins after a reset.

    Parameters
    ----------
    payloads, expected : list of dict
        Values of the flat ports' fields.
    error : bool
        Whether there is a vector past the last pixel.
    covered : collections.Counter
    """
    payloads: list
    expected: list
    error: bool
    covered: collections.Counter

    @classmethod
    def of(cls, spec: AccumulatorsSpec, blocks: list[Block]):
        """The scenario of golden's blocks."""
        results = accumulators(spec, blocks)
        payloads, covered = [], collections.Counter({"blocks": len(blocks)})
        for block in blocks:
            starts, finishes = (torch.as_tensor(mode).expand(len(block.sums)).tolist()
                                for mode in (block.start, block.finish))
            rows = zip(block.sums.tolist(), starts, finishes, strict=True)
            for position, (sums, start, finish) in enumerate(rows):
                payloads.append({"sums": sums, "mode_start": int(start),
                                 "mode_finish": int(finish),
                                 "first": int(block.first and position == 0),
                                 "last": int(position == len(block.sums) - 1)})
            covered[f"blocks of {min(len(block.sums), 4)}{'+' * (len(block.sums) > 3)}"] += 1
        finished = [payload for payload in payloads if payload["mode_finish"]]
        expected = [
            {"sums": sums, "overflow": sum(flag << column for column, flag in enumerate(flags)),
             "first": payload["first"], "last": payload["last"]}
            for payload, sums, flags in zip(finished, results.sums.tolist(),
                                            results.overflow.tolist(), strict=True)]
        covered["overflows"] = int(results.overflow.sum())
        covered["vectors past the last pixel"] = results.error
        return cls(payloads, expected, results.error, covered)


class _Source:
    def __init__(self, spec, seed):
        self.spec = spec
        self.random = random.Random(seed)

    def sums(self, pixels, style):
        low, high = -1 << (self.spec.sum_width - 1), (1 << (self.spec.sum_width - 1)) - 1
        pick = {"random": lambda: self.random.randint(low, high),
                "extremes": lambda: self.random.choice((low, low + 1, -1, 0, 1, high - 1, high)),
                "lowest": lambda: low, "highest": lambda: high, "zero": lambda: 0}[style]
        return torch.tensor([[pick() for _ in range(self.spec.columns)] for _ in range(pixels)])

    def flags(self, count):
        return torch.tensor([self.random.random() < 0.5 for _ in range(count)], dtype=torch.bool)

    def pixels(self, past):
        depth = self.spec.depth
        choices = [1, 1, 2, 3, self.random.randint(1, 12)]
        if depth <= 64 or self.random.random() < 0.1:
            choices += [depth - 1, depth, *([depth + 1, depth + 3] if past else [])]
        count = max(1, self.random.choice(choices))
        return count if past else min(depth, count)


def random_scenario(spec: AccumulatorsSpec, *, seed: int, blocks: int, past: bool = False,
                    styles: tuple = STYLES) -> Scenario:
    """Passes of random length and style; with ``past``, some with too many vectors."""
    source = _Source(spec, seed)
    made: list[Block] = []
    known = torch.zeros(spec.depth, dtype=torch.bool)
    following = 0
    while len(made) < blocks:
        pixels, style = source.pixels(past), source.random.choice(styles)
        wild = source.random.random() < 0.4
        length = source.random.choice((1, 1, 2, 3, 6))
        for number in range(length):
            sums = source.sums(pixels, source.random.choice((style, "random")))
            # the first vector of all is for pixel 0 even if it isn't marked
            first = source.random.random() < 0.5 if not made or wild else True
            begin = 0 if first else following
            if not past:
                sums = sums[:spec.depth - begin]
            following = min(begin + len(sums), spec.depth)
            start, finish = number == 0, number == length - 1
            if wild:
                unknown = torch.zeros(len(sums), dtype=torch.bool)
                unknown[:following - begin] = ~known[begin:following]
                start, finish = source.flags(len(sums)) | unknown, source.flags(len(sums))
            if len(sums):
                made.append(Block(sums=sums, start=start, finish=finish, first=first))
                known[begin:following] = True
    return Scenario.of(spec, made)


def steady_scenario(spec: AccumulatorsSpec, *, seed: int, blocks: int, pixels: int) -> Scenario:
    """Equal blocks, all of which put the accumulators out, for counting cycles."""
    source = _Source(spec, seed)
    return Scenario.of(spec, [
        Block(sums=source.sums(pixels, "random"), start=number == 0, finish=True)
        for number in range(blocks)])


def overflow_steps(spec: AccumulatorsSpec) -> int:
    """Largest sums that an accumulator holds, and one more."""
    return ((1 << (spec.accumulator_width - 1)) - 1) // ((1 << (spec.sum_width - 1)) - 1) + 1


def overflow_scenario(spec: AccumulatorsSpec, *, lowest: bool) -> Scenario:
    """Sums up to the ends of the range and beyond, back again, and started anew.

    Columns go to opposite ends by turns, the first one to the lower end with ``lowest``.
    """
    pixels, steps = min(3, spec.depth), overflow_steps(spec)
    low, high = -1 << (spec.sum_width - 1), (1 << (spec.sum_width - 1)) - 1
    outward = torch.tensor([[low if (column % 2 == 0) == lowest else high
                             for column in range(spec.columns)]]).expand(pixels, -1)
    blocks = [Block(sums=outward, start=number == 0, finish=number > steps - 4)
              for number in range(steps + 2)]
    blocks += [Block(sums=-1 - outward, finish=True) for _ in range(4)]
    blocks += [Block(sums=outward, start=True, finish=True)]
    return Scenario.of(spec, blocks)


def exhaustive_scenario(spec: AccumulatorsSpec) -> Scenario:
    """Every sum added to every value of an accumulator.

    A value takes as many vectors as the sums that it is made of, so this is for widths that
    don't differ by much.
    """
    low, high = -1 << (spec.sum_width - 1), (1 << (spec.sum_width - 1)) - 1
    values = range(-1 << (spec.accumulator_width - 1), 1 << (spec.accumulator_width - 1))
    pairs = torch.tensor(list(itertools.product(values, range(low, high + 1))))
    missing = -len(pairs) % spec.columns
    pairs = torch.cat([pairs, pairs[:missing]]).reshape(-1, spec.columns, 2)
    blocks = []
    for group in pairs.split(spec.depth):
        rest, addend = group.unbind(-1)
        for number in range(overflow_steps(spec)):
            part = rest.clamp(low, high)
            rest = rest - part
            blocks.append(Block(sums=part, start=number == 0))
        assert not rest.any()
        blocks.append(Block(sums=addend, finish=True))
    scenario = Scenario.of(spec, blocks)
    scenario.covered["pairs of accumulator and sum"] = len(values) * (high - low + 1)
    return scenario
