"""One lane of the decompressor: the weights of one column, a symbol per step."""

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib.wiring import In, Out

from ..hierarchy import SharedComponent
from ..spec.decode import Codec, DecompressorSpec
from ..spec.stream import GRANULE, RUN_BITS
from .config import fill_widths, settings_layout
from .granules import Granules
from .lane_ports import lane_errors, lane_load
from .symbols import SymbolDecoder, coded_layout, symbol_layout, symbol_width

__all__ = ["Lane"]


class Lane(SharedComponent):
    """Decodes the weights of one column.

    ::

        granule ── 3 granules ── symbol ──(waiting symbol, of huffman)── taken symbol ── load

    It has always one symbol taken, whose position lies in the current block or in one behind it.
    In a step, ``take``, a lane whose taken symbol is ``here``, in the current block, sends it and
    takes the next one. With huffman that is one that has been waiting, and another one is read.
    ``ends`` makes the next block the current one. Where some lanes aren't ``ready``, no step must
    be taken.

    Parameters
    ----------
    spec : DecompressorSpec
        ``lanes``, ``int4``, ``codecs`` and ``codebook`` matter.

    Members
    -------
    settings : ``In(settings_layout(spec))``
        Of :class:`.config.LaneSettings`; stable from the last cycle of ``clear`` on.
    clear : ``In(1)``
        Empties the lane. The taken symbol becomes one at the last position of the block before
        the first, which sends nothing: the step that ``ends`` that block takes the first symbols.
        With huffman there is a step before it. Nothing is reset otherwise; at least one cycle,
        before each stream.
    deal, granule : ``In(1)``, ``In(16)``
        Appends a granule. At first three, unless ``lean``, then one for each ``ask``.
    lean : ``In(1)``
        The stream is lean. Stable from the last cycle of ``clear`` on.
    check : ``In(1)``
        Of a lean stream, once before each step: the lane asks if it hasn't all of the next symbol.
        ``ready`` means nothing from a step to the ``check``. Not together with ``take``.
    dry : ``In(1)``
        No granule comes any more, and none is on its way. From then on until ``clear``; where it
        isn't so, all come that have been asked for.
    final : ``In(1)``
        The current block is the last one, of a stream of dense, bitmask or csr: a lane then takes
        no symbol of a block behind it.
    rest : ``In(1)``
        Neither sends nor takes anything, and is always ``ready``: until ``clear``.
    take, ends : ``In(1)``, ``In(1)``
        A step, only if all lanes are ``ready``; it's the last one in the block, which must be so
        if and only if no lane is ``again``.
    ready : ``Out(1)``
        Nothing is missing for a step.
    here : ``Out(1)``
        The taken symbol is in the current block.
    again : ``Out(1)``
        So is the next one, too; while ``ready`` only.
    ask : ``Out(1)``
        With ``take``, but not in a lean stream: a granule has been used up. With ``check``: another
        one is needed. In a stream of rle or huffman that is dry it means nothing.
    load : ``Out(lane_load(spec))``
        What a step sends; until then it stays.
    pending : ``Out(1)``
        The taken symbol has a value.
    errors : ``Out(lane_errors(spec))``

    Raises
    ------
    TypeError
        If ``spec`` is no ``DecompressorSpec``.

    Notes
    -----
    Latency: a granule counts in the cycle after ``deal``. Throughput: a symbol per cycle, where
    there are 17 bits for the next one, or it is ``dry``. ``ready``, ``again``, ``ask``, ``load``
    don't depend on ``take`` or ``ends`` within the cycle.
    """

    module_name = "decoder_lane"

    def __init__(self, *, spec: DecompressorSpec):
        if not isinstance(spec, DecompressorSpec):
            raise TypeError(f"spec must be a DecompressorSpec, not {spec!r}")
        self._spec = spec
        super().__init__({
            "settings": In(settings_layout(spec)), "clear": In(1),
            "deal": In(1), "granule": In(GRANULE), "dry": In(1), "final": In(1),
            "rest": In(1), "take": In(1), "ends": In(1), "lean": In(1), "check": In(1),
            "ready": Out(1), "here": Out(1), "again": Out(1), "ask": Out(1),
            "load": Out(lane_load(spec)), "pending": Out(1), "errors": Out(lane_errors(spec))})

    @property
    def spec(self) -> DecompressorSpec:
        """The specification."""
        return self._spec

    @property
    def parameters(self):
        spec = self._spec
        return (spec.lanes, spec.int4, spec.codecs, spec.codebook)

    def elaborate(self, platform):
        m = Module()
        spec, settings = self._spec, self.settings
        takes = Signal()
        m.d.comb += takes.eq(self.take & self.here)
        symbol, there, asks, bits_there = self._next(m, takes)
        endless = settings.endless if spec.has(Codec.RLE, Codec.HUFFMAN) else Const(0, 1)

        position, following = self._positions(m, symbol)
        outside = Signal()
        skip = Signal()  # the stream has no such symbol
        m.d.comb += [
            self.here.eq(self._in_block(position) & ~self.rest),
            outside.eq(~self._in_block(following)),
            skip.eq(self.final & outside),
            # what isn't there but should be doesn't end a block: it is an error
            self.again.eq(self.here & (there | ~endless) & ~outside),
            self.ready.eq(~self.here | bits_there),
            self.ask.eq(self.here & asks & ~skip),
        ]
        bad = symbol.bad if spec.has(Codec.CSR) else Const(0, 1)
        # runs that are over lie in some block ahead, again and again; with other codecs that's
        # further ahead than anything can be, and stays so: an error
        amiss = Signal()
        m.d.comb += amiss.eq((~there | bad) & ~skip)
        self._advance(m, position, Cat(following[:-2], following[-2:] | amiss.replicate(2)), takes)

        value, load = Signal(8, reset_less=True), Signal(reset_less=True)
        with m.If(takes):
            m.d.sync += [value.eq(symbol.value), load.eq((symbol.load | bad) & there & ~skip)]
        with m.If(self.clear):
            m.d.sync += load.eq(0)
        self._send(m, position, value, load)
        m.d.comb += self.pending.eq(load)
        m.d.comb += self.errors.starved.eq(position[-1])
        if spec.has(Codec.CSR):
            m.d.comb += self.errors.count.eq(position[-1] & load)
        if spec.codebook:
            m.d.comb += self.errors.entry.eq(
                load & (value[:len(settings.last_entry)] > settings.last_entry))
        return m

    def _next(self, m, takes):
        """The next symbol, whether it is there, whether a granule is asked for, and whether nothing
        that is needed has still to come."""
        spec, huffman = self._spec, Const(0, 1)
        m.submodules.granules = granules = Granules(window=symbol_width(spec))
        m.submodules.symbols = symbols = SymbolDecoder(spec=spec)
        m.d.comb += [
            granules.clear.eq(self.clear), granules.deal.eq(self.deal),
            granules.granule.eq(self.granule), granules.width.eq(symbols.width),
            granules.more.eq(symbols.more), granules.take.eq(takes),
            symbols.settings.eq(self.settings), symbols.clear.eq(self.clear),
            symbols.bits.eq(granules.window), symbols.take.eq(takes),
        ]
        waits = Signal(reset_less=True)  # for a granule, in a lean stream
        asks = Signal()
        m.d.sync += waits.eq(~self.clear & ~self.deal & (waits | self.check & self.ask))
        m.d.comb += asks.eq(Mux(self.check, ~granules.fits, granules.spent))
        bits_there = granules.plenty | granules.settled & (self.dry | self.lean & ~waits)
        if not spec.has(Codec.HUFFMAN):
            return symbols.symbol, granules.fits, asks, bits_there
        waiting, there = Signal(coded_layout(), reset_less=True), Signal(reset_less=True)
        with m.If(takes):
            m.d.sync += [waiting.eq(symbols.coded), there.eq(granules.fits)]
        with m.If(self.clear):  # no symbol, one that stays at the taken one's place
            m.d.sync += [waiting.eq(0), there.eq(1)]
        huffman = self.settings.huffman if len(spec.codecs) > 1 else Const(1, 1)
        symbol, plain = Signal(symbol_layout(spec)), symbols.symbol
        # in streams of huffman the other one is a value next to the one before
        m.d.comb += [
            symbol.operand.eq(plain.operand | waiting.operand & huffman.replicate(RUN_BITS)),
            symbol.carry.eq(plain.carry & (waiting.carry | ~huffman)),
            symbol.load.eq(plain.load & (waiting.load | ~huffman)),
            symbol.value.eq(Mux(huffman, waiting.value, plain.value)),
        ]
        if spec.has(Codec.CSR):
            m.d.comb += symbol.bad.eq(plain.bad)
        m.d.comb += granules.other_width.eq(symbols.plain_width)
        return symbol, Mux(huffman, there, granules.other_fits), asks, bits_there

    def _positions(self, m, symbol):
        """The register of the taken symbol's position, and the next symbol's position.

        Both count from the beginning of the current block.
        """
        spec = self._spec
        width = spec.position_width + 2  # this block, the next one, and an error
        if spec.has(Codec.RLE, Codec.HUFFMAN):
            width = max(width, (spec.positions + (1 << RUN_BITS) - 2).bit_length())
        position = Signal(width, reset_less=True)
        following = Signal(width)
        operand = symbol.operand if "operand" in symbol_layout(spec).members else Const(0, 1)
        if not spec.has(Codec.CSR, Codec.BITMASK):
            m.d.comb += following.eq(position + operand + symbol.carry)
            return position, following
        # where an index is sent, what it takes the place of is 0, and the carry comes in behind it
        fill = Cat(self.settings.fill, Const(0, width - spec.position_width))
        operand = Cat(operand, Const(0, width - len(operand)))
        bounds = sorted({0, *fill_widths(spec)})
        carry: Value = Const(0, 1)
        total = []
        for number, low in enumerate(bounds):
            high = bounds[number + 1] if number + 1 < len(bounds) else width
            enters = ~fill[low]
            if low:
                enters &= fill[low - 1]
            entered = Signal(name=f"carry_{low}")
            part = Signal(high - low + 1, name=f"part_{low}")
            m.d.comb += [entered.eq(carry | symbol.carry & enters),
                         part.eq((position[low:high] & ~fill[low:high]) + operand[low:high]
                                 + entered)]
            total.append(part[:-1])
            carry = part[-1]
        m.d.comb += following.eq(Cat(*total))
        return position, following

    def _in_block(self, position):
        """Whether a position that isn't before the current block isn't behind it."""
        low = self._spec.lane_width
        if not self._spec.int4:
            return ~position[low:].any()
        return ~position[low + 1:].any() & (self.settings.wide | ~position[low])

    def _advance(self, m, position, following, takes):
        """Hold the taken symbol's position, counted from a block's beginning."""
        low = self._spec.lane_width
        later = Mux(self.here, following, position)
        upper = later[low:]
        wide = self.settings.wide if self._spec.int4 else Const(0, 1)
        borrow, before = ~wide, []
        for number in range(len(upper)):
            before.append(upper[number] ^ borrow)
            if number == 0 and self._spec.int4:
                borrow = wide | ~upper[number]
            else:
                borrow &= ~upper[number]
        with m.If(takes):
            m.d.sync += position[:low].eq(following[:low])
        with m.If(self.take):
            m.d.sync += position[low:].eq(Mux(self.ends, Cat(*before), upper))
        with m.If(self.clear):
            m.d.sync += position.eq(Cat(Const(-1, low), wide))

    def _send(self, m, position, value, load):
        spec, settings = self._spec, self.settings
        low = spec.lane_width
        if spec.codebook:
            value = _chosen(list(settings.entries), value[:spec.place_width], settings.table) | (
                value & ~settings.table.replicate(8))
        m.d.comb += [self.load.valid.eq(self.here & load), self.load.value.eq(value),
                     self.load.index.eq(position[:low])]
        if spec.int4:
            half = position[low]
            m.d.comb += self.load.enable.eq(
                Mux(settings.wide, Cat(~half, half), Const(3, 2)))
            with m.If(settings.wide):
                m.d.comb += self.load.value.eq(Cat(value[:4], value[:4]))


def _chosen(values, number, enable):
    """One of some values, by binary number; 0 beyond the last, or without ``enable``.

    A sum of products with all places decoded, smaller than a tree of multiplexers.
    """
    half = len(number) // 2
    low = [number[:half] == place for place in range(1 << half)]
    high = [(number[half:] == place) & enable for place in range(1 << len(number) - half)]
    marks = [high[place >> half] & low[place & (1 << half) - 1] if half else high[place]
             for place in range(len(values))]
    return reduce(or_, (value & mark.replicate(len(value))
                        for value, mark in zip(values, marks, strict=True)))
