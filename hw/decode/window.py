"""The queue of a weight stream's words, whose first granules are all at hand."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..memory.two_port import TwoPortMemory
from ..spec.decode import DecompressorSpec
from ..spec.stream import GRANULE

__all__ = ["Window"]



class Window(wiring.Component):
    """Holds words in memories, one for each of the ``banks`` words that are at hand.

    The word number n of all words is in memory n modulo ``banks``, so that what is at hand are
    the memories' read registers; granules keep their places there while others are used up.

    Parameters
    ----------
    spec : DecompressorSpec

    Members
    -------
    word : ``In(data_width)``
    useful : ``In(granules)``
        Which granules of the word are the stream's: all, or the lowest ones of its last word.
    write, room : ``In(1)``, ``Out(1)``
        Append the word, if there is room.
    slots : ``Out(window granules)``
        What is at hand, at fixed places.
    visible : ``Out(window)``
        The slots with granules of the stream that aren't used up, circularly from ``base`` on.
    base : ``Out(range(window))``
        The slot of the first granule that isn't used up.
    complete : ``Out(1)``
        The last granule of the stream has come: there are no others than those that are visible.
    ended : ``Out(1)``
        All granules of the stream are used up.
    used : ``In(range(window + 1))``
        So many are used up in this cycle, no more than are visible.
    skip : ``In(1)``
        The rest of the word is used up; ``used`` is 0. For the end of a stream; the next one begins
        with the next word.
    clear : ``In(1)``
        Forget everything.

    Notes
    -----
    Latency: a granule is visible 2 cycles after its word was written, if there is a place.
    Throughput: a word in, and a whole window out, per cycle. Holds ``fifo_words`` less a row of
    words, at least.
    """

    def __init__(self, *, spec: DecompressorSpec):
        self._spec = spec
        super().__init__({
            "word": In(spec.data_width), "useful": In(spec.granules),
            "write": In(1), "room": Out(1),
            "slots": Out(data.ArrayLayout(GRANULE, spec.window)),
            "visible": Out(spec.window), "base": Out(range(spec.window)),
            "complete": Out(1), "ended": Out(1),
            "used": In(range(spec.window + 1)), "skip": In(1), "clear": In(1),
        })

    def elaborate(self, platform):
        m = Module()
        spec = self._spec
        rows = spec.fifo_words // spec.banks
        place = data.StructLayout({"granule": range(spec.granules), "bank": range(spec.banks),
                                   "row": range(rows)})
        read, read_next = Signal(place), Signal(place)
        written = Signal(data.StructLayout({"bank": range(spec.banks), "row": range(rows)}))
        held = Signal(spec.banks)
        self._advance(m, read, read_next)
        m.d.comb += self.room.eq((written.row + 1)[:len(written.row)] != read.row)
        with m.If(self.write):
            m.d.sync += written.eq(written.as_value() + 1)
        useful = []
        for bank in range(spec.banks):
            target, target_next, row = (
                _row_of(m, bank, pointer, f"{name}_{bank}")
                for pointer, name in ((read, "target"), (read_next, "target_next"),
                                      (written, "row")))
            memory = TwoPortMemory(name="weight_fifo", depth=rows,
                                   width=spec.data_width + spec.granules)
            memory.place(m, platform, f"bank_{bank}")
            # a row isn't written again before it is used up: equal rows, nothing held
            holds = Signal(name=f"holds_{bank}")
            m.d.comb += [
                holds.eq(target_next != row),
                memory.write_address.eq(written.row),
                memory.write_data.eq(Cat(self.word, self.useful)),
                memory.write_enable.eq(self.write & (written.bank == bank)),
                memory.read_address.eq(target_next),
                memory.read_enable.eq(holds & (~held[bank] | (target_next[0] != target[0]))),
            ]
            m.d.sync += held[bank].eq(holds)
            for granule in range(spec.granules):
                m.d.comb += self.slots[bank * spec.granules + granule].eq(
                    memory.read_data.word_select(granule, GRANULE))
            useful.append(memory.read_data[spec.data_width:])
        self._show(m, held, useful, read)
        with m.If(self.clear):
            m.d.sync += [read.eq(0), written.eq(0), held.eq(0)]
        return m

    def _advance(self, m, read, read_next):
        granule = len(read.granule)
        rest = Cat(self.skip.replicate(granule), Const(0, len(read.as_value()) - granule))
        m.d.comb += [
            read_next.eq((read.as_value() | rest) + self.used + self.skip),
            self.base.eq(read.as_value()),
        ]
        m.d.sync += read.eq(read_next)

    def _show(self, m, held, useful, read):
        """What can be seen: of words that are there, and none of the next stream's."""
        spec = self._spec
        first = Signal(spec.banks)
        m.d.comb += first.eq(1 << read.bank)
        ends = [held[bank] & ~useful[bank][-1] for bank in range(spec.banks)]
        behind = Signal(spec.banks)  # an end
        for bank in range(spec.banks):
            before = Const(0)
            for distance in range(spec.banks - 1, 0, -1):
                other = (bank - distance) % spec.banks
                before = ~first[(other + 1) % spec.banks] & (ends[other] | before)
            m.d.comb += behind[bank].eq(before)
        seen = Signal(spec.banks)
        m.d.comb += seen.eq(held & ~behind)
        for bank in range(spec.banks):
            for granule in range(spec.granules):
                used_up = first[bank] & (read.granule > granule)
                m.d.comb += self.visible[bank * spec.granules + granule].eq(
                    seen[bank] & useful[bank][granule] & ~used_up)
        m.d.comb += [
            self.complete.eq((seen & Cat(*ends)).any()),
            self.ended.eq(self.complete & ~self.visible.any()),
        ]


def _row_of(m, bank, pointer, name):
    """Where the first word from a pointer on is that belongs to a bank."""
    row = Signal.like(pointer.row, name=name)
    m.d.comb += row.eq(Mux(pointer.bank > bank, pointer.row + 1, pointer.row))
    return row
