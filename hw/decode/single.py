"""Decoders of one codec for one column, for designs of one's own."""

from amaranth.hdl import Const, Module, Mux, ResetInserter, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..spec.decode import Codec, LaneDecoderSpec
from ..spec.faults import StreamFault
from ..spec.stream import GRANULE
from .config import LaneSettings, header_layout
from .granules import HELD
from .lane import Lane
from .lane_ports import LANE_FAULTS, lane_load, true_errors
from .regroup import Regroup

__all__ = ["BitmaskDecoder", "CsrDecoder", "HuffmanDecoder", "LaneDecoder", "RleDecoder",
           "decoded_layout", "word_layout"]


def word_layout(spec: LaneDecoderSpec) -> data.StructLayout:
    """A word: ``data``, and ``last``, whether it is the last one."""
    return data.StructLayout({"data": spec.data_width, "last": 1})


def decoded_layout(spec: LaneDecoderSpec) -> data.StructLayout:
    """A step: ``load``, whether there is a value, with ``index`` and ``value``; ``last`` of its
    block. With ``int4`` also ``enable``: both bits, or with 4-bit weights that of the nibble, low
    or high; ``value`` has such a weight in both nibbles.
    """
    fields = {name: field.shape for name, field in lane_load(spec.of_codec(Codec.DENSE))
              if name != "valid"}
    return data.StructLayout(fields | {"load": 1, "last": 1})


class LaneDecoder(wiring.Component):
    """Decodes one column's weights from a plain stream of words.

    Parameters
    ----------
    spec : LaneDecoderSpec

    Members
    -------
    config : ``In``
        :func:`.config.header_layout` less ``codec``; stable while ``busy``. For rle ``argument``
        is the bits of a run, 1 to 6; for csr those of a count, 1 to 7 (8 if blocks have 128
        positions), or, if ``fixed``, the entries of each block; for huffman the rank of the
        escape. Else 0.
    blocks : ``In(16)``
        Blocks of the stream, at least 1; read with ``start``.
    start : ``In(1)``
        A stream begins; what was left of another is forgotten.
    i : ``In(stream.Signature(word_layout(spec)))``
        Its words, at least one, the first bits lowest. They are taken only while ``busy``.
    o : ``Out(stream.Signature(decoded_layout(spec)))``
        At least one step for each block, one for each symbol: counts, masks and escapes are steps
        that load nothing.
    busy : ``Out(1)``
        From the cycle after ``start`` until all blocks have been sent, or an error.
    error : ``Out(4)``
        What was wrong, until ``start``; the number that weight streams have for it: 5 the place
        of no entry, 6 a count beyond the block, 7 a value behind the last block, 8 the words end
        too early. 0: nothing.

    Raises
    ------
    TypeError
        If ``spec`` is no ``LaneDecoderSpec``.

    Notes
    -----
    Latency: two cycles from the first words to the first step, with huffman three. Throughput: a
    symbol per cycle, as long as words come: at most 16 bits a cycle. ``o`` doesn't depend on
    ``i`` or ``o.ready`` within the cycle, but for a stream's errors it stays as it is until it is
    taken. A stream of rle or huffman whose words end has zeros from there on.
    """

    codec: Codec

    def __init__(self, *, spec: LaneDecoderSpec):
        if not isinstance(spec, LaneDecoderSpec):
            raise TypeError(f"spec must be a LaneDecoderSpec, not {spec!r}")
        self._spec, self._inner = spec, spec.of_codec(self.codec)
        fields = {name: field.shape for name, field in header_layout(self._inner)
                  if name != "codec"}
        super().__init__({
            "config": In(data.StructLayout(fields)), "blocks": In(16), "start": In(1),
            "i": In(stream.Signature(word_layout(spec))),
            "o": Out(stream.Signature(decoded_layout(spec))), "busy": Out(1), "error": Out(4)})

    @property
    def spec(self) -> LaneDecoderSpec:
        """The specification."""
        return self._spec

    def elaborate(self, platform):
        m = Module()
        m.submodules.settings = settings = LaneSettings(spec=self._inner)
        lane = Lane(spec=self._inner)
        lane.place(m, platform, "lane")
        m.d.comb += [settings.header[name].eq(self.config[name])
                     for name, _ in self.config.shape()]
        m.d.comb += [lane.settings.eq(settings.settings), lane.clear.eq(self.start)]
        self._feed(m, lane)

        started, checked = Signal(), Signal()  # the first symbol has been taken; all is over
        left = Signal(16, reset_less=True)
        running = self.busy & ~checked
        errors = true_errors(self._inner, settings.settings, lane.errors)
        for found in errors.values():
            running &= ~found
        ends = ~lane.again
        goes = Mux(started, self.o.ready, 1) & lane.ready & running
        problem = self._problem(errors)
        m.d.comb += [
            self.o.valid.eq(running & started & lane.ready),
            lane.take.eq(goes), lane.ends.eq(ends),
            lane.final.eq(started & (left == 1) & ~self._endless),
            self.o.payload.load.eq(lane.load.valid), self.o.payload.last.eq(ends),
        ]
        m.d.comb += [self.o.payload[name].eq(lane.load[name])
                     for name, _ in lane_load(self._inner) if name != "valid"]
        with m.If(goes):
            m.d.sync += started.eq(ends | started)
            with m.If(started & ends):
                m.d.sync += [left.eq(left - 1), checked.eq(left == 1)]
        with m.If(self.busy & (problem != 0)):  # maybe of what the last step took
            m.d.sync += [self.error.eq(problem), self.busy.eq(0)]
        with m.Elif(checked):
            m.d.sync += self.busy.eq(0)
            with m.If(self.busy & lane.pending):
                m.d.sync += self.error.eq(StreamFault.RUN)
        with m.If(self.start):
            m.d.sync += [self.busy.eq(1), self.error.eq(0), left.eq(self.blocks),
                         started.eq(0), checked.eq(0)]
        return m

    @property
    def _endless(self):
        return Const(self.codec in (Codec.RLE, Codec.HUFFMAN), 1)

    def _feed(self, m, lane):
        """Granules to the lane as it has room."""
        regroup = Regroup(input_width=self._spec.data_width, output_width=GRANULE)
        m.submodules.regroup = ResetInserter(self.start)(regroup)
        room, ended = Signal(range(HELD + 1), reset_less=True), Signal(reset_less=True)
        opens = self.busy & ~ended
        m.d.comb += [
            regroup.i.payload.eq(self.i.payload.data), regroup.i.valid.eq(self.i.valid & opens),
            self.i.ready.eq(regroup.i.ready & opens),
            regroup.o.ready.eq(room != 0),
            lane.granule.eq(regroup.o.payload), lane.deal.eq(regroup.o.valid & (room != 0)),
            lane.dry.eq(ended),
        ]
        m.d.sync += room.eq(room - lane.deal + (lane.take & lane.ask))
        with m.If(self.i.valid & self.i.ready & self.i.payload.last):
            m.d.sync += ended.eq(1)
        with m.If(self.start):
            m.d.sync += [room.eq(HELD), ended.eq(0)]

    def _problem(self, errors):
        problem: Value = Const(0, 4)
        for name, found in reversed(errors.items()):
            problem = Mux(found, LANE_FAULTS[name].value, problem)
        return problem


class RleDecoder(LaneDecoder):
    """Runs of zeros and the values behind them; see :class:`LaneDecoder`."""
    codec = Codec.RLE


class CsrDecoder(LaneDecoder):
    """Entries of an index and a value, and their number; see :class:`LaneDecoder`."""
    codec = Codec.CSR


class BitmaskDecoder(LaneDecoder):
    """Masks and the values of their ones; see :class:`LaneDecoder`."""
    codec = Codec.BITMASK


class HuffmanDecoder(LaneDecoder):
    """Runs, and values from a table, by prefix codes; see :class:`LaneDecoder`."""
    codec = Codec.HUFFMAN
