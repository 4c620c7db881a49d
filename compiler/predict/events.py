"""A small simulator of events: processes that wait for a time or for a change."""

import collections
import heapq
import itertools
from collections.abc import Callable, Generator

__all__ = ["Change", "Process", "Simulation"]


class Change:
    """What processes wait for; all that wait go on when it happens."""

    def __init__(self, simulation: "Simulation"):
        self._simulation = simulation
        self._waiting: list[Process] = []

    def wait(self, process: "Process") -> None:
        """Let a process go on at the next change."""
        self._waiting.append(process)

    def happen(self) -> None:
        """Let all that wait go on, now."""
        waiting, self._waiting = self._waiting, []
        for process in waiting:
            self._simulation.resume(process)


Process = Generator["int | Change", None, None]


class Simulation:
    """Processes, each a generator that yields the cycles that it waits, or a ``Change``.

    Attributes
    ----------
    now : int
        Cycles since the beginning.
    """

    def __init__(self) -> None:
        self.now = 0
        self._later: list[tuple[int, int, Callable[[], None]]] = []
        self._soon: collections.deque[Process] = collections.deque()
        self._numbers = itertools.count()

    def at(self, time: int, action: Callable[[], None]) -> None:
        """Do something at a time from now on."""
        heapq.heappush(self._later, (max(time, self.now), next(self._numbers), action))

    def resume(self, process: Process) -> None:
        """Let a process go on now, behind those that go on already."""
        self._soon.append(process)

    def run(self) -> None:
        """Go on until nothing is left to happen."""
        while self._soon or self._later:
            while self._soon:
                self._step(self._soon.popleft())
            if self._later:
                self.now, _, action = heapq.heappop(self._later)
                action()

    def _step(self, process: Process) -> None:
        for wish in process:
            if isinstance(wish, Change):
                wish.wait(process)
                return
            if wish > 0:
                self.at(self.now + wish, lambda: self.resume(process))
                return
