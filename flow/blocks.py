"""The blocks that can be generated, proved and estimated on their own."""

import dataclasses
import importlib
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparrow.flow.errors import UserError
from sparrow.hw.spec.base import Spec

if TYPE_CHECKING:
    from sparrow.flow.interface import Surroundings
    from sparrow.flow.verilog import VerilogFiles

__all__ = ["BLOCKS", "Block", "add_settings", "add_spec_arguments", "add_tile", "block"]


@dataclasses.dataclass(frozen=True)
class Block:
    """A block: its specification, its component, and the regression that proves it.

    Classes are named by module and name, so that listing the blocks imports none of them.

    Parameters
    ----------
    name : str
        As on the command line.
    specification, component : str
        ``module:class``; the component, or a function that makes it, takes the specification as
        keyword ``spec``.
    regression : str
        Module of cocotb tests.
    companions : str
        ``module:function`` that gives what belongs beside the Verilog, or empty; it takes the
        specification, the top's name, the names of the Verilog files and the surroundings, and
        gives texts by name.
    """
    name: str
    specification: str
    component: str
    regression: str
    companions: str = ""

    @property
    def top_name(self) -> str:
        """The top module's name."""
        return self.name.replace("-", "_")

    def parse(self, path: Path | None, settings: Sequence[str]) -> Any:
        """The specification of a TOML file (or of defaults) with some values set.

        Parameters
        ----------
        path
            TOML file, or ``None``.
        settings
            ``name=value`` each; values as in TOML, strings also without quotes.

        Raises
        ------
        UserError, SpecError
            On a setting without ``=``, a file that can't be read, or values that the
            specification refuses.
        """
        specification: type[Spec] = _load(self.specification)
        values: dict[str, Any] = {}
        if path is not None:
            values = specification.mapping_of_toml(path)
        values_of_file = dict(values)
        for setting in settings:
            name, equals, value = setting.partition("=")
            if not equals or not name:
                raise UserError(f"--set must be given NAME=VALUE, not {setting!r}")
            values[name.strip()] = _value(value.strip())
        source = str(path or self.name)
        if path is not None and settings:
            specification.from_mapping(values_of_file, source=source)
            source += f" with --set {' '.join(settings)}"
        return specification.from_mapping(values, source=source)

    def make(self, spec: Any) -> Any:
        """The block's component."""
        return _load(self.component)(spec=spec)

    def verilog(self, spec: Any) -> str:
        """The block's Verilog in one text."""
        return self.verilog_files(spec).text

    def verilog_files(self, spec: Any, around: "Surroundings | None" = None) -> "VerilogFiles":
        """The block's Verilog for its surroundings."""
        from sparrow.flow.interface import Surroundings
        from sparrow.flow.verilog import verilog_files
        around = around or Surroundings()
        return verilog_files(self.make(spec), spec, self.top_name,
                             separate_memories=around.separate_memories,
                             clock_ports=around.clock_ports)

    def files_beside(self, spec: Any, files: Sequence[str],
                     around: "Surroundings | None" = None) -> dict[str, str]:
        """What belongs beside the Verilog ``files``: texts by name of the file."""
        if not self.companions:
            return {}
        return _load(self.companions)(spec, self.top_name, files, around)

    def macs_per_cycle(self, spec: Any) -> int | None:
        """Multiply-accumulates per cycle, where the block has any."""
        return getattr(spec, "macs_per_cycle", None)


def _load(reference: str) -> Any:
    module, _, name = reference.partition(":")
    return getattr(importlib.import_module(module), name)


def _value(text: str) -> Any:
    if "\n" in text:
        raise UserError(f"--set must be given one NAME=VALUE, not {text!r}")
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
    except (ValueError, RecursionError):  # too many digits or brackets for Python
        raise UserError(f"--set must be given a plain value, not {text[:20]!r}…") from None


_DECOMPRESSOR = "sparrow.hw.spec:DecompressorSpec"
_LANE_DECODER = "sparrow.hw.spec:LaneDecoderSpec"
_ACCELERATOR = "sparrow.hw.spec:AcceleratorSpec"
_LOOPS = "sparrow.sim.loops.regression"

BLOCKS = {found.name: found for found in (
    Block("mac-array", "sparrow.hw.spec:MacArraySpec", "sparrow.hw.mac:MacArray",
          "sparrow.sim.mac.regression"),
    Block("accumulators", "sparrow.hw.spec:AccumulatorsSpec", "sparrow.hw.mac:Accumulators",
          "sparrow.sim.accumulators.regression"),
    Block("requantize", "sparrow.hw.spec:RequantizeSpec", "sparrow.hw.post:Requantize",
          "sparrow.sim.requantize.regression"),
    Block("decompressor", _DECOMPRESSOR, "sparrow.hw.decode:Decompressor",
          "sparrow.sim.decompressor.regression"),
    *(Block(f"{codec}-decoder", _LANE_DECODER,
            f"sparrow.hw.decode:{codec.capitalize()}Decoder",
            "sparrow.sim.decompressor.single_regression")
      for codec in ("rle", "csr", "bitmask", "huffman")),
    Block("decoder-lane", _DECOMPRESSOR, "sparrow.sim.decompressor.parts:DecoderLane",
          "sparrow.sim.decompressor.lane_regression"),
    Block("decompressor-and-array", _DECOMPRESSOR, "sparrow.sim.decompressor.joined:DecodedArray",
          "sparrow.sim.decompressor.layers"),
    *(Block(f"winograd-{part}-transform", "sparrow.hw.spec:WinogradSpec",
            f"sparrow.hw.winograd:{part.capitalize()}Transform", "sparrow.sim.winograd.regression")
      for part in ("input", "weight", "output")),
    Block("winograd", "sparrow.hw.spec:WinogradConvSpec", "sparrow.hw.winograd.conv:WinogradConv",
          "sparrow.sim.winograd.unit.regression"),
    Block("step-loop", _ACCELERATOR, "sparrow.hw.engines.steps:StepLoop", _LOOPS),
    Block("result-loop", _ACCELERATOR, "sparrow.hw.engines.results:ResultLoop", _LOOPS),
    Block("memory-loop", _ACCELERATOR, "sparrow.sim.loops.parts:memory_loop", _LOOPS),
    Block("buffer-loop", _ACCELERATOR, "sparrow.sim.loops.parts:buffer_loop", _LOOPS),
    Block("tokens", _ACCELERATOR, "sparrow.sim.loops.parts:tokens", "sparrow.sim.loops.tokens"),
    Block("sequencer", _ACCELERATOR, "sparrow.hw.control.sequencer:Sequencer",
          "sparrow.sim.loops.sequencer"),
    Block("accelerator", _ACCELERATOR, "sparrow.hw.accelerator:Accelerator",
          "sparrow.sim.accelerator.regression", "sparrow.flow.interface:companions"),
)}


def block(name: str) -> Block:
    """The block of a name; raises ``UserError`` with all names if there is none."""
    if name not in BLOCKS:
        raise UserError(f"BLOCK must be one of {', '.join(BLOCKS)}, not {name!r}")
    return BLOCKS[name]


def add_spec_arguments(parser: Any) -> None:
    """Add what names a block and its specification to a command's parser."""
    parser.add_argument("block", metavar="BLOCK", help=", ".join(BLOCKS))
    add_settings(parser, "its specification, TOML")
    add_tile(parser)


def add_settings(parser: Any, subject: str) -> None:
    """Add what gives a specification to a command's parser."""
    parser.add_argument("--spec", type=Path, metavar="FILE", help=subject)
    parser.add_argument("--set", action="append", default=[], dest="settings",
                        metavar="NAME=VALUE", help="set one value of the specification")


def add_tile(parser: Any) -> None:
    """Add a short form of a value that the Winograd blocks have, to a command with settings."""
    parser.add_argument("--tile", action="append", default=[], dest="settings",
                        type="tile={}".format, metavar="N",
                        help="of a winograd block: the same as --set tile=N")
