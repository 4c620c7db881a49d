"""Vectors from the activation buffer, whose reads take a cycle or two."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..mac.announced import PixelPlaces
from ..spec.accelerator import AcceleratorSpec
from .steps import step_layout

__all__ = ["EarlyReader", "PromptReader"]


def _banks(step, int4):
    """The banks in which a step's vector is."""
    return Mux(step.outside, 0, Mux(int4, 3, Mux(step.bank, 2, 1)))


class PromptReader(wiring.Component):
    """Reads the vector of each step when the array takes the one before; reads take a cycle.

    While the array doesn't take it, others may read the bank; the vector is then lost, and read
    again.

    Parameters
    ----------
    spec : AcceleratorSpec

    Members
    -------
    steps, int4, step_enable, step_row, step_ready, others, o
        As in :class:`EarlyReader`, but that ``o`` may be kept waiting by any step.
    busy : ``Out(1)``
        A step waits or is taken, its vector there or lost.
    waits_for_buffer : ``Out(1)``
        A bank that is wanted is read by others.

    Notes
    -----
    Latency: a cycle from ``steps`` to ``o``. Throughput: a step per cycle.
    """

    def __init__(self, *, spec: AcceleratorSpec):
        self._spec = spec
        steps = stream.Signature(step_layout(spec))
        super().__init__({
            "steps": In(steps), "o": Out(steps), "int4": In(1),
            "step_enable": Out(2), "step_row": Out((spec.buffer_rows - 1).bit_length()),
            "step_ready": In(1), "others": In(2), "busy": Out(1), "waits_for_buffer": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        step = self.steps.payload
        here = Signal(step_layout(self._spec), reset_less=True)
        lost, advance = Signal(), Signal()
        m.d.comb += [
            self.o.valid.eq(self.busy & ~lost), self.o.payload.eq(here),
            advance.eq(~self.busy | (self.o.ready & ~lost)),
            self.steps.ready.eq(advance & self.step_ready),
            self.step_row.eq(Mux(lost, here.row, step.row)),
            self.step_enable.eq(Mux(lost, _banks(here, self.int4), Mux(
                self.steps.valid & advance, _banks(step, self.int4), 0))),
            self.waits_for_buffer.eq((self.steps.valid & advance & ~self.step_ready)
                                     | (lost & self.o.ready)),
        ]
        with m.If(advance):
            m.d.sync += [self.busy.eq(self.steps.valid & self.step_ready), here.eq(step)]
        with m.If(lost):
            m.d.sync += lost.eq(~self.step_ready)
        with m.Elif(~advance):
            m.d.sync += lost.eq((self.others & _banks(here, self.int4)).any())
        return m


class EarlyReader(wiring.Component):
    """Reads the vector of each step, so early that it is there when the array takes it.

    Reads take two cycles. Nothing waits in the array or behind it, so that neither vectors nor rows
    of accumulators have to be kept: a step is begun with when its result has room and the
    accumulators of its pixel will be free. It may have to wait for its weights; then nothing is
    read behind it. If others read its bank in the meantime, its vector is lost, and read again.

    Parameters
    ----------
    spec : AcceleratorSpec

    Members
    -------
    steps : ``In(stream.Signature(step_layout(spec)))``
    int4 : ``In(1)``
        Vectors are in both banks.
    room : ``In(1)``
        There is room for a result; ``reserve`` : ``Out(1)``, it is used.
    commit : ``In(1)``
        A weight block is complete, for the next step with ``swap``.
    step_enable, step_row : ``Out``, step_ready, others : ``In``
        The ports of :class:`..memory.ActivationBuffer`.
    o : ``Out(stream.Signature(step_layout(spec)))``
        The step whose vector is in ``step_data`` now. ``ready`` must be up but for steps with
        ``swap`` that have no block.
    busy, there : ``Out(1)``
        Steps are under way; one waits or is taken, its vector there or lost.
    waits_for_results, waits_for_buffer : ``Out(1)``
        A step isn't begun with for want of ``room``; a bank that is wanted is read by others.

    Notes
    -----
    Latency: 2 cycles from ``steps`` to ``o``. Throughput: a step per cycle, as far as
    :class:`..mac.announced.PixelPlaces` lets them follow each other.
    """

    def __init__(self, *, spec: AcceleratorSpec):
        self._spec = spec
        steps = stream.Signature(step_layout(spec))
        super().__init__({
            "steps": In(steps), "o": Out(steps), "int4": In(1),
            "room": In(1), "reserve": Out(1), "commit": In(1),
            "step_enable": Out(2), "step_row": Out((spec.buffer_rows - 1).bit_length()),
            "step_ready": In(1), "others": In(2),
            "busy": Out(1), "there": Out(1),
            "waits_for_results": Out(1), "waits_for_buffer": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        places = PixelPlaces(self._spec.accumulators)
        layout = data.StructLayout({"step": step_layout(self._spec), "place": places.layout})
        first, coming, here = (Signal(layout, name=name, reset_less=True)
                               for name in ("first", "coming", "here"))
        step, place = self.steps.payload, Signal(places.layout)
        comes, there, lost, committed = Signal(), self.there, Signal(), Signal()
        enters, certain, may, issued, again = (
            Signal(name=name) for name in ("enters", "certain", "may", "issued", "again"))
        conflict = ~step.silent & (
            (comes & ~coming.step.silent & places.conflict(place, coming.place, 1))
            | (there & ~here.step.silent & places.conflict(place, here.place, 2)))
        finishes = step.finish & ~step.silent

        m.d.comb += [
            self.o.valid.eq(there & ~lost), self.o.payload.eq(here.step),
            enters.eq(self.o.valid & self.o.ready),
            certain.eq((~there | enters) & ~conflict & (
                ~(comes & coming.step.swap) | (committed & ~(there & here.step.swap)))),
            may.eq(certain & (self.room | ~finishes)),
            self.steps.ready.eq(may & self.step_ready),
            issued.eq(self.steps.valid & self.steps.ready), again.eq(lost & self.step_ready),
            first.step.eq(step), first.place.eq(place),
            self.step_row.eq(Mux(lost, here.step.row, step.row)),
            self.step_enable.eq(Mux(lost, _banks(here.step, self.int4), Mux(
                self.steps.valid & may, _banks(step, self.int4), 0))),
            self.reserve.eq(issued & finishes), self.busy.eq(comes | there),
            self.waits_for_results.eq(self.steps.valid & certain & ~may),
            self.waits_for_buffer.eq((self.steps.valid & may & ~self.step_ready)
                                     | (lost & self.o.ready)),
        ]
        with m.If(issued & ~step.silent):
            m.d.sync += places.following(place, step.last)
        m.d.sync += [comes.eq(issued | again), there.eq(comes | (there & ~enters & ~again))]
        with m.If(issued | again):
            m.d.sync += coming.eq(Mux(lost, here, first))
        with m.If(comes):
            m.d.sync += here.eq(coming)
        with m.If(self.commit):
            m.d.sync += committed.eq(1)
        with m.Elif(enters & here.step.swap):
            m.d.sync += committed.eq(0)
        others = Signal(2)
        taken_away = (others & _banks(here.step, self.int4)).any()
        m.d.sync += [others.eq(self.others),
                     lost.eq(there & ~enters & ~again & (lost | taken_away))]
        return m
