"""Booth rows with the digits taken from the moving operand, and a carry-save tree.

The element that streams through the array, not the one that is stored, is written in radix 4
(O. L. MacSorley, "High-Speed Arithmetic in Binary Computers", 1961), so that recoding is done
once for all columns. All digits but the last are from -1, 0, 1, 2, which makes a row's bit one
and-or gate of three terms; the last one is from -2 to 2.

Rows enter the tree complemented, as such a gate gives them: with ``-r = ~r + 1`` the tree sums to
the complement of the result. All constants and the ``+ 1`` of negative digits depend on the
moving operand alone; they make up one correction for all columns.

Two 4-bit weights use the rows of one 8-bit weight: each row is cut between the nibbles, the low
part then belonging to the first element, the high part to the second.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data

from ..hierarchy import Packed
from .arithmetic import Arithmetic
from .heap import BitHeap

__all__ = ["BoothArithmetic", "recode"]


def recode(m: Module, value: Value, name: str) -> tuple[list, dict]:
    """Radix-4 digits of a signed value, least significant first.

    Returns
    -------
    digits : list of dict
        All digits but the last, -1 to 2, as one-hot signals ``p1``, ``p2``, ``n1``.
    top : dict
        The last digit, -2 to 2, as magnitude ``one``, ``two`` and sign ``neg``.
    """
    value = Value.cast(value).as_signed()
    count = (len(value) + 1) // 2
    bits = Signal(2 * count, name=f"{name}_bits")
    m.d.comb += bits.eq(value)
    carry, digits = Const(0, 1), []
    for position in range(count - 1):
        low, high = bits[2 * position], bits[2 * position + 1]
        digit = {kind: Signal(name=f"{name}_{kind}_{position}") for kind in ("p1", "p2", "n1")}
        m.d.comb += [
            digit["p1"].eq(~high & (low ^ carry)),
            digit["p2"].eq((high & ~low & ~carry) | (~high & low & carry)),
            digit["n1"].eq(high & (low ^ carry)),
        ]
        digits.append(digit)
        next_carry = Signal(name=f"{name}_carry_{position}")
        m.d.comb += next_carry.eq(high & (low | carry))
        carry = next_carry
    low, high = bits[2 * count - 2], bits[2 * count - 1]
    top = {kind: Signal(name=f"{name}_{kind}") for kind in ("one", "two", "neg")}
    m.d.comb += [
        top["one"].eq(low ^ carry),
        top["two"].eq((high & ~low & ~carry) | (~high & low & carry)),
        top["neg"].eq(high & ~(low & carry)),
    ]
    return digits, top


class BoothArithmetic(Arithmetic):
    """Carry-save sums of Booth rows: the smallest in gates. See the module's text."""
    corrected = True

    def __init__(self, spec):
        super().__init__(spec)
        self._width = spec.storage_width // spec.halves
        self._digits = (spec.moving_width + 1) // 2
        self.kept_width = 2 * self._digits + 1
        self.operand_layout = data.StructLayout(
            {f"part{half}": self._part_layout(half) for half in range(spec.halves)})
        row = data.ArrayLayout(self._width + 1, self._digits)
        self.product_layout = data.ArrayLayout(row, spec.halves)

    def _part_layout(self, half):
        """Signals for one part of all rows; ``first`` and ``last`` are its outermost bits."""
        digit, top = ["p1", "n1", "p2", "plus_last"], ["one", "two", "neg", "any_last"]
        if self.spec.switchable:  # where the parts meet, they are one row or two
            digit.append(("n1_last", "p2_first")[half])
            top.append(("neg_last", "two_first")[half])
        digit, top = (data.StructLayout(dict.fromkeys(names, 1)) for names in (digit, top))
        return data.StructLayout({"digits": data.ArrayLayout(digit, self._digits - 1), "top": top})

    def encode(self, m, elements, int4, name):
        spec = self.spec
        operand = Signal(Packed(self.operand_layout), name=name)
        if spec.switchable:
            elements = [elements[0], Mux(int4, elements[1], elements[0])]
        for half, element in enumerate(elements):
            digits, top = recode(m, element, f"{name}_{half}")
            part = operand[f"part{half}"]
            for target, digit in zip([*part.digits, part.top], [*digits, top], strict=True):
                signals = self._signals(half, digit, int4)
                m.d.comb += [target[field].eq(signals[field]) for field, _ in target.shape()]
        return operand

    def _signals(self, half, digit, int4):
        """All signals of a digit for a part of its row; ``digit`` is one of :func:`recode`."""
        plus, twice, minus = digit.values()
        # the low part has a sign bit of its own only if it isn't continued by the high one
        alone = int4 if self.spec.switchable and half == 0 else Const(1, 1)
        any_last = (plus | twice) & alone
        return digit | {"plus_last": any_last, "n1_last": minus & alone, "any_last": any_last,
                        "neg_last": minus & alone, "p2_first": twice & ~int4,
                        "two_first": twice & ~int4}

    def keep(self, operand):
        """Two bits for each digit, and the last one's three."""
        part = operand[f"part{self.spec.halves - 1}"]
        digits = [Cat(digit.p1 | digit.n1, digit.p2 | digit.n1) for digit in part.digits]
        return Cat(*digits, part.top.one, part.top.two, part.top.neg)

    def choose(self, m, operand, kept, own, name):
        chosen = Signal(Packed(self.operand_layout), name=name)
        m.d.comb += chosen.eq(operand)
        digits = [{"p1": own & low & ~high, "p2": own & high & ~low, "n1": own & low & high}
                  for low, high in zip(kept[:-3:2], kept[1:-3:2], strict=True)]
        digits.append({name: own & bit for name, bit in
                       zip(("one", "two", "neg"), kept[-3:], strict=True)})
        for half in range(self.spec.halves):
            part, target = operand[f"part{half}"], chosen[f"part{half}"]
            for number, digit in enumerate(digits):
                here, there = ((part.top, target.top) if number == len(digits) - 1
                               else (part.digits[number], target.digits[number]))
                signals = self._signals(half, digit, Const(0, 1))
                # an inner end of the low part is 0 on full-width weights anyway
                shared = {"plus_last", "n1_last", "any_last", "neg_last"} if (
                    self.spec.switchable and half == 0) else ()
                m.d.comb += [there[field].eq(here[field] | signals[field])
                             for field, _ in here.shape() if field not in shared]
        return chosen

    def own_terms(self, operand):
        return [(~negative, 2 * digit)
                for digit, negative in enumerate(self._negatives(operand.part0))]

    def correction(self, m, platform, operands, int4, width):
        """The constants of all rows, less the ones that complete negative digits.

        A row ``r`` of ``W + 1`` bits enters as ``-r - 1 + 2 ** W``, and the tree's result is
        ``-sum - 1``.
        """
        spec = self.spec
        heap = BitHeap(width, name="correction", platform=platform)
        weights = sum(4 ** digit for digit in range(self._digits)) * len(operands)
        low = high = -((1 << self._width) - 1) * weights
        if spec.halves == 1:
            high = 0
        joined_shift = self._width if spec.switchable else 0
        for lane, operand in enumerate(operands):
            for half in range(spec.halves):
                for digit, negative in enumerate(self._negatives(operand[f"part{half}"])):
                    if half == 1 and spec.switchable:
                        negative = negative & int4
                    if half == 1 or lane >= spec.window:  # not one of own_terms
                        heap.add(~negative, weight=2 * digit)
                    heap.add_constant(-(4 ** digit))
        heap.add_constant(low - 1 + (high << joined_shift))
        if spec.switchable:
            difference = Const((high - (high << joined_shift)) % (1 << width), width)
            heap.add(difference & int4.replicate(width))
        heap.compress(m)
        return heap.sum(m)

    def _negatives(self, part):
        return [digit.n1 for digit in part.digits] + [part.top.neg]

    def multiply(self, m, operand, stored):
        stored = Value.cast(stored)
        product = Signal(Packed(self.product_layout), name="rows")
        switchable = self.spec.switchable
        for half in range(self.spec.halves):
            bits = stored[half * self._width:][:self._width]
            part, sign, inner = operand[f"part{half}"], bits[-1], len(bits) - 1
            joined = switchable and half == 1
            for digit, row in zip(part.digits, product[half], strict=False):
                first = digit.p2_first & stored[self._width - 1] if joined else Const(0, 1)
                twice = Cat(first, digit.p2.replicate(inner) & bits[:-1])
                once = ((digit.p1.replicate(inner + 1) & bits)
                        | (digit.n1.replicate(inner + 1) & ~bits))
                n1_last = digit.n1_last if switchable and half == 0 else digit.n1
                last = (digit.plus_last & sign) | (n1_last & ~sign)
                m.d.comb += row.eq(Cat(~(once | twice), last))
            top = part.top
            first = top.two_first & stored[self._width - 1] if joined else Const(0, 1)
            twice = Cat(first, top.two.replicate(inner) & bits[:-1])
            once = top.one.replicate(inner + 1) & bits
            neg_last = top.neg_last if switchable and half == 0 else top.neg
            last = (top.any_last & sign) ^ neg_last
            m.d.comb += product[half][-1].eq(
                Cat((once | twice) ^ ~top.neg.replicate(inner + 1), last))
        return product

    def sum(self, m, platform, products, addend, int4, *, width, registers, terms=()):
        """Height of the tree where the first of two registers cuts it: 6."""
        halves = [BitHeap(width, name=name, platform=platform) for name in ("low", "high")]
        for product in products:
            for half in range(self.spec.halves):
                heap = halves[half] if self.spec.switchable else halves[0]
                for digit in range(self._digits):
                    heap.add(product[half][digit], weight=2 * digit)
        for bit, weight in terms:
            halves[0].add(bit, weight=weight)
        if not self.spec.switchable:
            halves[0].add(addend)
            return self._finish_tree(m, halves[0], registers)
        if len(registers) == 2:
            for heap in halves:
                heap.compress(m, limit=6)
                heap.register(registers[0])
            int4, addend = registers[0](int4, "int4"), registers[0](addend, "addend")
        for heap in halves:
            heap.compress(m)
        joined = BitHeap(width, name="joined", platform=platform)
        for row in halves[0].rows():
            joined.add(row)
        for number, row in enumerate(halves[1].rows()):
            aligned = Signal(width, name=f"high_row{number}")
            m.d.comb += aligned.eq(Mux(int4, row, row << self._width))
            joined.add(aligned)
        joined.add(addend)
        return self._finish_tree(m, joined, registers[-1:])

    def _finish_tree(self, m, heap, registers):
        if len(registers) == 2:
            heap.compress(m, limit=6)
            heap.register(registers[0])
        heap.compress(m)
        if registers:
            heap.register(registers[-1])
        return heap.sum(m)

    def finish(self, total):
        return ~total
