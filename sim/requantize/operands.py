"""Sums, scales and limits for a requantizer: random ones and those where it may go wrong."""

import dataclasses
import random
from collections.abc import Iterator, Sequence

from sparrow.hw.spec.requantize import RequantizeSpec, Rounding

__all__ = ["STYLES", "Source", "Tensor"]

STYLES = ("random", "extremes", "ties", "limits")


@dataclasses.dataclass(frozen=True)
class Tensor:
    """A set of parameters and the vectors of sums that use it.

    Parameters
    ----------
    mantissas, shifts : list of int
        Of each column.
    zero_point, minimum, maximum : int
    sums : list of list of int
        What is requantized: what arrives, and the bias.
    biases : list of int
        Of each column; 0 for a requantizer without.
    """
    mantissas: list[int]
    shifts: list[int]
    zero_point: int
    minimum: int
    maximum: int
    sums: list[list[int]] = dataclasses.field(default_factory=list)
    biases: list[int] = dataclasses.field(default_factory=list)

    def arriving(self, spec: RequantizeSpec) -> list[list[int]]:
        """The sums without their biases, as near as the sums' width allows."""
        limit = 1 << (spec.accumulator_width - 1)
        return [[min(max(value - bias, -limit), limit - 1)
                 for value, bias in zip(vector, self.biases, strict=True)]
                for vector in self.sums]


class Source:
    """Seeded operands in several styles.

    ``random`` sums are of all magnitudes; ``extremes`` are the ends of all ranges; ``ties`` lie
    half-way between two integers once scaled, or one beside; ``limits`` come out at a limit of
    the tensor or one beside.

    Parameters
    ----------
    spec : RequantizeSpec
    seed : int
    """

    def __init__(self, spec: RequantizeSpec, seed: int):
        self.spec = spec
        self.random = random.Random(seed)
        self._lowest = -1 << (spec.accumulator_width - 1)

    @property
    def extreme_sums(self) -> tuple[int, ...]:
        """Both ends of a sum and its middle, with neighbours."""
        low = self._lowest
        return low, low + 1, -2, -1, 0, 1, 2, -2 - low, -1 - low

    @property
    def extreme_mantissas(self) -> tuple[int, ...]:
        """The same of a mantissa, and where its top bit sets in."""
        high = self.spec.maximum_mantissa
        return 0, 1, high // 2, high // 2 + 1, high - 1, high

    def tie_mantissas(self, shift: int) -> list[int]:
        """Mantissas that bring some sums half-way between integers; none for large shifts.

        Such a product has the bit below the point for its lowest one, so a mantissa must end in
        as many zeros as the sum is too narrow for.
        """
        point = self._point(shift)
        fewest = max(0, point + 1 - self.spec.accumulator_width)
        most = min(self.spec.mantissa_width, point) - 1
        if fewest > most:
            return []
        zeros = self.random.randint(fewest, most)
        return [mantissa for mantissa in (1 << most, 1 << zeros, 3 << zeros)
                if mantissa <= self.spec.maximum_mantissa]

    def _point(self, shift):
        """Bits of a product behind the point."""
        return shift + 31 * (self.spec.rounding is Rounding.TFLITE)

    def length(self) -> int:
        """Vectors of a tensor."""
        return self.random.choice((1, 1, 2, 3, self.random.randint(1, 12)))

    def scale(self, style: str) -> tuple[int, int]:
        """A mantissa and a shift."""
        spec, choice = self.spec, self.random.choice
        shift = self.random.randint(0, spec.maximum_shift)
        if style == "extremes":
            return choice(self.extreme_mantissas), choice((0, 1, spec.maximum_shift, shift))
        if style == "ties" and (mantissas := self.tie_mantissas(shift)):
            return choice(mantissas), shift
        return self.random.randint(0, spec.maximum_mantissa), shift

    def biases(self) -> list[int]:
        """Biases of all columns: ends of the range, small ones, any; 0 if there are none."""
        if not self.spec.bias:
            return [0] * self.spec.columns
        low = self._lowest
        return [self.random.choice((0, 1, -1, low, ~low, low // 2, self.random.randint(low, ~low),
                                    self.random.randint(low, ~low) >> 6))
                for _ in range(self.spec.columns)]

    def tensor(self, length: int, styles: Sequence[str] = STYLES, *,
               scales: Sequence[tuple[int, int]] | None = None, wide: bool = False) -> Tensor:
        """A tensor of ``length`` vectors; with ``wide``, its limits are those of the output."""
        spec = self.spec
        style = self.random.choice(styles)
        if scales is None:
            scales = [self.scale(style) for _ in range(spec.columns)]
        ends = (spec.output_minimum, spec.output_maximum)
        low, high = (sorted(self.random.choice((end, self.random.randint(*ends))) for end in ends))
        if wide or self.random.random() < 0.3:
            low, high = ends
        if not wide and self.random.random() < 0.1:
            high = low
        zero_point = self.random.choice((*ends, 0, self.random.randint(*ends)))
        tensor = Tensor([mantissa for mantissa, _ in scales], [shift for _, shift in scales],
                        zero_point, low, high, biases=self.biases())
        for _ in range(length):
            tensor.sums.append([self.sum(self.random.choice((style, style, "random")), tensor,
                                         column) for column in range(spec.columns)])
        return tensor

    def sum(self, style: str, tensor: Tensor, column: int) -> int:
        """One sum for a column of a tensor."""
        mantissa, point = tensor.mantissas[column], self._point(tensor.shifts[column])
        choice, beside = self.random.choice, self.random.choice((0, 0, -1, 1))
        if style == "extremes":
            value = choice(self.extreme_sums)
        elif style == "ties" and mantissa:
            zeros = max(0, point - (mantissa & -mantissa).bit_length())
            odd = 2 * self.random.randint(2 * tensor.minimum - 1, 2 * tensor.maximum + 1) + 1
            if not self._lowest <= odd << zeros < -self._lowest:
                odd = choice((-5, -3, -1, 1, 3, 5))
            value = (odd << zeros) + beside
        elif style == "limits" and mantissa:
            wanted = choice((tensor.minimum, tensor.maximum)) - tensor.zero_point + beside
            value = (2 * wanted + choice((-1, 0, 1)) << point) // (2 * mantissa) + choice((0, 1))
        else:
            value = self.random.randint(self._lowest, ~self._lowest)
            value >>= choice((0, self.random.randrange(self.spec.accumulator_width)))
        return min(max(value, self._lowest), ~self._lowest)

    def scale_payload(self, column: int) -> dict:
        """A transfer with any scale that doesn't commit; its limits don't matter."""
        bits = self.random.getrandbits
        return {"column": column, "mantissa": bits(self.spec.mantissa_width),
                "shift": bits(self.spec.shift_width), "commit": 0,
                **({"bias": bits(self.spec.accumulator_width)} if self.spec.bias else {}),
                **{name: bits(self.spec.output_width)
                   for name in ("zero_point", "minimum", "maximum")}}

    def parameters(self, tensor: Tensor) -> Iterator[dict]:
        """The transfers of a tensor's set, its columns in any order, the last one commits."""
        columns = self.random.sample(range(self.spec.columns), self.spec.columns)
        for column in columns:
            yield self.scale_payload(column) | {
                "mantissa": tensor.mantissas[column], "shift": tensor.shifts[column],
                **({"bias": tensor.biases[column]} if self.spec.bias else {}),
                **({"zero_point": tensor.zero_point, "minimum": tensor.minimum,
                    "maximum": tensor.maximum, "commit": 1} if column == columns[-1] else {})}
