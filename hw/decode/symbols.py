"""The next symbol of one lane, from its next bits."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..spec.decode import Codec, DecompressorSpec
from ..spec.stream import GRANULE, RUN_BITS, RUN_CODE_BITS, VALUE_CODE_BITS
from .config import count_bits, load_width, mask_width, operand_width, settings_layout
from .granules import shifted
from .prefix import PrefixDecoder

__all__ = ["SymbolDecoder", "coded_layout", "symbol_layout", "symbol_width"]


def symbol_layout(spec: DecompressorSpec) -> data.StructLayout:
    """A symbol.

    ``operand``: the zeros in front of a value or that an escape stands for, or the value's index.
    ``carry``: a position more: that of a value, or the beginning of a block's or a mask's part.
    ``load``: it has a value. ``value``: 8 bits, those of a 4-bit one or a place the lowest.
    ``bad``: it is none.
    """
    fields = {"carry": 1, "load": 1, "value": 8}
    if operand_width(spec):
        fields["operand"] = operand_width(spec)
    if spec.has(Codec.CSR):
        fields["bad"] = 1
    return data.StructLayout(fields)


def coded_layout() -> data.StructLayout:
    """A symbol of huffman, as :func:`symbol_layout` has it."""
    return data.StructLayout({"carry": 1, "load": 1, "value": 8, "operand": RUN_BITS})


def symbol_width(spec: DecompressorSpec) -> int:
    """Bits of the longest symbol."""
    index = max(spec.lane_width + 8, spec.position_width + 4 if spec.int4 else 0)
    widths = {Codec.DENSE: 8, Codec.BITMASK: max(8, load_width(spec)), Codec.RLE: RUN_BITS + 8,
              Codec.CSR: index, Codec.HUFFMAN: 2 * RUN_CODE_BITS}
    return min(GRANULE, max(widths[codec] for codec in spec.codecs))


class SymbolDecoder(wiring.Component):
    """Splits a lane's bits into symbols.

    Parameters
    ----------
    spec : DecompressorSpec

    Members
    -------
    settings : ``In(settings_layout(spec))``
    clear : ``In(1)``
        Before the first symbol.
    bits : ``In(symbol_width(spec))``
        The next bits.
    width, more : ``Out(5)``, ``Out(4)``
        How many of them the symbol has, together; ``more`` is later.
    symbol, plain_width : ``Out(symbol_layout(spec))``, ``Out(5)``
        By other codecs than huffman.
    coded : ``Out(coded_layout())``
        By huffman, if built.
    take : ``In(1)``
        Goes on to the next symbol; not together with ``clear``.

    Notes
    -----
    Latency: none. The one state is what is left of a mask, or how many entries are left: a register
    for both. ``empty`` tells that it is 0, which it always is with other codecs.
    """

    def __init__(self, *, spec: DecompressorSpec):
        self._spec = spec
        super().__init__({
            "settings": In(settings_layout(spec)), "clear": In(1),
            "bits": In(symbol_width(spec)), "width": Out(5), "more": Out(4),
            "plain_width": Out(5), "symbol": Out(symbol_layout(spec)), "take": In(1),
            **({"coded": Out(coded_layout())} if spec.has(Codec.HUFFMAN) else {})})

    def elaborate(self, platform):
        m = Module()
        spec, settings, symbol = self._spec, self.settings, self.symbol
        empty, place = self._left(m)
        operand = place
        short = Const(0, 1)
        if spec.has(Codec.RLE, Codec.CSR):
            operand = self.bits[:operand_width(spec)] & settings.operand | place
        if spec.has(Codec.CSR, Codec.BITMASK):
            short = empty & settings.headed
        carry = empty
        if spec.has(Codec.RLE):
            escape = Signal()
            m.d.comb += escape.eq(settings.rle & (self.bits[:RUN_BITS] | ~settings.operand[
                :RUN_BITS])[:RUN_BITS].all())
            short |= escape
            carry &= ~escape
        bad = short & settings.counted & self._too_many() if spec.has(Codec.CSR) else Const(0, 1)
        shift = settings.shift if spec.has(Codec.RLE, Codec.CSR) else Const(0, 1)
        width = Mux(short, settings.short, settings.width) if spec.has(
            Codec.RLE, Codec.CSR, Codec.BITMASK) else settings.width
        fields = {"operand": operand, "carry": carry, "load": ~short, "bad": bad}
        if spec.has(Codec.HUFFMAN):
            m.d.comb += self.plain_width.eq(width)
            width, rest = self._prefix_codes(m, shift, width)
        else:
            rest = shifted(m, self.bits, shift, 8, "value")
        fields["value"] = self._plain_value(rest) if spec.codebook else rest
        m.d.comb += self.width.eq(width)
        m.d.comb += [symbol[name].eq(fields[name]) for name, _ in symbol_layout(spec)]
        return m

    def _left(self, m):
        """The register of masks and counts: whether it is empty, and its lowest one's place."""
        spec, settings = self._spec, self.settings
        if not spec.has(Codec.CSR, Codec.BITMASK):
            return Const(1, 1), Const(0, 1)
        width = load_width(spec)
        left = Signal(width, reset_less=True)
        none = Signal(width + 1)  # of the bits below
        m.d.comb += [none[0].eq(1)] + [none[bit + 1].eq(none[bit] & ~left[bit])
                                       for bit in range(width)]
        empty = none[-1]
        take = self.take & ~self.clear
        loads = take & empty
        following = left & ~((none[:width] & self.take.replicate(width))
                             | self.clear.replicate(width))
        loaded = self.bits[:width] & settings.load
        if spec.has(Codec.CSR):  # bits below the lowest one become ones
            borrow = take & settings.counted & ~empty
            count = count_bits(spec)
            following |= none[1:count + 1] & borrow.replicate(count)
            loaded |= settings.count
        m.d.sync += left.eq(following | loaded & loads.replicate(width))
        place = Const(0, 1)
        if spec.has(Codec.BITMASK):
            place = self._place(none[:mask_width(spec) + 1])
            place &= settings.masked.replicate(len(place))
        return empty, place

    def _place(self, none):
        """The lowest one's place, by the marks of places with none below; 0 if there is no one."""
        bits, size = [], 1
        while size < len(none) - 1:
            bits.append(Cat(none[first] & ~none[first + size]
                            for first in range(size, len(none) - 1, 2 * size)).any())
            size *= 2
        return Cat(*bits)

    def _too_many(self):
        """Whether a count is beyond the block."""
        spec = self._spec
        count = self.bits[:load_width(spec)] & self.settings.load
        narrow = count > spec.lanes
        return Mux(self.settings.wide, count > 2 * spec.lanes, narrow) if spec.int4 else narrow

    def _plain_value(self, value):
        """A value, or a place without what follows it."""
        width = self._spec.place_width
        mask = self.settings.value | ~self.settings.table.replicate(width)
        return Cat(value[:width] & mask, value[width:])

    def _prefix_codes(self, m, shift, width):
        """Runs and values by prefix codes; gives the width of what comes before a value, and the
        bits behind that."""
        spec, settings, coded = self._spec, self.settings, self.coded
        huffman = settings.huffman
        m.submodules.runs = runs = PrefixDecoder(
            rank_width=RUN_BITS, longest=RUN_CODE_BITS)
        escape = Signal()
        amount = Signal(4)
        m.d.comb += [
            amount.eq(Mux(huffman, runs.length, shift)),
            runs.bits.eq(self.bits), runs.code.eq(settings.runs), runs.coded.eq(1),
            escape.eq(runs.rank == settings.escape_rank),
        ]
        rest = shifted(m, self.bits, amount, RUN_CODE_BITS, "value")
        second, value = Const(8, 4), rest
        if spec.codebook:
            places = spec.place_width
            m.submodules.values = values = PrefixDecoder(
                rank_width=places, longest=VALUE_CODE_BITS)
            # without a table there is no code, either: 8 bits, rank 0
            m.d.comb += [values.bits.eq(rest), values.code.eq(settings.values),
                         values.coded.eq(settings.coded)]
            second = Cat(values.length[:-1], values.length[-1] & ~settings.single)
            value = Cat(values.rank | (rest[:places] & ~settings.table.replicate(places)),
                        rest[places:])
        m.d.comb += [
            coded.operand.eq(Mux(escape, settings.escape_run, runs.rank)),
            coded.carry.eq(runs.rank < settings.escape_rank),
            coded.load.eq(~escape), coded.value.eq(value),
            self.more.eq(Mux(huffman & ~escape, second, 0)),
        ]
        return Mux(huffman, runs.length, width), rest
