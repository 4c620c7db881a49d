"""Uncompressed weight streams: parameter sets, and blocks with all their values."""

from amaranth.hdl import Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..control.layout import command_layout
from ..mac.ports import stationary_layout
from ..post.requantize import parameter_layout
from ..spec.accelerator import AcceleratorSpec
from ..spec.commands import Engine
from .regroup import Regroup

__all__ = ["RECORD_BYTES", "DenseDecoder"]

RECORD_BYTES = 8


class DenseDecoder(wiring.Component):
    """Takes a weight stream apart: parameters to the requantizer, blocks to the array.

    The stream: for each output block a parameter set, ``columns`` records of 8 bytes (bias, 32
    bits; mantissa, 24 bits; shift, 8 bits), then its weight blocks, each ``lanes`` steps of
    ``columns`` bytes: what each column holds in that lane.

    Parameters
    ----------
    spec : AcceleratorSpec

    Members
    -------
    start : ``In(1)``
        A stream of ``output_blocks`` and ``blocks`` (at least 1 each) begins, with ``int4`` and
        ``reuse`` as they are in this cycle. Not while ``busy``.
    words : ``In(stream)``
        Bus words.
    parameters, weights : ``Out(stream)``
        For :class:`..post.Requantize`, but for what is the same in all sets, and
        :class:`..mac.MacArray`.
    busy : ``Out(1)``
        From the cycle after ``start`` until all has been handed on.

    Notes
    -----
    Latency: none. Throughput: a bus word per cycle; a record or a step (one value for each column)
    per cycle, whichever is slower. Back-pressure goes through to ``words`` within the cycle.
    """

    def __init__(self, *, spec: AcceleratorSpec):
        self._spec = spec
        command = Signal(command_layout(Engine.WEIGHTS, spec))
        super().__init__({
            "start": In(1), "busy": Out(1),
            "output_blocks": In(len(command.output_blocks)), "blocks": In(len(command.blocks)),
            "int4": In(1), "reuse": In(1),
            "words": In(stream.Signature(spec.data_width)),
            "parameters": Out(stream.Signature(parameter_layout(spec.requantize))),
            "weights": Out(stream.Signature(stationary_layout(spec.weights))),
        })

    def elaborate(self, platform):
        m = Module()
        spec = self._spec
        m.submodules.records = records = Regroup(input_width=spec.data_width,
                                                 output_width=8 * RECORD_BYTES)
        m.submodules.steps = steps = Regroup(input_width=spec.data_width,
                                             output_width=8 * spec.columns)
        in_blocks = Signal()
        m.d.comb += [
            records.i.payload.eq(self.words.payload),
            steps.i.payload.eq(self.words.payload),
            records.i.valid.eq(self.words.valid & self.busy & ~in_blocks),
            steps.i.valid.eq(self.words.valid & self.busy & in_blocks),
            self.words.ready.eq(self.busy & Mux(in_blocks, steps.i.ready, records.i.ready)),
        ]
        # columns of a parameter set and lanes of a block are the same number
        number = Signal(range(spec.lanes))
        end = Signal()
        final = number == spec.lanes - 1
        m.d.comb += end.eq(final & ((self.parameters.valid & self.parameters.ready)
                                    | (self.weights.valid & self.weights.ready)))
        with m.If((self.parameters.valid & self.parameters.ready)
                  | (self.weights.valid & self.weights.ready)):
            m.d.sync += number.eq(number + 1)
        own = {name: Signal.like(getattr(self, name), name=f"own_{name}", reset_less=True)
               for name in ("output_blocks", "blocks", "int4", "reuse")}
        with m.If(self.start):
            m.d.sync += [signal.eq(getattr(self, name)) for name, signal in own.items()]
        self._count(m, own, end, in_blocks)
        self._parameters(m, records, number, final)
        self._weights(m, own, steps, number, final)
        return m

    def _count(self, m, own, end, in_blocks):
        """Which part of the stream comes next."""
        blocks = Signal.like(self.blocks, reset_less=True)
        without_blocks = Signal(reset_less=True)
        with m.If(self.start):
            m.d.sync += [self.busy.eq(1), in_blocks.eq(0), blocks.eq(1), without_blocks.eq(0)]
        with m.Elif(end):
            with m.If(~in_blocks & ~without_blocks):
                m.d.sync += in_blocks.eq(1)
            with m.Elif(in_blocks & (blocks != own["blocks"])):
                m.d.sync += blocks.eq(blocks + 1)
            with m.Else():
                m.d.sync += [in_blocks.eq(0), blocks.eq(1), without_blocks.eq(own["reuse"]),
                             own["output_blocks"].eq(own["output_blocks"] - 1),
                             self.busy.eq(own["output_blocks"] != 1)]

    def _parameters(self, m, records, number, final):
        record, parameters = records.o.payload, self.parameters.payload
        m.d.comb += [
            self.parameters.valid.eq(records.o.valid),
            records.o.ready.eq(self.parameters.ready),
            parameters.column.eq(number),
            parameters.bias.eq(record[:32]),
            parameters.mantissa.eq(record[32:56]),
            parameters.shift.eq(record[56:62]),
            parameters.commit.eq(final),
        ]

    def _weights(self, m, own, steps, number, final):
        spec, weights = self._spec, self.weights.payload
        m.d.comb += [
            self.weights.valid.eq(steps.o.valid),
            steps.o.ready.eq(self.weights.ready),
            weights.commit.eq(final),
        ]
        if spec.int4:
            m.d.comb += weights.int4.eq(own["int4"])
        for column in range(spec.columns):
            load = weights.loads[column]
            m.d.comb += [load.index.eq(number), load.valid.eq(1),
                         load.value.eq(steps.o.payload.word_select(column, 8))]
            if spec.int4:
                m.d.comb += load.enable.eq(Const(3, 2))
        return m
