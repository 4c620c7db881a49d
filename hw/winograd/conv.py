"""A unit for 3×3 convolutions by Winograd's algorithm, around a MAC array."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..mac import MacArray
from ..mac.ports import stationary_layout
from ..memory.fifo import StreamFifo
from ..post.requantize import parameter_layout
from ..spec.winograd import KernelForm, WinogradConvSpec
from .kernels import KernelBuffer
from .layouts import pass_layout, result_layout
from .position_sums import PositionSums
from .positions import PositionBuffer, block_layout
from .results import ResultPath
from .sums import TileSums
from .tiles import TileLoop
from .transforms import InputTransform

__all__ = ["WinogradConv"]

_PASSES, _BLOCKS = 4, 4  # that are read, and not put out or written yet


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
        self._read(m, tiles, array)
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

    def _read(self, m, tiles, array):
        """Read pixels, transform them tile by tile, and give them to the array by position."""
        spec = self._spec
        m.submodules.transform = transform = InputTransform(spec=spec.transform)
        m.submodules.positions = positions = PositionBuffer(spec=spec)
        block = block_layout(spec)
        m.submodules.blocks = blocks = StreamFifo(name="winograd_blocks", depth=_BLOCKS,
                                                  width=block.size)
        pixel = tiles.o.payload
        read, valid = (Signal(name=name) for name in ("read", "read_valid"))
        outside = Signal(reset_less=True)
        padding = Signal(spec.activation_width, reset_less=True)
        begun = data.View(block, blocks.i.payload)
        free = ~valid | transform.i.ready
        m.d.comb += [
            tiles.o.ready.eq(free & (blocks.i.ready | ~pixel.begins)),
            read.eq(tiles.o.valid & tiles.o.ready),
            self.read_enable.eq(read & ~pixel.outside), self.read_row.eq(pixel.row),
            begun.tiles.eq(self.passes.payload.tiles), begun.start.eq(pixel.start),
            begun.finish.eq(pixel.finish), blocks.i.valid.eq(read & pixel.begins),
            positions.blocks.payload.eq(blocks.o.payload),
            positions.blocks.valid.eq(blocks.o.valid), blocks.o.ready.eq(positions.blocks.ready),
            transform.i.payload.vector.as_value().eq(
                Mux(outside, padding.replicate(spec.lanes), self.read_data)),
            transform.i.valid.eq(valid),
        ]
        with m.If(free):
            m.d.sync += valid.eq(read)
        with m.If(read):
            m.d.sync += [outside.eq(pixel.outside), padding.eq(self.passes.payload.pad_value)]
        wiring.connect(m, transform.o, positions.i)
        wiring.connect(m, positions.o, array.activations)
