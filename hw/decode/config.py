"""What the lanes of a decoder are told of a stream: its header, and numbers made of it."""

from amaranth.hdl import Cat, Const, Module, Mux, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..spec.decode import Codec, DecompressorSpec
from ..spec.stream import RUN_BITS, RUN_CODE_BITS, VALUE_CODE_BITS

__all__ = ["LaneSettings", "code_layout", "count_bits", "fill_widths", "header_layout",
           "load_width", "mask_width", "operand_width", "settings_layout"]

_ARGUMENT_BITS = 7
_PART_BITS = 3  # of a position in what a mask tells of
_MASK_BITS = 1 << _PART_BITS


def code_layout(rank_width: int, longest: int) -> data.StructLayout:
    """A canonical prefix code of lengths 1 to ``longest``, ready for comparisons.

    ``free``: for each length l but the longest, ``l1`` and so on, how many of the 2^l numbers of l
    bits are neither a code nor begin with one, l + 1 bits: 2 less the count of codes for length 1,
    then twice that of the length before less the count. Codes are the lowest numbers, so the first
    l bits of something, highest first, begin with a code of at most l bits if all of them inverted
    are at least so many. Negative ones are the header's fault. What begins with no shorter one is a
    code of the longest ones.

    ``offsets``: for each length, what to take from a code's number to have its rank, modulo
    2^min(l, rank_width): 2^l less the numbers that don't begin with a code of fewer bits, less how
    many such codes there are. For length 1 that is 0.
    """
    return data.StructLayout({
        "free": data.StructLayout({f"l{length}": length + 1
                                   for length in range(1, longest)}),
        "offsets": data.StructLayout({f"l{length}": min(length, rank_width)
                                      for length in range(2, longest + 1)})})


def header_layout(spec: DecompressorSpec) -> data.StructLayout:
    """A stream's header, as far as lanes need it. Stable while lanes aren't cleared.

    ``codec``: a bit for each of ``spec.codecs``, by name, one of them 1.
    ``four_bit``, ``table``, ``fixed``, ``argument`` (7 bits) and ``last_entry`` (entries of the
    table less one): as they stand in word 0; ``four_bit`` with ``spec.int4`` only,
    ``table``, ``last_entry`` and ``entries`` (an array of ``spec.codebook`` × 8 bits) with
    ``spec.codebook`` only.
    With huffman: ``escape_run``, the zeros of an escape, 6 bits, which is the number of codes of
    runs less one; ``runs``, their :func:`code_layout`; with ``spec.codebook`` also ``values``,
    that of values, and ``single``: it has one rank, of no bits (no number is a code then).
    """
    fields = {"codec": data.StructLayout({codec.value: 1 for codec in spec.codecs}),
              "fixed": 1, "argument": _ARGUMENT_BITS}
    if spec.int4:
        fields["four_bit"] = 1
    if spec.codebook:
        fields |= {"table": 1, "last_entry": spec.place_width,
                   "entries": data.ArrayLayout(8, spec.codebook)}
    if spec.has(Codec.HUFFMAN):
        fields |= {"escape_run": RUN_BITS, "runs": code_layout(RUN_BITS, RUN_CODE_BITS)}
        if spec.codebook:
            fields |= {"values": code_layout(spec.place_width, VALUE_CODE_BITS), "single": 1}
    return data.StructLayout(fields)


def settings_layout(spec: DecompressorSpec) -> data.StructLayout:
    """What all lanes share, from :class:`LaneSettings`.

    ``wide``: blocks have ``2 * lanes`` positions, not ``lanes``. ``endless``: rle or huffman.
    ``width``, ``short``: bits of a symbol, and of one without a value. ``shift``: where in a symbol
    the value begins. ``operand``: a mask of the bits of a run or index. ``load``: a mask of the
    bits of a bitmask's mask or of a csr count; ``count``: the rest of fixed entries, less one.
    ``coded``: values are sent by a code of more than one rank; without a table all numbers of
    ``values`` are free. ``fill``: a mask of the bits of a position that are sent, not added up.
    ``value``: a mask of the bits of a place.
    """
    fields: dict[str, object] = {"width": 5}
    if spec.int4:
        fields["wide"] = 1
    if spec.has(Codec.RLE, Codec.HUFFMAN):
        fields["endless"] = 1
    if spec.has(Codec.RLE, Codec.CSR):
        fields |= {"operand": operand_width(spec), "shift": 3}
    if spec.has(Codec.RLE):
        fields["rle"] = 1
    if spec.has(Codec.RLE, Codec.CSR, Codec.BITMASK):
        fields["short"] = 5
    if spec.has(Codec.CSR, Codec.BITMASK):
        fields |= {"headed": 1, "load": load_width(spec), "fill": spec.position_width}
    if spec.has(Codec.BITMASK):
        fields["masked"] = 1
    if spec.has(Codec.CSR):
        fields |= {"counted": 1, "count": _ARGUMENT_BITS}
    if spec.codebook:
        fields |= {"table": 1, "last_entry": spec.place_width, "value": spec.place_width,
                   "entries": data.ArrayLayout(8, spec.codebook)}
    if spec.has(Codec.HUFFMAN):
        fields |= {"huffman": 1, "escape_rank": RUN_BITS, "escape_run": RUN_BITS,
                   "runs": code_layout(RUN_BITS, RUN_CODE_BITS)}
        if spec.codebook:
            fields |= {"values": code_layout(spec.place_width, VALUE_CODE_BITS),
                       "single": 1, "coded": 1}
    return data.StructLayout(fields)


def operand_width(spec: DecompressorSpec) -> int:
    """Bits of the largest run or index."""
    runs = spec.has(Codec.RLE, Codec.HUFFMAN)
    placed = spec.has(Codec.CSR, Codec.BITMASK)
    return max(RUN_BITS if runs else 0, spec.position_width if placed else 0)


def mask_width(spec: DecompressorSpec) -> int:
    """Bits of the largest mask, 0 without bitmask."""
    return min(_MASK_BITS, spec.positions) if spec.has(Codec.BITMASK) else 0


def fill_widths(spec: DecompressorSpec) -> set[int]:
    """How many bits of a position may be sent, where any are."""
    indices = {spec.lane_width, spec.position_width}
    widths = indices if spec.has(Codec.CSR) else set()
    return widths | {min(_PART_BITS, bits) for bits in indices if spec.has(Codec.BITMASK)}


def count_bits(spec: DecompressorSpec) -> int:
    """Bits of the largest number of csr entries, which may have more than the block needs."""
    return max(7, spec.positions.bit_length())


def load_width(spec: DecompressorSpec) -> int:
    """Bits of the largest mask or count."""
    return max(mask_width(spec), count_bits(spec) if spec.has(Codec.CSR) else 0)


class LaneSettings(wiring.Component):
    """Numbers that depend on a stream's header alone, once for all lanes.

    Parameters
    ----------
    spec : DecompressorSpec

    Members
    -------
    header : ``In(header_layout(spec))``
    settings : ``Out(settings_layout(spec))``
        Within the cycle.
    """

    def __init__(self, *, spec: DecompressorSpec):
        self._spec = spec
        super().__init__({"header": In(header_layout(spec)),
                          "settings": Out(settings_layout(spec))})

    def elaborate(self, platform):
        m = Module()
        spec, header = self._spec, self.header
        codec = {each: self._is(each) for each in Codec}
        four_bit = header.four_bit if spec.int4 else Const(0, 1)
        wide = four_bit & ~codec[Codec.DENSE]
        headed = codec[Codec.BITMASK] | codec[Codec.CSR] & ~header.fixed
        index_bits = spec.lane_width + wide
        indices = Cat(Const(-1, spec.lane_width), wide)[:spec.position_width]
        argument = header.argument
        run_mask = self._ones(argument[:3], RUN_BITS)
        shift = Mux(codec[Codec.RLE], argument[:3], Mux(codec[Codec.CSR], index_bits, 0))
        group = Const(_MASK_BITS, 4) if spec.lanes >= _MASK_BITS else Cat(0, 0, ~wide, wide)
        mask = Cat(*(group > bit for bit in range(_MASK_BITS)))
        values = {
            "wide": wide,
            "endless": codec[Codec.RLE] | codec[Codec.HUFFMAN],
            "width": shift + self._value_bits(wide),
            "short": Mux(codec[Codec.BITMASK], group,
                         Mux(codec[Codec.RLE], argument[:3], argument[:5])),
            "shift": shift,
            "rle": codec[Codec.RLE],
            "headed": headed,
            "masked": codec[Codec.BITMASK],
            "counted": codec[Codec.CSR],
            "operand": Mux(codec[Codec.RLE], run_mask, Mux(codec[Codec.CSR], indices, 0)),
            "fill": Mux(codec[Codec.CSR], indices,
                        Mux(codec[Codec.BITMASK], indices[:_PART_BITS], 0)),
            "load": Mux(codec[Codec.BITMASK], mask,
                        Mux(codec[Codec.CSR] & ~header.fixed,
                            self._ones(argument[:4], count_bits(spec)), 0)),
            "count": Mux(codec[Codec.CSR] & header.fixed, argument - 1, 0),
            "huffman": codec[Codec.HUFFMAN],
            "escape_rank": argument[:RUN_BITS],
        }
        if spec.codebook:
            values["value"] = Cat(Const(1, 1), *(header.last_entry >> bit != 0
                                                 for bit in range(1, spec.place_width)))
        if spec.has(Codec.HUFFMAN) and spec.codebook:
            values |= {"single": header.table & header.single,
                       "coded": header.table & ~header.single}
            free = header.values.free
            values["values"] = Cat(*(Cat(free[name][:-1], free[name][-1] | ~header.table)
                                     for name, _ in free.shape()), header.values.offsets)
        for name, _ in settings_layout(spec):
            value = values[name] if name in values else header[name]
            m.d.comb += Value.cast(self.settings[name]).eq(Value.cast(value))
        return m

    def _is(self, codec: Codec):
        """Whether the stream is of a codec: a constant where that's known."""
        if codec not in self._spec.codecs:
            return Const(0, 1)
        if len(self._spec.codecs) == 1:
            return Const(1, 1)
        return self.header.codec[codec.value]

    def _value_bits(self, wide):
        """Bits of a value that isn't sent by a prefix code."""
        plain = Mux(wide, 4, 8)
        if not self._spec.codebook:
            return plain
        last = self.header.last_entry
        place: Value = Const(1, 3)
        for bit in range(1, self._spec.place_width):
            place = Mux(last[bit], bit + 1, place)
        return Mux(self.header.table, place, plain)

    def _ones(self, count, width: int):
        """As many ones as ``count`` tells, the lowest bits first."""
        return Cat(*(count > bit for bit in range(width)))
