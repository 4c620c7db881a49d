"""Parts of a decompressor as components of their own."""

from amaranth.hdl import Const, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from sparrow.hw.decode.config import LaneSettings, header_layout
from sparrow.hw.decode.lane import Lane
from sparrow.hw.decode.lane_ports import lane_errors, true_errors
from sparrow.hw.spec.decode import Codec, DecompressorSpec

__all__ = ["DecoderLane"]

_INPUTS = "clear", "deal", "granule", "dry", "take", "ends", "lean", "check"
_OUTPUTS = "ready", "here", "again", "ask", "load", "pending"


class DecoderLane(wiring.Component):
    """One lane, told what stands in a stream's header.

    Parameters
    ----------
    spec : DecompressorSpec

    Members
    -------
    header : ``In(header_layout(spec))``
    last_block : ``In(1)``
        The lane's ``final``, a name that Verilator's C++ needs.
    bad, entry, starved : ``Out(1)``
        The errors that there can be.

    All others are those of :class:`sparrow.hw.decode.lane.Lane`.
    """

    def __init__(self, *, spec: DecompressorSpec):
        self._spec = spec
        self._lane = Lane(spec=spec)
        members = self._lane.signature.members
        super().__init__({
            "header": In(header_layout(spec)), "last_block": In(1),
            **{name: members[name] for name in _INPUTS + _OUTPUTS},
            **{name: Out(1) for name, _ in lane_errors(spec)}})

    def elaborate(self, platform):
        m = Module()
        m.submodules.settings = settings = LaneSettings(spec=self._spec)
        m.submodules.lane = lane = self._lane
        endless = settings.settings.endless if self._spec.has(
            Codec.RLE, Codec.HUFFMAN) else Const(0, 1)
        m.d.comb += [settings.header.eq(self.header), lane.settings.eq(settings.settings),
                     lane.final.eq(self.last_block & ~endless)]
        m.d.comb += [getattr(lane, name).eq(getattr(self, name)) for name in _INPUTS]
        m.d.comb += [getattr(self, name).eq(getattr(lane, name)) for name in _OUTPUTS]
        m.d.comb += [getattr(self, name).eq(found) for name, found in true_errors(
            self._spec, settings.settings, lane.errors).items()]
        return m
