"""The loops of a copy between memory and activation buffer: planes, runs, vectors."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..bus.signature import request_layout
from ..control.layout import command_layout
from ..spec.accelerator import AcceleratorSpec
from ..spec.commands import Engine

__all__ = ["BufferLoop", "MemoryLoop"]


class MemoryLoop(wiring.Component):
    """The side of the memory: a linear request for each run.

    Parameters
    ----------
    spec : AcceleratorSpec
    engine : Engine
        ``LOAD`` or ``STORE``.

    Members
    -------
    command : ``In``
        The command, from ``start`` : ``In(1)`` until ``busy`` : ``Out(1)`` falls.
    requests : ``Out(stream.Signature(request_layout()))``
        Throughput: a run per cycle, the first one in the cycle after ``start``.
    """

    def __init__(self, *, spec: AcceleratorSpec, engine: Engine):
        self._spec, self._engine = spec, engine
        super().__init__({
            "command": In(command_layout(engine, spec)),
            "start": In(1),
            "busy": Out(1),
            "requests": Out(stream.Signature(request_layout())),
        })

    def elaborate(self, platform):
        m = Module()
        command = data.View(self.command.shape(), self.command.as_value())
        low = self._spec.lanes.bit_length() - 1  # offsets are multiples of a vector
        offset = Signal(32 - low, reset_less=True)
        runs, planes = (Signal.like(count, name=name, reset_less=True)
                        for name, count in (("runs", command.runs), ("planes", command.planes)))
        words = (self._spec.lanes // self._spec.bus.word_bytes).bit_length() - 1
        next_plane, following = Signal(), Signal(32 - low)
        m.d.comb += [
            self.requests.valid.eq(self.busy),
            self.requests.payload.window.eq(1),
            self.requests.payload.offset[low:].eq(offset),
            self.requests.payload.words.eq(command.run << words),
            next_plane.eq(runs == command.runs),
            following.eq(offset + Mux(next_plane, command.plane_stride[low:],
                                      command.run_stride[low:])),
        ]
        if self._engine is Engine.LOAD and self._spec.line_bytes:
            with m.If(command.unfold):
                m.d.comb += [self.requests.payload.words.eq(command.words),
                             next_plane.eq(command.joined | (runs == command.runs))]
        with m.If(self.start):
            m.d.sync += [self.busy.eq(1), offset.eq(command.offset[low:]), runs.eq(1),
                         planes.eq(1)]
        with m.Elif(self.busy & self.requests.ready):
            m.d.sync += [offset.eq(following), runs.eq(Mux(next_plane, 1, runs + 1))]
            with m.If(next_plane):
                m.d.sync += [planes.eq(planes + 1), self.busy.eq(planes != command.planes)]
        return m


class BufferLoop(wiring.Component):
    """The side of the buffer: bank and row of each vector.

    Parameters
    ----------
    spec : AcceleratorSpec
    engine : Engine
        ``LOAD`` or ``STORE``.
    keeps : bool
        Keep what is needed of the command, so that it is needed in the cycle of ``start`` alone.
        If not, it stays until the end.

    Members
    -------
    command, start : ``In``
        The command to begin with: in a cycle in which the loop isn't ``busy`` : ``Out(1)``, or that
        of ``ends`` : ``Out(1)``, its last one. The first vector is there in the next cycle.
    bank, row : ``Out``
        Of the current vector; with it ``last`` : ``Out(1)``, it is the last one of its run.
    advance : ``In(1)``
        Go on to the next one.
    """

    def __init__(self, *, spec: AcceleratorSpec, engine: Engine, keeps: bool = False):
        self._keeps = keeps
        self._row_width = (spec.buffer_rows - 1).bit_length()
        super().__init__({
            "command": In(command_layout(engine, spec)),
            "start": In(1),
            "busy": Out(1),
            "ends": Out(1),
            "bank": Out(1),
            "row": Out(self._row_width),
            "last": Out(1),
            "advance": In(1),
        })

    def elaborate(self, platform):
        m = Module()
        command = data.View(self.command.shape(), self.command.as_value())
        row, run_row, plane_row = (Signal(self._row_width, name=name, reset_less=True)
                                   for name in ("row", "run_row", "plane_row"))
        bank = Signal(reset_less=True)
        names = ("run", "runs", "planes", "alternate", "run_step", "plane_step")
        widths = dict.fromkeys(("run_step", "plane_step"), self._row_width)
        kept = {name: Signal(widths.get(name, len(command[name])), name=f"own_{name}",
                             reset_less=True)
                for name in names if self._keeps or name == "planes"}
        own = {name: kept.get(name, command[name]) for name in names}
        vectors, runs = (Signal.like(own[count], name=name, reset_less=True)
                         for name, count in (("vectors", "run"), ("run_number", "runs")))
        end_run, end_plane = self.last, Signal()
        base, step, following = (Signal(self._row_width, name=name)
                                 for name in ("base", "step", "following"))
        m.d.comb += [
            self.bank.eq(bank), self.row.eq(row),
            end_run.eq(vectors == own["run"]),
            end_plane.eq(end_run & (runs == own["runs"])),
            self.ends.eq(self.busy & self.advance & end_plane & (own["planes"] == 1)),
            base.eq(row), step.eq(1), following.eq(base + step),
        ]
        with m.If(end_plane):
            m.d.comb += [base.eq(plane_row),
                         step.eq(Mux(own["alternate"] & ~bank, 0, own["plane_step"]))]
        with m.Elif(end_run):
            m.d.comb += [base.eq(run_row), step.eq(own["run_step"])]
        with m.If(self.start):
            m.d.sync += [self.busy.eq(1), bank.eq(command.bank), row.eq(command.row),
                         run_row.eq(command.row), plane_row.eq(command.row),
                         *(signal.eq(command[name]) for name, signal in kept.items()),
                         vectors.eq(1), runs.eq(1)]
        with m.Elif(self.busy & self.advance):
            m.d.sync += [row.eq(following), vectors.eq(Mux(end_run, 1, vectors + 1))]
            with m.If(end_run):
                m.d.sync += [run_row.eq(following), runs.eq(Mux(end_plane, 1, runs + 1))]
            with m.If(end_plane):
                m.d.sync += [plane_row.eq(following), bank.eq(bank ^ own["alternate"]),
                             own["planes"].eq(own["planes"] - 1), self.busy.eq(~self.ends)]
        return m
