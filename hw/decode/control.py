"""The order of what is in a weight stream."""

import enum

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..spec.decode import DecompressorSpec
from ..spec.faults import StreamFault
from ..spec.stream import GRANULE
from .blocks import BlockCounter
from .config import header_layout
from .deal import CONTROL_GRANULES
from .header import HeaderReader
from .parameters import ParameterReader, record_layout

__all__ = ["Control"]

_FIRST_GRANULES = 3  # for each lane; none in lean streams


class _Part(enum.Enum):
    """What comes next."""
    HEADER = 0
    PARAMETERS = 1
    MAP = 2
    PRIME = 3
    BLOCKS = 4
    FINISH = 5
    FAILED = 6


class Control(wiring.Component):
    """Reads what isn't for lanes, and lets them step through blocks in between.

    Parameters
    ----------
    spec : DecompressorSpec

    Members
    -------
    want, given, take, granules, idle
        The dealer's; ``granules`` the first ``CONTROL_GRANULES``.
    complete, ended, skip
        The window's.
    prime : ``Out(1)``
        All lanes ask for a granule, unless ``full``.
    full : ``In(1)``
    fresh : ``Out(1)``
        Lanes are to be cleared.
    steps, begun : ``Out(1)``
        Lanes may step. Not ``begun``: before the first block, with the steps that take the first
        symbols.
    step, ends : ``In(1)``
        A step; the last one of a block.
    final : ``Out(1)``
        The block is the last one of the stream.
    lean, lean_end : ``Out(1)``
        The stream is lean; and the output block its last one.
    last_column : ``Out(range(columns))``
        The last one of the last output block that has a channel.
    pending : ``In(1)``
        A lane has something to send.
    lane_fault, stream_fault : ``In(StreamFault)``
        What lanes, and the :class:`.intake.Intake`, find, until ``clear``.
    hold : ``In(1)``
        A fault has to wait, as something is on offer.
    whole, finish
        The intake's.
    header : ``Out(header_layout(spec))``
    parameters : ``Out(stream.Signature(record_layout(spec)))``
    maps : ``Out(stream.Signature(16))``
        Granules of the map.
    at_rest : ``Out(1)``
        Nothing has been read of the stream.
    error : ``Out(StreamFault)``
        The first fault, until ``clear``.
    clear : ``In(1)``

    Notes
    -----
    Without a map and parameters, blocks follow each other in successive steps, those of different
    output blocks as well. A granule of the map takes 2 cycles between steps, a set of parameters
    ``columns`` and 1, or more while granules of the lanes or its own haven't come.
    """

    def __init__(self, *, spec: DecompressorSpec):
        self._spec = spec
        super().__init__({
            "want": Out(CONTROL_GRANULES), "given": In(1), "take": Out(1), "idle": In(1),
            "granules": In(data.ArrayLayout(GRANULE, CONTROL_GRANULES)),
            "complete": In(1), "ended": In(1), "skip": Out(1),
            "prime": Out(1), "full": In(1), "fresh": Out(1),
            "steps": Out(1), "begun": Out(1), "step": In(1), "ends": In(1), "final": Out(1),
            "lean": Out(1), "lean_end": Out(1), "last_column": Out(range(max(2, spec.columns))),
            "pending": In(1), "lane_fault": In(StreamFault), "stream_fault": In(StreamFault),
            "hold": In(1), "whole": In(1), "finish": Out(1),
            "header": Out(header_layout(spec)),
            "parameters": Out(stream.Signature(record_layout(spec))),
            "maps": Out(stream.Signature(GRANULE)),
            "at_rest": Out(1), "error": Out(StreamFault), "clear": In(1),
        })

    def elaborate(self, platform):
        m = Module()
        spec = self._spec
        m.submodules.reader = reader = HeaderReader(spec=spec)
        m.submodules.blocks = blocks = BlockCounter()
        m.submodules.records = records = ParameterReader(spec=spec)
        part = Signal(_Part)
        served = Signal(reset_less=True)  # the blocks that serve all output blocks are behind
        fault = Signal(StreamFault)  # of what is read
        wiring.connect(m, wiring.flipped(self.parameters), records.parameters)
        primes = Signal(range(_FIRST_GRANULES), reset_less=True)
        with m.If(self.fresh):
            m.d.sync += [self.begun.eq(0), served.eq(0), primes.eq(0)]
        self._share(m, part, served, reader, blocks, records)
        m.d.comb += [
            self.fresh.eq(part == _Part.HEADER),
            self.at_rest.eq((part == _Part.HEADER) & reader.at_rest),
            self.steps.eq(part == _Part.BLOCKS),
            self.final.eq(self.begun & blocks.last_block
                          & (reader.flags.reuse | blocks.last_output_block)),
            self.lean.eq(reader.flags.lean),
            self.lean_end.eq(reader.flags.lean & blocks.last_output_block),
            self.last_column.eq(reader.last_column),
        ]
        with m.Switch(part):
            with m.Case(_Part.HEADER):
                self._header(m, part, fault, reader, records)
            with m.Case(_Part.PARAMETERS):
                self._parameters(m, part, fault, served, reader, records, blocks)
            with m.Case(_Part.MAP):
                self._map(m, part, fault, blocks)
            with m.Case(_Part.PRIME):
                self._prime(m, part, primes)
            with m.Case(_Part.BLOCKS):
                self._blocks(m, part, served, reader, blocks)
            with m.Case(_Part.FINISH):
                self._finish(m, part, fault)
        self._fail(m, part, fault)
        return m

    def _share(self, m, part, served, reader, blocks, records):
        """What the parts have of the stream's next granules."""
        in_map, in_finish = part == _Part.MAP, part == _Part.FINISH
        word = Cat(self.granules[0], self.granules[1])
        m.d.comb += [
            self.header.eq(reader.header),
            reader.enable.eq(part == _Part.HEADER), reader.clear.eq(self.clear),
            reader.given.eq(self.given), reader.word.eq(word),
            records.enable.eq((part == _Part.PARAMETERS) & self.idle & ~(served & self.pending)),
            records.flags.eq(reader.flags), records.last_column.eq(reader.last_column),
            records.last_set.eq(blocks.last_output_block), records.given.eq(self.given),
            records.granules.eq(self.granules), records.keep.eq(reader.scale),
            blocks.load.eq(reader.numbers),
            blocks.output_blocks.eq(word[:16]), blocks.blocks.eq(word[16:]),
            blocks.bits.eq(self.granules[0]), self.maps.payload.eq(blocks.kept),
            self.want.eq(reader.want | records.want | ((in_map | in_finish) & self.idle)),
            self.take.eq(reader.take | records.take | (in_map & self.maps.ready)),
        ]

    def _next_block(self, m, part, flags):
        """On to blocks, with what stands in front of them."""
        with m.If(flags.map):
            m.d.sync += part.eq(_Part.MAP)
        with m.Else():
            m.d.sync += part.eq(Mux(self.begun | flags.lean, _Part.BLOCKS, _Part.PRIME))

    def _header(self, m, part, fault, reader, records):
        m.d.comb += fault.eq(reader.fault)
        with m.If(records.misfit):
            m.d.comb += fault.eq(StreamFault.FORMAT)
        with m.If(reader.want.any() & self.complete & ~self.given):
            m.d.comb += fault.eq(StreamFault.SIZE)
        with m.If(reader.done):
            self._next_block(m, part, reader.flags)
            with m.If(reader.flags.parameters):
                m.d.sync += part.eq(_Part.PARAMETERS)

    @property
    def _truncated(self):
        """No more than what is there comes, and that isn't enough."""
        return self.idle & self.complete & ~self.given

    def _parameters(self, m, part, fault, served, reader, records, blocks):
        with m.If(records.misfit):
            m.d.comb += fault.eq(StreamFault.FORMAT)
        with m.If(self._truncated):
            m.d.comb += fault.eq(StreamFault.TRUNCATED)
        with m.If(served & self.pending):
            m.d.comb += fault.eq(StreamFault.RUN)
        with m.If(records.done):
            with m.If(~served):
                self._next_block(m, part, reader.flags)
            with m.Elif(blocks.last_output_block):
                m.d.sync += part.eq(_Part.FINISH)
            with m.Else():
                m.d.comb += blocks.output_block.eq(1)

    def _map(self, m, part, fault, blocks):
        with m.If(self.idle & self.given):
            m.d.comb += self.maps.valid.eq(~blocks.bad_map)
            with m.If(blocks.bad_map):
                m.d.comb += fault.eq(StreamFault.FORMAT)
            with m.Elif(self.maps.ready):
                m.d.comb += blocks.map.eq(1)
                with m.If(~blocks.empty):
                    m.d.sync += part.eq(Mux(self.begun | self.lean, _Part.BLOCKS, _Part.PRIME))
        with m.If(self._truncated):
            m.d.comb += fault.eq(StreamFault.TRUNCATED)

    def _prime(self, m, part, primes):
        m.d.comb += self.prime.eq(~self.full)
        with m.If(self.prime):
            m.d.sync += primes.eq(primes + 1)
            with m.If(primes == _FIRST_GRANULES - 1):
                m.d.sync += part.eq(_Part.BLOCKS)

    def _blocks(self, m, part, served, reader, blocks):
        with m.If(self.step & self.ends):
            m.d.sync += self.begun.eq(1)
        with m.If(self.step & self.ends & self.begun):
            with m.If(~blocks.last_block):
                m.d.comb += blocks.block.eq(1)
                with m.If(reader.flags.map & blocks.last_of_group):
                    m.d.sync += part.eq(_Part.MAP)
            with m.Elif(blocks.last_output_block
                        | (reader.flags.reuse & ~reader.flags.parameters)):
                m.d.sync += part.eq(_Part.FINISH)
            with m.Else():
                m.d.comb += blocks.output_block.eq(1)
                m.d.sync += served.eq(reader.flags.reuse)
                self._next_block(m, part, reader.flags)
                with m.If(reader.flags.parameters):
                    m.d.sync += part.eq(_Part.PARAMETERS)

    def _finish(self, m, part, fault):
        with m.If(self.lane_fault != StreamFault.NONE):  # of what the last step took
            m.d.comb += fault.eq(self.lane_fault)
        with m.Elif(self.pending):
            m.d.comb += fault.eq(StreamFault.RUN)
        with m.Elif(self.idle & self.given):
            m.d.comb += fault.eq(StreamFault.TRAILING)
        with m.Elif(self.ended & self.whole):
            m.d.comb += [self.skip.eq(1), self.finish.eq(1)]
            m.d.sync += part.eq(_Part.HEADER)

    def _fail(self, m, part, fault):
        """The first fault ends everything."""
        found = Signal(StreamFault)
        with m.If(~self.fresh | ~self.given):  # what is there of a header is judged first
            m.d.comb += found.eq(self.stream_fault)
        with m.If(self.steps & (self.lane_fault != StreamFault.NONE)):
            m.d.comb += found.eq(self.lane_fault)
        with m.If(fault != StreamFault.NONE):
            m.d.comb += found.eq(fault)
        with m.If((self.error == StreamFault.NONE) & ~self.hold
                  & (found != StreamFault.NONE)):
            m.d.sync += [self.error.eq(found), part.eq(_Part.FAILED)]
        with m.If(self.clear):
            m.d.sync += [self.error.eq(StreamFault.NONE), part.eq(_Part.HEADER)]
