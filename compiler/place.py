"""Where tensors lie in the activation buffer, and what a pass may use of it."""

import dataclasses

__all__ = ["WHOLE", "Place", "Room"]


@dataclasses.dataclass(frozen=True)
class Place:
    """Where the channel blocks of a tensor, or of a tile of it, lie.

    Parameters
    ----------
    row : int
        Of the buffer, where a block 0 in bank 0 would begin.
    plane : int
        Rows of a block.
    first : int
        Block b is in bank ``(first + b) mod 2``, ``(first + b) // 2`` planes from ``row`` on.
    """

    row: int
    plane: int
    first: int = 0

    def at(self, block: int) -> tuple[int, int]:
        """Bank and first row of a block."""
        turn = self.first + block
        return turn & 1, self.row + (turn >> 1) * self.plane

    def after(self, blocks: int) -> "Place":
        """Where what begins some blocks later lies."""
        return dataclasses.replace(self, first=self.first + blocks)

    def rows(self, blocks: int) -> list[tuple[int, int, int]]:
        """Bank, first row and end of each of so many blocks."""
        found = [self.at(block) for block in range(blocks)]
        return [(bank, row, row + self.plane) for bank, row in found]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Room:
    """What a pass may use of the buffer.

    Parameters
    ----------
    first : int
        First row, in both banks, of those in which it may put tiles.
    end : int or None
        Row after the last of them; None: to the buffer's end.
    sources : tuple of Place
        Where its sources are already; none: they are loaded from memory.
    target : Place or None
        Where its target stays; None: it goes to memory tile by tile.
    stored : bool
        Whether the target goes to memory; if not, it stays.
    operand : bool
        Whether what is added to results is where they go already; if not, it is loaded.
    """

    first: int = 0
    end: int | None = None
    sources: tuple[Place, ...] = ()
    target: Place | None = None
    stored: bool = True
    operand: bool = False


WHOLE = Room()
"""All of the buffer, with all tensors in memory."""
