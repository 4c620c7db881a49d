"""Commands as they are built, and what they touch."""

import dataclasses
from collections.abc import Iterable

from sparrow.hw.spec.commands import Engine, Opcode, command

from .predict import Decoding

__all__ = ["MEMORY", "Footprint", "Instruction", "Interval"]

Interval = tuple[int, int, int]  # space, first, end
MEMORY = 2  # the space of the data window, in bytes; 0 and 1 are the banks, in rows


class Footprint:
    """Intervals of the buffer's banks and of the data window, at least all that is touched."""

    def __init__(self, intervals: Iterable[Interval] = ()):
        merged: list[Interval] = []
        for space, first, end in sorted(intervals):
            if merged and merged[-1][0] == space and first <= merged[-1][2]:
                merged[-1] = space, merged[-1][1], max(end, merged[-1][2])
            else:
                merged.append((space, first, end))
        self.intervals = tuple(merged)

    def overlaps(self, other: "Footprint") -> bool:
        """Whether something is in both."""
        return any(space == theirs and first < their_end and their_first < end
                   for space, first, end in self.intervals
                   for theirs, their_first, their_end in other.intervals)


@dataclasses.dataclass(eq=False)
class Instruction:
    """A command before it is encoded.

    Parameters
    ----------
    opcode : Opcode
    values : dict of str to int
        Its fields; ``wait`` and ``signal`` are set once all commands are known.
    layer : str
        Name of the layer that it belongs to, empty for END.
    reads, writes : Footprint
    stream : bytes
        What a WEIGHTS command sends; its ``offset`` is set once all commands are known.
    decoding : Decoding or None
        How compressed weights are decoded, of WEIGHTS and of the COMPUTE that takes them.
    """

    opcode: Opcode
    values: dict[str, int]
    layer: str = ""
    reads: Footprint = dataclasses.field(default_factory=Footprint)
    writes: Footprint = dataclasses.field(default_factory=Footprint)
    stream: bytes = b""
    decoding: Decoding | None = None

    @property
    def engine(self) -> Engine:
        """Who executes it."""
        return command(self.opcode).engine

    def conflicts(self, other: "Instruction") -> bool:
        """Whether the order of two commands matters."""
        return (self.writes.overlaps(other.reads) or self.writes.overlaps(other.writes)
                or self.reads.overlaps(other.writes))
