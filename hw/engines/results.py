"""Where results go: the rows of a COMPUTE command's output in the activation buffer."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..control.layout import command_layout
from ..spec.accelerator import AcceleratorSpec
from ..spec.commands import Engine

__all__ = ["ResultLoop"]


class ResultLoop(wiring.Component):
    """Goes through output blocks, rows and columns of pixels; with ``down`` columns and rows.

    With ``winograd`` it goes through each output block in four parts: even rows and columns, even
    rows and odd columns, odd rows and even columns, odd rows and columns, those that there are.

    Parameters
    ----------
    spec : AcceleratorSpec

    Members
    -------
    command, start : ``In``
        The command that is begun with, needed in this cycle alone: in one in which the loop isn't
        ``busy`` : ``Out(1)``, or that of ``ends`` : ``Out(1)``, its last one.
    bank, row : ``Out``
        Of the current pixel's vector.
    next_row : ``Out``
        Of the pixel behind it, unless that is in another output block.
    advance : ``In(1)``
        Go on to the next pixel.
    """

    def __init__(self, *, spec: AcceleratorSpec):
        self._row_width = (spec.buffer_rows - 1).bit_length()
        self._window, self._tiled = spec.window, spec.winograd_conv is not None
        super().__init__({
            "command": In(command_layout(Engine.COMPUTE, spec)),
            "start": In(1),
            "busy": Out(1),
            "ends": Out(1),
            "bank": Out(1),
            "row": Out(self._row_width),
            "next_row": Out(self._row_width),
            "advance": In(1),
        })

    def elaborate(self, platform):
        m = Module()
        command = data.View(self.command.shape(), self.command.as_value())
        fields = ["out_width", "out_height", "output_blocks", "destination_row",
                  "destination_step", *(["down"] if self._window else []),
                  *(["winograd"] if self._tiled else [])]
        widths = dict.fromkeys(("destination_row", "destination_step"), self._row_width)
        limits = {name: Signal(widths.get(name, len(command[name])), name=f"own_{name}",
                               reset_less=True) for name in fields}
        down = limits["down"] if self._window else Const(0, 1)
        row, line_row, block_row, base, step, following = (
            Signal(self._row_width, name=name, reset_less=name.endswith("row"))
            for name in ("row", "line_row", "block_row", "base", "step", "following"))
        bank = Signal(reset_less=True)
        x, y = (Signal.like(limits[f"out_{size}"], name=name, reset_less=True)
                for name, size in (("x", "width"), ("y", "height")))
        end_line, end_block = Signal(), Signal()
        parts = _Parts(m, limits, x, y) if self._tiled else _Whole(limits, x, y)
        m.d.comb += [
            self.bank.eq(bank), self.row.eq(row),
            end_line.eq(parts.end_line), end_block.eq(end_line & parts.end_block),
            self.ends.eq(self.busy & self.advance & end_block & (limits["output_blocks"] == 1)),
            base.eq(row), step.eq(Mux(down, limits["destination_row"], parts.step)),
            following.eq(base + step), self.next_row.eq(following),
        ]
        with m.If(end_block):
            m.d.comb += [base.eq(block_row), step.eq(Mux(bank, limits["destination_step"], 0))]
        with m.Elif(end_line):
            m.d.comb += [base.eq(line_row), step.eq(Mux(down, 1, parts.line_step))]
            parts.turn(m, base, step, block_row)
        with m.If(self.start):
            m.d.sync += [self.busy.eq(1), bank.eq(command.destination_bank),
                         *(signal.eq(command.destination) for signal in (row, line_row, block_row)),
                         *(signal.eq(command[name]) for name, signal in limits.items()),
                         x.eq(1), y.eq(1)]
            parts.begin(m, command.destination)
        with m.Elif(self.busy & self.advance):
            m.d.sync += [row.eq(following), x.eq(Mux(end_line, parts.first_x, x + parts.step))]
            with m.If(end_line):
                m.d.sync += [line_row.eq(following),
                             y.eq(Mux(parts.end_part, parts.first_y, y + parts.step))]
                parts.go_on(m, end_block, following)
            with m.If(end_block):
                m.d.sync += [block_row.eq(following), bank.eq(~bank), self.busy.eq(~self.ends),
                             limits["output_blocks"].eq(limits["output_blocks"] - 1)]
        return m


class _Whole:
    """An output block whose pixels come line by line."""

    def __init__(self, limits, x, y):
        self.end_line = x == limits["out_width"]
        self.end_block = self.end_part = y == limits["out_height"]
        self.step, self.line_step = 1, limits["destination_row"]
        self.first_x = self.first_y = 1

    def turn(self, m, base, step, block_row):
        """Where the next part begins; there is none."""

    def begin(self, m, destination):
        """Begin with a command."""

    def go_on(self, m, end_block, following):
        """Begin with the next line or part."""


class _Parts:
    """An output block whose pixels come line by line, or, tiled, in four parts of lines.

    Parts are told apart by ``odd``: their columns, their rows.
    """

    def __init__(self, m, limits, x, y):
        tiled = limits["winograd"]
        self._odd = Signal(2, name="odd", reset_less=True)
        self._part_row = Signal.like(limits["destination_row"], name="part_row", reset_less=True)
        self._destination_row = limits["destination_row"]
        ends, turns = Signal(2, name="part_ends"), Signal(2, name="turns")
        for number, (place, size) in enumerate(((x, limits["out_width"]),
                                                (y, limits["out_height"]))):
            before = (size - 1)[:len(size)]
            m.d.comb += [ends[number].eq((place == size) | (tiled & (place == before))),
                         turns[number].eq(tiled & ~self._odd[number] & (size != 1))]
        self.end_line, self.end_part, self._turns = ends[0], ends[1], turns
        self.end_block = ends[1] & ~turns.any()
        self.step, self.line_step = Mux(tiled, 2, 1), self._destination_row << tiled
        self._next = Signal(2, name="next_odd")
        m.d.comb += self._next.eq(Mux(ends[1], Mux(turns[0], Cat(1, self._odd[1]),
                                                   Cat(0, turns[1])), self._odd))
        self.first_x, self.first_y = self._next[0] + 1, self._next[1] + 1

    def turn(self, m, base, step, block_row):
        """Where the next part begins."""
        with m.If(self.end_part):
            m.d.comb += [base.eq(Mux(self._turns[0], self._part_row, block_row)),
                         step.eq(Mux(self._turns[0], 1, self._destination_row))]

    def begin(self, m, destination):
        """Begin with a command."""
        m.d.sync += [self._odd.eq(0), self._part_row.eq(destination)]

    def go_on(self, m, end_block, following):
        """Begin with the next line or part."""
        with m.If(self.end_part):
            m.d.sync += [self._part_row.eq(following), self._odd.eq(Mux(end_block, 0, self._next))]
