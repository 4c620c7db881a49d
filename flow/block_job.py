"""The job of a block: from its specification to Verilog, proof and price, in one folder."""

import dataclasses
import json
from pathlib import Path
from typing import Any

from sparrow import __version__
from sparrow.flow.acceptance import Acceptance, accept
from sparrow.flow.blocks import Block
from sparrow.flow.files import write_atomically
from sparrow.flow.numbers import grouped
from sparrow.flow.progress import progress
from sparrow.flow.proof import Proof, prove
from sparrow.flow.synthesis import Estimate, estimate

__all__ = ["BlockJob", "run_block_job"]


@dataclasses.dataclass(frozen=True)
class BlockJob:
    """What the job of a block found.

    Members
    -------
    block, spec
        What it was about.
    verilog_bytes : int
        Size of the Verilog file.
    accepted : list of Acceptance
        What other tools say of it.
    proof : Proof
    estimates : list of Estimate
    folder : Path
        Where all of it lies.
    """
    block: Block
    spec: Any
    verilog_bytes: int
    accepted: list[Acceptance]
    proof: Proof
    estimates: list[Estimate]
    folder: Path

    @property
    def passed(self) -> bool:
        """Whether the regression passed and no tool refused the Verilog."""
        return self.proof.passed and all(answer.accepted is not False for answer in self.accepted)

    def rows(self) -> list[tuple[str, str]]:
        """The results as pairs of words, for a table."""
        spec = ", ".join(f"{name} {value}" for name, value in self.spec.to_mapping().items())
        outcomes = [result.outcome for result in self.proof.results]
        rows = [("specification", spec),
                ("Verilog", f"{self.folder / (self.block.top_name + '.v')}, "
                            f"{self.verilog_bytes / 1000:.0f} kB"),
                ("accepted by", ", ".join(_answer(answer) for answer in self.accepted)),
                (f"proof on {self.proof.simulator}",
                 f"{outcomes.count('passed')} tests passed, {outcomes.count('failed')} failed; "
                 f"{grouped(self.proof.coverage.get('sums', 0))} sums equal golden's, "
                 f"{grouped(self.proof.coverage.get('cycles', 0))} cycles")]
        macs = self.block.macs_per_cycle(self.spec)
        if macs:
            rows.append(("MACs per cycle", str(macs)))
        for result in self.estimates:
            rows += _prices(result, macs)
        return rows


def _answer(answer):
    return answer.reader + {True: "", False: ": REFUSED", None: ": not installed"}[answer.accepted]


def _prices(result, macs):
    name = "gates" if result.target == "gates" else f"library, recipe {result.recipe}"
    figures = [("NAND2 equivalents", result.nand2_equivalents, "{:,.0f}"),
               ("area in µm²", result.area_um2, "{:,.0f}"),
               ("flip-flops", result.flip_flops, "{:,.0f}"),
               ("critical path in ns", result.delay_ns, "{:.2f}")]
    rows = [(f"{name}: {label}", grouped(value, form))
            for label, value, form in figures if value is not None]
    if result.area_um2 is not None and macs:
        rows.append((f"{name}: µm² per MAC and cycle", f"{result.area_um2 / macs:.1f}"))
    return rows


def run_block_job(block: Block, spec: Any, *, folder: Path,
                  liberty: Path | None = None) -> BlockJob:
    """Generate, check, prove and estimate a block; write everything under ``folder``.

    ``<block>.v``, ``<block>.toml``, ``report.md`` and ``results.json``.

    Raises
    ------
    UserError
        If a tool fails.
    """
    for name in ("results.json", "report.md"):  # of an earlier run, until this one is complete
        (folder / name).unlink(missing_ok=True)
    with progress(f"generating {block.name}"):
        verilog = block.verilog(spec)
    source = write_atomically(folder / f"{block.top_name}.v", verilog)
    write_atomically(folder / f"{block.top_name}.toml", spec.to_toml())
    with progress("showing the Verilog to other tools"):
        accepted = accept(verilog, block.top_name)
    with progress("proving it against golden on Verilator"):
        proof = prove(block, spec, blocks=20, verilog=verilog)
    estimates = []
    for target, library in [("gates", None)] + ([("liberty", liberty)] if liberty else []):
        with progress(f"estimating it for target {target}"):
            estimates.append(estimate(source, block.top_name, target, liberty=library,
                                      macs_per_cycle=block.macs_per_cycle(spec)))
    job = BlockJob(block, spec, len(verilog.encode()), accepted, proof, estimates, folder)
    write_atomically(folder / "results.json", json.dumps(_as_json(job), indent=2) + "\n")
    write_atomically(folder / "report.md", _report(job))
    return job


def _as_json(job):
    return {
        "sparrow": __version__, "block": job.block.name, "specification": job.spec.to_mapping(),
        "passed": job.passed, "verilog_bytes": job.verilog_bytes,
        "accepted": {answer.reader: answer.accepted for answer in job.accepted},
        "simulator": job.proof.simulator,
        "tests": {result.name: result.outcome for result in job.proof.results},
        "coverage": job.proof.coverage,
        "estimates": [result.to_dict() for result in job.estimates],
    }


def _report(job):
    lines = [f"# {job.block.name}, by Sparrow {__version__}", "", "| | |", "|---|---|"]
    lines += [f"| {name} | {value} |" for name, value in job.rows()]
    lines += ["", "## Tests", "", "| test | outcome |", "|---|---|"]
    lines += [f"| `{result.name}` | {result.outcome} |" for result in job.proof.results]
    lines += ["", "## Covered", "", "| what | count |", "|---|---:|"]
    lines += [f"| {name} | {grouped(value)} |" for name, value in job.proof.coverage.items()]
    for result in job.estimates:
        lines += ["", f"## Estimate, target {result.target}, recipe {result.recipe}", "",
                  "| figure | how it was got |", "|---|---|"]
        lines += [f"| {figure} | {how} |" for figure, how in result.how.items()]
        versions = ", ".join(f"{tool} {version}" for tool, version in result.tool_versions.items())
        lines += ["", f"Tools: {versions}."]
    return "\n".join(lines) + "\n"
