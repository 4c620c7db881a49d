"""The loops that are proved alike: their commands, and what must come out."""

import dataclasses
import random
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from sparrow.hw.control.layout import field_width
from sparrow.hw.engines.results import ResultLoop
from sparrow.hw.engines.steps import StepLoop
from sparrow.hw.spec.accelerator import AcceleratorSpec
from sparrow.hw.spec.commands import Opcode, command

from .parts import buffer_loop, memory_loop
from .reference import (
    memory_requests,
    random_compute,
    random_transfer,
    random_window,
    result_rows,
    steps,
    transfer_rows,
    whole_command,
)

__all__ = ["LOOPS", "Loop"]

_Values = dict[str, int]
_LONGEST = 11  # bits of a count that are walked through


@dataclasses.dataclass(frozen=True)
class Loop:
    """A loop over the commands of an opcode.

    Parameters
    ----------
    opcode : Opcode
    component : function
        Makes it, from the keyword ``spec``.
    draw : function
        A command of short loops, from a source of random numbers and a specification.
    expected : function
        What it must put out, from a whole command and a specification.
    counts, steps : tuple of str
        Fields that it counts up to, and fields that it adds to a buffer's row.
    stream : str or None
        Its output, unless that is the ports ``bank`` and ``row``.
    wide : tuple of dict
        Further values whose bits all matter.
    also : function or None
        As ``draw``, commands of another kind, or ``None`` with a specification that has none.
    """
    opcode: Opcode
    component: Callable[..., Any]
    draw: Callable[[random.Random, AcceleratorSpec], _Values]
    expected: Callable[[_Values, AcceleratorSpec], Iterable[Any]]
    counts: tuple[str, ...]
    steps: tuple[str, ...]
    stream: str | None = None
    wide: tuple[_Values, ...] = ()
    also: Callable[[random.Random, AcceleratorSpec], _Values | None] = lambda source, spec: None

    def random_commands(self, source: random.Random, spec: AcceleratorSpec) -> Iterator[_Values]:
        """Whole commands of short loops, without end."""
        while True:
            yield self._drawn(source, spec)
            values = self.also(source, spec)
            if values is not None:
                yield whole_command(self.opcode, values)

    def _drawn(self, source, spec):
        return whole_command(self.opcode, self.draw(source, spec))

    def wide_commands(self, source: random.Random, spec: AcceleratorSpec) -> Iterator[_Values]:
        """Whole commands with all bits of a field, one field after the other.

        Each count is even once and odd once, and the other loops have a single round.
        """
        widths = {field.name: field_width(field, spec) for field in command(self.opcode).fields}
        ones = dict.fromkeys(self.counts, 1)
        for name in self.counts:
            largest = (1 << min(widths[name], _LONGEST)) - 1
            for value in (largest, largest - 1):
                yield self._drawn(source, spec) | ones | {name: value}
        for name in self.steps:
            yield self._drawn(source, spec) | {name: spec.buffer_rows - 1}
        for values in self.wide:
            yield self._drawn(source, spec) | values


def _compute(source, spec):
    return random_compute(source, spec.buffer_rows)


def _window(source, spec):
    return random_window(source, spec.buffer_rows) if spec.window else None


def _transfer(source, spec):
    return random_transfer(source, spec.buffer_rows, spec.lanes)


_COORDINATES = {"stride_y": 200, "stride_x": 190, "dilation_y": 255, "dilation_x": 170,
                "pad_top": 255, "pad_left": 254, "kernel_height": 3, "kernel_width": 3,
                "out_height": 4, "out_width": 4}

LOOPS = {
    "step-loop": Loop(
        Opcode.COMPUTE, StepLoop, _compute,
        lambda values, spec: steps(values, spec.buffer_rows),
        ("out_width", "out_height", "kernel_width", "kernel_height", "channel_blocks",
         "output_blocks"), ("row_step", "kernel_step", "channel_step", "block_step"), stream="o",
        wide=tuple(_COORDINATES | {"height": height, "width": width} for height, width in (
            (600, 500), (8191, 1), (1, 8191), (1023, 2047))), also=_window),
    "result-loop": Loop(
        Opcode.COMPUTE, ResultLoop, _compute,
        lambda values, spec: result_rows(values, spec.buffer_rows),
        ("out_width", "out_height", "output_blocks"), ("destination_step", "destination_row"),
        also=_window),
    "memory-loop": Loop(
        Opcode.LOAD, memory_loop, _transfer,
        lambda values, spec: memory_requests(values, spec.lanes // spec.bus.word_bytes),
        ("runs", "planes"), (), stream="requests"),
    "buffer-loop": Loop(
        Opcode.LOAD, buffer_loop, _transfer,
        lambda values, spec: transfer_rows(values, spec.buffer_rows),
        ("run", "runs", "planes"), ("run_step", "plane_step")),
}
"""By the block's name."""
