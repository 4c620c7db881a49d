"""Whether tokens order all that must be ordered: vector clocks."""

import numpy as np

from .errors import MachineError

__all__ = ["Clock", "Memory"]

Clock = tuple[int, ...]


class Memory:
    """Vectors that several engines read and write, with who touched each last.

    An access is a race unless whatever it conflicts with came before: in the same engine, or in
    another one whose command's tokens led here.

    Parameters
    ----------
    name : str
        As errors call it.
    vectors : numpy.ndarray, int8, shape (size, lanes)
        Read and written in place.
    known : bool
        Whether there is something to read from the beginning.
    engines : int
        How many write or read.
    """

    def __init__(self, name: str, vectors: np.ndarray, *, known: bool, engines: int):
        self._name = name
        self._vectors = vectors
        self._known = np.full(len(vectors), known)
        self._writer = np.zeros(len(vectors), np.int64)
        self._written = np.zeros(len(vectors), np.int64)
        self._read = np.zeros((engines, len(vectors)), np.int64)

    @property
    def size(self) -> int:
        """How many vectors there are."""
        return len(self._vectors)

    def read(self, subject: str, engine: int, clock: Clock, places: np.ndarray, *,
             replaced: bool = False) -> np.ndarray:
        """Vectors at some places; ``replaced``: each is written by the same command right after.

        Raises
        ------
        MachineError
            ``POISON`` if one was never written, ``RACE`` if a write to it may come later.
        """
        if not self._known[places].all():
            place = int(places[~self._known[places]].min())
            raise MachineError("POISON", f"{subject}: vector {place} of {self._name} is read, "
                                         "but was never written")
        self._check(subject, clock, places, self._writer[places], self._written[places], "written")
        if not replaced:
            self._read[engine, places] = clock[engine]
        return self._vectors[places]

    def write(self, subject: str, engine: int, clock: Clock, places: np.ndarray,
              vectors: np.ndarray, *, first: int = 0, reader: int | None = None) -> None:
        """Replace the vectors at some places, from the lane ``first`` on.

        ``reader`` is who reads for this engine, if it isn't itself.

        Raises
        ------
        MachineError
            ``RACE`` if another access to one may come earlier or later.
        """
        self._check(subject, clock, places, self._writer[places], self._written[places], "written")
        reader = engine if reader is None else reader
        for other, numbers in enumerate(self._read):
            if other != reader:
                self._check(subject, clock, places, np.full(len(places), other), numbers[places],
                            "read")
        if (self._read[reader, places] == clock[reader]).any():
            raise MachineError("RACE", f"{subject}: results overwrite {self._name} that the same "
                                       "command reads")
        self._vectors[places, first:] = vectors[:, first:]
        self._known[places] |= first == 0
        self._writer[places], self._written[places] = engine, clock[engine]

    def _check(self, subject: str, clock: Clock, places: np.ndarray, engines: np.ndarray,
               numbers: np.ndarray, how: str) -> None:
        late = numbers > np.asarray(clock)[engines]
        if late.any():
            place = int(places[late].min())
            raise MachineError("RACE", f"{subject}: vector {place} of {self._name} may be {how} "
                                       "before or after")
