"""Which vectors a pass reads: tiles of pixels, channel block by channel block."""

from amaranth.hdl import C, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..spec.fields import COORDINATE_WIDTH
from ..spec.winograd import WinogradConvSpec
from .layouts import pass_layout

__all__ = ["TileLoop", "pixel_layout"]

# from the inside out
_LOOPS = ("tile_column", "tile_row", "tiles_x", "tiles_y", "channel_blocks", "output_blocks")
_COLUMN, _ROW, _X, _Y, _CHANNEL, _OUTPUT = range(len(_LOOPS))


def pixel_layout(spec: WinogradConvSpec) -> data.StructLayout:
    """A vector to read: ``row`` of a ``bank`` of the memory; ``outside``: it is padding.

    ``begins`` a tile, which is the ``last`` one of a channel block, which is the first or last one
    of an output block: ``start`` or ``finish``.
    """
    return data.StructLayout({"row": (spec.rows - 1).bit_length(), "bank": 1, "outside": 1,
                              "begins": 1, "last": 1, "start": 1, "finish": 1})


class TileLoop(wiring.Component):
    """Goes through output blocks, channel blocks, tiles, and the pixels of a tile, inmost.

    Parameters
    ----------
    spec : WinogradConvSpec

    Members
    -------
    i : ``In(stream.Signature(pass_layout(spec)))``
        Passes; one is taken with its last pixel.
    bank, alternate : ``In(1)``
        Bank of the pass's first channel block; whether the others lie in alternating banks,
        ``block_step`` from one to the next in the same bank.
    o : ``Out(stream.Signature(pixel_layout(spec)))``
    busy : ``Out(1)``
        A pass is under way; it begins with the offer of one in a cycle in which this isn't up.

    Notes
    -----
    Latency: 1 cycle. Throughput: a pixel per cycle, and a cycle between passes. A loop that goes on
    adds its step to the row with which its last round began.
    """

    def __init__(self, *, spec: WinogradConvSpec):
        self._spec = spec
        super().__init__({"i": In(stream.Signature(pass_layout(spec))),
                          "o": Out(stream.Signature(pixel_layout(spec))), "busy": Out(1),
                          "bank": In(1), "alternate": In(1)})

    def elaborate(self, platform):
        m = Module()
        busy, start, advance = self.busy, Signal(name="start"), Signal(name="advance")
        begins, ends, goes = self._count(m, start, advance)
        m.d.comb += [
            start.eq(self.i.valid & ~busy), self.o.valid.eq(busy),
            advance.eq(busy & self.o.ready), self.i.ready.eq(advance & ends.all()),
        ]
        m.d.sync += busy.eq((busy & ~self.i.ready) | start)
        self._rows(m, start, advance, goes)
        x, y = self._coordinates(m, start, advance, goes)
        image, pixel = self.i.payload, self.o.payload
        m.d.comb += [
            pixel.outside.eq((x >= image.width) | (y >= image.height)),
            pixel.begins.eq(begins[_COLUMN] & begins[_ROW]), pixel.last.eq(ends[_X:_CHANNEL].all()),
            pixel.start.eq(begins[_CHANNEL]), pixel.finish.eq(ends[_CHANNEL]),
        ]
        return m

    def _count(self, m, start, advance):
        """Each loop's counter: whether it is in its first, its last round, whether it goes on."""
        side = self._spec.transform.side
        begins = {}
        ends, goes = (Signal(len(_LOOPS), name=name) for name in ("ends", "goes"))
        for loop, name in enumerate(_LOOPS):
            limit = C(side) if loop < _X else self.i.payload[name]
            counter = Signal(len(limit), name=f"counter_{name}", reset_less=True)
            inner = ends[:loop].all() if loop else 1
            m.d.comb += [ends[loop].eq(counter == limit), goes[loop].eq(inner & ~ends[loop])]
            begins[loop] = counter == 1
            with m.If(start):
                m.d.sync += counter.eq(1)
            with m.Elif(advance & inner):
                m.d.sync += counter.eq(Mux(ends[loop], 1, counter + 1))
        return begins, ends, goes

    def _rows(self, m, start, advance, goes):
        """The row of the pixel."""
        tile, image = self._spec.tile, self.i.payload
        bank = self.o.payload.bank
        steps = [1, image.row_step, tile, image.row_step * tile,
                 Mux(self.alternate & ~bank, 0, image.block_step)]
        rows = [Signal(len(image.row_step), name=f"row_{name}", reset_less=True)
                for name in _LOOPS[:_OUTPUT]]
        base, step, following = (Signal(len(image.row_step), name=name)
                                 for name in ("base", "step", "following"))
        m.d.comb += [self.o.payload.row.eq(rows[_COLUMN]), following.eq(base + step),
                     base.eq(image.source)]
        for loop, own in enumerate(steps):
            with m.If(goes[loop]):
                m.d.comb += [base.eq(rows[loop]), step.eq(own)]
        for loop, row in enumerate(rows):
            with m.If(start):
                m.d.sync += row.eq(image.source)
            with m.Elif(advance & goes[loop:].any()):
                m.d.sync += row.eq(following)
        with m.If(start | (advance & goes[_OUTPUT])):
            m.d.sync += bank.eq(self.bank)
        with m.Elif(advance & goes[_CHANNEL]):
            m.d.sync += bank.eq(bank ^ self.alternate)

    def _coordinates(self, m, start, advance, goes):
        """Column and row of the pixel in the image, modulo their width: below 0 they are large."""
        tile, image = self._spec.tile, self.i.payload
        found = []
        for name, begin, inner, outer in (("x", image.x, _COLUMN, _X), ("y", image.y, _ROW, _Y)):
            current, first = (Signal(COORDINATE_WIDTH, name=f"{name}_{part}", reset_less=True)
                              for part in ("current", "first"))
            beyond = goes[outer + 1:].any()  # a loop goes on in which this one begins again
            between = goes[inner + 1:outer].any()
            with m.If(start | (advance & beyond)):
                m.d.sync += [current.eq(begin), first.eq(begin)]
            with m.Elif(advance & goes[outer]):
                m.d.sync += [current.eq(first + tile), first.eq(first + tile)]
            with m.Elif(advance & between):
                m.d.sync += current.eq(first)
            with m.Elif(advance & goes[inner]):
                m.d.sync += current.eq(current + 1)
            found.append(current)
        return found
