"""An integer network: layers in the order in which they are computed."""

import dataclasses
from collections.abc import Iterator

from .checks import NetworkError, require_name, shown
from .layer import Layer
from .types import Numbers, Record, TensorType

__all__ = ["Network"]


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Network(Record):
    """A network of integers, checked as a whole.

    Parameters
    ----------
    name : str
        Letters, digits and underscores, in parts joined by dots.
    input : TensorType
        The input of one image.
    layers : tuple of Layer, at least one
        Each after those that it takes its inputs from. All are used by another one, except the
        output.
    output : str
        Name of the layer whose output is the network's.
    input_name : str
        Name by which layers take the input.
    numbers : Numbers
        Widths and rounding.

    Raises
    ------
    TypeError
        If a value is of the wrong type.
    NetworkError
        If names aren't unique, a layer takes what no earlier layer gives or nobody takes its
        output, or types don't go together; the text names the layer.
    """

    name: str
    input: TensorType
    layers: tuple[Layer, ...]
    output: str
    input_name: str = "input"
    numbers: Numbers = dataclasses.field(default_factory=Numbers)

    def __post_init__(self) -> None:
        require_name("The network's name", self.name)
        require_name("The input's name", self.input_name)
        for subject, value, kind in (("The input", self.input, TensorType),
                                     ("The numbers", self.numbers, Numbers)):
            if not isinstance(value, kind):
                raise TypeError(f"{subject} must be a {kind.__name__}, not {shown(value)}")
        if not isinstance(self.layers, tuple) or not all(isinstance(layer, Layer)
                                                         for layer in self.layers):
            raise TypeError(f"The layers must be a tuple of layers, not {shown(self.layers)}")
        if not self.layers:
            raise NetworkError("The layers must be one or more, not none")
        self._check_layers()

    def _check_layers(self) -> None:
        types = {self.input_name: self.input}
        unused: dict[str, Layer] = {}
        for layer in self.layers:
            if layer.name in types:
                raise NetworkError(f"Layer {layer.name!r}: name must be unique, but an earlier "
                                   "layer or the input has it")
            for name in layer.inputs:
                if name not in types:
                    raise NetworkError(f"{layer.subject('inputs')} must be earlier layers or "
                                       f"{self.input_name!r}, not {name!r}")
                unused.pop(name, None)
            layer.check(tuple(types[name] for name in layer.inputs), self.numbers)
            types[layer.name] = layer.output
            unused[layer.name] = layer
        if self.output not in types or self.output == self.input_name:
            raise NetworkError(f"The output must be the name of a layer, not {shown(self.output)}")
        unused.pop(self.output, None)
        for name in unused:
            raise NetworkError(f"Layer {name!r}: output must be used by a layer or be the "
                               "network's, but isn't")

    def __iter__(self) -> Iterator[Layer]:
        """The layers in order."""
        return iter(self.layers)

    def __len__(self) -> int:
        """How many layers there are."""
        return len(self.layers)

    def layer(self, name: str) -> Layer:
        """The layer of a name; raises ``NetworkError`` if there is none."""
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise NetworkError(f"The network {self.name!r} has no layer {name!r}")

    def type_of(self, name: str) -> TensorType:
        """The type of a layer's output, or of the input, by name."""
        return self.input if name == self.input_name else self.layer(name).output

    def input_types(self, layer: Layer) -> tuple[TensorType, ...]:
        """The types of a layer's inputs."""
        return tuple(self.type_of(name) for name in layer.inputs)

    def consumers(self, name: str) -> tuple[Layer, ...]:
        """The layers that take a tensor, in order."""
        return tuple(layer for layer in self.layers if name in layer.inputs)

    def replace(self, **changes: object) -> "Network":
        """A copy with some fields changed, checked again."""
        return dataclasses.replace(self, **changes)  # type: ignore[arg-type]
