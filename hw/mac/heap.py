"""Carry-save summation of many addends: a heap of bits, reduced level by level."""

from amaranth.hdl import Cat, Const, Module, Signal, Value

from .adder import CarrySaveAdder

__all__ = ["BitHeap"]

_WORD = 32  # adders of a module: what simulators handle as one machine word


class BitHeap:
    """Bits sorted by weight, whose sum modulo ``2 ** width`` is wanted.

    Addends of any width and alignment are put on the heap; ``compress`` then adds the logic
    that reduces it with full and half adders (L. Dadda, "Some Schemes for Parallel
    Multipliers", 1965: as few half adders as possible, the smallest number of levels), and
    ``sum`` the final carry-propagate addition. The adders of a level are vector operations
    in modules of their own, so that the Verilog stays short.

    Parameters
    ----------
    width : int
        Bits of the sum. Carries out of the top are dropped.
    name : str
        Prefix of the signals and submodules that ``compress`` makes.
    platform
        The platform that the heap's owner is elaborated for.
    """

    def __init__(self, width: int, *, name: str, platform):
        self.width = width
        self._name = name
        self._platform = platform
        self._columns: list[list[Value]] = [[] for _ in range(width)]
        self._constant = 0
        self._level = 0

    @property
    def height(self) -> int:
        """The largest number of bits of one weight."""
        return max(map(len, self._columns), default=0)

    def add(self, bits, *, weight: int = 0) -> None:
        """Put an unsigned number on the heap, multiplied by ``2 ** weight``."""
        for position, bit in enumerate(Value.cast(bits), start=weight):
            if position < self.width:
                self._columns[position].append(bit)

    def add_signed(self, bits, *, weight: int = 0) -> None:
        """Put a two's complement number on the heap, multiplied by ``2 ** weight``.

        Its sign isn't extended: ``-s = ~s - 1``, and all the ones end in one constant.
        """
        bits = Value.cast(bits)
        self.add(Cat(bits[:-1], ~bits[-1]), weight=weight)
        self.add_constant(-1 << (weight + len(bits) - 1))

    def add_constant(self, value: int) -> None:
        """Add a constant; all constants together take one row."""
        self._constant += value

    def compress(self, m: Module, *, limit: int = 2) -> None:
        """Reduce the heap until no weight has more than ``limit`` (at least 2) bits."""
        for weight, column in enumerate(self._columns):
            if self._constant >> weight & 1:
                column.append(Const(1, 1))
        self._constant = 0
        heights = [2]
        while heights[-1] < self.height:
            heights.append(heights[-1] * 3 // 2)
        for height in reversed(heights[:-1]):
            if height >= limit and self.height > height:
                self._reduce_level(m, height)

    def _reduce_level(self, m, height):
        full: list[tuple[int, list[Value]]] = []
        half: list[tuple[int, list[Value]]] = []
        kept = []
        carries = 0
        for weight, column in enumerate(self._columns):
            surplus = len(column) + carries - height
            carries = 0
            column = list(column)
            while surplus > 0 and len(column) >= 2:
                size = 3 if surplus > 1 and len(column) >= 3 else 2
                (full if size == 3 else half).append((weight, column[:size]))
                column = column[size:]
                surplus -= size - 1
                carries += 1
            kept.append(column)
        self._columns = kept
        for kind, adders in (("full", full), ("half", half)):
            for part in range(0, len(adders), _WORD):
                self._emit(m, kind, adders[part:part + _WORD], part // _WORD)
        self._level += 1

    def _emit(self, m, kind, adders, part):
        adder = CarrySaveAdder(width=len(adders), inputs=3 if kind == "full" else 2)
        adder.place(m, self._platform, f"{self._name}_{kind}{self._level}_{part}")
        for number, port in enumerate("abc" if kind == "full" else "ab"):
            m.d.comb += getattr(adder, port).eq(Cat(bits[number] for _, bits in adders))
        for number, (weight, _) in enumerate(adders):
            self._columns[weight].append(adder.sum[number])
            if weight + 1 < self.width:
                self._columns[weight + 1].append(adder.carry[number])

    def rows(self) -> list[Value]:
        """The heap's bits as rows of ``width`` bits, as few as its height allows."""
        return [Cat(column[row] if row < len(column) else Const(0, 1) for column in self._columns)
                for row in range(self.height)]

    def register(self, register) -> None:
        """Replace all bits by registered ones; ``register`` makes a register of a value."""
        stage = register(Cat(bit for column in self._columns for bit in column), self._name)
        bits = iter(stage)
        self._columns = [[next(bits) for _ in column] for column in self._columns]

    def sum(self, m: Module) -> Value:
        """The sum, ``width`` bits, of a heap that is at most two bits high."""
        rows = self.rows()
        total = Signal(self.width, name=f"{self._name}_total")
        m.d.comb += total.eq(sum(rows[1:], start=rows[0]) if rows else 0)
        return total
