"""From the requantizer to the activation buffer, and back what is added to results."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..control.layout import command_layout
from ..post.layouts import addition_layout, values_layout
from ..spec.accelerator import AcceleratorSpec
from ..spec.commands import Engine
from .results import ResultLoop

__all__ = ["ResultWriter"]


class ResultWriter(wiring.Component):
    """Writes the results of COMPUTE commands; those of the next command may follow at once.

    Parameters
    ----------
    spec : AcceleratorSpec

    Members
    -------
    command, start, done
        As in :class:`.compute.ComputeEngine`.
    writing : ``Out(1)``
        Results of the command, or of the one before it, are still to be written.
    i : ``In(stream.Signature(values_layout(spec.requantize)))``
        Requantized results. ``ready`` is always up.
    result_valid, result_bank, result_row, result_data : ``Out``
        Ports of :class:`..memory.ActivationBuffer`.
    addition : ``Out``, behind : ``In``
        With ``residual_add``: those of :class:`..post.Requantize`.
    operand_bank, operand_row : ``Out``
        With ``residual_add``: where the operand is, in :class:`..memory.ActivationBuffer`: where
        the result goes.

    Notes
    -----
    Throughput: a result per cycle, in the order of :class:`.results.ResultLoop`. Latency: none.
    """

    def __init__(self, *, spec: AcceleratorSpec):
        self._spec = spec
        row = (spec.buffer_rows - 1).bit_length()
        super().__init__({
            "command": In(command_layout(Engine.COMPUTE, spec)),
            "start": In(1), "done": Out(1), "writing": Out(1),
            "i": In(stream.Signature(values_layout(spec.requantize))),
            "result_valid": Out(1), "result_bank": Out(1), "result_row": Out(row),
            "result_data": Out(8 * spec.lanes),
            **({"addition": Out(addition_layout(spec.requantize)), "behind": In(1),
                "operand_bank": Out(1), "operand_row": Out(row)} if spec.residual_add else {}),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.result_loop = loop = ResultLoop(spec=self._spec)
        following = Signal()  # the command in execution still is to be begun with
        m.d.comb += [
            loop.command.eq(self.command),
            loop.start.eq(following & (~loop.busy | loop.ends)),
            self.i.ready.eq(1), loop.advance.eq(self.i.valid),
            self.result_valid.eq(self.i.valid),
            self.result_bank.eq(loop.bank), self.result_row.eq(loop.row),
            self.result_data.eq(self.i.payload.values.as_value()),
            self.done.eq(loop.ends), self.writing.eq(following | loop.busy),
        ]
        m.d.sync += following.eq(self.start | (following & ~loop.start))
        if self._spec.residual_add:
            self._add(m, loop)
        return m

    def _add(self, m, loop):
        """Read what is added to a result from where that goes."""
        command = data.View(self.command.shape(), self.command.as_value())
        addition, tensor = self.addition, self.addition.tensor
        m.d.comb += [
            self.operand_bank.eq(loop.bank),
            self.operand_row.eq(Mux(self.behind, loop.next_row, loop.row)),
            addition.scale_result.eq(command.scale_result),
            addition.factor.eq(command.add_factor), addition.offset.eq(command.add_offset),
            addition.scale.mantissa.eq(command.add_mantissa),
            addition.scale.shift.eq(command.add_shift),
            tensor.zero_point.eq(command.add_zero_point),
            tensor.minimum.eq(command.add_minimum), tensor.maximum.eq(command.add_maximum),
        ]
