"""Convolutions by Winograd's algorithm in the compute engine: what is around the array for them."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..control.layout import command_layout
from ..mac.ports import moving_layout, sums_layout
from ..memory.fifo import StreamFifo
from ..spec.accelerator import AcceleratorSpec
from ..spec.commands import Engine
from ..winograd.crop import PixelCrop
from ..winograd.front import TileFront
from ..winograd.position_sums import PositionSums
from ..winograd.sums import TileSums
from ..winograd.tiles import TileLoop

__all__ = ["TiledPath", "tiled_result_layout"]

_COMMANDS = 4  # that are read, and whose results aren't out yet: two, and latency


def tiled_result_layout(spec: AcceleratorSpec) -> data.StructLayout:
    """Sums of a pixel; ``first`` of its output block; whether something is to be added to it."""
    return data.StructLayout({
        "sums": data.ArrayLayout(signed(spec.accumulator_width), spec.columns),
        "first": 1, "last": 1, "add": 1})


class TiledPath(wiring.Component):
    """Reads the tiles of COMPUTE commands with ``winograd``, and adds up what the array gives.

    ::

        TileLoop ─ row ─► buffer ─ vector ─► TileFront ─► (array) ─► TileSums or PositionSums
                                                                             └─► PixelCrop

    Parameters
    ----------
    spec : AcceleratorSpec
        With ``winograd``.

    Members
    -------
    command : ``In``, start : ``In(1)``
        A command with ``winograd``, until it isn't ``reading`` any more; the next one can then be
        started while this one's vectors are on their way.
    reading, busy : ``Out(1)``
        From the cycle after ``start`` on: the command's vectors are read; some haven't been given,
        or, with tiles of 4 × 4, some results not put out.
    step_enable, step_row : ``Out``, step_ready, step_data, others : ``In``
        The ports of :class:`..memory.ActivationBuffer`.
    activations : ``Out(stream)``, sums : ``In(stream)``
        To and from the array.
    results : ``Out(stream.Signature(tiled_result_layout(spec)))``
        In the order of ``TileSums`` or ``PositionSums``, without those outside the image.
    error : ``Out(1)``
        A command had more than ``winograd_tiles`` tiles; until reset.
    waits_for_buffer : ``Out(1)``
        A vector isn't read since its bank is read by others.

    Notes
    -----
    Throughput: a vector per cycle, read and given. Latency, from ``start`` to the first vector to
    the array: a channel block's pixels, 16 or 36 for each tile, and some 25 or 49 cycles.
    """

    def __init__(self, *, spec: AcceleratorSpec):
        assert spec.winograd_conv is not None
        self._spec, self._unit = spec, spec.winograd_conv
        super().__init__({
            "command": In(command_layout(Engine.COMPUTE, spec)), "start": In(1),
            "reading": Out(1), "busy": Out(1),
            "step_enable": Out(2), "step_row": Out((spec.buffer_rows - 1).bit_length()),
            "step_ready": In(1), "step_data": In(2 * 8 * spec.lanes), "others": In(2),
            "activations": Out(stream.Signature(moving_layout(self._unit.array))),
            "sums": In(stream.Signature(sums_layout(self._unit.array))),
            "results": Out(stream.Signature(tiled_result_layout(spec))),
            "error": Out(1), "waits_for_buffer": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        unit = self._unit
        command = data.View(self.command.shape(), self.command.as_value())
        m.submodules.tile_loop = loop = TileLoop(spec=unit)
        m.submodules.front = front = TileFront(spec=unit)
        self._begin(m, command, loop)
        valid = self._read(m, command, loop, front)
        m.d.comb += [self.reading.eq(loop.busy | valid), self.error.eq(front.error)]
        wiring.connect(m, front.o, wiring.flipped(self.activations))
        kind = TileSums if unit.tile == 2 else PositionSums
        m.submodules.tile_sums = sums = kind(spec=unit)
        m.submodules.crop = crop = PixelCrop(spec=unit)
        wiring.connect(m, wiring.flipped(self.sums), sums.i)
        wiring.connect(m, sums.o, crop.i)
        waiting = self._put_out(m, command, crop)
        # with tiles of 4 × 4 results come when the array has long been done with them
        m.d.comb += self.busy.eq(self.reading | front.busy | (waiting if unit.tile == 4 else 0))
        return m

    def _begin(self, m, command, loop):
        """Tell the loop what to read."""
        image, tile = loop.i.payload, self._unit.tile
        m.d.comb += [
            loop.i.valid.eq(self.start), loop.bank.eq(command.source_bank),
            loop.alternate.eq(command.channel_alternate),
            image.source.eq(command.source), image.x.eq(-command.pad_left),
            image.y.eq(-command.pad_top), image.width.eq(command.width),
            image.height.eq(command.height), image.row_step.eq(command.kernel_step),
            image.block_step.eq(command.channel_step),
            image.tiles_x.eq((command.out_width + tile - 1) >> tile.bit_length() - 1),
            image.tiles_y.eq((command.out_height + tile - 1) >> tile.bit_length() - 1),
            image.channel_blocks.eq(command.channel_blocks),
            image.output_blocks.eq(command.output_blocks),
        ]

    def _read(self, m, command, loop, front):
        """Read vectors; one that is lost, since others read its bank while it waits, again.

        Returns
        -------
        valid
            A vector has been read and not been taken.
        """
        step, vector = loop.o.payload, front.i.payload
        here = Signal(step.shape(), reset_less=True)
        padding = Signal(8, reset_less=True)
        valid, lost, advance = (Signal(name=name) for name in ("valid", "lost", "advance"))

        def banks(step):
            return Mux(step.outside, 0, Mux(step.bank, 2, 1))

        even, odd = (self.step_data.word_select(bank, 8 * self._spec.lanes) for bank in range(2))
        m.d.comb += [
            advance.eq(~valid | (front.i.ready & ~lost)),
            loop.o.ready.eq(advance & self.step_ready),
            self.step_row.eq(Mux(lost, here.row, step.row)),
            self.step_enable.eq(Mux(lost, banks(here),
                                    Mux(loop.o.valid & advance, banks(step), 0))),
            self.waits_for_buffer.eq((loop.o.valid & advance & ~self.step_ready)
                                     | (lost & front.i.ready)),
            front.i.valid.eq(valid & ~lost),
            vector.vector.as_value().eq(Mux(here.outside, padding.replicate(self._spec.lanes),
                                            Mux(here.bank, odd, even))),
            vector.begins.eq(here.begins), vector.tile.last.eq(here.last),
            vector.tile.start.eq(here.start), vector.tile.finish.eq(here.finish),
        ]
        with m.If(advance):
            m.d.sync += [valid.eq(loop.o.valid & self.step_ready), here.eq(step),
                         padding.eq(command.pad_value)]
        with m.If(lost):
            m.d.sync += lost.eq(~self.step_ready)
        with m.Elif(~advance):
            m.d.sync += lost.eq((self.others & banks(here)).any())
        return valid

    def _put_out(self, m, command, crop):
        """Give the pixels of a command's rectangle, whose fields are kept until then.

        Returns
        -------
        waiting
            There is a command whose results aren't all out.
        """
        fields = Cat(command.out_width, command.out_height, command.output_blocks,
                     command.add if self._spec.residual_add else 0)
        m.submodules.commands = commands = StreamFifo(name="winograd_commands", depth=_COMMANDS,
                                                      width=len(fields))
        own = data.View(data.StructLayout({
            "width": len(command.out_width), "height": len(command.out_height),
            "blocks": len(command.output_blocks), "add": 1}), commands.o.payload)
        block = Signal.like(command.output_blocks, name="block", init=1)
        last = block == own.blocks
        results, pixel = self.results.payload, crop.o.payload
        m.d.comb += [
            commands.i.payload.eq(fields), commands.i.valid.eq(self.start),
            crop.out_width.eq(own.width), crop.out_height.eq(own.height),
            *(results[name].eq(pixel[name]) for name in ("sums", "first", "last")),
            results.add.eq(own.add), self.results.valid.eq(crop.o.valid),
            crop.o.ready.eq(self.results.ready),
            commands.o.ready.eq(crop.output_ends & last),
        ]
        with m.If(crop.output_ends):
            m.d.sync += block.eq(Mux(last, 1, block + 1))
        return commands.o.valid
