"""What a multiplier strategy offers the array: operand encoding, products, and their sum."""

import abc
from collections.abc import Sequence

from amaranth.hdl import Const, Module, Signal, Value
from amaranth.lib import data

from ..spec.mac import MacArraySpec, Multiplier

__all__ = ["Arithmetic", "arithmetic"]


class Arithmetic(abc.ABC):
    """How an array multiplies and adds; :func:`arithmetic` picks the strategy of a spec.

    A vector's elements are encoded once (``encode``), before the operand registers, for all
    columns. Each multiplier turns an encoded operand and its stored bits into a product
    (``multiply``), in a form of the strategy's own; each column sums its products (``sum``). A
    ``correction`` that doesn't depend on the stored bits is computed once for all columns.

    With 4-bit weights (``halves`` = 2) a multiplier holds two weights, low and high nibble, and
    an operand is a pair of elements. While ``int4`` is zero the nibbles are one 8-bit weight and
    the second element is ignored.

    Members
    -------
    operand_layout
        Layout of one lane's encoded operand.
    product_layout
        Layout of a multiplier's product.
    corrected : bool
        Whether ``correction`` is needed.
    kept_width : int
        Bits that ``keep`` gives.
    """
    operand_layout: data.Layout
    product_layout: data.Layout
    corrected = False
    kept_width: int

    def __init__(self, spec: MacArraySpec):
        self.spec = spec

    @abc.abstractmethod
    def encode(self, m: Module, elements: list[Value], int4: Value, name: str) -> Value:
        """The encoded operand of one lane's elements."""

    def correction(self, m: Module, platform, operands, int4: Value, width: int) -> Value:
        """What must be added, modulo ``2 ** width``, to the products of these operands."""
        raise TypeError(f"{type(self).__name__} needs no correction")

    @abc.abstractmethod
    def keep(self, operand) -> Value:
        """The bits of an operand that a window holds, of vectors on full-width weights."""

    @abc.abstractmethod
    def choose(self, m: Module, operand, kept: Value, own: Value, name: str) -> Value:
        """The operand, or while ``own`` the one of which ``kept`` was kept.

        While ``own`` the operand is 0 and the weights have full width.
        """

    def own_terms(self, operand) -> list[tuple[Value, int]]:
        """Bits, with their weights, that a column adds for an operand that can be its own.

        ``correction`` leaves them out for the lanes of the window.
        """
        return []

    @abc.abstractmethod
    def multiply(self, m: Module, operand, stored: Value):
        """The product of an encoded operand and a multiplier's stored bits."""

    @abc.abstractmethod
    def sum(self, m: Module, platform, products: list, addend: Value | None, int4: Value, *,
            width: int, registers: list, terms: Sequence[tuple[Value, int]] = ()) -> Value:
        """The sum of products, an addend and the columns' own terms, ``width`` bits.

        ``registers`` holds a function per register stage inside the sum: it takes a value and
        returns the registered one.
        """

    def finish(self, total: Value) -> Value:
        """The sum proper, of what ``sum`` gave: some strategies sum complements."""
        return total


def arithmetic(spec: MacArraySpec) -> Arithmetic:
    """The strategy that the specification asks for."""
    from .booth import BoothArithmetic
    from .operator import OperatorArithmetic
    return {Multiplier.BOOTH: BoothArithmetic, Multiplier.OPERATOR: OperatorArithmetic}[
        spec.multiplier](spec)


def registered(m: Module, value: Value, enable: Value, name: str) -> Value:
    """A register without reset that takes ``value`` while ``enable``; a constant stays one."""
    value = Value.cast(value)
    if isinstance(value, Const):
        return value
    register = Signal(value.shape(), name=name, reset_less=True)
    with m.If(enable):
        m.d.sync += register.eq(value)
    return register
