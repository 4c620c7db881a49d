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
        names = ["start", "finish", *(name for name in ("maximum", "shifted", "subtracted")
                                      if getattr(spec, name))]
        payloads, covered = [], collections.Counter({"blocks": len(blocks)})
        for block in blocks:
            modes = [torch.as_tensor(getattr(block, name)).expand(len(block.sums)).tolist()
                     for name in names]
            for position, (sums, *flags) in enumerate(zip(block.sums.tolist(), *modes,
                                                          strict=True)):
                payloads.append({
                    "sums": sums,
                    **{f"mode_{name}": int(flag) for name, flag in zip(names, flags, strict=True)},
                    "first": int(block.first and position == 0),
                    "last": int(block.last and position == len(block.sums) - 1)})
            covered[f"blocks of {min(len(block.sums), 4)}{'+' * (len(block.sums) > 3)}"] += 1
        finished = [payload for payload in payloads if payload["mode_finish"]]
        expected = [
            {"sums": sums, **({"overflow": sum(flag << column for column, flag in
                                               enumerate(flags))} if spec.overflow else {}),
             "first": int(first), "last": payload["last"]}
            for payload, sums, flags, first in zip(
                finished, results.sums.tolist(), results.overflow.tolist(), results.first.tolist(),
                strict=True)]
        covered["overflows"] = int(results.overflow.sum())
        covered["vectors past the last pixel"] = results.error
        covered.update(_covered_modes(finished, expected))
        return cls(payloads, expected, results.error, covered)


def _covered_modes(finished: list[dict], expected: list[dict]) -> collections.Counter:
    """How often results were of each mode, and how often a maximum was which of the two."""
    covered: collections.Counter = collections.Counter()
    for payload, result in zip(finished, expected, strict=True):
        covered["shifted results"] += payload.get("mode_shifted", 0)
        covered["subtracted results"] += payload.get("mode_subtracted", 0)
        if payload.get("mode_maximum", 0) and not payload["mode_start"]:
            larger = sum(is_ != own for is_, own in zip(result["sums"], payload["sums"],
                                                        strict=True))
            covered["accumulators above their sums"] += larger
            covered["sums at least their accumulators"] += len(result["sums"]) - larger
    return covered


class _Source:
    def __init__(self, spec, seed):
        self.spec = spec
        self.random = random.Random(seed)

    def sums(self, pixels, style, *, narrow=False):
        width = self.spec.comparison_width if narrow else self.spec.sum_width
        low, high = -1 << (width - 1), (1 << (width - 1)) - 1
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
    narrow = torch.zeros_like(known)  # whether it can be compared
    following, restarts = 0, True
    while len(made) < blocks:
        pixels, style = source.pixels(past), source.random.choice(styles)
        wild = source.random.random() < 0.4
        pooled = spec.maximum and source.random.random() < 0.5
        length = source.random.choice((1, 1, 2, 3, 6))
        for number in range(length):
            sums = source.sums(pixels, source.random.choice((style, "random")), narrow=pooled)
            # the first vector of all is for pixel 0 even if it isn't marked
            first = source.random.random() < 0.5 if not made or wild else True
            last = not wild or source.random.random() < 0.7
            begin = 0 if (restarts if spec.restart_after_last else first) else following
            if not past:
                sums = sums[:spec.depth - begin]
            if not len(sums):
                continue
            following = min(begin + len(sums), spec.depth)
            inside, count = slice(begin, following), following - begin
            last |= following == spec.depth and not past
            start, finish, shifted, subtracted = (
                torch.full((len(sums),), mode) for mode in (
                    number == 0, pooled or number == length - 1,
                    spec.shifted and source.random.random() < 0.4,
                    spec.subtracted and source.random.random() < 0.5))
            if wild:
                start, finish = source.flags(len(sums)), source.flags(len(sums))
                shifted = source.flags(len(sums)) & spec.shifted
                subtracted = source.flags(len(sums)) & spec.subtracted
            start[:count] |= ~known[inside]
            maximum = torch.full((len(sums),), pooled)
            if wild:
                maximum &= source.flags(len(sums))
            maximum[:count] &= narrow[inside] | start[:count]
            shifted &= ~maximum
            known[inside] = True
            narrow[inside] = pooled & ~shifted[:count] & (start | maximum)[:count]
            made.append(Block(sums=sums, start=start, finish=finish, maximum=maximum,
                              shifted=shifted, subtracted=subtracted, first=first, last=last))
            restarts = last
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
    """Every sum on every value of an accumulator: added, shifted, subtracted, compared.

    A value takes as many vectors as the sums that it is made of, so this is for widths that
    don't differ by much.
    """
    values = _signed(spec.accumulator_width), _signed(spec.sum_width)
    comparable = (_signed(spec.comparison_width),) * 2
    blocks, covered = [], {}
    for name, operands, modes in (
            ("sum", values, {}), ("shifted sum", values, {"shifted": True}),
            ("subtracted sum", values, {"subtracted": True}),
            ("maximum", comparable, {"maximum": True})):
        if all(getattr(spec, mode) for mode in modes):
            pairs = list(itertools.product(*operands))
            blocks += _paired(spec, pairs, modes)
            covered[f"pairs of accumulator and {name}"] = len(pairs)
    scenario = Scenario.of(spec, blocks)
    scenario.covered.update(covered)
    return scenario


def _signed(width: int) -> range:
    return range(-1 << (width - 1), 1 << (width - 1))


def _paired(spec: AccumulatorsSpec, pairs: list, modes: dict) -> list[Block]:
    """Blocks that bring accumulators to the first of each pair, then give them the second."""
    whole = torch.tensor(pairs + pairs[:-len(pairs) % spec.columns]).reshape(-1, spec.columns, 2)
    blocks = []
    for group in whole.split(spec.depth):
        rest, sums = group.unbind(-1)
        for number in range(overflow_steps(spec)):
            part = rest.clamp(_signed(spec.sum_width)[0], _signed(spec.sum_width)[-1])
            rest = rest - part
            blocks.append(Block(sums=part, start=number == 0))
        assert not rest.any()
        blocks.append(Block(sums=sums, finish=True, **modes))
    return blocks
