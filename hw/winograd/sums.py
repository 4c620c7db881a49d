"""From sums of products to sums of the convolution, while they accumulate: F(2×2,3×3)."""

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..mac.accumulators import Accumulators
from ..mac.ports import sums_layout
from ..spec.mac import AccumulatorsSpec
from ..spec.winograd import WinogradConvSpec
from .counting import any_of

__all__ = ["TileSums", "pixels_layout"]

_OUTPUT = ((-1, 1, 1, 0), (0, 1, -1, 1))
"""A of F(2,3): how a product's sum counts for the two outputs."""


def pixels_layout(spec: WinogradConvSpec) -> data.StructLayout:
    """Sums of a pixel of a tile, ``row`` and ``column`` in it, all columns of the array."""
    place = range(spec.tile)
    return data.StructLayout({"sums": data.ArrayLayout(signed(spec.output_width), spec.columns),
                              "row": place, "column": place})


class TileSums(wiring.Component):
    """Adds each sum, with its sign, to those of the tile's four pixels that it counts for.

    All factors of F(2×2,3×3)'s output transform are 0, 1 or −1, so that it is done by accumulators
    of four pixels a tile, instead of after those of sixteen positions: a quarter of the bits.

    Parameters
    ----------
    spec : WinogradConvSpec
        With ``tile`` 2.

    Members
    -------
    i : ``In(stream.Signature(sums_layout(spec.array)))``
        Positions row by row, for each the sums of all tiles, up to ``last``; ``mode.start`` for
        those of the first channel block, ``mode.finish`` for those of the last one.
    o : ``Out(stream.Signature(pixels_layout(spec)))``
        The pixels of even rows and columns of all tiles, then those of even rows and odd columns,
        of odd rows and even columns, of odd rows and columns.

    Notes
    -----
    Latency: none from the sum that completes a pixel. Throughput: a sum per cycle; where there is
    one tile alone, one in two cycles. The accumulators' contents count modulo ``2 ** sum_width``:
    four times the pixels' sums.
    """

    def __init__(self, *, spec: WinogradConvSpec):
        self._spec = spec
        super().__init__({"i": In(stream.Signature(sums_layout(spec.array))),
                          "o": Out(stream.Signature(pixels_layout(spec)))})

    @property
    def accumulators(self) -> AccumulatorsSpec:
        """Those of one of a tile's pixels."""
        spec = self._spec
        return AccumulatorsSpec(columns=spec.columns, depth=spec.tiles,
                                sum_width=spec.array.sum_width,
                                accumulator_width=spec.transform.sum_width, subtracted=True,
                                overflow=False, restart_after_last=True, registered=False)

    def elaborate(self, platform):
        m = Module()
        row, column = self._position(m)
        taken, self_ready = Signal(4), Signal(4)
        pixels = [(a, b) for a in range(2) for b in range(2)]
        sums = self.i.payload
        for number, (a, b) in enumerate(pixels):
            accumulators = Accumulators(spec=self.accumulators)
            m.submodules[f"pixel{a}{b}"] = accumulators
            own = accumulators.i.payload
            m.d.comb += [
                taken[number].eq(any_of(row, _counts(a)) & any_of(column, _counts(b))),
                self_ready[number].eq(accumulators.i.ready | ~taken[number]),
                accumulators.i.valid.eq(self.i.valid & self.i.ready & taken[number]),
                own.sums.eq(sums.sums), own.last.eq(sums.last),
                own.mode.start.eq(sums.mode.start & row[a] & column[b]),
                own.mode.finish.eq(sums.mode.finish & row[2 + a] & column[2 + b]),
                own.mode.subtracted.eq(any_of(row, _negative(a)) ^ any_of(column, _negative(b))),
                accumulators.o.ready.eq(self.o.ready),
            ]
            with m.If(row[2 + a] & column[2 + b]):
                m.d.comb += [
                    self.o.valid.eq(accumulators.o.valid),
                    self.o.payload.row.eq(a), self.o.payload.column.eq(b),
                    *(mine[:].eq(found >> 2) for mine, found in zip(
                        self.o.payload.sums, accumulators.o.payload.sums, strict=True)),
                ]
        m.d.comb += self.i.ready.eq(self_ready.all())
        return m

    def _position(self, m):
        """Row and column of the position, a bit for each."""
        row, column = (Signal(4, name=name, init=1) for name in ("row", "column"))
        with m.If(self.i.valid & self.i.ready & self.i.payload.last):
            m.d.sync += column.eq(column.rotate_left(1))
            with m.If(column[-1]):
                m.d.sync += row.eq(row.rotate_left(1))
        return row, column


def _counts(output: int) -> list[int]:
    """The places whose sums count for an output."""
    return [place for place, factor in enumerate(_OUTPUT[output]) if factor]


def _negative(output: int) -> list[int]:
    return [place for place, factor in enumerate(_OUTPUT[output]) if factor < 0]
