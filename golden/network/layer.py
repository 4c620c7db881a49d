"""What all layers have, and the window that convolution and pooling slide."""

import dataclasses

from .checks import NetworkError, require_int, require_ints, require_name, shown
from .types import Numbers, Record, TensorType

__all__ = ["Layer", "Shape", "window_shape"]

Shape = tuple[int, int, int]
LARGEST_KERNEL = 2**12


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Layer(Record):
    """Base of all layers: one tensor computed from earlier ones.

    Parameters
    ----------
    name : str
        Letters, digits and underscores, in parts joined by dots.
    inputs : tuple of str
        Names of earlier layers, or of the network's input.
    output : TensorType
        What the layer gives; its shape must be the one that follows from the inputs.

    Raises
    ------
    TypeError
        If a value is of the wrong type.
    NetworkError
        If a value is out of range; the text begins with the layer's name.
    """

    name: str
    inputs: tuple[str, ...]
    output: TensorType

    def __post_init__(self) -> None:
        require_name("A layer's name", self.name)
        subject = self.subject("inputs")
        if not isinstance(self.inputs, tuple):
            raise TypeError(f"{subject} must be a tuple of names, not {shown(self.inputs)}")
        low, high = self.input_count
        if not low <= len(self.inputs) <= high:
            wanted = str(low) if low == high else f"{low} to {high}"
            raise NetworkError(f"{subject} must be {wanted}, not {len(self.inputs)}")
        for name in self.inputs:
            require_name(subject, name)
        if not isinstance(self.output, TensorType):
            raise TypeError(f"{self.subject('output')} must be a TensorType, "
                            f"not {shown(self.output)}")
        self._keep_copies()

    @property
    def input_count(self) -> tuple[int, int]:
        """The fewest and the most inputs."""
        return 1, 1

    def subject(self, field: str) -> str:
        """A field of this layer, as an error names it."""
        return f"Layer {self.name!r}: {field}"

    def output_shape(self, inputs: tuple[TensorType, ...]) -> Shape:
        """The shape that follows from the inputs; raises ``NetworkError`` if none does."""
        raise NotImplementedError

    def check(self, inputs: tuple[TensorType, ...], numbers: Numbers) -> None:
        """Check what depends on the inputs or on the numbers of the network.

        Raises
        ------
        NetworkError
            If the output's shape isn't the one that follows, or the layer's numbers don't go
            with those of its inputs or of the network.
        """
        shape = self.output_shape(inputs)
        if shape != self.output.shape:
            raise NetworkError(f"{self.subject('output shape')} must be {shape}, "
                               f"not {self.output.shape}")

    def require_same_numbers(self, source: TensorType) -> None:
        """Check that the output has the input's scale, zero point and bits."""
        if not self.output.same_numbers(source):
            wanted, found = ((kind.scale, kind.zero_point, kind.bits)
                             for kind in (source, self.output))
            raise NetworkError(f"{self.subject('output scale, zero point and bits')} must be those "
                               f"of the input, {wanted}, not {found}")

    def require_limits(self, minimum: int, maximum: int) -> None:
        """Check clamp limits against each other and the output's range."""
        low, high = self.output.minimum, self.output.maximum
        require_int(self.subject("minimum"), minimum, low, high)
        require_int(self.subject("maximum"), maximum, low, high)
        if minimum > maximum:
            raise NetworkError(f"{self.subject('minimum')} must be at most maximum ({maximum}), "
                               f"not {minimum}")

    def require_window(self, kernel: tuple[int, int], stride: tuple[int, int],
                       padding: tuple[int, int, int, int]) -> None:
        """Check a window's numbers by themselves."""
        require_ints(self.subject("kernel"), kernel, 2, 1, LARGEST_KERNEL)
        require_ints(self.subject("stride"), stride, 2, 1, LARGEST_KERNEL)
        require_ints(self.subject("padding"), padding, 4, 0, LARGEST_KERNEL)


def window_shape(layer: Layer, source: Shape, kernel: tuple[int, int], stride: tuple[int, int],
                 padding: tuple[int, int, int, int],
                 dilation: tuple[int, int] = (1, 1)) -> tuple[int, int]:
    """Height and width that a sliding window gives, positions that don't fit left out.

    Parameters
    ----------
    padding : (int, int, int, int)
        Rows at the top, columns at the left, rows at the bottom, columns at the right.

    Raises
    ------
    NetworkError
        If the window is larger than the padded image.
    """
    top, left, bottom, right = padding
    sizes = []
    for name, size, around, taps, step, gap in (
            ("height", source[1], top + bottom, kernel[0], stride[0], dilation[0]),
            ("width", source[2], left + right, kernel[1], stride[1], dilation[1])):
        reach = gap * (taps - 1) + 1
        if reach > size + around:
            raise NetworkError(f"{layer.subject('kernel')} must reach over at most the padded "
                               f"{name} {size + around}, not {reach}")
        sizes.append((size + around - reach) // step + 1)
    return sizes[0], sizes[1]
