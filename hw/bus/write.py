"""A master of the write channels of AXI4."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..spec.bus import BusSpec
from .burst import next_burst, progress_width
from .signature import request_layout, window_layout, write_signatures

__all__ = ["WriteMaster"]


class WriteMaster(wiring.Component):
    """Writes runs of words to the data window of memory.

    ::

        requests ── burst ──┬─ aw
                            └─ beats left ─┐
        data ──────────────────────────────┴─ w

    Parameters
    ----------
    spec : BusSpec

    Members
    -------
    requests : ``In(stream.Signature(request_layout()))``
        Where to write. A request is transferred when its last burst has been put on ``aw``;
        until then it must stay on offer as it is.
    data : ``In(stream.Signature(data.StructLayout({"data": data_width})))``
        The words of the requests, in order. What is on offer stays, also during ``halt``.
    window : ``In(window_layout(spec))``
        The data window; steady while there are requests.
    halt : ``In(1)``
        Begin no further burst, refuse no further request; write the words that outstanding
        bursts still need with no byte enabled. Only a reset, after ``idle``, brings order back.
    idle : ``Out(1)``
        All bursts are answered, and all of the request on offer is still to be done; during
        ``halt``, all bursts are answered.
    outstanding : ``Out(range(spec.outstanding + 1))``
        Bursts that aren't answered yet.
    answered : ``Out(1)``
        A burst is answered.
    response_error : ``Out(1)``
        A burst was answered with an error.
    window_error : ``Out(1)``
        A request doesn't lie in the data window; it was transferred and gives no burst. Its
        words, if any, will be taken for those of the next request.
    beat : ``Out(1)``
        A word was transferred on ``w``.
    aw, w, b
        The channels, :func:`write_signatures`.

    Raises
    ------
    TypeError
        If ``spec`` is no ``BusSpec``.

    Notes
    -----
    **Bursts** end with the request and at multiples of ``spec.burst_words`` in memory, so that
    none crosses 4 KiB; all have the same ID.

    **Cycles.** The first burst of a request is on ``aw`` in the cycle after the request's first
    offer, its first word on ``w`` in the same cycle; the next burst follows the last word of a
    burst without a pause, if ``aw`` took the one before by then. One word per cycle is
    sustained if ``outstanding`` bursts cover the time until they are answered.

    **Back-pressure.** During bursts ``w`` is ``data`` within the cycle, and ``data.ready`` is
    ``w.ready``. ``requests.ready`` depends on ``w.ready`` and ``aw.ready`` within the cycle.
    """

    def __init__(self, *, spec: BusSpec):
        if not isinstance(spec, BusSpec):
            raise TypeError(f"spec must be a BusSpec, not {spec!r}")
        self._spec = spec
        super().__init__({
            "requests": In(stream.Signature(request_layout())),
            "data": In(stream.Signature(data.StructLayout({"data": spec.data_width}))),
            "window": In(window_layout(spec)),
            "halt": In(1),
            "idle": Out(1),
            "outstanding": Out(range(spec.outstanding + 1)),
            "answered": Out(1),
            "response_error": Out(1),
            "window_error": Out(1),
            "beat": Out(1),
            **write_signatures(spec),
        })

    @property
    def spec(self) -> BusSpec:
        """The specification."""
        return self._spec

    def elaborate(self, platform):
        m = Module()
        issue = Signal()
        started = Signal()
        progress = Signal(progress_width(self._spec), reset_less=True)
        burst = next_burst(m, self._spec, self.requests.payload, self.window, started, progress)
        free = self._write(m, issue, burst.length)
        go = Signal()
        inside = Signal()
        m.d.comb += [
            go.eq(self.requests.valid & ~self.halt),
            inside.eq(burst.inside & self.requests.payload.window),
            issue.eq(go & inside & free & (~self.aw.valid | self.aw.ready)
                     & (self.outstanding != self._spec.outstanding)),
            self.window_error.eq(go & ~inside),
            self.requests.ready.eq(issue & burst.final | self.window_error),
            self.idle.eq((self.outstanding == 0) & (~started | self.halt)),
        ]
        address = Signal(self._spec.address_width, reset_less=True)
        length = Signal(self._spec.length_width, reset_less=True)
        m.d.comb += [self.aw.payload.addr.eq(address), self.aw.payload.len.eq(length)]
        with m.If(issue):
            m.d.sync += [self.aw.valid.eq(1), address.eq(burst.address),
                         length.eq(burst.length), progress.eq(burst.progress)]
        with m.Elif(self.aw.ready):
            m.d.sync += self.aw.valid.eq(0)
        with m.If(issue | self.window_error):
            m.d.sync += started.eq(issue & ~burst.final)
        self._count(m, issue)
        return m

    def _write(self, m, issue, length):
        """The words of one burst after another; whether a next one can begin."""
        active = Signal()
        left = Signal(max(1, self._spec.burst_words.bit_length() - 1), reset_less=True)
        dropping = Signal()
        ended = Signal()
        m.d.comb += [
            self.w.valid.eq(active & (self.data.valid | dropping)),
            self.w.payload.data.eq(Mux(dropping, 0, self.data.payload.data)),
            self.w.payload.strb.eq((~dropping).replicate(self._spec.word_bytes)),
            self.w.payload.last.eq(left == 0),
            self.data.ready.eq(active & self.w.ready & ~dropping),
            self.beat.eq(self.w.valid & self.w.ready),
            ended.eq(self.beat & self.w.payload.last),
        ]
        with m.If(~self.w.valid | self.w.ready):  # strobes stay as they are on offer
            m.d.sync += dropping.eq(self.halt)
        with m.If(issue):
            m.d.sync += [active.eq(1), left.eq(length)]
        with m.Elif(self.beat):
            m.d.sync += [active.eq(~self.w.payload.last), left.eq(left - 1)]
        return ~active | ended

    def _count(self, m, issue):
        """Keep the number of bursts that aren't answered."""
        m.d.comb += [
            self.b.ready.eq(self.outstanding != 0),
            self.answered.eq(self.b.valid & self.b.ready),
            self.response_error.eq(self.answered & self.b.payload.resp[1]),
        ]
        with m.If(issue & ~self.answered):
            m.d.sync += self.outstanding.eq(self.outstanding + 1)
        with m.Elif(self.answered & ~issue):
            m.d.sync += self.outstanding.eq(self.outstanding - 1)
