"""Weight streams taken apart: blocks for the array, parameters, maps."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..mac.ports import stationary_layout
from ..spec.decode import Codec, DecompressorSpec
from ..spec.faults import StreamFault
from ..spec.mac import MacArraySpec, Precision
from ..spec.stream import GRANULE
from .config import LaneSettings
from .control import Control
from .deal import CONTROL_GRANULES, Dealer
from .intake import Intake, word_layout
from .lane import Lane
from .lane_ports import LANE_FAULTS, lane_errors, true_errors
from .parameters import record_layout
from .window import Window

__all__ = ["Decompressor"]


class Decompressor(wiring.Component):
    """Decodes weight streams (``docs/weight-stream.md``), one after the other.

    ::

        words ── Intake ── Window ── Dealer ── Lane of each column ── weights
                                        └───── Control ── parameters, maps

    Parameters
    ----------
    spec : DecompressorSpec

    Members
    -------
    words : ``In(stream.Signature(word_layout(spec)))``
        Bus words: ``data``, and ``last`` with the last one of each stream.
    weights : ``Out(stream.Signature(...))``
        For a MAC array of ``lanes`` × ``columns`` with indexed loads, ``int8_int4`` or ``int8``:
        each transfer has a load for every column, ``commit`` ends a block.
    parameters : ``Out(stream.Signature(record_layout(spec)))``
        In front of the blocks of each output block, one record for each column.
    maps : ``Out(stream.Signature(16))``
        The granules of the block map, each in front of the blocks it tells of. Where nobody needs
        them, ``ready`` has to be 1.
    busy : ``Out(1)``
        Words of a stream have come, and it isn't ``done``.
    done : ``Out(1)``
        Pulse: a stream is at its end, and all is well.
    error : ``Out(StreamFault)``
        What is wrong with a stream, in numbers of ``docs/weight-stream.md``; from then on all
        words are taken and forgotten, until ``clear``.
    clear : ``In(1)``
        Forget everything: the next word is the first of a stream.
    waits_for_words, waits_for_array : ``Out(1)``
        In this cycle granules are missing; loads wait for ``ready``.

    Raises
    ------
    TypeError
        If ``spec`` is no ``DecompressorSpec``.

    Notes
    -----
    Throughput: a symbol of every lane per cycle, if its words are there and the array is ready,
    so a block takes as many cycles as its slowest lane has symbols, at least 1; a map adds 2
    cycles to each 16 steps, parameters ``columns``, or 1 more, to an output block. Latency: 4
    cycles from a stream's first word to its first use; then 2 header words of 32 bits per cycle.
    An error is told within 64 cycles once the words, and what is on offer, have been taken; the
    block that has it isn't committed, and nothing of a stream but blocks that came before.
    """

    def __init__(self, *, spec: DecompressorSpec):
        if not isinstance(spec, DecompressorSpec):
            raise TypeError(f"spec must be a DecompressorSpec, not {spec!r}")
        self._spec = spec
        array = MacArraySpec(lanes=spec.lanes, columns=spec.columns,
                             precision=Precision.INT8_INT4 if spec.int4 else Precision.INT8)
        super().__init__({
            "words": In(stream.Signature(word_layout(spec))),
            "weights": Out(stream.Signature(stationary_layout(array))),
            "parameters": Out(stream.Signature(record_layout(spec))),
            "maps": Out(stream.Signature(GRANULE)),
            "busy": Out(1), "done": Out(1), "error": Out(StreamFault), "clear": In(1),
            "waits_for_words": Out(1), "waits_for_array": Out(1),
        })

    @property
    def spec(self) -> DecompressorSpec:
        """The specification."""
        return self._spec

    def elaborate(self, platform):
        m = Module()
        spec, weights = self._spec, self.weights
        m.submodules.intake = intake = Intake(spec=spec)
        m.submodules.window = window = Window(spec=spec)
        m.submodules.dealer = dealer = Dealer(spec=spec)
        m.submodules.control = control = Control(spec=spec)
        m.submodules.settings = settings = LaneSettings(spec=spec)
        lanes = [Lane(spec=spec) for _ in range(spec.columns)]
        for number, lane in enumerate(lanes):
            lane.place(m, platform, f"lane_{number}")
        self._connect_words(m, intake, window, dealer)
        self._connect_control(m, intake, window, dealer, control)
        fault = self._connect_lanes(m, window, dealer, control, settings, lanes)
        rest = self._rest(m, control, settings)
        step, ends, offers = Signal(), Signal(), Signal()
        check = Signal()
        checked = Signal(reset_less=True)
        with m.If(step | control.fresh):
            m.d.sync += checked.eq(0)
        with m.Elif(check):
            m.d.sync += checked.eq(1)
        ready = Cat(lane.ready for lane in lanes).all()
        m.d.comb += [
            check.eq(control.steps & control.lean & ~checked & dealer.idle),
            offers.eq(control.steps & (checked | ~control.lean) & ready & ~dealer.full & ~fault),
            ends.eq(~Cat(lane.again for lane in lanes).any()),
            step.eq(offers & (~control.begun | weights.ready)),
            control.step.eq(step), control.ends.eq(ends),
            control.hold.eq((weights.valid & ~weights.ready)
                            | (self.parameters.valid & ~self.parameters.ready)
                            | (self.maps.valid & ~self.maps.ready)),
            weights.valid.eq(offers & control.begun),
            weights.payload.commit.eq(ends),
            dealer.ask.eq(Mux(check | step & ~control.lean, Cat(lane.ask for lane in lanes),
                              control.prime.replicate(spec.columns))),
            self.waits_for_array.eq(weights.valid & ~weights.ready),
            self.waits_for_words.eq(dealer.scarce & ~window.complete & ~control.at_rest),
        ]
        for number, (lane, load) in enumerate(zip(lanes, weights.payload.loads, strict=True)):
            m.d.comb += [lane.take.eq(step), lane.ends.eq(ends), load.eq(lane.load),
                         lane.rest.eq(rest[number]), lane.lean.eq(control.lean),
                         lane.check.eq(check)]
        if spec.int4:
            m.d.comb += weights.payload.int4.eq(control.header.four_bit)
        return m

    def _rest(self, m, control, settings):
        """Which lanes rest: in the last output block of a lean stream those without a channel."""
        spec = self._spec
        rest = Signal(spec.columns)
        if spec.has(Codec.RLE, Codec.HUFFMAN):
            rests = control.lean_end & settings.settings.endless
            m.d.comb += rest.eq(Cat(Const(0, 1), *(  # the first one always has a channel
                rests & (control.last_column < column) for column in range(1, spec.columns))))
        return rest

    def _connect_words(self, m, intake, window, dealer):
        wiring.connect(m, wiring.flipped(self.words), intake.words)
        m.d.comb += [
            window.word.eq(intake.word), window.useful.eq(intake.useful),
            window.write.eq(intake.write), intake.room.eq(window.room),
            dealer.slots.eq(window.slots), dealer.visible.eq(window.visible),
            dealer.base.eq(window.base), window.used.eq(dealer.used),
            dealer.drop.eq(window.ended | self.clear),
            intake.refuse.eq(self.error != StreamFault.NONE),
            intake.clear.eq(self.clear), window.clear.eq(self.clear),
        ]

    def _connect_control(self, m, intake, window, dealer, control):
        wiring.connect(m, control.parameters, wiring.flipped(self.parameters))
        wiring.connect(m, control.maps, wiring.flipped(self.maps))
        m.d.comb += [
            dealer.want.eq(control.want), dealer.take.eq(control.take),
            control.given.eq(dealer.given), control.idle.eq(dealer.idle),
            control.full.eq(dealer.full),
            control.complete.eq(window.complete), control.ended.eq(window.ended),
            window.skip.eq(control.skip),
            control.stream_fault.eq(intake.fault), control.whole.eq(intake.whole),
            intake.finish.eq(control.finish),
            control.clear.eq(self.clear),
            self.error.eq(control.error), self.done.eq(control.finish),
            self.busy.eq(~intake.idle | ~control.at_rest),
        ]
        m.d.comb += [control.granules[number].eq(dealer.granules[number])
                     for number in range(CONTROL_GRANULES)]

    def _connect_lanes(self, m, window, dealer, control, settings, lanes):
        """Whether lanes find a fault, which goes to ``control``."""
        spec = self._spec
        m.d.comb += [settings.header.eq(control.header),
                     control.pending.eq(Cat(lane.pending for lane in lanes).any())]
        final = Signal()
        endless = settings.settings.endless if spec.has(Codec.RLE, Codec.HUFFMAN) else Const(0, 1)
        m.d.comb += final.eq(control.final & ~endless)
        for number, lane in enumerate(lanes):
            m.d.comb += [
                lane.settings.eq(settings.settings), lane.clear.eq(control.fresh),
                lane.deal.eq(dealer.deal[number]), lane.granule.eq(dealer.granules[number]),
                lane.dry.eq(window.ended), lane.final.eq(final),
            ]
        found = {}
        for name, _ in lane_errors(spec):
            found[name] = Signal(name=f"any_{name}")
            m.d.comb += found[name].eq(Cat(lane.errors[name] for lane in lanes).any())
        found = true_errors(spec, settings.settings, found)
        for name, signal in reversed(found.items()):
            with m.If(signal):
                m.d.comb += control.lane_fault.eq(LANE_FAULTS[name])
        return Cat(*found.values()).any()
