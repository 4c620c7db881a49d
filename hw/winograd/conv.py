"""A unit for 3×3 convolutions by Winograd's algorithm, around a MAC array."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..mac import MacArray
from ..mac.ports import stationary_layout
from ..memory.fifo import StreamFifo
from ..post.requantize import parameter_layout
from ..spec.winograd import KernelForm, WinogradConvSpec
from .front import TileFront
from .kernels import KernelBuffer
from .layouts import pass_layout, result_layout
from .position_sums import PositionSums
from .results import ResultPath
from .sums import TileSums
from .tiles import TileLoop

__all__ = ["WinogradConv"]

_PASSES = 4  # that are read, and not put out yet


class WinogradConv(wiring.Component):
    """Convolutions with 3×3 kernels of stride 1, exact, a rectangle of tiles at a time.

    Parameters
    ----------
    spec : WinogradConvSpec

    Members
    -------
    passes : ``In(stream.Signature(pass_layout(spec)))``
        Passes, in order. The next one is begun with while results of the one before are on their
        way. Fields out of their ranges, or that don't go together, give wrong results.
    read_enable, read_row : ``Out``; read_data : ``In``, ``lanes`` elements
        The memory of activations: the row that is read is in ``read_data`` one cycle later, until
        the next read.
    weights : ``In(stream.Signature(stationary_layout(spec.weights)))``
        Kernels: for each output block and each channel block in it ``spec.blocks`` weight blocks,
        the taps (or positions) row by row, as :class:`..mac.MacArray` takes them: the weights that
        differ from 0, column by column, ``commit`` with the last transfer of a block.
    parameters : ``In(stream.Signature(parameter_layout(spec.requantize)))``
        Biases and scales of each output block, see :class:`..post.Requantize`.
    o : ``Out(stream.Signature(result_layout(spec)))``
        Results, those outside the image left out. With ``tile`` 2 for each output block: the pixels
        of even rows and columns, row by row; those of even rows and odd columns; of odd rows and
        even columns; of odd rows and columns. With ``tile`` 4 tile by tile, each column by column.

    Raises
    ------
    TypeError
        If ``spec`` is no ``WinogradConvSpec``.
    """

    def __init__(self, *, spec: WinogradConvSpec):
        if not isinstance(spec, WinogradConvSpec):
            raise TypeError(f"spec must be a WinogradConvSpec, not {spec!r}")
        self._spec = spec
        super().__init__({
            "passes": In(stream.Signature(pass_layout(spec))),
            "read_enable": Out(1), "read_row": Out((spec.rows - 1).bit_length()),
            "read_data": In(spec.lanes * spec.activation_width),
            "weights": In(stream.Signature(stationary_layout(spec.weights))),
            "parameters": In(stream.Signature(parameter_layout(spec.requantize))),
            "o": Out(stream.Signature(result_layout(spec))),
        })

    @property
    def spec(self) -> WinogradConvSpec:
        """The specification."""
        return self._spec

    def elaborate(self, platform):
        m = Module()
        spec = self._spec
        m.submodules.array = array = MacArray(spec=spec.array)
        if spec.kernels is KernelForm.SPATIAL:
            m.submodules.kernels = kernels = KernelBuffer(spec=spec)
            wiring.connect(m, wiring.flipped(self.weights), kernels.i)
            wiring.connect(m, kernels.o, array.weights)
        else:
            wiring.connect(m, wiring.flipped(self.weights), array.weights)
        m.submodules.tiles = tiles = TileLoop(spec=spec)
        m.submodules.results = results = ResultPath(spec=spec)
        self._pass_on(m, tiles, results)
        m.submodules.front = front = TileFront(spec=spec)
        self._read(m, tiles, front)
        wiring.connect(m, front.o, array.activations)
        m.submodules.sums = sums = (TileSums if spec.tile == 2 else PositionSums)(spec=spec)
        wiring.connect(m, array.sums, sums.i)
        wiring.connect(m, sums.o, results.i)
        wiring.connect(m, wiring.flipped(self.parameters), results.parameters)
        wiring.connect(m, results.o, wiring.flipped(self.o))
        return m

    def _pass_on(self, m, tiles, results):
        """Hand passes to who reads; keep them for who puts results out."""
        word = self.passes.payload.as_value()
        m.submodules.passes = waiting = StreamFifo(name="winograd_passes", depth=_PASSES,
                                                   width=len(word))
        m.d.comb += [
            tiles.i.payload.eq(word), self.passes.ready.eq(tiles.i.ready),
            tiles.i.valid.eq(self.passes.valid & (waiting.i.ready | tiles.busy)),
            waiting.i.payload.eq(word), waiting.i.valid.eq(self.passes.valid & ~tiles.busy),
            results.passes.payload.eq(waiting.o.payload),
            results.passes.valid.eq(waiting.o.valid), waiting.o.ready.eq(results.passes.ready),
        ]

    def _read(self, m, tiles, front):
        """Read pixels, and give them to who transforms them."""
        pixel, vector = tiles.o.payload, front.i.payload
        read, valid = (Signal(name=name) for name in ("read", "read_valid"))
        here = Signal(pixel.shape(), reset_less=True)
        padding = Signal(self._spec.activation_width, reset_less=True)
        m.d.comb += [
            tiles.o.ready.eq(~valid | front.i.ready), read.eq(tiles.o.valid & tiles.o.ready),
            self.read_enable.eq(read & ~pixel.outside), self.read_row.eq(pixel.row),
            front.i.valid.eq(valid),
            vector.vector.as_value().eq(
                Mux(here.outside, padding.replicate(self._spec.lanes), self.read_data)),
            vector.begins.eq(here.begins), vector.tile.last.eq(here.last),
            vector.tile.start.eq(here.start), vector.tile.finish.eq(here.finish),
        ]
        with m.If(tiles.o.ready):
            m.d.sync += valid.eq(read)
        with m.If(read):
            m.d.sync += [here.eq(pixel), padding.eq(self.passes.payload.pad_value)]
