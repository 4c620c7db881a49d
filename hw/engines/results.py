"""Where results go: the rows of a COMPUTE command's output in the activation buffer."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..control.layout import command_layout
from ..spec.accelerator import AcceleratorSpec
from ..spec.commands import Engine
from .result_orders import Parts, Strips, Whole

__all__ = ["ResultLoop"]

_ORDERS: dict[int, Any] = {0: Whole, 2: Parts, 4: Strips}  # by the side of tiles, 0 without any


class ResultLoop(wiring.Component):
    """Goes through output blocks, rows and columns of pixels; with ``down`` columns and rows.

    With ``winograd`` in tiles of 2 × 2 it goes through each output block in four parts: even rows
    and columns, even rows and odd columns, odd rows and even columns, odd rows and columns, those
    that there are; in tiles of 4 × 4 in strips of four rows, column by column.

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
        self._window, self._tile = spec.window, spec.winograd_tile
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
                  *(["winograd"] if self._tile else [])]
        widths = dict.fromkeys(("destination_row", "destination_step"), self._row_width)
        limits = {name: Signal(widths.get(name, len(command[name])), name=f"own_{name}",
                               reset_less=True) for name in fields}
        down = Signal(name="goes_down")
        m.d.comb += down.eq((limits["down"] if self._window else 0)
                            | (limits["winograd"] if self._tile == 4 else 0))
        row, line_row, block_row, base, step, following = (
            Signal(self._row_width, name=name, reset_less=name.endswith("row"))
            for name in ("row", "line_row", "block_row", "base", "step", "following"))
        bank = Signal(reset_less=True)
        sizes = max(len(limits[f"out_{size}"]) for size in ("width", "height"))
        x, y = (Signal(sizes, name=name, reset_less=True) for name in ("x", "y"))
        end_line, end_block = Signal(), Signal()
        parts = _ORDERS[self._tile](m, limits, x, y)
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
