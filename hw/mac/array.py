"""The MAC array: products of vectors and blocks, with one exact sum per column."""

from amaranth.hdl import Module
from amaranth.lib import wiring

from ..spec.mac import Dataflow, MacArraySpec, Topology
from .dot_product import DotProductArray
from .output_stationary import OutputStationaryArray
from .output_systolic import OutputSystolicArray
from .ports import array_ports
from .systolic import SystolicArray

__all__ = ["MacArray"]


class MacArray(wiring.Component):
    """``lanes`` × ``columns`` multipliers behind three streams.

    Weight-stationary: a block of ``lanes × columns`` weights is loaded through ``weights`` while
    vectors meet the block before. Each vector of activations that is taken gives one transfer of
    ``columns`` sums, ``sums[c] = Σ vector[l] · block[l][c]``, exactly. With 4-bit weights a block
    has ``2 · lanes`` positions per column, and a vector as many elements. A vector marked
    ``first`` meets the next committed block and waits for it; the others stay with theirs. An
    indexed load brings only the entries of a block that aren't zero: the shadow registers are
    cleared whenever a block goes live.

    With a window, vectors marked ``slide`` on full-width weights bring element c to column c alone:
    ``sums[c] = Σ x[c][l] · block[l][c]``, where x[c][l] is element c of the l-th such vector before
    for the first ``window`` lanes, element l of the vector for the others. If such a vector is
    marked ``silent``, too, it gives no transfer of sums.

    Input-stationary: the same with the streams' parts exchanged; blocks of activations are
    loaded, vectors of weights stream through.

    Output-stationary: every vector is taken together with a transfer of weights, and products
    add up in the array from the vector marked ``first`` (also the first after a ``last``) to
    the one marked ``last``, which alone brings out sums. Dot product: weights are a block of
    ``lanes × columns``, a result is one transfer. Systolic: weights are a vector of ``columns``
    elements, the array forms the outer product, ``sums[l][c] = Σ vector[l] · weights[c]``, and a
    result is ``lanes`` transfers. A sum that didn't fit is flagged in ``overflow``.

    ============================  ================================  =============================
    array                         cycles from vector to sums        vectors per cycle
    ============================  ================================  =============================
    dot product, stationary       ``pipeline_stages``               1, also across blocks
    dot product, output           ``pipeline_stages + 1``           1
    systolic, stationary          ``lanes + columns``               1, if blocks last for at least
                                                                    ``lanes + columns - 1`` more
                                                                    vectors than loading transfers
    systolic, output              ``lanes + columns + 3``           1 up to a tile's last, which
                                                                    waits for the tile before
    ============================  ================================  =============================

    Back-pressure: all streams may stall at any time. ``activations.ready`` depends on
    ``sums.ready`` in the same cycle, ``weights.ready`` on both.

    Parameters
    ----------
    spec : MacArraySpec

    Members
    -------
    weights : In(stream of :func:`.ports.stationary_layout`)
    activations : In(stream of :func:`.ports.moving_layout`)
        Exchanged with ``weights`` in an input-stationary array.
    sums : Out(stream of :func:`.ports.sums_layout`)

    Raises
    ------
    TypeError
        If ``spec`` is no :class:`MacArraySpec`.
    """

    def __init__(self, *, spec: MacArraySpec):
        if not isinstance(spec, MacArraySpec):
            raise TypeError(f"spec must be a MacArraySpec, not {spec!r}")
        self._spec = spec
        super().__init__(array_ports(spec))

    @property
    def spec(self) -> MacArraySpec:
        """The specification."""
        return self._spec

    def elaborate(self, platform):
        m = Module()
        stationary = self._spec.dataflow is not Dataflow.OUTPUT_STATIONARY
        engine = {
            (True, Topology.DOT_PRODUCT): DotProductArray,
            (True, Topology.SYSTOLIC): SystolicArray,
            (False, Topology.DOT_PRODUCT): OutputStationaryArray,
            (False, Topology.SYSTOLIC): OutputSystolicArray,
        }[stationary, self._spec.topology](self._spec)
        m.submodules.engine = engine
        wiring.connect(m, wiring.flipped(self), engine)
        return m
