"""Compiled programs: what the host puts into memory, and where it finds the results."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from sparrow.hw.spec.accelerator import AcceleratorSpec
from sparrow.hw.spec.base import SpecError
from sparrow.hw.spec.commands import COMMAND_BYTES, Command, Opcode, decode

from .errors import CompileError
from .layout import TensorLayout
from .predict import STALLS, Decoding, Timing, predict

__all__ = ["LAYOUT_FILE", "PROGRAM_FILE", "LayerInfo", "Program"]

PROGRAM_FILE, LAYOUT_FILE = "program.bin", "layout.json"
FORMAT = 4


@dataclasses.dataclass(frozen=True, kw_only=True)
class LayerInfo:
    """What became of a layer.

    Parameters
    ----------
    name, kind : str
        Its name and its class.
    first_command, commands : int
        Its first command, and how many it has, none if its output is there already.
    scattered : tuple of int
        The numbers of its commands if another layer's stand between them, else empty.
    macs : int
        Products that it needs, zero weights and padding included.
    vectors : int
        Steps of the array.
    bytes_read, bytes_written : int
        Weights and activations, commands not counted.
    tiling : tuple of str
        For each pass, how it is cut.
    output : str
        Where its output is: in ``"memory"``, on the ``"chip"``, ``"both"``, or nowhere:
        ``"fused"``.
    fused_into : str
        The addition that its results meet on their way, or empty. That has no commands then.
    codecs : tuple of str
        Of its weight streams, each once: ``plain``, or a codec and what it goes with.
    cycles : int
        Predicted, from the retirement of the layer before to its own.
    stalls : dict of str to int
        Predicted, cycles in which the array waits, by cause: ``weights`` that aren't there;
        ``decoding`` of those that are, compressed; ``results`` that have to leave; ``buffer``, a
        bank that STORE or an addition reads; ``tokens`` of loads and stores, and results that are
        on their way.
    """

    name: str
    kind: str
    first_command: int
    commands: int
    macs: int
    vectors: int
    bytes_read: int
    bytes_written: int
    tiling: tuple[str, ...]
    output: str = "memory"
    fused_into: str = ""
    codecs: tuple[str, ...] = ()
    cycles: int = 0
    stalls: Mapping[str, int] = dataclasses.field(default_factory=dict)
    scattered: tuple[int, ...] = ()

    @property
    def numbers(self) -> Sequence[int]:
        """The numbers of its commands."""
        return self.scattered or range(self.first_command, self.first_command + self.commands)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Program:
    """A network as an accelerator runs it.

    Parameters
    ----------
    name : str
        The network's.
    spec : AcceleratorSpec
    program_bytes : bytes
        The program window: commands and weight streams, whole pages.
    start : int
        Byte offset of the first command.
    data_size : int
        Bytes of the data window, whole pages. Nothing in it needs a value but the input.
    tensors : dict of str to TensorLayout
        Where each layer's output and the input lie.
    kept : tuple of str
        Layers whose outputs are in memory after a run; the others stay on the chip, or are
        overwritten.
    input, output : str
        Names of the network's input and output.
    layers : tuple of LayerInfo
    cycles : int
        Predicted, from the start to the end.
    decodings : dict of int to Decoding
        How compressed weight streams are decoded, by their offset in the program window.
    """

    name: str
    spec: AcceleratorSpec
    program_bytes: bytes
    start: int
    data_size: int
    tensors: Mapping[str, TensorLayout]
    kept: tuple[str, ...]
    input: str
    output: str
    layers: tuple[LayerInfo, ...]
    cycles: int = 0
    decodings: Mapping[int, Decoding] = dataclasses.field(default_factory=dict)

    def layer(self, name: str) -> LayerInfo:
        """What became of a layer; raises ``KeyError`` if there is none of the name."""
        for info in self.layers:
            if info.name == name:
                return info
        raise KeyError(f"The program {self.name!r} has no layer {name!r}")

    def commands(self) -> list[tuple[Command, dict[str, int]]]:
        """All commands with their fields, END last."""
        position = self.start
        result: list[tuple[Command, dict[str, int]]] = []
        while not result or result[-1][0].opcode is not Opcode.END:
            result.append(decode(self.program_bytes[position:position + COMMAND_BYTES]))
            position += COMMAND_BYTES
        return result

    def with_cycles(self, timing: Timing) -> "Program":
        """The same program, its cycles predicted with other latencies."""
        prediction = predict(self.commands(), self.spec, start=self.start, timing=timing,
                             decodings=self.decodings)
        found = zip(prediction.layers, prediction.stalls, strict=True)
        layers = []
        for layer in self.layers:
            cycles, stalls = next(found) if layer.commands else (0, dict.fromkeys(STALLS, 0))
            layers.append(dataclasses.replace(layer, cycles=cycles, stalls=stalls))
        return dataclasses.replace(self, layers=tuple(layers), cycles=prediction.total)

    def write_input(self, memory: np.ndarray | bytearray,
                    tensor: torch.Tensor | np.ndarray) -> None:
        """Put an input image into a data window.

        Parameters
        ----------
        memory : numpy.ndarray of bytes, or bytearray
            At least ``data_size`` long, changed in place.
        tensor : int8, shape (channels, height, width), or (1, channels, height, width)
        """
        self.tensors[self.input].write(_bytes(memory), _image(tensor))

    def read_tensor(self, memory: np.ndarray | bytes | bytearray,
                    name: str | None = None) -> torch.Tensor:
        """A layer's output, or the network's, out of a data window.

        Returns
        -------
        torch.Tensor, int8, shape (channels, height, width)
        """
        name = self.output if name is None else name
        if name not in self.tensors:
            raise KeyError(f"The program {self.name!r} has no tensor {name!r}")
        if name not in (self._read_back if name == self.input else self.kept):
            raise KeyError(f"The program {self.name!r} doesn't keep {name!r} in memory")
        return torch.from_numpy(self.tensors[name].read(_bytes(memory)))

    @property
    def _read_back(self) -> tuple[str, ...]:
        """The input, if no output takes its memory."""
        own = self.tensors[self.input]
        others = (other for other in self.tensors.values()
                  if other is not own and not other.on_chip)
        if any(other.offset < own.offset + own.size and own.offset < other.offset + other.size
               for other in others):
            return ()
        return (self.input,)

    def save(self, folder: str | Path) -> None:
        """Write ``program.bin`` and ``layout.json`` into a folder, which is made if need be."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / PROGRAM_FILE).write_bytes(self.program_bytes)
        layout = {
            "format": FORMAT, "name": self.name, "accelerator": self.spec.to_mapping(),
            "start": self.start, "program_size": len(self.program_bytes),
            "data_size": self.data_size, "input": self.input, "output": self.output,
            "cycles": self.cycles, "kept": self.kept,
            "tensors": [dataclasses.asdict(tensor) for tensor in self.tensors.values()],
            "layers": [dataclasses.asdict(layer) for layer in self.layers],
            "decodings": {str(offset): decoding.to_mapping()
                          for offset, decoding in self.decodings.items()}}
        layout["checksum"] = _checksum(layout, self.program_bytes)
        (folder / LAYOUT_FILE).write_text(json.dumps(layout, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: str | Path) -> "Program":
        """Read what ``save`` wrote.

        Raises
        ------
        CompileError
            If a file is missing or isn't what ``save`` writes; the text names it.
        """
        folder = Path(folder)
        path = folder / PROGRAM_FILE
        try:
            program = path.read_bytes()
            path = folder / LAYOUT_FILE
            layout = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise CompileError(f"{path}: {error.strerror}") from None
        except (ValueError, RecursionError) as error:
            raise CompileError(f"{path}: not a JSON file: {error}") from None
        try:
            if layout["format"] != FORMAT:
                raise CompileError(f"{path}: format must be {FORMAT}, not {layout['format']!r}")
            if layout["program_size"] != len(program):
                raise CompileError(f"{folder / PROGRAM_FILE}: size must be "
                                   f"{layout['program_size']} bytes, not {len(program)}")
            tensors = [TensorLayout(**tensor | {"segments": tuple(tensor["segments"])})
                       for tensor in layout["tensors"]]
            found = cls(
                name=layout["name"], program_bytes=program, start=layout["start"],
                spec=AcceleratorSpec.from_mapping(layout["accelerator"], source=str(path)),
                data_size=layout["data_size"], input=layout["input"], output=layout["output"],
                cycles=layout["cycles"], kept=tuple(layout["kept"]),
                tensors={tensor.name: tensor for tensor in tensors},
                layers=tuple(LayerInfo(**layer | {name: tuple(layer[name])
                                                  for name in ("tiling", "codecs", "scattered")})
                             for layer in layout["layers"]),
                decodings={int(offset): Decoding.from_mapping(decoding)
                           for offset, decoding in layout["decodings"].items()})
            checksum = layout["checksum"]
        except (CompileError, SpecError):
            raise
        except (KeyError, TypeError, ValueError) as error:
            raise CompileError(f"{path}: not a layout of a program: {error}") from None
        if checksum != _checksum(layout, program):
            raise CompileError(f"{path}: checksum must be that of it and {PROGRAM_FILE}, but "
                               "isn't: one was changed or damaged")
        return found


def _checksum(layout: Mapping[str, object], program: bytes) -> str:
    """Of everything in a layout but the checksum, and of the program."""
    rest = {name: value for name, value in layout.items() if name != "checksum"}
    total = hashlib.sha256(json.dumps(rest, sort_keys=True).encode())
    total.update(program)
    return total.hexdigest()


def _bytes(memory: np.ndarray | bytes | bytearray) -> np.ndarray:
    return memory if isinstance(memory, np.ndarray) else np.frombuffer(memory, np.uint8)


def _image(tensor: torch.Tensor | np.ndarray) -> np.ndarray:
    values = tensor.numpy() if isinstance(tensor, torch.Tensor) else np.asarray(tensor)
    return values[0] if values.ndim == 4 and len(values) == 1 else values
