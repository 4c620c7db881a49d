"""Start, end, errors and resets of a run, and its counters."""

from amaranth.hdl import Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..spec.registers import ErrorCode, register

__all__ = ["CAUSES", "COUNTERS", "EVENTS", "Supervisor"]

# what can end a run, first come first: an error's code where two happen in the same cycle
CAUSES = (ErrorCode.READ_RESPONSE, ErrorCode.WRITE_RESPONSE, ErrorCode.WINDOW,
          ErrorCode.ILLEGAL_COMMAND, ErrorCode.ACCUMULATORS, ErrorCode.STREAM,
          ErrorCode.MISMATCH)
COUNTERS = ("cycles", "vectors", "stall_weights", "stall_results", "stall_tokens", "words_read",
            "words_written", "commands", "layers", "stall_buffer", "stall_decoding")
EVENTS = {name: 3 if name == "layers" else 1 for name in COUNTERS[1:]}


def _width(name: str) -> int:
    """Bits of a register's only field."""
    (field,) = register(name.upper()).fields
    return field.width


class Supervisor(wiring.Component):
    """Runs a program from its start to its end, an error or a reset, and drains the bus after it.

    Members
    -------
    start, soft_reset : ``In(1)``
        Pulses, from the host. ``start`` is ignored while a run goes on or the bus is drained.
    watchdog : ``In``
        Cycles without ``progress`` until an error; 0: no limit.
    progress : ``In(1)``
        Something moved.
    causes : ``In(len(CAUSES))``
        Errors, in the order of :data:`CAUSES`.
    stream_code : ``In``
        With the cause ``STREAM``: what is wrong with the stream.
    finished : ``In(1)``
        The program has ended.
    idle : ``In(1)``
        Nothing is outstanding on the bus.
    {counter}_event : ``In(1)``, layers_event : ``In(3)``
        What the counters but ``cycles`` are to add.
    begin : ``Out(1)``
        The first cycle of a run.
    halt : ``Out(1)``
        Nothing new may go to the bus.
    core_reset : ``Out(1)``
        Reset everything but the host's registers; ``idle`` is up.
    busy, done, error, draining : ``Out(1)``, error_code, stream_error : ``Out``
        For the status registers.
    done_event, error_event : ``Out(1)``
        Pulses, for the interrupt.
    {counter} : ``Out``, as wide as its register
        Since the last start; they stand still once a run has ended.

    Notes
    -----
    An error is reported one cycle after its cause, whatever the state of the bus; ``draining`` is
    up until all that was outstanding has been answered, and then a run can start. ``done`` comes
    after that. If the memory never answers, ``draining`` stays up.
    """

    def __init__(self):
        super().__init__({
            "start": In(1), "soft_reset": In(1), "watchdog": In(_width("watchdog")),
            "progress": In(1),
            "causes": In(len(CAUSES)), "stream_code": In(_width("stream_error")),
            "finished": In(1), "idle": In(1),
            **{f"{name}_event": In(width) for name, width in EVENTS.items()},
            "begin": Out(1), "halt": Out(1), "core_reset": Out(1),
            "busy": Out(1), "done": Out(1), "error": Out(1), "draining": Out(1),
            "error_code": Out(8), "stream_error": Out(_width("stream_error")),
            "done_event": Out(1), "error_event": Out(1),
            **{name: Out(_width(name)) for name in COUNTERS},
        })

    def elaborate(self, platform):
        m = Module()
        running, ending = Signal(), Signal()
        failed, code = Signal(), Signal(8)
        expired = self._watch(m, running)
        m.d.comb += [
            failed.eq(self.causes.any() | expired),
            code.eq(self._code(expired)),
            self.busy.eq(running | (self.draining & ending)),
            self.halt.eq(self.draining),
            self.core_reset.eq(self.draining & self.idle),
            self.begin.eq(self.start & ~running & ~self.draining),
            self.done_event.eq(self.core_reset & ending),
            self.error_event.eq(running & failed),
        ]
        with m.If(self.begin):
            m.d.sync += [running.eq(1), ending.eq(0), self.done.eq(0), self.error.eq(0),
                         self.error_code.eq(0), self.stream_error.eq(0)]
        with m.If(running & (failed | self.finished)):
            m.d.sync += [running.eq(0), self.draining.eq(1), ending.eq(~failed)]
            with m.If(failed):
                m.d.sync += [self.error.eq(1), self.error_code.eq(code)]
            with m.If(code == ErrorCode.STREAM):
                m.d.sync += self.stream_error.eq(self.stream_code)
        with m.If(self.core_reset):
            m.d.sync += [self.draining.eq(0), self.done.eq(ending)]
        with m.If(self.soft_reset):
            m.d.sync += [running.eq(0), self.draining.eq(1), ending.eq(0), self.done.eq(0),
                         self.error.eq(0), self.error_code.eq(0), self.stream_error.eq(0)]
        self._count(m, running)
        return m

    def _code(self, expired) -> Value:
        code: Value = Mux(expired, Const(ErrorCode.WATCHDOG, 8), 0)
        for number in reversed(range(len(CAUSES))):
            code = Mux(self.causes[number], Const(CAUSES[number], 8), code)
        return code

    def _watch(self, m, running):
        """Whether nothing has moved for too long."""
        still = Signal.like(self.watchdog)
        with m.If(running & ~self.progress):
            m.d.sync += still.eq(still + 1)
        with m.Else():
            m.d.sync += still.eq(0)
        return (still == self.watchdog) & self.watchdog.any()

    def _count(self, m, running):
        for name in COUNTERS:
            counter = getattr(self, name)
            event = running if name == "cycles" else getattr(self, f"{name}_event")
            m.d.sync += counter.eq(Mux(self.begin, 0, counter + Mux(running, event, 0)))
