# amaranth: UnusedElaboratable=no
"""The plain ports of AXI4 and AXI4-Lite, and what connects to them."""

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from sparrow.hw.bus import LiteSlave, ReadMaster, WriteMaster
from sparrow.hw.bus.signature import axi_ports, connect_axi, connect_lite, lite_ports
from sparrow.hw.export import flat_ports
from sparrow.hw.spec.bus import BusSpec

ADDRESS = {"addr": 36, "len": 8, "size": 3, "burst": 2, "cache": 4, "prot": 3, "id": 1,
           "valid": 1}
SPEC = BusSpec(data_width=128, address_width=36, cache=5, prot=2)


class Top(wiring.Component):
    """Both masters and the slave behind plain ports, all they need from outside tied."""

    def __init__(self):
        self.read = ReadMaster(spec=SPEC, buffers=(0,))
        self.write = WriteMaster(spec=SPEC)
        self.slave = LiteSlave()
        super().__init__(axi_ports(SPEC) | lite_ports())

    def elaborate(self, platform):
        m = Module()
        m.submodules.read, m.submodules.write = self.read, self.write
        m.submodules.slave = self.slave
        connect_axi(m, self, spec=SPEC, read=self.read, write=self.write)
        connect_lite(m, self, slave=self.slave)
        m.d.comb += [
            self.read.windows[0].size.eq(1), self.write.window.size.eq(1),
            self.read.requests_0.valid.eq(1), self.read.requests_0.payload.words.eq(20),
            self.write.requests.valid.eq(1), self.write.requests.payload.window.eq(1),
            self.write.requests.payload.words.eq(2), self.write.requests.payload.offset.eq(16),
            self.write.data.valid.eq(1), self.write.data.payload.data.eq(0x1234),
            self.read.data_0.ready.eq(1), self.slave.read_data.eq(self.slave.address),
        ]
        return m


def test_ports():
    members = Top().signature.members
    assert {name: member.flow for name, member in members.items()} == {
        **{f"m_axi_{channel}{field}": Out for channel in ("ar", "aw") for field in ADDRESS},
        **{f"m_axi_w{field}": Out for field in ("data", "strb", "last", "valid")},
        **{f"m_axi_r{field}": In for field in ("id", "data", "resp", "last", "valid")},
        **{f"m_axi_b{field}": In for field in ("id", "resp", "valid")},
        **{f"m_axi_{channel}ready": In for channel in ("ar", "aw", "w")},
        "m_axi_rready": Out, "m_axi_bready": Out,
        **{f"s_axi_{name}": In for name in ("awaddr", "awvalid", "wdata", "wstrb", "wvalid",
                                            "bready", "araddr", "arvalid", "rready")},
        **{f"s_axi_{name}": Out for name in ("awready", "wready", "bresp", "bvalid", "arready",
                                             "rdata", "rresp", "rvalid")},
    }
    widths = {port.name: port.width for port in flat_ports(Top())}
    for channel in ("ar", "aw"):
        assert {field: widths[f"m_axi_{channel}{field}"] for field in ADDRESS} == ADDRESS
    assert (widths["m_axi_wdata"], widths["m_axi_wstrb"], widths["m_axi_rdata"]) == (128, 16, 128)
    assert (widths["s_axi_awaddr"], widths["s_axi_wstrb"], widths["s_axi_bresp"]) == (12, 4, 2)


@pytest.mark.parametrize("ports, prefix", [(axi_ports(SPEC, prefix="hp0"), "hp0_"),
                                           (lite_ports(prefix="s"), "s_")])
def test_prefix(ports, prefix):
    assert all(name.startswith(prefix) for name in ports)


def test_connections():
    dut = Top()

    async def testbench(ctx):
        def values(names):
            return [ctx.get(getattr(dut, f"m_axi_{name}")) for name in names.split()]

        ctx.set(dut.s_axi_araddr, 0x124)
        ctx.set(dut.s_axi_arvalid, 1)
        await ctx.tick()
        assert values("awaddr awlen awsize awburst awcache awprot awid") == [16, 1, 4, 1, 5, 2, 0]
        assert values("wvalid wdata wstrb wlast") == [1, 0x1234, 0xFFFF, 0]
        assert (ctx.get(dut.s_axi_rvalid), ctx.get(dut.s_axi_rdata)) == (1, 0x49)
        ctx.set(dut.m_axi_awready, 1)
        ctx.set(dut.m_axi_wready, 1)
        await ctx.tick()
        assert values("araddr arlen arsize arburst arcache arprot arid") == [0, 15, 4, 1, 5, 2, 0]
        assert values("wvalid wlast bready arvalid rready") == [1, 1, 1, 1, 1]

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()
