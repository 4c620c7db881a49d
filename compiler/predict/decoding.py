"""How fast the accelerator decodes a compressed weight stream."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from sparrow.golden.codec import Stream, read_header
from sparrow.hw.spec.stream import GRANULE

__all__ = ["GRANULE_BYTES", "HEADER", "SET_CYCLES", "Decoding"]

GRANULE_BYTES = GRANULE // 8
HEADER = 2  # granules that are read in a cycle
SET_CYCLES = 1  # of a parameter set, besides one for each column
MAP_CYCLES = 2  # of a granule of the map


@dataclasses.dataclass(frozen=True, kw_only=True)
class Decoding:
    """What a decoder does with a stream, block by block.

    Parameters
    ----------
    codec : str
        What users are told.
    map : bool
        Whether it has a block map.
    header, parameters, last_parameters : int
        Granules of the header, of an output block's parameter set, and of the last one's.
    blocks : int
        Weight blocks of an output block.
    steps : tuple of int
        Cycles for each weight block at least; 0 for those that the map leaves out.
    dealt : tuple of int
        For each, granules of the stream that have come when it is complete.
    """

    codec: str
    map: bool
    header: int
    parameters: int
    last_parameters: int
    blocks: int
    steps: tuple[int, ...]
    dealt: tuple[int, ...]

    @classmethod
    def of(cls, stream: Stream, codec: str, kept: np.ndarray) -> "Decoding":
        """That of a stream with parameters.

        Parameters
        ----------
        kept : numpy.ndarray, bool, shape (output blocks, blocks)
            Which blocks are in it.
        """
        assert stream.steps is not None and stream.dealt is not None
        header = read_header(stream.data, lanes=stream.lanes)
        steps, dealt = np.zeros(kept.size, np.int64), np.zeros(kept.size, np.int64)
        steps[kept.ravel()], dealt[kept.ravel()] = stream.steps, stream.dealt
        return cls(codec=codec, map=header.map,
                   header=sum(map(len, header.parts().values())),
                   parameters=stream.columns * header.parameters.granules,
                   last_parameters=header.last_columns * header.parameters.granules,
                   blocks=kept.shape[1],
                   steps=tuple(steps.tolist()),
                   dealt=tuple(np.maximum.accumulate(dealt).tolist()))

    def map_cycles(self, place: int) -> int:
        """Cycles for the map in front of a weight block."""
        return MAP_CYCLES if self.map and place % self.blocks % GRANULE == 0 else 0

    @property
    def kept(self) -> int:
        """Weight blocks that are in the stream."""
        return len(self.steps) - self.steps.count(0)

    def to_mapping(self) -> dict[str, object]:
        """As plain values, for JSON."""
        return {"codec": self.codec, "map": self.map, "header": self.header,
                "parameters": self.parameters, "last_parameters": self.last_parameters,
                "blocks": self.blocks,
                "steps": " ".join(map(str, self.steps)), "dealt": " ".join(map(str, self.dealt))}

    @classmethod
    def from_mapping(cls, values: Mapping) -> "Decoding":
        """What ``to_mapping`` gave; raises ``TypeError`` or ``ValueError`` if it isn't that."""
        return cls(**{**values, **{name: tuple(map(int, values[name].split()))
                                   for name in ("steps", "dealt")}})
