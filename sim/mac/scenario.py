"""Stimuli for a MAC array, and what golden says must come out."""

import collections
import dataclasses
import random

import torch

from sparrow.golden.mac.array import accumulate, block_sums, outer_products, window_sums
from sparrow.hw.spec.mac import BlockLoad, Dataflow, MacArraySpec, Precision, Topology

__all__ = ["STYLES", "Scenario", "exhaustive_scenario", "random_scenario", "steady_scenario"]

STYLES = ("random", "extremes", "lowest", "highest", "alternating", "sparse", "zero", "one_hot")


@dataclasses.dataclass
class Scenario:
    """Payloads for both inputs in order, the sums to expect, and what they cover."""
    stationary: list = dataclasses.field(default_factory=list)
    moving: list = dataclasses.field(default_factory=list)
    expected: list = dataclasses.field(default_factory=list)
    covered: collections.Counter = dataclasses.field(default_factory=collections.Counter)


class _Source:
    """Seeded operands in several styles."""

    def __init__(self, spec, seed):
        self.spec = spec
        self.random = random.Random(seed)
        self.slid = []  # vectors that went through the windows

    def elements(self, count, width, style):
        low, high = -1 << (width - 1), (1 << (width - 1)) - 1
        ones = 0x5555 & high  # radix-4 digits that are all 1; their negative: all -1
        alternating = self.random.choice((ones, -ones))
        pick = {
            "random": lambda: self.random.randint(low, high),
            "extremes": lambda: self.random.choice((low, low + 1, -1, 0, 1, high - 1, high)),
            "alternating": lambda: alternating,
            "lowest": lambda: low, "highest": lambda: high, "zero": lambda: 0,
            "sparse": lambda: self.random.randint(low, high) if self.random.random() < 0.1 else 0,
            "one_hot": lambda: 0,
        }[style]
        values = [pick() for _ in range(count)]
        if style == "one_hot":
            values[self.random.randrange(count)] = self.random.choice((low, high))
        return values

    def vector(self, style):
        return self.elements(self.spec.lanes * self.spec.halves, self.spec.moving_width, style)

    def stored(self, count, style, int4):
        if not int4:
            width = self.spec.storage_width
            return [value % (1 << width) for value in self.elements(count, width, style)]
        nibbles = self.elements(2 * count, 4, style)
        return [low % 16 | (high % 16) << 4
                for low, high in zip(nibbles[::2], nibbles[1::2], strict=True)]

    def int4(self):
        if self.spec.switchable:
            return self.random.random() < 0.5
        return self.spec.precision is Precision.INT4

    def mode(self):
        return {"mode_start": self.random.getrandbits(1), "mode_finish": self.random.getrandbits(1)}


def random_scenario(spec: MacArraySpec, *, seed: int, blocks: int,
                    styles: tuple = STYLES) -> Scenario:
    """Blocks (tiles, in an output-stationary array) of random length and style.

    Scenarios begin after a reset: their first vector needn't be marked ``first``.
    """
    source, scenario = _Source(spec, seed), Scenario()
    for number in range(blocks):
        style = source.random.choice(styles)
        scenario.covered[f"operands {style}"] += 1
        if spec.dataflow is Dataflow.OUTPUT_STATIONARY:
            _add_tile(source, scenario, number, source.random.choice((1, 1, 2, 5, 12)), style)
        else:
            count = source.random.choice((1, 1, 2, 3, 9))
            stored = [source.stored(spec.lanes, style, int4 := source.int4())] + [
                source.stored(spec.lanes, source.random.choice((style, "sparse")), int4)
                for _ in range(spec.columns - 1)]
            _add_block(source, scenario, number, stored, int4,
                       [source.vector(source.random.choice((style, "random")))
                        for _ in range(count)])
    return scenario


def steady_scenario(spec: MacArraySpec, *, seed: int, blocks: int, length: int) -> Scenario:
    """Full blocks of ``length`` vectors each, for counting cycles."""
    source, scenario = _Source(spec, seed), Scenario()
    for number in range(blocks):
        if spec.dataflow is Dataflow.OUTPUT_STATIONARY:
            _add_tile(source, scenario, number, length, "random", restarts=False)
        else:
            int4 = source.int4()
            stored = [source.stored(spec.lanes, "random", int4) for _ in range(spec.columns)]
            _add_block(source, scenario, number, stored, int4,
                       [source.vector("random") for _ in range(length)], plain=True)
    return scenario


def exhaustive_scenario(spec: MacArraySpec, *, int4: bool) -> Scenario:
    """Every product of two operands, in every half; the other lanes hold zero.

    Lanes take turns, columns hold different values at the same time.
    """
    source, scenario = _Source(spec, 0), Scenario()
    width = 4 if int4 else spec.storage_width
    halves = 2 if int4 else 1
    moving = range(-1 << (spec.moving_width - 1), 1 << (spec.moving_width - 1))
    values = [value << (4 * half) for half in range(halves) for value in range(1 << width)]
    for number, begin in enumerate(range(0, len(values), spec.columns)):
        lane = number % spec.lanes
        part = (values[begin:] + values)[:spec.columns]
        stored = [[value if at == lane else 0 for at in range(spec.lanes)] for value in part]
        vectors = []
        for element in moving:
            vector = source.vector("random")
            for half in range(spec.halves):
                vector[half * spec.lanes + lane] = element
            vectors.append(vector)
        scenario.covered["operand pairs"] += len(part) * len(vectors)
        if spec.dataflow is Dataflow.OUTPUT_STATIONARY:
            for vector in vectors:
                _add_steps(spec, scenario, [vector], [stored], [int4], [False],
                           {"mode_start": 0, "mode_finish": 0})
        else:
            _add_block(source, scenario, number, stored, int4, vectors)
    return scenario


def _add_block(source, scenario, number, stored, int4, vectors, *, plain=False):
    spec = source.spec
    _add_loads(source, scenario, stored, int4, plain)
    sums = block_sums(spec, torch.tensor(vectors), torch.tensor(stored), int4=int4).tolist()
    for position, vector in enumerate(vectors):
        # the very first vector meets the first block even if it isn't marked
        first = position == 0 and (number > 0 or bool(source.random.getrandbits(1)))
        tags = {"first": first, "last": position == len(vectors) - 1, **source.mode()}
        payload = {"vector": vector, **tags}
        if spec.window:
            slides = not int4 and not plain and source.random.random() < 0.8
            payload |= {"slide": slides, "silent": source.random.getrandbits(1)}
            if slides:
                source.slid.append(vector)
                payload["silent"] |= len(source.slid) < spec.window
                scenario.covered["silent vectors"] += payload["silent"]
        scenario.moving.append(payload)
        if spec.window and slides:
            if payload["silent"]:
                continue
            sums[position] = window_sums(spec, torch.tensor(source.slid),
                                         torch.tensor(stored)).tolist()
            scenario.covered["windows"] += 1
        scenario.expected.append({"sums": sums[position], **tags})
    scenario.covered[f"{'INT4' if int4 else 'full-width'} blocks"] += 1
    scenario.covered["vectors"] += len(vectors)


def _add_loads(source, scenario, stored, int4, plain):
    spec = source.spec
    precision = {"int4": int4} if spec.switchable else {}
    if spec.load is BlockLoad.PARALLEL:
        scenario.stationary.append({"loads": stored, **precision})
        return
    columns = [_column_loads(source, column, plain) for column in stored]
    transfers = max(1, *map(len, columns))
    for step in range(transfers):
        loads = []
        for entries in columns:
            noise = {"index": source.random.getrandbits(3), "valid": 0,
                     "value": source.random.getrandbits(spec.storage_width)}
            loads.append(entries[step] if step < len(entries) else noise)
        scenario.stationary.append(
            {"loads": loads, "commit": step == transfers - 1,
             **(precision if step == transfers - 1 else {})})
    scenario.covered["loads"] += sum(map(len, columns))


def _column_loads(source, column, plain):
    """Loads that bring a column's nonzero entries, with detours unless ``plain``."""
    entries = []
    for lane, value in enumerate(column):
        whole = {"index": lane, "value": value, "enable": 3, "valid": 1}
        if plain or (value and source.random.random() < 0.8):
            entries.append(whole)
            continue
        if not value and source.random.random() < 0.8:
            continue
        noise = source.random.getrandbits(source.spec.storage_width)
        if source.spec.halves == 1:
            entries += [{**whole, "value": noise}, whole]
        else:
            entries += [{**whole, "value": noise},
                        {**whole, "value": value & 15 | noise & 240, "enable": 1},
                        {**whole, "value": value & 240 | noise & 15, "enable": 2}]
    if not plain:
        groups = collections.defaultdict(list)
        for entry in entries:
            groups[entry["index"]].append(entry)
        order = list(groups.values())
        source.random.shuffle(order)
        entries = [entry for group in order for entry in group]
    return [{name: value for name, value in entry.items()
             if name != "enable" or source.spec.halves == 2} for entry in entries]


def _add_tile(source, scenario, number, length, style, *, restarts=True):
    spec = source.spec
    precisions = [source.int4() for _ in range(length)]
    vectors = [source.vector(style) for _ in range(length)]
    rows = 1 if spec.topology is Topology.SYSTOLIC else spec.lanes
    stored = [[source.stored(rows, style, int4) for _ in range(spec.columns)]
              for int4 in precisions]
    first = [restarts and source.random.random() < (0.5 if position == 0 else 0.1)
             for position in range(length)]
    if number == 0:
        first[0] = False  # the first vector of all begins a tile even if it isn't marked
    _add_steps(spec, scenario, vectors, stored, precisions, first, source.mode())


def _add_steps(spec, scenario, vectors, stored, precisions, first, mode):
    systolic = spec.topology is Topology.SYSTOLIC
    steps: list[torch.Tensor] = []
    for position, (vector, block, int4) in enumerate(zip(vectors, stored, precisions,
                                                         strict=True)):
        last = position == len(vectors) - 1
        scenario.moving.append({"vector": vector, "first": first[position], "last": last, **mode})
        weights = {"vector": [column[0] for column in block]} if systolic else {"loads": block}
        scenario.stationary.append(weights | ({"int4": int4} if spec.switchable else {}))
        vector, block = torch.tensor([vector]), torch.tensor(block)
        if systolic:
            step = outer_products(spec, vector, block[:, 0].unsqueeze(0), int4=int4)[0]
        else:
            step = block_sums(spec, vector, block, int4=int4)
        steps = [*([] if first[position] else steps), step]
        scenario.covered["INT4 steps" if int4 else "full-width steps"] += 1
    totals, overflow = accumulate(torch.stack(steps), spec.accumulator_width)
    for row, (sums, flags) in enumerate(zip(totals.tolist(), overflow.tolist(), strict=True)):
        scenario.covered["sums out of range"] += sum(flags)
        scenario.expected.append({
            "sums": sums, "overflow": sum(flag << number for number, flag in enumerate(flags)),
            "first": row == 0, "last": row == len(totals) - 1, **mode})
    scenario.covered["tiles"] += 1
