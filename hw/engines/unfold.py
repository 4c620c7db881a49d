"""Windows of image rows, a vector per cycle."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..bus.read import words_layout
from ..control.layout import command_layout
from ..memory.late import LateReads
from ..spec.accelerator import AcceleratorSpec
from ..spec.commands import Engine
from .lines import LineMemory

__all__ = ["Unfold"]


class Unfold(wiring.Component):
    """Reads vectors at any byte of a row, and puts a value outside it.

    ::

        words ── LineMemory ── two vectors ── choice ── fill ── rotation ── data
                     │                                    │
        position ────┴──────────────── register ──────────┘

    Parameters
    ----------
    spec : AcceleratorSpec

    Members
    -------
    command, start : ``In``
        The command that is begun with, needed in this cycle alone.
    words : ``In(stream)``
        Its rows; those of commands after it may follow.
    busy, last : ``In(1)``
        The command has a vector that wasn't read yet; it is the last position of its row.
    second : ``Out(1)``
        It is the second vector of its position.
    next : ``Out(1)``
        It is read in this cycle; with ``advance`` : ``Out(1)`` the position is done with.
    valid, data, enable : ``Out``, ready : ``In(1)``
        The vector that was read before, and which of its lanes are to be written.
    place : ``In``; bank, row, ends : ``Out``
        With a ``memory_latency`` of 2: where the vector that is read goes, and whether it is its
        command's last; the same of ``data``.
    clear : ``Out(1)``
        With it, too: no vector is left to be written after this cycle.

    Notes
    -----
    Latency: ``memory_latency`` cycles from ``next`` to ``valid``, one more from the transfer of a
    row's last word to its first ``valid``. Throughput: a vector per cycle, also from row to row.
    Back-pressure: ``next`` waits for ``ready`` within the cycle. With a latency of 2 a vector is
    kept in a register while ``ready`` is down and the next one comes out of the memory.
    """

    def __init__(self, *, spec: AcceleratorSpec):
        self._spec = spec
        row = (spec.buffer_rows - 1).bit_length()
        place = {"bank": 1, "row": row, "ends": 1}
        super().__init__({
            "command": In(command_layout(Engine.LOAD, spec)),
            "start": In(1),
            "words": In(stream.Signature(words_layout(spec.bus))),
            "busy": In(1), "last": In(1),
            "second": Out(1), "next": Out(1), "advance": Out(1),
            "valid": Out(1), "ready": In(1),
            "data": Out(8 * spec.lanes), "enable": Out(spec.lanes),
            **({"place": In(data.StructLayout(place)), "clear": Out(1),
                **{name: Out(width) for name, width in place.items()}}
               if spec.memory_latency == 2 else {}),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.lines = lines = LineMemory(spec=self._spec)
        wiring.connect(m, wiring.flipped(self.words), lines.i)
        command = data.View(self.command.shape(), self.command.as_value())
        own = {name: Signal.like(command[name], name=f"own_{name}", reset_less=True)
               for name in ("pair", "row_bytes", "first", "pixel_step", "lane", "fill_value")}
        low = self._spec.lanes.bit_length() - 1
        position, place, following = (Signal(signed(16), name=name, reset_less=True)
                                      for name in ("position", "place", "following"))
        reads = None
        if self._spec.memory_latency == 2:
            reads = LateReads(m, self.next, self.ready)
        room = ~self.valid | self.ready if reads is None else reads.room
        m.d.comb += [
            place.eq(position + Mux(self.second, self._spec.lanes, 0)),
            following.eq(Mux(self.last, own["first"], position + own["pixel_step"])),
            self.next.eq(self.busy & lines.row & room),
            self.advance.eq(self.next & (self.second | ~own["pair"])),
            lines.read.eq(self.next),
            lines.free.eq(self.advance & self.last),
            lines.vectors.eq(own["row_bytes"][low:] + own["row_bytes"][:low].any()),
        ]
        with m.If(self.next):
            m.d.sync += self.second.eq(~self.advance)
        if reads is None:
            with m.If(self.next | self.ready):
                m.d.sync += self.valid.eq(self.next)
        with m.If(self.advance):
            m.d.sync += position.eq(following)
        with m.If(self.start):
            m.d.sync += [position.eq(command.first),
                         *(signal.eq(command[name]) for name, signal in own.items())]
        vector = self._window(m, lines, place, own, reads)
        if reads is not None:
            kept = reads.keep(Cat(vector, reads.follow(self.place, "place")), "vector")
            vector = kept[:len(vector)]
            m.d.comb += [
                self.valid.eq(reads.valid),
                self.clear.eq(~reads.fetched[1] & (~reads.fetched[0] | reads.taken)),
                Cat(self.bank, self.row, self.ends).eq(kept[len(vector):])]
        m.d.comb += [
            self.data.eq(vector),
            self.enable.eq(Cat(own["lane"] <= lane for lane in range(self._spec.lanes))),
        ]
        return m

    def _window(self, m, lines, place, own, reads):
        """The bytes of a vector that begins at ``place``, when its row is on ``lines.data``."""
        lanes = self._spec.lanes
        low = lanes.bit_length() - 1
        offset = Signal(low, reset_less=True)
        # Of the two vectors: whether all of it is in the row, whether the row ends in it.
        whole, partial = (Signal(2, name=name, reset_less=True) for name in ("whole", "partial"))
        first, second = (Signal(signed(17 - low), name=name)
                         for name in ("first_vector", "second_vector"))
        end = own["row_bytes"][low:]
        m.d.comb += [first.eq(place >> low), second.eq(first + 1), lines.index.eq(first)]
        with m.If(self.next):
            m.d.sync += [
                offset.eq(place[:low]),
                whole.eq(Cat((number >= 0) & (number < end) for number in (first, second))),
                partial.eq(Cat((number[:len(end)] == end) & ~number[len(end):].any()
                               for number in (first, second))),
            ]
        if reads is not None:
            offset, whole, partial = (reads.later(signal) for signal in (offset, whole, partial))
        chosen = Signal(data.ArrayLayout(8, lanes))
        for byte in range(lanes):
            after, short = Signal(name=f"after_{byte}"), Signal(name=f"short_{byte}")
            upper, inside = Signal(name=f"upper_{byte}"), Signal(name=f"inside_{byte}")
            m.d.comb += [
                after.eq(byte < offset if byte < lanes - 1 else 0),
                short.eq(byte < own["row_bytes"][:low] if byte < lanes - 1 else 0),
                upper.eq(after ^ lines.odd),
                inside.eq(Mux(after, whole[1] | (partial[1] & short),
                              whole[0] | (partial[0] & short))),
                chosen[byte].eq(Mux(inside, Mux(upper, lines.data.word_select(lanes + byte, 8),
                                                lines.data.word_select(byte, 8)),
                                    own["fill_value"])),
            ]
        return self._rotate(m, chosen.as_value(), offset)

    def _rotate(self, m, value, offset):
        """Bytes rotated down by ``offset``."""
        for bit in range(len(offset)):
            rotated = Signal(len(value), name=f"rotated_{bit}")
            m.d.comb += rotated.eq(Mux(offset[bit], value.rotate_right(8 << bit), value))
            value = rotated
        return value
