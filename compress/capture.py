"""From a PyTorch model to a float graph, through ``torch.export``."""

import logging
import math
import re

import torch

from .fold import fold
from .graph import Graph, Node, PadNode, Shape
from .operations import OPERATIONS, VIEWS, Call, CaptureError, Value

__all__ = ["CaptureError", "capture"]

IMAGES = 2  # not 1, so that the batch isn't mistaken for a size of 1
TOLERANCE = 1e-3


def capture(model: torch.nn.Module, shape: tuple[int, ...], *, name: str | None = None) -> Graph:
    """The float graph of a model, batch normalization and activations folded.

    Parameters
    ----------
    model : torch.nn.Module
        In evaluation mode, on the CPU, in float32; one input, one output.
    shape : (int, int, int), (int, int) or (int,)
        Of one input: (channels, height, width), (channels, length) or (features,).
    name : str
        Name of the graph; that of the model's class unless given.

    Returns
    -------
    Graph
        Computes what the model computes, to a relative difference of 10^-3 of the largest output
        on a random batch.

    Raises
    ------
    CaptureError
        If the model does what isn't supported; the text names the module and the operation.

    Notes
    -----
    Supported, as modules and as functions: convolution over one and two dimensions (padding with
    zeros, also by itself before it), linear layers, batch normalization, ReLU, ReLU6, hard tanh
    and other clamps, sigmoid, tanh, hard swish, hard sigmoid, maximum and average pooling (no
    ceil mode, padding not counted), global average pooling, addition of two tensors,
    concatenation of channels, flattening, dropout. A module may be used several times.
    """
    if any(module.training for module in model.modules()):
        raise CaptureError("The model must be in evaluation mode; call its eval() first")
    for kind, tensor in (*model.named_parameters(), *model.named_buffers()):
        if tensor.is_floating_point() and tensor.dtype != torch.float32:
            raise CaptureError(f"Parameter {kind!r} must be of torch.float32, not {tensor.dtype}")
        if not bool(tensor.isfinite().all()):
            raise CaptureError(f"Parameter {kind!r} must be finite, but has an infinity or NaN")
    if len(shape) not in (1, 2, 3):
        raise CaptureError(f"The input must have 1 to 3 dimensions, not {len(shape)}")
    example = torch.randn(IMAGES, *shape, generator=torch.Generator().manual_seed(0))
    graph = fold(_Capture(_exported(model, example)).graph(name or type(model).__name__))
    for node in graph:
        if isinstance(node, PadNode):
            raise CaptureError(f"Layer {node.name!r}: padding must be before one convolution and "
                               "nothing else")
    with torch.inference_mode():
        expected = model(example.clone()).flatten(1)
    found = graph.run(example)[graph.output].flatten(1)
    limit = TOLERANCE * max(1e-6, float(expected.abs().max()))
    if expected.shape != found.shape or not bool(((expected - found).abs() <= limit).all()):
        raise CaptureError("The captured graph must compute what the model computes, but doesn't")
    return graph


def _exported(model: torch.nn.Module, example: torch.Tensor) -> torch.export.ExportedProgram:
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)  # torch logs at length what it raises as well
    try:
        return torch.export.export(model, (example.clone(),))
    except Exception as error:  # torch raises errors of many types here
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        reason = lines[0] if lines else type(error).__name__
        raise CaptureError(f"The model must be exportable by torch.export: {reason}") from error
    finally:
        logging.disable(before)


class _Capture:
    """Walks an exported program and makes a node of each operation.

    PyTorch's operations in place change what is read later under the name of their input and of
    all its views, so values that share memory share one ``Value``'s slot.
    """

    def __init__(self, program: torch.export.ExportedProgram):
        self._program = program
        self._nodes: list[Node] = []
        self._slots: dict[object, list[tuple[str, Shape]]] = {}
        self._constants: dict[object, torch.Tensor] = {}
        self._names = {"input"}
        self._parents = {path for node in program.graph.nodes for path in _paths(node)[:-1]}

    def graph(self, name: str) -> Graph:
        shape, output = None, None
        inputs = self._program.graph_signature.user_inputs
        for node in self._program.graph.nodes:
            if node.op == "placeholder" and node.name in inputs:
                shape = _image(_view(node))
                self._slots[node] = [("input", shape)]
            elif node.op == "placeholder":
                self._constants[node] = self._constant(node.name)
            elif node.op == "call_function":
                self._call(node)
            elif node.op == "output":
                output = self._output(node.args[0])
            else:
                raise CaptureError(f"The model: {node.op} is not supported")
        assert shape is not None and output is not None
        return Graph(name=_identifier(name), shape=shape, nodes=tuple(self._nodes), output=output)

    def _constant(self, name: str) -> torch.Tensor:
        signature = self._program.graph_signature
        for names in (signature.inputs_to_parameters, signature.inputs_to_buffers,
                      signature.inputs_to_lifted_tensor_constants):
            if name in names:
                target = names[name]
                if target in self._program.state_dict:
                    return self._program.state_dict[target]
                return self._program.constants[target]
        raise CaptureError(f"The model: input {name!r} is not supported")

    def _value(self, argument: object) -> object:
        if isinstance(argument, list | tuple):
            return [self._value(item) for item in argument]
        if argument in self._constants:
            return self._constants[argument]
        if isinstance(argument, torch.fx.Node):
            node, shape = self._slots[argument][0]
            return Value(node, shape, _view(argument))
        return argument

    def _call(self, node) -> None:
        schema = getattr(node.target, "_schema", None)
        operation = schema.name.split("::")[-1] if schema else str(node.target)
        in_place = operation.endswith("_") and not operation.endswith("__")
        operation = operation.rstrip("_") if in_place else operation
        path = (_paths(node) or [""])[-1]
        call = Call(operation, path, "", {}, _view(node))
        if schema is None or (operation not in OPERATIONS and operation not in VIEWS):
            raise call.refuse("is not supported")
        given = dict(zip([argument.name for argument in schema.arguments], node.args))
        given.update(node.kwargs)
        call.arguments.update({argument.name: self._value(given.get(argument.name,
                                                                    argument.default_value))
                               for argument in schema.arguments})
        source = node.args[0]
        if operation in VIEWS:
            self._keep(call, node, source)
            return
        call.name = self._name(path, operation)
        made = OPERATIONS[operation](call)
        self._nodes.append(made)
        if in_place:
            self._slots[source][0] = (made.name, made.shape)
            self._slots[node] = self._slots[source]
        else:
            self._slots[node] = [(made.name, made.shape)]

    def _keep(self, call: Call, node, source) -> None:
        """An operation that keeps all elements: the same node in another shape."""
        if call.operation.endswith("dropout") and call["train"]:
            raise call.refuse("must be in evaluation mode")
        value = call.value("input" if "input" in call.arguments else "self", channels=False)
        shape, view = value.shape, call.view
        images = node.meta["val"].shape[0]
        if view not in (value.view, (math.prod(shape),), shape,
                        (shape[0], shape[2]) if shape[1] == 1 else shape):
            raise call.refuse(f"must keep images apart and flatten each whole, not make "
                              f"{(images, *view)} of {(IMAGES, *value.view)}")
        self._slots[node] = (list(self._slots[source]) if call.operation == "clone"
                             else self._slots[source])

    def _output(self, outputs) -> str:
        if len(outputs) != 1:
            raise CaptureError(f"The model must give one tensor, not {len(outputs)}")
        value = self._value(outputs[0])
        if not isinstance(value, Value) or value.node == "input":
            raise CaptureError("The model must compute its output from its input")
        return value.node

    def _name(self, path: str, operation: str) -> str:
        """A unique name: the path of a module without parts, else path and operation."""
        base = _identifier(path if path and path not in self._parents
                           else ".".join(filter(None, (path, operation))))
        name, count = base, 1
        while name in self._names:
            name, count = f"{base}_{count}", count + 1
        self._names.add(name)
        return name


def _paths(node) -> list[str]:
    """Paths of the modules that an operation is in, outermost first."""
    stack = node.meta.get("nn_module_stack") or {}
    return [re.sub(r"@\d+$", "", path) for path, _ in stack.values()]


def _view(node) -> tuple[int, ...]:
    """PyTorch's shape of one image."""
    value = node.meta["val"]
    return tuple(value.shape[1:]) if isinstance(value, torch.Tensor) else ()


def _image(view: tuple[int, ...]) -> Shape:
    height, width = (1, 1, *view[1:])[-2:]
    return view[0], height, width


def _identifier(text: str) -> str:
    """A name as networks have it: no digit first."""
    text = re.sub(r"[^A-Za-z0-9_.]", "_", text)
    return text if re.match(r"[A-Za-z_]", text) else f"layer{text}"
