"""A master of the read channels of AXI4, shared by several clients."""

import itertools

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..spec.base import SpecError, require_integer
from ..spec.bus import BusSpec
from .buffer import BurstBuffer
from .burst import next_burst, progress_width
from .signature import read_signatures, request_layout, window_layout
from .turns import next_in_turn, number_of, pick

__all__ = ["ReadMaster", "words_layout"]

_CLIENTS = 8
_BUFFER = 1 << 16


def words_layout(spec: BusSpec) -> data.StructLayout:
    """A word that was read, and whether it is the last of its request."""
    return data.StructLayout({"data": spec.data_width, "last": 1})


class ReadMaster(wiring.Component):
    """Reads runs of words from two windows of memory, for several clients.

    ::

        requests_0 ──┐                                    ┌────────── data_0
        requests_1 ──┼ choice ─ burst ─ ar     r ─ owner ─┼── FIFO ── data_1
        …            ┘   └───── owners ───────────────┘   └ …

    Parameters
    ----------
    spec : BusSpec
    buffers : tuple of int
        For each of 1 to 8 clients the words of its FIFO ``bus_fifo_k``: 0 for none, or
        ``max(2, burst_words)`` to 65 536.
    fifo_latency : int
        Cycles from a read to its row in the FIFOs' memories, 1 or 2.

    Members
    -------
    requests_k : ``In(stream.Signature(request_layout()))``
        What client ``k`` wants. A request is transferred when its last burst has been put on
        ``ar``; until then it must stay on offer as it is.
    data_k : ``Out(stream.Signature(words_layout(spec)))``
        The words of its requests, in order. A client without a FIFO must take them sooner or
        later whatever happens to others: nobody gets a word before it does.
    windows : ``In(data.ArrayLayout(window_layout(spec), 2))``
        The program window and the data window; steady while there are requests.
    halt : ``In(1)``
        Begin no further burst, refuse no further request; take what is outstanding, and drop it
        where the client has no FIFO: its ``data_k`` offers nothing. Only a reset, after ``idle``,
        brings order back.
    idle : ``Out(1)``
        Nothing is outstanding, nothing is on ``ar``.
    response_error : ``Out(1)``
        A word arrived with an error; it is passed on.
    window_error : ``Out(1)``
        A request doesn't lie in its window; it was transferred and gives neither a burst nor
        data.
    beat : ``Out(1)``
        A word arrived.
    ar, r
        The channels, :func:`read_signatures`.

    Raises
    ------
    TypeError
        If ``spec`` is no ``BusSpec``, ``buffers`` no tuple, or a buffer no integer.
    SpecError
        If the number of clients or a buffer is out of range.

    Notes
    -----
    **Bursts** end with the request and at multiples of ``spec.burst_words`` in memory, so that
    none crosses 4 KiB; all have the same ID. Clients take turns, burst by burst. A client with a
    FIFO gets a burst when ``burst_words`` words of its FIFO are free and promised to no other
    burst; they are free again when it has taken the burst's last word.

    **Cycles.** A request is on ``ar`` 2 cycles after its first offer, if nothing else waits; a
    burst every 2 cycles. A word is on ``data_k`` in its cycle on ``r`` without a FIFO,
    ``1 + fifo_latency`` cycles later through an empty one. One word per cycle is sustained if
    ``outstanding`` bursts, and each FIFO with ``burst_words`` more, cover the memory's latency.

    **Back-pressure.** ``r.ready`` is up for words that go to a FIFO, else it is the client's
    ``data_k.ready`` within the cycle.
    """

    def __init__(self, *, spec: BusSpec, buffers: tuple[int, ...], fifo_latency: int = 1):
        if not isinstance(spec, BusSpec):
            raise TypeError(f"spec must be a BusSpec, not {spec!r}")
        if not isinstance(buffers, tuple):
            raise TypeError(f"buffers must be a tuple, not {buffers!r}")
        if not 1 <= len(buffers) <= _CLIENTS:
            raise SpecError(f"buffers must be of 1 to {_CLIENTS} clients, not {len(buffers)}")
        for client, words in enumerate(buffers):
            if words != 0 or isinstance(words, bool):
                require_integer(f"buffers[{client}], unless 0,", words, max(2, spec.burst_words),
                                _BUFFER)
        require_integer("fifo_latency", fifo_latency, 1, 2)
        self._spec, self._buffers, self._fifo_latency = spec, buffers, fifo_latency
        request = stream.Signature(request_layout())
        words = stream.Signature(words_layout(spec))
        super().__init__({
            **{f"requests_{client}": In(request) for client in range(len(buffers))},
            **{f"data_{client}": Out(words) for client in range(len(buffers))},
            "windows": In(data.ArrayLayout(window_layout(spec), 2)),
            "halt": In(1),
            "idle": Out(1),
            "response_error": Out(1),
            "window_error": Out(1),
            "beat": Out(1),
            **read_signatures(spec),
        })

    @property
    def spec(self) -> BusSpec:
        """The specification."""
        return self._spec

    @property
    def buffers(self) -> tuple[int, ...]:
        """Words of each client's FIFO."""
        return self._buffers

    @property
    def clients(self) -> int:
        """The number of clients."""
        return len(self._buffers)

    def elaborate(self, platform):
        m = Module()
        chosen = Signal(self.clients, init=1)  # one of them, whether it is its turn or was
        busy = Signal()  # it is its turn
        may_begin = Signal(self.clients)
        issue = Signal()
        burst = self._next_burst(m, chosen, issue)
        ended = Signal()
        outstanding, owner = self._owners(m, chosen, issue, burst.final, ended)
        reserve = chosen & issue.replicate(self.clients)
        room = self._deliver(m, reserve, outstanding != 0, owner, ended)
        go = Signal()
        m.d.comb += [
            may_begin.eq(room & Cat(getattr(self, f"requests_{client}").valid
                                    for client in range(self.clients))),
            go.eq(busy & ~self.halt),
            self.window_error.eq(go & ~burst.inside),
            issue.eq(go & burst.inside & (~self.ar.valid | self.ar.ready)
                     & (outstanding != self._spec.outstanding)),
            self.idle.eq(outstanding == 0),
        ]
        with m.If(busy):
            m.d.sync += busy.eq(~(issue | self.window_error))
        with m.Elif(may_begin.any() & ~self.halt):
            m.d.sync += [busy.eq(1), chosen.eq(next_in_turn(chosen, may_begin))]

        address = Signal(self._spec.address_width, reset_less=True)
        length = Signal(self._spec.length_width, reset_less=True)
        m.d.comb += [self.ar.payload.addr.eq(address), self.ar.payload.len.eq(length)]
        with m.If(issue):
            m.d.sync += [self.ar.valid.eq(1), address.eq(burst.address), length.eq(burst.length)]
        with m.Elif(self.ar.ready):
            m.d.sync += self.ar.valid.eq(0)
        return m

    def _next_burst(self, m, chosen, issue):
        """The next burst of the chosen client, whose progress is kept here."""
        requests = [getattr(self, f"requests_{client}") for client in range(self.clients)]
        started = Signal(self.clients)
        progress = [Signal(progress_width(self._spec), name=f"progress_{client}", reset_less=True)
                    for client in range(self.clients)]
        request = Signal(request_layout())
        window = Signal(window_layout(self._spec))
        m.d.comb += [
            request.eq(pick(chosen, [port.payload for port in requests])),
            window.eq(Mux(request.window, self.windows[1].as_value(),
                          self.windows[0].as_value())),
        ]
        burst = next_burst(m, self._spec, request, window, (started & chosen).any(),
                           pick(chosen, progress))
        for client, port in enumerate(requests):
            m.d.comb += port.ready.eq(
                chosen[client] & (issue & burst.final | self.window_error))
            with m.If(chosen[client] & (issue | self.window_error)):
                m.d.sync += [started[client].eq(issue & ~burst.final),
                             progress[client].eq(burst.progress)]
        return burst

    def _owners(self, m, chosen, issue, final, ended):
        """How many bursts aren't at their end; whose is the first of them, and is it final."""
        outstanding = Signal(range(self._spec.outstanding + 1))
        layout = data.StructLayout({"client": len(number_of(chosen)), "final": 1})
        owners = [Signal(layout, name=f"owner_{place}", reset_less=True)  # the latest first
                  for place in range(self._spec.outstanding)]
        with m.If(issue):
            m.d.sync += [owners[0].eq(Cat(number_of(chosen), final)),
                         *(after.eq(before) for before, after in itertools.pairwise(owners))]
        with m.If(issue & ~ended):
            m.d.sync += outstanding.eq(outstanding + 1)
        with m.Elif(ended & ~issue):
            m.d.sync += outstanding.eq(outstanding - 1)
        owner = Signal(layout)
        m.d.comb += owner.eq(Array([owners[0], *owners])[outstanding])
        return outstanding, owner

    def _deliver(self, m, reserve, some, owner, ended):
        """Words on ``r`` to their clients; which clients have room for a burst."""
        ready = Signal(self.clients)
        room = Signal(self.clients)
        word = Signal(words_layout(self._spec))
        m.d.comb += [
            word.data.eq(self.r.payload.data),
            word.last.eq(self.r.payload.last & owner.final),
            self.r.ready.eq(some & (self.halt | Array(ready)[owner.client])),
            self.beat.eq(self.r.valid & self.r.ready),
            ended.eq(self.beat & self.r.payload.last),
            self.response_error.eq(self.beat & self.r.payload.resp[1]),
        ]
        for client, words in enumerate(self._buffers):
            mine = Signal(name=f"mine_{client}")
            o = getattr(self, f"data_{client}")
            m.d.comb += mine.eq(self.r.valid & some & (owner.client == client))
            if words:
                m.submodules[f"buffer_{client}"] = buffer = BurstBuffer(
                    name=f"bus_fifo_{client}", word=words_layout(self._spec), words=words,
                    burst_words=self._spec.burst_words, read_latency=self._fifo_latency)
                wiring.connect(m, buffer.o, wiring.flipped(o))
                m.d.comb += [
                    buffer.i.valid.eq(mine),
                    buffer.i.payload.eq(Cat(word, self.r.payload.last)),
                    buffer.reserve.eq(reserve[client]),
                    ready[client].eq(1),
                    room[client].eq(buffer.room),
                ]
            else:
                m.d.comb += [ready[client].eq(o.ready), room[client].eq(1),
                             o.valid.eq(mine & ~self.halt), o.payload.eq(word)]
        return room
