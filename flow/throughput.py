"""How fast a decompressor is: measured cycles of streams of every codec and density."""

import dataclasses
import itertools
from collections.abc import Iterable, Sequence

from sparrow.flow.blocks import block
from sparrow.flow.errors import UserError
from sparrow.flow.regression import build_folder, run_regression
from sparrow.hw.spec.decode import DecompressorSpec

__all__ = ["DENSITIES", "Throughput", "throughput"]

DENSITIES = (1, 0.5, 0.25, 0.1, 0.05)


@dataclasses.dataclass(frozen=True)
class Throughput:
    """A stream's way through a decompressor.

    Parameters
    ----------
    codec : str
    bits : int
        Of a weight.
    density : float
        Share of weights that aren't zero.
    cycles : int
        From the stream's first word to its last block, a word on offer in every cycle.
    steps, words : int
        Of the stream: neither can a decompressor do in fewer cycles.
    weights : int
        That the stream stands for, zeros among them.
    """
    codec: str
    bits: int
    density: float
    cycles: int
    steps: int
    words: int
    weights: int

    @property
    def limit(self) -> str:
        """What no decompressor of this width could be faster than: ``steps`` or ``bus``."""
        return "steps" if self.steps >= self.words else "bus"

    @property
    def share(self) -> float:
        """The lower limit of the cycles as a part of those that it takes."""
        return max(self.steps, self.words) / self.cycles

    @property
    def weights_per_cycle(self) -> float:
        """Dense-equivalent: zeros count."""
        return self.weights / self.cycles


def throughput(spec: DecompressorSpec, *, seed: int = 1,
               densities: Iterable[float] = DENSITIES,
               bits: Sequence[int] = (8, 4)) -> list[Throughput]:
    """Measure streams of independent random weights by each codec, without codebook and map.

    Those with 4-bit weights only where the decompressor takes them. Streams are encoded for the
    fewest cycles.

    Raises
    ------
    UserError
        If the simulator breaks off, or a stream isn't decoded.
    """
    found = block("decompressor")
    widths = [width for width in bits if width == 8 or spec.int4]
    runs = [{"name": f"{codec.value} {width} {density}", "codec": codec.value,
             "four_bit": width == 4, "density": density}
            for codec, width, density in itertools.product(spec.codecs, widths, densities)
            if not (codec.value == "huffman" and width == 4 and spec.codebook < 15)]
    text = found.verilog(spec)
    folder = build_folder("throughput", found.top_name, text)
    source = folder / f"{found.top_name}.v"
    source.write_text(text, encoding="utf-8")
    results, counts = run_regression(
        found, spec, source, module="sparrow.sim.decompressor.throughput", seed=seed, blocks=0,
        exhaustive=False, runs=runs)
    for result in results:
        if result.outcome == "failed":
            raise UserError(f"{result.name} failed: {result.message.splitlines()[0]}")
    measured = []
    for run in runs:
        cycles, steps, words, blocks = (counts[f"{run['name']} {what}"]
                                        for what in ("cycles", "steps", "words", "blocks"))
        halves = 2 if run["four_bit"] else 1
        measured.append(Throughput(
            str(run["codec"]), 4 if run["four_bit"] else 8, float(str(run["density"])), cycles,
            steps, words, blocks * spec.lanes * halves * spec.columns))
    return measured
