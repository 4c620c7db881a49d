"""One lane of a requantizer: multiply, shift, round, add the zero point, clamp."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib.wiring import In, Out

from ..hierarchy import SharedComponent
from ..mac.booth import recode
from ..mac.heap import BitHeap
from ..spec.mac import Multiplier
from ..spec.requantize import RequantizeSpec, Rounding
from .layouts import scale_layout, tensor_layout

__all__ = ["Lane"]


class Lane(SharedComponent):
    """A pipeline that requantizes one sum a cycle, all columns of a lane in turn.

    ::

        sum ─────── × ─ product ─ shift, round ─ rounded ─ + zero point, clamp ─ value
        mantissa ───┘                │                            │
        shift ───────── (1 cycle) ───┘          tensor ───────────┘

    Parameters
    ----------
    spec : RequantizeSpec
        Widths and rounding; ``columns``, ``lanes``, ``bias`` and ``collect`` don't matter here, so
        that all lanes of all requantizers with the same numbers are equal modules.

    Members
    -------
    advance : ``In(1)``
        Moves all registers on; without it they keep what they hold. Only with ``stalls``; else all
        cycles are advancing ones.
    sum : ``In(signed(accumulator_width))``
        The sum to requantize.
    scale : ``In(scale_layout(spec))``
        Its mantissa and right shift. There is no value that isn't allowed.
    tensor : ``In(tensor_layout(spec))``
        Zero point and limits for the sum that was taken two advancing cycles before.
        ``minimum`` must not exceed ``maximum``; if it does, the value may be either.
    value : ``Out(signed(output_width))``
        The result, from a register.

    Raises
    ------
    TypeError
        If ``spec`` is no ``RequantizeSpec``.

    Notes
    -----
    Latency: 3 advancing cycles. Throughput: one sum per advancing cycle. Back-pressure: through
    ``advance``. No register is reset: what is in the pipeline is only as valid as the user's
    own record of it.

    A result that doesn't fit ``output_width + 1`` bits before the zero point is added lies beyond
    both limits whatever the zero point. So the shifter keeps only the bits that can still
    reach that window, level by level, and remembers whether a bit above it differed from the sign.
    """

    module_name = "requantize_lane"

    def __init__(self, *, spec: RequantizeSpec):
        if not isinstance(spec, RequantizeSpec):
            raise TypeError(f"spec must be a RequantizeSpec, not {spec!r}")
        self._spec = spec
        super().__init__({
            **({"advance": In(1)} if spec.stalls else {}),
            "sum": In(signed(spec.accumulator_width)),
            "scale": In(scale_layout(spec)),
            "tensor": In(tensor_layout(spec)),
            "value": Out(signed(spec.output_width)),
        })

    @property
    def spec(self) -> RequantizeSpec:
        """The specification."""
        return self._spec

    @property
    def parameters(self):
        return (self._spec.replace(columns=1, lanes=1, bias=False, collect=True),)

    def elaborate(self, platform):
        m = Module()
        spec = self._spec
        advance = self.advance if spec.stalls else Const(1, 1)

        product = Signal(signed(spec.accumulator_width + spec.mantissa_width), reset_less=True)
        product_shift = Signal(spec.shift_width, reset_less=True)
        multiplied = self._multiply(m, platform)  # whatever advance says, which comes late
        with m.If(advance):
            m.d.sync += [product.eq(multiplied), product_shift.eq(self.scale.shift)]

        fraction = self._scaled(m, product)
        window, inexact, outside = self._shift_right(m, fraction, product_shift)
        rounded_negative = Signal(reset_less=True)
        rounded_outside = Signal(reset_less=True)
        rounded_floor = Signal(spec.output_width, reset_less=True)
        rounded_carry = Signal(reset_less=True)
        with m.If(advance):
            m.d.sync += [
                rounded_negative.eq(fraction[-1]),
                rounded_outside.eq(outside),
                rounded_floor.eq(window[1:]),
                rounded_carry.eq(self._carry(window, inexact, fraction[-1])),
            ]

        tensor = self.tensor
        moved = Signal(signed(spec.output_width + 2))
        m.d.comb += moved.eq(Cat(rounded_floor, rounded_negative).as_signed()
                             + tensor.zero_point + rounded_carry)
        below = Mux(rounded_outside, rounded_negative, moved < tensor.minimum)
        above = Mux(rounded_outside, ~rounded_negative, moved > tensor.maximum)
        value = Signal(signed(spec.output_width), reset_less=True)
        m.d.comb += self.value.eq(value)
        with m.If(advance):
            m.d.sync += value.eq(Mux(above, tensor.maximum, Mux(below, tensor.minimum, moved)))
        return m

    def _multiply(self, m, platform):
        """The sum times the mantissa.

        Booth rows, one for each radix-4 digit of the mantissa, enter a carry-save tree complemented
        (as in the array): with ``-r = ~r + 1``, the ones of negative digits and of the
        complements make up ``~n`` in each digit's place and a constant, and the tree's result is
        the complement of the product.
        """
        sums, mantissa = self.sum, self.scale.mantissa
        if self._spec.multiplier is Multiplier.OPERATOR:
            return sums * mantissa
        width = len(sums) + len(mantissa)
        heap = BitHeap(width, name="product", platform=platform)
        digits, top = recode(m, Cat(mantissa, Const(0, 1)), "digit")
        single, double = Cat(sums, sums[-1]), Cat(Const(0, 1), sums)
        places = len(single)
        for number, digit in enumerate([*digits, top]):
            once, twice = (digit["p1"], digit["p2"]) if digit is not top else (
                top["one"], top["two"])  # what is left of an unsigned number isn't negative
            selected = once.replicate(places) & single | twice.replicate(places) & double
            if digit is top:
                heap.add_constant(4 ** number)
            else:
                selected |= digit["n1"].replicate(places) & ~single
                heap.add(~digit["n1"], weight=2 * number)
            row = Signal(places, name=f"row_{number}")
            m.d.comb += row.eq(~selected)
            heap.add_signed(row, weight=2 * number)
        heap.add_constant(-1)
        heap.compress(m)
        return ~heap.sum(m)

    def _scaled(self, m, product):
        """The number to shift, with one bit of fraction below it: bit 0 weighs one half."""
        if self._spec.rounding is Rounding.TFLITE:
            # (ab + 2^30) >> 31 equals the definition's nudged, truncating division for all ab.
            high = Signal(signed(len(product) - 31))
            m.d.comb += high.eq((product >> 31) + product[30])
            return Cat(Const(0, 1), high)
        return Cat(Const(0, 1), product)

    def _shift_right(self, m, fraction, amount):
        """Shift right; the low bits, whether a one was shifted out, whether higher bits matter.

        The low bits are ``output_width`` integer bits and the half below them; the sign isn't
        among them. ``outside`` says that the integer doesn't fit them and the sign.
        """
        width = self._spec.output_width + 1
        negative, bits = fraction[-1], fraction[:-1]
        inexact = outside = Const(0, 1)
        for level in reversed(range(len(amount))):
            distance = 1 << level
            shifted = Signal(len(bits), name=f"shifted_{distance}")
            filled = Cat(bits, negative.replicate(distance))
            m.d.comb += shifted.eq(Mux(amount[level], filled[distance:], bits))
            inexact |= amount[level] & filled[:distance].any()
            reachable = width + distance - 1
            outside |= (shifted[reachable:] ^ negative.replicate(len(shifted[reachable:]))).any()
            bits = shifted[:reachable]
        return Cat(bits, negative.replicate(width - len(bits))), inexact, outside

    def _carry(self, window, inexact, negative):
        """Whether rounding goes up from the floor."""
        half, odd = window[0], window[1]
        match self._spec.rounding:
            case Rounding.HALF_UP:
                return half
            case Rounding.HALF_EVEN:
                return half & (inexact | odd)
            case Rounding.TFLITE:
                return half & (inexact | ~negative)
