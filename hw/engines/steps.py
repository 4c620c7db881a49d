"""Which vectors meet which weight block: the loops of a COMPUTE command."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..control.layout import command_layout
from ..spec.accelerator import AcceleratorSpec
from ..spec.commands import COORDINATE_WIDTH, Engine
from .maps import GRANULE, MapReader

__all__ = ["StepLoop", "step_layout"]

# from the inside out: pixel column and row, kernel column and row, channel block, output block;
# with a window: kernel row, kernel column (of a row's first pixel) or column of the stride, pixel
# column and row, output block
_LOOPS = ("out_width", "out_height", "kernel_width", "kernel_height", "channel_blocks",
          "output_blocks")
_X, _Y, _KERNEL_X, _KERNEL_Y, _CHANNEL, _OUTPUT = range(len(_LOOPS))


def step_layout(spec: AcceleratorSpec) -> data.StructLayout:
    """A vector to read and what is to be done with it.

    ``row`` in ``bank``, or in both; ``outside``: it is padding; ``alone``: there is no second
    channel block; ``swap``: it is the first to meet the next weight block; ``last`` pixel of the
    tile; ``start`` and ``finish``: first and last weight block of the output block that is in the
    stream; ``silent``: with a window, it completes no pixel.
    """
    return data.StructLayout({
        "row": (spec.buffer_rows - 1).bit_length(), "bank": 1, "outside": 1, "alone": 1,
        "swap": 1, "last": 1, "start": 1, "finish": 1, "silent": 1})


class StepLoop(wiring.Component):
    """Goes through output blocks, channel blocks, kernel positions, and pixels, inmost.

    With a window: through output blocks, rows of pixels, all columns of the source that they take,
    and the kernel's rows, inmost.

    Parameters
    ----------
    spec : AcceleratorSpec

    Members
    -------
    command : ``In``
        The command, from ``start`` : ``In(1)`` on until all steps are taken.
    o : ``Out(stream.Signature(step_layout(spec)))``
        The steps, the first one valid in the cycle after ``start``. One per cycle.
    busy : ``Out(1)``
        There are steps left. Without ``map`` it is ``o.valid``.
    waits : ``Out(1)``
        With ``map``: which steps have weights isn't known yet.
    maps : ``In(stream.Signature(16))``
        With codecs: of commands with ``map``, see :class:`.maps.MapReader`. Steps over channel
        blocks and kernel positions that have no weights there take a cycle each and give nothing.

    Notes
    -----
    A loop that goes on adds its increment to the row with which its last round began; the loops
    inside begin there. So there is one adder for rows and one for each coordinate. Rows are
    modulo the buffer, coordinates modulo ``2^14``: one below 0 is a large one and, like one
    beyond the source, padding.
    """

    def __init__(self, *, spec: AcceleratorSpec):
        self._row_width = (spec.buffer_rows - 1).bit_length()
        self._window, self._maps = spec.window, bool(spec.codecs)
        super().__init__({
            "command": In(command_layout(Engine.COMPUTE, spec)),
            "start": In(1),
            "o": Out(stream.Signature(step_layout(spec))),
            "busy": Out(1), "waits": Out(1),
            **({"maps": In(stream.Signature(GRANULE))} if self._maps else {}),
        })

    def elaborate(self, platform):
        m = Module()
        command = data.View(self.command.shape(), self.command.as_value())
        advance, skips = Signal(), Signal()
        window = command.window if self._window else Const(0, 1)
        begins, ends, goes = self._count(m, command, window, advance, skips)
        levels = self._levels(m, window, goes)
        with m.If(self.start):
            m.d.sync += self.busy.eq(1)
        with m.Elif(advance & ends.all()):
            m.d.sync += self.busy.eq(0)
        first = begins[_CHANNEL] & begins[_KERNEL_X:_CHANNEL].all()
        if self._maps:
            first = self._skip(m, command, advance, skips, ends)
        else:
            m.d.comb += [self.o.valid.eq(self.busy), advance.eq(self.busy & self.o.ready)]
        self._rows(m, command, window, advance, levels)
        x, y = self._coordinates(m, command, window, advance, levels)
        step = self.o.payload
        pixel, kernel = (slice(_X, _KERNEL_X), slice(_KERNEL_X, _CHANNEL))
        start = (window & begins[_CHANNEL]) | first
        finish = ends[_CHANNEL] & (window | ends[kernel].all())
        complete = ~window | ends[kernel].all()
        m.d.comb += [
            step.outside.eq((x >= command.width) | (y >= command.height)),
            step.alone.eq(command.half & ends[_CHANNEL]),
            step.last.eq(ends[pixel].all() & complete),
            step.start.eq(start), step.finish.eq(finish), step.silent.eq(~complete),
            step.swap.eq(begins[pixel].all() & (~window | begins[kernel].all())
                         & (~command.reuse | (start & begins[_OUTPUT]))),
        ]
        return m

    def _skip(self, m, command, advance, skips, ends):
        """Go on over steps that have no weights; whether a step is the first one that has."""
        m.submodules.reader = reader = MapReader()
        wiring.connect(m, wiring.flipped(self.maps), reader.granules)
        started, ended = Signal(), Signal()
        m.d.comb += [
            self.o.valid.eq(self.busy & (~command.map | (reader.valid & reader.kept))),
            skips.eq(self.busy & command.map & reader.valid & ~reader.kept),
            self.waits.eq(self.busy & command.map & ~reader.valid),
            advance.eq((self.o.valid & self.o.ready) | skips),
            ended.eq(advance & ends[:_KERNEL_X].all()),
            reader.step.eq(ended & command.map), reader.last.eq(ends[:_OUTPUT].all()),
        ]
        with m.If(self.start):
            m.d.sync += started.eq(0)
        with m.Elif(ended):
            m.d.sync += started.eq(~ends[:_OUTPUT].all() & (started | ~skips))
        return ~started

    def _count(self, m, command, window, advance, skips):
        """Each loop's counter: whether it is in its first, its last round, whether it goes on."""
        begins, ends, goes = (Signal(len(_LOOPS), name=name)
                              for name in ("begins", "ends", "goes"))
        kernel_ends = ends[_KERNEL_X:_CHANNEL].all()
        inners = [~window | kernel_ends, ends[_X] & (~window | kernel_ends),
                  Mux(window, ends[_KERNEL_Y], ends[:_KERNEL_X].all()),
                  window | ends[:_KERNEL_Y].all(), ends[:_CHANNEL].all(), ends[:_OUTPUT].all()]
        for loop, (limit, inner) in enumerate(zip(_LOOPS, inners, strict=True)):
            limit = command[limit]
            if loop == _KERNEL_X:  # a row's further pixels take as many columns as the stride
                limit = Mux(window & ~begins[_X], command.stride_x, limit)
            counter = Signal(len(limit), name=f"counter_{_LOOPS[loop]}", reset_less=True)
            skipped = skips if loop < _KERNEL_X else Const(0, 1)
            m.d.comb += [begins[loop].eq(counter == 1), ends[loop].eq((counter == limit) | skipped),
                         goes[loop].eq(inner & ~ends[loop])]
            with m.If(self.start):
                m.d.sync += counter.eq(1)
            with m.Elif(advance & inner):
                m.d.sync += counter.eq(Mux(ends[loop], 1, counter + 1))
        return begins, ends, goes

    def _levels(self, m, window, goes):
        """Which of the loops goes on, counted from the inside."""
        levels = Signal(_CHANNEL)
        m.d.comb += levels.eq(Mux(
            window, Cat(goes[_KERNEL_Y], goes[_KERNEL_X] | goes[_X], goes[_Y]), goes[:_CHANNEL]))
        return Cat(levels, goes[_CHANNEL:])

    def _rows(self, m, command, window, advance, goes):
        """Row and bank of the vector."""
        bank, output_bank = Signal(reset_less=True), Signal(reset_less=True)
        steps = [Mux(window, command.kernel_step, command.stride_x),
                 Mux(window, command.channel_step, command.row_step),
                 Mux(window, command.row_step, command.dilation_x), command.kernel_step,
                 Mux(command.channel_alternate & ~bank, 0, command.channel_step),
                 Mux(command.block_alternate & ~output_bank, 0, command.block_step)]
        rows = [Signal(self._row_width, name=f"row_{name}", reset_less=True) for name in _LOOPS]
        base, step, following = (Signal(self._row_width, name=name)
                                 for name in ("base", "step", "following"))
        m.d.comb += [following.eq(base + step), self.o.payload.row.eq(rows[_X]),
                     self.o.payload.bank.eq(bank)]
        for loop, row in enumerate(rows):
            with m.If(goes[loop]):
                m.d.comb += [base.eq(row), step.eq(steps[loop])]
            with m.If(self.start):
                m.d.sync += row.eq(command.source)
            with m.Elif(advance & goes[loop:].any()):
                m.d.sync += row.eq(following)
        with m.If(self.start):
            m.d.sync += [bank.eq(command.source_bank), output_bank.eq(command.source_bank)]
        with m.Elif(advance & goes[_CHANNEL]):
            m.d.sync += bank.eq(bank ^ command.channel_alternate)
        with m.Elif(advance & goes[_OUTPUT]):
            m.d.sync += [bank.eq(output_bank ^ command.block_alternate),
                         output_bank.eq(output_bank ^ command.block_alternate)]

    def _coordinates(self, m, command, window, advance, levels):
        """Column and row of the vector in the source."""
        inner, second, third, fourth = levels[:_CHANNEL]
        x = self._coordinate(
            m, command.pad_left, "x", advance, keep=inner | (window & second),
            goes=Mux(window, second, inner), stride=Mux(window, 1, command.stride_x),
            again=~window & second, moves=~window & third, moved=command.dilation_x)
        y = self._coordinate(
            m, command.pad_top, "y", advance, keep=inner | (~window & second),
            goes=Mux(window, inner, second),
            stride=Mux(window, command.dilation_y, command.stride_y),
            again=Mux(window, second, third), moves=Mux(window, third, fourth),
            moved=Mux(window, command.stride_y, command.dilation_y))
        return x, y

    def _coordinate(self, m, padding, axis, advance, *, keep, goes, stride, again, moves,
                    moved):
        """One coordinate of the vector in the source.

        ``keep``: it stays, or ``goes`` on by ``stride``; ``again``: it is where it began last;
        ``moves``: it begins there again, but for ``moved``; otherwise left or above of the source.
        """
        current, first, following = (
            Signal(COORDINATE_WIDTH, name=f"{axis}_{name}", reset_less=name != "following")
            for name in ("current", "first", "following"))
        restarts = Signal(name=f"{axis}_restarts")
        m.d.comb += [
            restarts.eq(self.start | ~(keep | again | moves)),
            following.eq(Mux(keep, current, first)
                         + Mux(goes, stride, Mux(moves, moved, 0))),
        ]
        with m.If(restarts & (self.start | advance)):
            m.d.sync += [current.eq(-padding), first.eq(-padding)]
        with m.Elif(advance):
            m.d.sync += current.eq(following)
            with m.If(moves):
                m.d.sync += first.eq(following)
        return current
