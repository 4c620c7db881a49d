"""How many cycles a layer takes on a unit for Winograd convolution."""

from sparrow.golden.winograd import keeps_up

from .bench import WinogradConvBench
from .samples import Source
from .scenario import scenario_of

__all__ = ["count_cycles"]


async def count_cycles(bench: WinogradConvBench, source: Source, **options) -> int:
    """Run a layer of dense random kernels from the first offer of its pass to its last result.

    Parameters
    ----------
    bench
        In which nothing waits.
    source
        ``options`` are those of its :meth:`~.samples.Source.sample`.

    Returns
    -------
    int
        The cycles. Raises ``AssertionError`` if a result is wrong, or if they aren't those that
        golden predicts; where the requantizer doesn't keep up, they may be more.
    """
    await bench.reset()
    await bench.cycles(2 * source.spec.lanes)  # taps are made zero
    sample = source.sample(style="random", dense=True, **options)
    scenario = scenario_of(source, [sample])
    offered = bench.clocking.cycles
    await bench.run(scenario)
    cycles = bench.received_at[-1] - offered + 1
    kept_up = keeps_up(source.spec, sample.layer, sample.passes)
    assert cycles == scenario.cycles or (cycles > scenario.cycles and not kept_up), (
        f"{sample.layer} in {len(sample.passes)} passes takes {cycles} cycles, predicted are "
        f"{scenario.cycles}")
    bench.covered["layers at full speed"] += kept_up
    return cycles
