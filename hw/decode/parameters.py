"""Requantizer parameters of a weight stream."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..spec.decode import DecompressorSpec
from ..spec.stream import GRANULE
from .deal import CONTROL_GRANULES
from .header import flags_layout

__all__ = ["ParameterReader", "record_layout"]

_BIAS_BITS = 32
_SHIFT_BITS = 6
_SHIFT_PLACE = 24


def record_layout(spec: DecompressorSpec) -> data.StructLayout:
    """What a channel is requantized with.

    ``column``, ``bias`` (two's complement), ``mantissa``, ``shift``; ``commit`` with the last one
    of a set.
    """
    return data.StructLayout({
        "column": range(max(2, spec.columns)), "bias": _BIAS_BITS,
        "mantissa": spec.mantissa_width, "shift": _SHIFT_BITS, "commit": 1})


class ParameterReader(wiring.Component):
    """Reads a set of parameters, one of each column.

    Parameters
    ----------
    spec : DecompressorSpec

    Members
    -------
    flags : ``In(flags_layout())``
    last_column : ``In(range(columns))``
    last_set : ``In(1)``
        The set is the last one: columns behind ``last_column`` aren't in the stream, and get zeros.
    enable : ``In(1)``
        There is a set to be read, until ``done``.
    want, given, take, granules
        The dealer's. A bias is in granules 0 and 1, a scale in 2 and 3, whatever is sent.
    keep : ``In(1)``
        Granules 2 and 3 are a scale for all channels, in this cycle.
    parameters : ``Out(stream.Signature(record_layout(spec)))``
    done : ``Out(1)``
        The last record's transfer.
    misfit : ``Out(1)``
        A scale in this cycle has a mantissa or a shift with too many bits.

    Notes
    -----
    Latency: none. Throughput: a record per cycle.
    """

    def __init__(self, *, spec: DecompressorSpec):
        self._spec = spec
        super().__init__({
            "flags": In(flags_layout()), "last_column": In(range(max(2, spec.columns))),
            "last_set": In(1), "enable": In(1),
            "want": Out(CONTROL_GRANULES), "given": In(1), "take": Out(1),
            "granules": In(data.ArrayLayout(GRANULE, CONTROL_GRANULES)),
            "keep": In(1),
            "parameters": Out(stream.Signature(record_layout(spec))),
            "done": Out(1), "misfit": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        spec, record = self._spec, self.parameters.payload
        each, wide = self.flags.each, self.flags.wide
        column = Signal(range(max(2, spec.columns)))
        scale = Signal(2 * GRANULE)
        shared = Signal(spec.mantissa_width + _SHIFT_BITS, reset_less=True)
        told = Cat(scale[:spec.mantissa_width], scale[_SHIFT_PLACE:][:_SHIFT_BITS])
        low = self.granules[0]
        told_of = Signal(init=1)  # the column is in the stream
        given = self.enable & self.given
        m.d.comb += [
            scale.eq(Cat(self.granules[2], self.granules[3])),
            self.misfit.eq((self.keep | (given & each & told_of))
                           & Cat(scale[spec.mantissa_width:_SHIFT_PLACE],
                                 scale[_SHIFT_PLACE + _SHIFT_BITS:]).any()),
            Cat(record.mantissa, record.shift).eq(
                told & (told_of & each).replicate(len(told))
                | shared & (told_of & ~each).replicate(len(told))),
            record.bias.eq(Cat(
                low & told_of.replicate(GRANULE),
                self.granules[1] & (told_of & wide).replicate(GRANULE)
                | (told_of & ~wide & low[-1]).replicate(GRANULE))),
            record.column.eq(column),
            record.commit.eq(column == spec.columns - 1),
            self.parameters.valid.eq(given & ~self.misfit),
            self.take.eq(self.parameters.valid & self.parameters.ready),
            self.done.eq(self.take & record.commit),
        ]
        with m.If(self.enable):
            m.d.comb += self.want.eq(Cat(1, wide, each, each) & told_of.replicate(CONTROL_GRANULES))
        with m.If(self.keep):
            m.d.sync += shared.eq(told)
        with m.If(~self.enable | self.done):
            m.d.sync += [column.eq(0), told_of.eq(1)]
        with m.Elif(self.take):
            m.d.sync += column.eq(column + 1)
            with m.If(self.last_set & (column == self.last_column)):
                m.d.sync += told_of.eq(0)
        return m
