"""The loops that are proved alike: their commands, and what must come out."""

import dataclasses
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from sparrow.hw.control.layout import field_width
from sparrow.hw.engines.results import ResultLoop
from sparrow.hw.engines.steps import StepLoop
from sparrow.hw.spec.accelerator import AcceleratorSpec
from sparrow.hw.spec.commands import Opcode, command

from .parts import buffer_loop, memory_loop
from .reference import (
    Command,
    at_edges,
    map_granules,
    memory_requests,
    random_compute,
    random_copy,
    random_mapped,
    random_tiled,
    random_unfold,
    random_window,
    result_rows,
    steps,
    transfer_rows,
    whole_command,
)

__all__ = ["LOOPS", "Kind", "Loop"]

_LONGEST = 11  # bits of a count that are walked through
_LONG = 32  # rounds of a loop that takes long steps
_SPREAD = 4  # times that each loop takes them


@dataclasses.dataclass(frozen=True)
class Kind:
    """Commands that a loop executes in one of its ways.

    Parameters
    ----------
    draw : function
        A command of short loops, from a source of random numbers and a specification.
    counts, steps : tuple of str
        Fields that it counts up to, and fields that it adds to a buffer's row.
    spread : tuple of str
        Fields that may have any value; ``draw`` keeps them small, or knows nothing of them.
    adjust : function
        What is to be done at last with the values of a command.
    exists : function
        Whether a specification has it.
    """
    draw: Callable[[random.Random, AcceleratorSpec], Command]
    counts: tuple[str, ...]
    steps: tuple[str, ...] = ()
    spread: tuple[str, ...] = ()
    adjust: Callable[[random.Random, Command], Command] = lambda source, values: values
    exists: Callable[[AcceleratorSpec], bool] = lambda spec: True


@dataclasses.dataclass(frozen=True)
class Loop:
    """A loop over the commands of an opcode.

    Parameters
    ----------
    opcode : Opcode
    component : function
        Makes it, from the keyword ``spec``.
    expected : function
        What it must put out, from a whole command and a specification.
    kinds : tuple of Kind
    stream : str or None
        Its output, unless that is on ports of its own.
    keeps : bool
        It needs a command in the cycle of ``start`` alone, which may be the last one of the command
        before.
    inputs : mapping of str to function
        Its streams of numbers, and what of a whole command comes on each.
    """
    opcode: Opcode
    component: Callable[..., Any]
    expected: Callable[[Command, AcceleratorSpec], Iterable[Any]]
    kinds: tuple[Kind, ...]
    stream: str | None = None
    keeps: bool = False
    inputs: Mapping[str, Callable[[Command], Iterable[int]]] = dataclasses.field(
        default_factory=dict)

    def random_commands(self, source: random.Random, spec: AcceleratorSpec) -> Iterator[Command]:
        """Whole commands of short loops, without end."""
        while True:
            for kind in self._kinds(spec):
                yield self._whole(kind, source, spec)

    def long_commands(self, source: random.Random, spec: AcceleratorSpec) -> Iterator[Command]:
        """Whole commands with three rounds of each loop, without end."""
        while True:
            for kind in self._kinds(spec):
                yield self._whole(kind, source, spec, **dict.fromkeys(kind.counts, 3))

    def wide_commands(self, source: random.Random, spec: AcceleratorSpec) -> Iterator[Command]:
        """Whole commands with all bits of a field, one field after the other.

        Each count is even once and odd once, and the other loops have a single round. Then come
        commands with any values where these don't make loops long.
        """
        fields = {field.name: field for field in command(self.opcode).fields}
        widths = {name: field_width(field, spec) for name, field in fields.items()}
        for kind in self._kinds(spec):
            ones = dict.fromkeys(kind.counts, 1)
            for name in kind.counts:
                largest = (1 << min(widths[name], _LONGEST)) - 1
                for value in (largest, largest - 1):
                    yield self._whole(kind, source, spec, **ones | {name: value})
            for name in kind.steps:
                yield self._whole(kind, source, spec, **{name: spec.buffer_rows - 1})
            for name in kind.counts * (_SPREAD if kind.spread else 0):
                other = source.choice(kind.counts)
                for rounds in ({name: _LONG}, {name: source.randint(2, 3), other: 2}):
                    spread = {far: source.randint(fields[far].minimum, (1 << widths[far]) - 1)
                              for far in kind.spread}
                    yield self._whole(kind, source, spec, **ones | spread | rounds)

    def _kinds(self, spec):
        return [kind for kind in self.kinds if kind.exists(spec)]

    def _whole(self, kind, source, spec, **values):
        """A whole command of a kind with some values instead of those that are drawn."""
        drawn = whole_command(self.opcode, kind.draw(source, spec))
        return kind.adjust(source, drawn | values)


def _draw(function, *names):
    """A drawing function that takes a specification instead of its numbers."""
    return lambda source, spec: function(source, *(getattr(spec, name) for name in names))


_STEPS = ("out_width", "out_height", "kernel_width", "kernel_height", "channel_blocks",
          "output_blocks")
_STRIDES = ("row_step", "kernel_step", "channel_step", "block_step")
_RESULT_STRIDES = ("destination_step", "destination_row")
_RESULTS = ("out_width", "out_height", "output_blocks")
_DISTANCES = ("stride_y", "stride_x", "dilation_y", "dilation_x", "pad_top", "pad_left")


def _compute_kinds(counts, strides, **others):
    """Kinds of COMPUTE commands, with a window and without."""
    return (Kind(_draw(random_compute, "buffer_rows"), counts, strides, **others),
            Kind(_draw(random_window, "buffer_rows"),
                 tuple(name for name in counts if name != "channel_blocks"), strides,
                 exists=lambda spec: bool(spec.window), **others))


def _in_tiles(source: random.Random, values: Command) -> Command:
    """Where there are many pixels in a direction, a few of them in the other one."""
    sizes = ("out_width", "out_height")
    if max(values[size] for size in sizes) <= _LONG:
        return values
    return values | {size: source.randint(2, 5) for size in sizes if values[size] <= _LONG}


def _load_kinds(counts, strides=(), spread=()):
    """Kinds of LOAD commands, those that unfold and those that copy."""
    numbers = ("buffer_rows", "lanes")
    return (Kind(_draw(random_copy, *numbers), counts, strides, spread),
            Kind(_draw(random_unfold, *numbers), counts, strides, spread,
                 exists=lambda spec: bool(spec.line_bytes)))


LOOPS = {
    "step-loop": Loop(
        Opcode.COMPUTE, StepLoop, lambda values, spec: steps(values, spec.buffer_rows),
        (*_compute_kinds(_STEPS, _STRIDES, spread=_DISTANCES, adjust=at_edges),
         Kind(_draw(random_mapped, "buffer_rows"), _STEPS, _STRIDES, spread=_DISTANCES,
              adjust=at_edges, exists=lambda spec: bool(spec.codecs))),
        stream="o", inputs={"maps": map_granules}),
    "result-loop": Loop(
        Opcode.COMPUTE, ResultLoop,
        lambda values, spec: result_rows(values, spec.buffer_rows, spec.winograd_tile),
        (*_compute_kinds(_RESULTS, _RESULT_STRIDES),
         Kind(_draw(random_tiled, "buffer_rows"), _RESULTS, _RESULT_STRIDES, adjust=_in_tiles,
              exists=lambda spec: spec.winograd_tile > 0)), keeps=True),
    "memory-loop": Loop(
        Opcode.LOAD, memory_loop,
        lambda values, spec: memory_requests(values, spec.lanes // spec.bus.word_bytes),
        _load_kinds(("runs", "planes"), spread=("run", "words")), stream="requests"),
    "buffer-loop": Loop(
        Opcode.LOAD, buffer_loop, lambda values, spec: transfer_rows(values, spec.buffer_rows),
        _load_kinds(("run", "runs", "planes"), ("run_step", "plane_step")), keeps=True),
}
"""By the block's name."""
