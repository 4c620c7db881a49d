"""A compiled network as a folder: what goes into memory, where what lies, and the network."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sparrow.compiler import CompileError, Program, compile_network
from sparrow.compiler.predict import Timing
from sparrow.compiler.program import LAYOUT_FILE, PROGRAM_FILE
from sparrow.flow.errors import UserError
from sparrow.flow.files import write_folder
from sparrow.flow.interface.network_header import NETWORK_HEADER_FILE, network_header
from sparrow.flow.tools import run_folder
from sparrow.golden.network import Network, NetworkError, load, save
from sparrow.hw.spec.accelerator import AcceleratorSpec
from sparrow.hw.spec.base import SpecError

__all__ = ["NETWORK_FILE", "OWN", "compiled", "layer_rows", "listing", "load_network", "read_image",
           "write_image"]

NETWORK_FILE, LISTING_FILE = "network.sparrow", "listing.txt"
OWN: Mapping[str, Any] = {"owned": LAYOUT_FILE, "names": (
    PROGRAM_FILE, LAYOUT_FILE, NETWORK_FILE, NETWORK_HEADER_FILE, LISTING_FILE)}


def load_network(path: Path) -> Network:
    """The network of a ``.sparrow`` file; raises ``UserError`` if it holds none."""
    try:
        return load(path)
    except NetworkError as error:
        raise UserError(str(error)) from None


def compiled(network: Network, spec: AcceleratorSpec, *, latency: int = 20,
             keep_all: bool = True, residency: bool = True, fusion: bool = True,
             codec: str = "auto") -> Program:
    """The program of a network.

    Parameters
    ----------
    network, spec, keep_all, residency, fusion, codec
        See :func:`sparrow.compiler.compile_network`.
    latency : int
        Of the memory, with which cycles are predicted.

    Raises
    ------
    UserError
        If the network can't run on the accelerator.
    """
    try:
        return compile_network(network, spec, keep_all=keep_all, residency=residency, fusion=fusion,
                               codec=codec,
                               timing=Timing(memory_read=latency, memory_write=latency))
    except CompileError as error:
        raise UserError(str(error)) from None


def write_image(folder: Path, program: Program, network: Network, *,
                with_listing: bool = False) -> list[Path]:
    """Write program, layout, C header and network, all or nothing; see :func:`write_folder`."""
    with run_folder() as scratch:
        program.save(scratch)
        save(network, scratch / NETWORK_FILE)
        if with_listing:
            (scratch / LISTING_FILE).write_text(listing(program), encoding="utf-8")
        (scratch / NETWORK_HEADER_FILE).write_text(network_header(program), encoding="utf-8")
        files: dict[str, str | bytes] = {path.name: path.read_bytes()
                                         for path in sorted(scratch.iterdir())}
    write_folder(folder, files, **OWN)
    return [folder / name for name in files]


def read_image(folder: Path) -> tuple[Program, Network]:
    """The program and the network in a folder.

    Raises
    ------
    UserError
        If one isn't there, is damaged, or they don't belong together.
    """
    try:
        program = Program.load(folder)
    except (CompileError, SpecError) as error:
        raise UserError(str(error)) from None
    network = load_network(folder / NETWORK_FILE)
    for name in dict.fromkeys([*program.tensors, network.input_name, *(x.name for x in network)]):
        found = [_shape(program, name), _shape(network, name)]
        if found[0] != found[1]:
            raise UserError(f"{folder / NETWORK_FILE}: must be the network of the program; "
                            f"{name!r} is {found[1]}, in the program {found[0]}")
    return program, network


def _shape(of: Program | Network, name: str) -> str:
    """A tensor's shape in words."""
    try:
        if isinstance(of, Network):
            shape = of.type_of(name).shape
        else:
            tensor = of.tensors[name]
            shape = tensor.channels, tensor.height, tensor.width
    except (KeyError, NetworkError):
        return "missing"
    return f"of shape {shape}"


def listing(program: Program) -> str:
    """Every command in a line: its address, its kind, and the fields that aren't 0.

    Above those of a layer, or above its next ones where layers take turns, stands its name.
    """
    first = {number: layer for layer in program.layers for number in layer.numbers
             if number - 1 not in layer.numbers}
    lines = []
    for number, (kind, values) in enumerate(program.commands()):
        if number in first:
            lines.append(f"; {first[number].name}: {'; '.join(first[number].tiling)}")
        fields = " ".join(f"{name}={value}" for name, value in values.items()
                          if value and name != "opcode")
        lines.append(f"{program.start + 64 * number:08x}  {kind.name:8}{fields}".rstrip())
    return "\n".join(lines) + "\n"


def layer_rows(program: Program) -> list[dict[str, Any]]:
    """For each layer name, kind, predicted cycles and stalls, steps, bytes, output, codecs.

    ``fused_into`` is the addition that its results meet on their way, or empty.
    """
    return [{"name": layer.name, "kind": layer.kind, "predicted_cycles": layer.cycles,
             "vectors": layer.vectors, "macs": layer.macs, "bytes_read": layer.bytes_read,
             "bytes_written": layer.bytes_written, "output": layer.output,
             "fused_into": layer.fused_into, "codecs": list(layer.codecs),
             "stalls": dict(layer.stalls)} for layer in program.layers]
