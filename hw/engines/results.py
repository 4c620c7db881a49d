"""Where results go: the rows of a COMPUTE command's output in the activation buffer."""

from amaranth.hdl import Const, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..control.layout import command_layout
from ..spec.accelerator import AcceleratorSpec
from ..spec.commands import Engine

__all__ = ["ResultLoop"]


class ResultLoop(wiring.Component):
    """Goes through output blocks, rows and columns of pixels; with ``down`` columns and rows.

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
        self._window = spec.window
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
                  "destination_step", *(["down"] if self._window else [])]
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
        m.d.comb += [
            self.bank.eq(bank), self.row.eq(row),
            end_line.eq(x == limits["out_width"]),
            end_block.eq(end_line & (y == limits["out_height"])),
            self.ends.eq(self.busy & self.advance & end_block & (limits["output_blocks"] == 1)),
            base.eq(row), step.eq(Mux(down, limits["destination_row"], 1)),
            following.eq(base + step), self.next_row.eq(following),
        ]
        with m.If(end_block):
            m.d.comb += [base.eq(block_row), step.eq(Mux(bank, limits["destination_step"], 0))]
        with m.Elif(end_line):
            m.d.comb += [base.eq(line_row), step.eq(Mux(down, 1, limits["destination_row"]))]
        with m.If(self.start):
            m.d.sync += [self.busy.eq(1), bank.eq(command.destination_bank),
                         *(signal.eq(command.destination) for signal in (row, line_row, block_row)),
                         *(signal.eq(command[name]) for name, signal in limits.items()),
                         x.eq(1), y.eq(1)]
        with m.Elif(self.busy & self.advance):
            m.d.sync += [row.eq(following), x.eq(Mux(end_line, 1, x + 1))]
            with m.If(end_line):
                m.d.sync += [line_row.eq(following), y.eq(Mux(end_block, 1, y + 1))]
            with m.If(end_block):
                m.d.sync += [block_row.eq(following), bank.eq(~bank), self.busy.eq(~self.ends),
                             limits["output_blocks"].eq(limits["output_blocks"] - 1)]
        return m
