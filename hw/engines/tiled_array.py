"""The array with what it takes for Winograd's algorithm; for all else, as if it were alone."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..control.layout import command_layout
from ..mac import MacArray
from ..mac.ports import moving_layout, stationary_layout, sums_layout
from ..spec.accelerator import AcceleratorSpec
from ..spec.commands import Engine
from ..winograd.kernels import KernelBuffer
from .tiled import TiledPath, tiled_result_layout

__all__ = ["TiledArray"]


class TiledArray(wiring.Component):
    """A :class:`..mac.MacArray` that also serves COMPUTE commands with ``winograd``.

    Parameters
    ----------
    spec : AcceleratorSpec
        With ``winograd``.

    Members
    -------
    weights, activations, sums : stream
        Those of an array of ``spec.weights``, whose numbers fit that with wider operands in here.
    kernels : ``In(1)``
        What is offered on ``weights`` is a block of taps, to be transformed, nine for a channel
        block.
    command, start, reading, step_enable, step_row, step_ready, step_data, others, results, error
        See :class:`.tiled.TiledPath`. What is offered on ``activations`` waits for commands with
        ``winograd`` that are under way.
    mismatch : ``Out(1)``
        A vector took weights of the other kind, transformed or not; until reset.
    vector, waits_for_weights, waits_for_results, waits_for_buffer : ``Out(1)``
        As in :class:`.compute.ComputeEngine`, of such commands.
    """

    def __init__(self, *, spec: AcceleratorSpec):
        self._spec = spec
        super().__init__({
            "weights": In(stream.Signature(stationary_layout(spec.weights))), "kernels": In(1),
            "activations": In(stream.Signature(moving_layout(spec.weights))),
            "sums": Out(stream.Signature(sums_layout(spec.weights))),
            "command": In(command_layout(Engine.COMPUTE, spec)), "start": In(1),
            "reading": Out(1),
            "step_enable": Out(2), "step_row": Out((spec.buffer_rows - 1).bit_length()),
            "step_ready": In(1), "step_data": In(2 * 8 * spec.lanes), "others": In(2),
            "results": Out(stream.Signature(tiled_result_layout(spec))),
            "error": Out(1), "mismatch": Out(1), "vector": Out(1), "waits_for_weights": Out(1),
            "waits_for_results": Out(1), "waits_for_buffer": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        spec = self._spec
        m.submodules.array = array = MacArray(spec=spec.array)
        m.submodules.path = path = TiledPath(spec=spec)
        for name in ("command", "start", "step_ready", "step_data", "others"):
            m.d.comb += getattr(path, name).eq(getattr(self, name))
        for name in ("reading", "step_enable", "step_row", "error", "waits_for_buffer"):
            m.d.comb += getattr(self, name).eq(getattr(path, name))
        wiring.connect(m, path.results, wiring.flipped(self.results))
        transformed = self._weigh(m, array)
        tiled = self._tiled(m, array, path)
        self._share(m, array, path, tiled)
        self._compare(m, array, transformed, tiled)
        return m

    def _weigh(self, m, array):
        """Blocks to the array, in their order, those of kernels transformed; whether they are."""
        unit = self._spec.winograd_conv
        assert unit is not None
        m.submodules.kernels = kernels = KernelBuffer(spec=unit)
        given, taken = self.weights, array.weights
        m.d.comb += [
            kernels.i.payload.eq(given.payload), kernels.i.valid.eq(given.valid & self.kernels),
            given.ready.eq(Mux(self.kernels, kernels.i.ready, taken.ready & ~kernels.busy)),
            taken.valid.eq(kernels.o.valid | (given.valid & ~self.kernels & ~kernels.busy)),
            kernels.o.ready.eq(taken.ready),
            taken.payload.commit.eq(Mux(kernels.busy, kernels.o.payload.commit,
                                        given.payload.commit)),
        ]
        for mine, own, other in zip(taken.payload.loads, given.payload.loads,
                                    kernels.o.payload.loads, strict=True):
            m.d.comb += [mine[name].eq(Mux(kernels.busy, other[name], own[name]))
                         for name in ("index", "valid")]
            m.d.comb += mine.value.eq(Mux(kernels.busy, other.value.as_signed(),
                                          own.value.as_signed()))
        return kernels.busy

    def _compare(self, m, array, transformed, tiled):
        """Look out for vectors that take blocks of the other kind."""
        weights, vectors = array.weights, array.activations
        there, kind = Signal(), Signal(reset_less=True)
        takes = vectors.valid & vectors.payload.first
        with m.If(weights.valid & weights.ready & weights.payload.commit):
            m.d.sync += [there.eq(1), kind.eq(transformed)]
        with m.Elif(takes & vectors.ready):
            m.d.sync += there.eq(0)
        with m.If(there & takes & (kind != tiled)):
            m.d.sync += self.mismatch.eq(1)

    def _tiled(self, m, array, path):
        """Whether the array is at work on commands with ``winograd``."""
        tiled = Signal()
        flying = Signal(range(self._spec.pipeline_stages + 2))
        given, gone = self.vector, array.sums.valid & array.sums.ready & tiled
        m.d.sync += flying.eq(flying + given - gone)
        with m.If(self.start):
            m.d.sync += tiled.eq(1)
        with m.Elif(~path.busy & (flying == 0)):
            m.d.sync += tiled.eq(0)
        return tiled

    def _share(self, m, array, path, tiled):
        """Vectors and sums of one or the other."""
        mine, own, taken = path.activations, self.activations, array.activations
        sums, plain = array.sums, self.sums
        m.d.comb += [
            taken.valid.eq(Mux(tiled, mine.valid, own.valid)),
            mine.ready.eq(tiled & taken.ready), own.ready.eq(~tiled & taken.ready),
            *(taken.payload[name].eq(mine.payload[name]) for name, _ in mine.payload.shape()),
            path.sums.payload.eq(sums.payload), path.sums.valid.eq(tiled & sums.valid),
            plain.valid.eq(~tiled & sums.valid),
            sums.ready.eq(Mux(tiled, path.sums.ready, plain.ready)),
            self.vector.eq(tiled & mine.valid & taken.ready),
            self.waits_for_results.eq(tiled & mine.valid & sums.valid & ~sums.ready),
            self.waits_for_weights.eq(tiled & mine.valid & ~taken.ready
                                      & ~self.waits_for_results),
        ]
        with m.If(~tiled):
            m.d.comb += [taken.payload[name].eq(own.payload[name])
                         for name, _ in own.payload.shape() if name != "vector"]
            m.d.comb += [wide.eq(narrow) for wide, narrow in zip(
                taken.payload.vector, own.payload.vector, strict=True)]
        m.d.comb += [plain.payload[name].eq(sums.payload[name])
                     for name, _ in plain.payload.shape() if name != "sums"]
        m.d.comb += [narrow.eq(wide) for narrow, wide in zip(
            plain.payload.sums, sums.payload.sums, strict=True)]
