"""A slave of AXI4-Lite, for registers."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .signature import LITE_ADDRESS_WIDTH, Response, lite_signatures

__all__ = ["LiteSlave"]


class LiteSlave(wiring.Component):
    """Turns AXI4-Lite reads and writes of 32 bits into accesses of registers.

    Members
    -------
    aw, w, b, ar, r
        The channels, :func:`lite_signatures`.
    address : ``Out(10)``
        Of the word that is read or written in this cycle.
    write : ``Out(1)``
        Write it; otherwise it is read, if anything.
    write_data : ``Out(32)``
    write_strobe : ``Out(4)``
        The bytes to write.
    read_data : ``In(32)``
        The word at ``address``, within the cycle. Reading must not change anything.
    unmapped : ``In(1)``
        There is nothing at ``address``, within the cycle: the access is answered with an error.

    Notes
    -----
    Latency: a write happens in the cycle in which its address and its data are both on offer
    and transferred, its response is on ``b`` in the next; a read's word is on ``r`` 1 cycle
    after its address was transferred. Throughput: an access every 2 cycles in each direction, if
    both go on; a write goes first. Back-pressure: an address waits while the response to the one
    before hasn't been taken; an address or data of a write alone waits for the other. The low 2
    bits of addresses are ignored.
    """

    def __init__(self):
        super().__init__({
            **lite_signatures(),
            "address": Out(LITE_ADDRESS_WIDTH - 2),
            "write": Out(1),
            "write_data": Out(32),
            "write_strobe": Out(4),
            "read_data": In(32),
            "unmapped": In(1),
        })

    def elaborate(self, platform):
        m = Module()
        address = Signal(LITE_ADDRESS_WIDTH)
        failed = {"b": Signal(name="write_failed", reset_less=True),
                  "r": Signal(name="read_failed", reset_less=True)}
        m.d.comb += [
            self.write.eq(self.aw.valid & self.w.valid & ~self.b.valid),
            self.aw.ready.eq(self.write),
            self.w.ready.eq(self.write),
            self.write_data.eq(self.w.payload.data),
            self.write_strobe.eq(self.w.payload.strb),
            self.ar.ready.eq(~self.write & ~self.r.valid),
            address.eq(Mux(self.write, self.aw.payload.addr, self.ar.payload.addr)),
            self.address.eq(address[2:]),
        ]
        starts = {"b": self.write, "r": self.ar.valid & self.ar.ready}
        for channel, start in starts.items():
            port = getattr(self, channel)
            m.d.comb += port.payload.resp.eq(
                Mux(failed[channel], Response.SLAVE_ERROR, Response.OKAY))
            with m.If(start):
                m.d.sync += [port.valid.eq(1), failed[channel].eq(self.unmapped)]
            with m.Elif(port.ready):
                m.d.sync += port.valid.eq(0)
        word = Signal(32, reset_less=True)
        m.d.comb += self.r.payload.data.eq(word)
        with m.If(starts["r"]):
            m.d.sync += word.eq(self.read_data)
        return m
