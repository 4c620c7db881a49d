"""Which vectors meet which weight block: the loops of a COMPUTE command."""

from typing import NamedTuple

from amaranth.hdl import Cat, Const, Module, Mux, Signal, ValueLike
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..control.layout import command_layout
from ..spec.accelerator import AcceleratorSpec
from ..spec.commands import COORDINATE_WIDTH, Engine
from ..spec.stream import GRANULE
from .maps import MapReader

__all__ = ["StepLoop", "step_layout"]

# from the inside out: pixel column and row, kernel column and row, channel block, output block;
# with a window: kernel row, kernel column (of a row's first pixel) or column of the stride, pixel
# column and row, output block
_LOOPS = ("out_width", "out_height", "kernel_width", "kernel_height", "channel_blocks",
          "output_blocks")
_X, _Y, _KERNEL_X, _KERNEL_Y, _CHANNEL, _OUTPUT = range(len(_LOOPS))


class _Turns(NamedTuple):
    """What moves the loops on.

    Members
    -------
    advance
        A step is taken: those over pixels go on.
    outer
        Those outside go on: with ``advance``, or with ``map`` when they will.
    begins
        With ``map``: the first pixel of the step at which those outside are is next.
    map
        Whether they are ahead.
    """

    advance: Signal
    outer: Signal
    begins: Signal
    map: ValueLike


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
        With ``map``: there is nothing to do, since which steps have weights isn't known yet.
    told, misses : ``Out(1)``
        With codecs: there is a granule of a map; by it the last step of an output block, which has
        weights in every stream, has none.
    maps : ``In(stream.Signature(16))``
        With codecs: of commands with ``map``, see :class:`.maps.MapReader`. Steps over channel
        blocks and kernel positions that have no weights there give nothing. They are gone over, one
        per cycle, while the pixels of the step before take their turn.

    Notes
    -----
    A loop that goes on adds its increment to the row with which its last round began; the loops
    inside begin there. So there is one adder for rows and one for each coordinate; with codecs
    there are two, since the outer loops go ahead of those over pixels. Rows are modulo the
    buffer, coordinates modulo ``2^14``: one below 0 is a large one and, like one beyond the
    source, padding. Commands with ``map`` have no window.
    """

    def __init__(self, *, spec: AcceleratorSpec):
        self._row_width = (spec.buffer_rows - 1).bit_length()
        self._window, self._maps = spec.window, bool(spec.codecs)
        super().__init__({
            "command": In(command_layout(Engine.COMPUTE, spec)),
            "start": In(1),
            "o": Out(stream.Signature(step_layout(spec))),
            "busy": Out(1), "waits": Out(1),
            **({"maps": In(stream.Signature(GRANULE)), "told": Out(1), "misses": Out(1)}
               if self._maps else {}),
        })

    def elaborate(self, platform):
        m = Module()
        command = data.View(self.command.shape(), self.command.as_value())
        window = command.window if self._window else Const(0, 1)
        turns = _Turns(Signal(name="advance"), Signal(name="outer"), Signal(name="begins"),
                       command.map if self._maps else Const(0, 1))
        begins, ends, goes = self._count(m, command, window, turns)
        levels = self._levels(m, window, goes)
        bank = Signal(reset_less=True)
        pixel, kernel = (slice(_X, _KERNEL_X), slice(_KERNEL_X, _CHANNEL))
        start = begins[_CHANNEL] & (window | begins[kernel].all())
        flags = Cat(start, ends[_CHANNEL] & (window | ends[kernel].all()),
                    command.half & ends[_CHANNEL], ~command.reuse | (start & begins[_OUTPUT]), bank)
        if self._maps:
            flags = self._look_ahead(m, command, turns, begins, ends, flags)
        else:
            m.d.comb += [self.o.valid.eq(self.busy), turns.advance.eq(self.busy & self.o.ready),
                         turns.outer.eq(turns.advance)]
            with m.If(self.start):
                m.d.sync += self.busy.eq(1)
            with m.Elif(turns.advance & ends.all()):
                m.d.sync += self.busy.eq(0)
        self._rows(m, command, window, turns, levels, bank)
        x, y = self._coordinates(m, command, window, turns, levels)
        step = self.o.payload
        complete, fresh = ~window | ends[kernel].all(), Signal()
        m.d.comb += [
            Cat(step.start, step.finish, step.alone, fresh, step.bank).eq(flags),
            step.outside.eq((x >= command.width) | (y >= command.height)),
            step.last.eq(ends[pixel].all() & complete), step.silent.eq(~complete),
            step.swap.eq(begins[pixel].all() & (~window | begins[kernel].all()) & fresh),
        ]
        return m

    def _look_ahead(self, m, command, turns, begins, ends, flags):
        """With a map, go to the next step that has weights while the pixels of one are at work.

        Gives the flags of the step at work: with a map those that ``flags`` were when it began,
        but that the first step in the stream starts the output block.
        """
        m.submodules.reader = reader = MapReader()
        wiring.connect(m, wiring.flipped(self.maps), reader.granules)
        looking, working, started = Signal(), Signal(), Signal()
        own = Signal(len(flags), name="own_flags", reset_less=True)
        ended = turns.advance & ends[:_KERNEL_X].all()
        known = looking & reader.valid
        m.d.comb += [
            turns.advance.eq(working & self.o.ready),
            turns.begins.eq(known & reader.kept & (~working | ended)),
            turns.outer.eq(Mux(command.map, reader.step, turns.advance)),
            reader.step.eq(turns.begins | (known & ~reader.kept)),
            reader.last.eq(ends[_KERNEL_X:_OUTPUT].all()),
            self.o.valid.eq(working), self.busy.eq(looking | working),
            self.waits.eq(looking & ~working & ~reader.valid),
            self.told.eq(reader.valid), self.misses.eq(known & ~reader.kept & reader.last),
        ]
        with m.If(self.start):
            m.d.sync += [looking.eq(command.map), working.eq(~command.map), started.eq(0)]
        with m.Else():
            with m.If(reader.step):
                m.d.sync += [looking.eq(~ends[_KERNEL_X:].all()),
                             started.eq(~reader.last & (started | turns.begins))]
            with m.If(turns.begins):
                m.d.sync += [working.eq(1), own.eq(flags), own[0].eq(~started),
                             own[3].eq(~command.reuse | (~started & begins[_OUTPUT]))]
            with m.Elif(ended & (command.map | ends[_KERNEL_X:].all())):
                m.d.sync += working.eq(0)
        return Mux(command.map, own, flags)

    def _count(self, m, command, window, turns):
        """Each loop's counter: whether it is in its first, its last round, whether it goes on."""
        begins, ends, goes = (Signal(len(_LOOPS), name=name)
                              for name in ("begins", "ends", "goes"))
        kernel_ends = ends[_KERNEL_X:_CHANNEL].all()
        pixels_end = ends[:_KERNEL_X].all() | turns.map
        inners = [~window | kernel_ends, ends[_X] & (~window | kernel_ends),
                  Mux(window, ends[_KERNEL_Y], pixels_end), window | (pixels_end & ends[_KERNEL_X]),
                  pixels_end & kernel_ends, pixels_end & ends[_KERNEL_X:_OUTPUT].all()]
        for loop, (limit, inner) in enumerate(zip(_LOOPS, inners, strict=True)):
            limit = command[limit]
            if loop == _KERNEL_X:  # a row's further pixels take as many columns as the stride
                limit = Mux(window & ~begins[_X], command.stride_x, limit)
            counter = Signal(len(limit), name=f"counter_{_LOOPS[loop]}", reset_less=True)
            m.d.comb += [begins[loop].eq(counter == 1), ends[loop].eq(counter == limit),
                         goes[loop].eq(inner & ~ends[loop])]
            with m.If(self.start):
                m.d.sync += counter.eq(1)
            with m.Elif((turns.outer if loop >= _KERNEL_X else turns.advance) & inner):
                m.d.sync += counter.eq(Mux(ends[loop], 1, counter + 1))
        return begins, ends, goes

    def _levels(self, m, window, goes):
        """Which of the loops goes on, counted from the inside."""
        levels = Signal(_CHANNEL)
        m.d.comb += levels.eq(Mux(
            window, Cat(goes[_KERNEL_Y], goes[_KERNEL_X] | goes[_X], goes[_Y]), goes[:_CHANNEL]))
        return Cat(levels, goes[_CHANNEL:])

    def _rows(self, m, command, window, turns, goes, bank):
        """Row and bank of the vector."""
        output_bank = Signal(reset_less=True)
        steps = [Mux(window, command.kernel_step, command.stride_x),
                 Mux(window, command.channel_step, command.row_step),
                 Mux(window, command.row_step, command.dilation_x), command.kernel_step,
                 Mux(command.channel_alternate & ~bank, 0, command.channel_step),
                 Mux(command.block_alternate & ~output_bank, 0, command.block_step)]
        rows = [Signal(self._row_width, name=f"row_{name}", reset_less=True) for name in _LOOPS]
        m.d.comb += self.o.payload.row.eq(rows[_X])
        outer = range(_KERNEL_X if self._maps else _X, len(rows))
        following = self._following(m, "outer", outer, rows, steps, goes)
        for loop in outer:
            with m.If(self.start):
                m.d.sync += rows[loop].eq(command.source)
            with m.Elif(turns.outer & goes[loop:].any()):
                m.d.sync += rows[loop].eq(following)
        inner = self._following(m, "inner", range(outer[0]), rows, steps, goes)
        for loop in range(outer[0]):
            with m.If(self.start):
                m.d.sync += rows[loop].eq(command.source)
            with m.Elif(turns.begins):
                m.d.sync += rows[loop].eq(rows[_KERNEL_X])
            with m.Elif(turns.advance & goes[loop:_KERNEL_X].any()):
                m.d.sync += rows[loop].eq(inner)
            with m.Elif(turns.advance & ~turns.map & goes[_KERNEL_X:].any()):
                m.d.sync += rows[loop].eq(following)
        with m.If(self.start):
            m.d.sync += [bank.eq(command.source_bank), output_bank.eq(command.source_bank)]
        with m.Elif(turns.outer & goes[_CHANNEL]):
            m.d.sync += bank.eq(bank ^ command.channel_alternate)
        with m.Elif(turns.outer & goes[_OUTPUT]):
            m.d.sync += [bank.eq(output_bank ^ command.block_alternate),
                         output_bank.eq(output_bank ^ command.block_alternate)]

    def _following(self, m, name, loops, rows, steps, goes):
        """The row with which the one of some loops that goes on begins its next round."""
        base, step, following = (Signal(self._row_width, name=f"{name}_{part}")
                                 for part in ("base", "step", "following"))
        m.d.comb += following.eq(base + step)
        for loop in loops:
            with m.If(goes[loop]):
                m.d.comb += [base.eq(rows[loop]), step.eq(steps[loop])]
        return following

    def _coordinates(self, m, command, window, turns, levels):
        """Column and row of the vector in the source."""
        inner, second, third, fourth = levels[:_CHANNEL]
        make = self._split_coordinate if self._maps else self._coordinate
        inside = inner | second
        x = make(
            m, command.pad_left, "x", turns, inside, keep=inner | (window & second),
            goes=Mux(window, second, inner), stride=Mux(window, 1, command.stride_x),
            back=~window & second, stays=Const(0, 1), moves=~window & third,
            moved=command.dilation_x)
        y = make(
            m, command.pad_top, "y", turns, inside, keep=inner | (~window & second),
            goes=Mux(window, inner, second),
            stride=Mux(window, command.dilation_y, command.stride_y),
            back=window & second, stays=~window & third, moves=Mux(window, third, fourth),
            moved=Mux(window, command.stride_y, command.dilation_y))
        return x, y

    def _coordinate(self, m, padding, axis, turns, inside, *, keep, goes, stride, back, stays,
                    moves, moved):
        """One coordinate of the vector in the source.

        ``keep``: it stays, or ``goes`` on by ``stride``; ``back``, ``stays``: it is where it began
        last, of pixels and of kernel positions; ``moves``: it begins there again, but for
        ``moved``; otherwise left or above of the source. ``inside``: a loop over pixels goes on.
        """
        current, first, following = (
            Signal(COORDINATE_WIDTH, name=f"{axis}_{name}", reset_less=name != "following")
            for name in ("current", "first", "following"))
        restarts = Signal(name=f"{axis}_restarts")
        m.d.comb += [
            restarts.eq(self.start | ~(keep | back | stays | moves)),
            following.eq(Mux(keep, current, first)
                         + Mux(goes, stride, Mux(moves, moved, 0))),
        ]
        with m.If(restarts & (self.start | turns.advance)):
            m.d.sync += [current.eq(-padding), first.eq(-padding)]
        with m.Elif(turns.advance):
            m.d.sync += current.eq(following)
            with m.If(moves):
                m.d.sync += first.eq(following)
        return current

    def _split_coordinate(self, m, padding, axis, turns, inside, *, keep, goes, stride, back,
                          stays, moves, moved):
        """The same, where ``first`` may be that of a step ahead, and ``begun`` is that of this."""
        current, first, begun, following = (
            Signal(COORDINATE_WIDTH, name=f"{axis}_{name}", reset_less=name != "following")
            for name in ("current", "first", "begun", "following"))
        base = begun if axis == "x" else first  # y goes back with a window alone
        m.d.comb += following.eq(Mux(stays, first, Mux(moves, first + moved, -padding)))
        with m.If(self.start):
            m.d.sync += [each.eq(-padding) for each in (current, first, begun)]
        with m.Else():
            with m.If(turns.outer & (turns.map | ~inside)):
                m.d.sync += first.eq(following)
            with m.If(turns.begins):
                m.d.sync += [current.eq(first), begun.eq(first)]
            with m.Elif(turns.advance & inside):
                m.d.sync += current.eq(Mux(keep, current, base) + Mux(goes, stride, 0))
            with m.Elif(turns.advance & ~turns.map):
                m.d.sync += [current.eq(following), begun.eq(following)]
        return current
