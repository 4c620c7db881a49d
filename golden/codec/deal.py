"""The order in which granules are dealt to the lanes."""

import dataclasses

import numpy as np

from .bits import GRANULE
from .symbols import Symbols

__all__ = ["DEPTH", "Deal", "deal"]

DEPTH = 3  # granules that a lane holds


@dataclasses.dataclass(frozen=True)
class Deal:
    """Granules in the order of the stream.

    Parameters
    ----------
    lane, number : numpy.ndarray, int64
        Whose, and which of the lane's.
    step : numpy.ndarray, int64
        The step after which it is dealt, -1 for those before all steps.
    tails : tuple of int
        Granules that each lane still gets when all lanes together get no more than these.
    """

    lane: np.ndarray
    number: np.ndarray
    step: np.ndarray
    tails: tuple[int, ...]


def block_starts(symbols: Symbols, blocks: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """The first step of each block and, last, the step after all; the step of each symbol.

    A block takes as many steps as its slowest lane, at least one.
    """
    place = symbols.lane * blocks + symbols.block
    counts = np.bincount(place, minlength=columns * blocks)
    rank = np.arange(len(place)) - (np.cumsum(counts) - counts)[place]
    slowest = counts.reshape(columns, blocks).max(axis=0, initial=1)
    starts = np.concatenate([[0], np.cumsum(-(-slowest // symbols.pace))])
    return starts, starts[symbols.block] + rank // symbols.pace


def deal(symbols: Symbols, steps: np.ndarray, ends: np.ndarray, granules: np.ndarray) -> Deal:
    """The order for some symbols.

    Before the first step, and after each, every lane that has room for a granule in its ``DEPTH``
    gets one, in the order of lanes; this is repeated until no lane has room. It ends with lanes
    that ask for a granule that they have no bits for: from the first of them on, every lane
    gets what ``tails`` tells, and no more.

    Parameters
    ----------
    symbols : Symbols
    steps : numpy.ndarray, int64
        In which each is sent.
    ends : numpy.ndarray, int64
        The bit of the lane's stream after each.
    granules : numpy.ndarray, int64, shape (columns,)
        How many each lane has.
    """
    columns = len(granules)
    bounds = np.searchsorted(symbols.lane, np.arange(columns + 1))
    asks = []
    for column in range(columns):
        own = slice(bounds[column], bounds[column + 1])
        used = int(ends[own].max(initial=0))
        # room for one more granule, each time that another one is used up
        full = GRANULE * np.arange(1, used // GRANULE + 1)
        step = np.concatenate([np.full(DEPTH, -1),
                               steps[own][np.searchsorted(ends[own], full)]])
        number = np.arange(len(step))
        asks.append((np.full(len(step), column), number, step,
                     number - np.searchsorted(step, step)))
    lane, number, step, turn = (np.concatenate(parts) for parts in zip(*asks))
    order = np.lexsort((lane, turn, step))
    lane, number, step = lane[order], number[order], step[order]
    useful = number < granules[lane]
    free = len(useful) if useful.all() else int(np.argmin(useful))
    tails = granules - np.bincount(lane[:free], minlength=columns)
    return Deal(lane[useful], number[useful], step[useful], tuple(tails.tolist()))
