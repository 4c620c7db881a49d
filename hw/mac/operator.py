"""Products by ``*`` and a binary tree of ``+``: for FPGAs, whose tools map them on DSP blocks."""

from amaranth.hdl import Cat, Mux, Signal, Value, signed
from amaranth.lib import data

from ..hierarchy import Packed
from .arithmetic import Arithmetic

__all__ = ["OperatorArithmetic"]


class OperatorArithmetic(Arithmetic):
    """One ``*`` per stored weight (two with 4-bit weights), summed pairwise."""

    def __init__(self, spec):
        super().__init__(spec)
        self.kept_width = spec.moving_width
        fields = {"elements": data.ArrayLayout(signed(spec.moving_width), spec.halves)}
        if spec.switchable:
            fields["int4"] = 1
        self.operand_layout = data.StructLayout(fields)
        low = spec.storage_width // spec.halves + (1 if spec.switchable else 0)
        self._widths = [low, spec.storage_width // 2][:spec.halves]
        self.product_layout = data.StructLayout(
            {name: signed(spec.moving_width + width)
             for name, width in zip(("low", "high"), self._widths, strict=False)})

    def encode(self, m, elements, int4, name):
        operand = Signal(Packed(self.operand_layout), name=name)
        m.d.comb += operand.elements[0].eq(elements[0])
        if self.spec.switchable:
            m.d.comb += [operand.elements[1].eq(Mux(int4, elements[1], elements[0])),
                         operand.int4.eq(int4)]
        elif self.spec.halves == 2:
            m.d.comb += operand.elements[1].eq(elements[1])
        return operand

    def keep(self, operand):
        return Value.cast(operand.elements[0])

    def choose(self, m, operand, kept, own, name):
        chosen = Signal(Packed(self.operand_layout), name=name)
        m.d.comb += chosen.eq(operand)
        for number in range(self.spec.halves):
            m.d.comb += chosen.elements[number].eq(
                operand.elements[number] | (kept & own.replicate(len(kept))))
        return chosen

    def multiply(self, m, operand, stored):
        stored = Value.cast(stored)
        product = Signal(Packed(self.product_layout), name="product")
        low = stored
        if self.spec.switchable:
            low = Cat(stored[:4], stored[3] & operand.int4)
        elif self.spec.halves == 2:
            low = stored[:4]
        m.d.comb += product.low.eq(operand.elements[0] * low.as_signed())
        if self.spec.halves == 2:
            m.d.comb += product.high.eq(operand.elements[1] * stored[4:].as_signed())
        return product

    def sum(self, m, platform, products, addend, int4, *, width, registers, terms=()):
        """One register holds the products, another one the sums of pairs."""
        halves = [[product.low for product in products]]
        if self.spec.halves == 2:
            halves.append([product.high for product in products])
        if not self.spec.switchable:
            halves = [[term for terms in halves for term in terms]]
        levels = [0, 1][:len(registers)]
        for register, level in zip(registers, levels, strict=True):
            halves = [self._add_levels(terms, level) for terms in halves]
            halves = [[register(term, f"half{half}_{number}") for number, term in enumerate(terms)]
                      for half, terms in enumerate(halves)]
            int4 = register(int4, "int4")
            addend = None if addend is None else register(addend, "addend")
        totals = [self._add_levels(terms, None)[0] for terms in halves]
        if self.spec.switchable:
            totals = [totals[0] + Mux(int4, totals[1], totals[1] << 4)]
        if addend is not None:
            totals[0] = totals[0] + addend.as_signed()
        total = Signal(width, name="total")
        m.d.comb += total.eq(totals[0])
        return total

    def _add_levels(self, terms, levels):
        """Terms added in pairs, ``levels`` times or until one is left."""
        while len(terms) > 1 and levels != 0:
            pairs = [low + high for low, high in zip(terms[::2], terms[1::2], strict=False)]
            terms = pairs + terms[len(terms) & ~1:]
            levels = None if levels is None else levels - 1
        return terms
