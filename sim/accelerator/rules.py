"""What AXI asks of whoever offers something: to hold it until it is taken."""

import cocotb
from cocotb.triggers import FallingEdge

__all__ = ["StreamRule"]

_OFFERED = {"m_axi_ar": ("addr", "len"), "m_axi_aw": ("addr", "len"),
            "m_axi_w": ("data", "strb", "last"), "s_axi_b": ("resp",), "s_axi_r": ("data", "resp")}


class StreamRule:
    """Watches what the accelerator offers on both buses, in every cycle without reset.

    Once ``valid`` is up, it and the payload must stay until the transfer; neither may be unknown.

    Parameters
    ----------
    dut
        The simulator's top.
    """

    def __init__(self, dut):
        self._dut = dut
        self._channels = [
            (prefix, getattr(dut, f"{prefix}valid"), getattr(dut, f"{prefix}ready"),
             [getattr(dut, f"{prefix}{field}") for field in fields])
            for prefix, fields in _OFFERED.items()]
        cocotb.start_soon(self._watch())

    async def _watch(self):
        falls = FallingEdge(self._dut.clk)
        waiting: dict[str, list[int]] = {}
        while True:
            await falls
            if self._dut.rst.value != 0:
                waiting.clear()
                continue
            for prefix, valid, ready, fields in self._channels:
                before = waiting.pop(prefix, None)
                if not int(valid.value):
                    assert before is None, f"{prefix}valid fell before the transfer"
                    continue
                payload = [int(field.value) for field in fields]
                assert before in (None, payload), f"{prefix}… changed before the transfer"
                if not int(ready.value):
                    waiting[prefix] = payload
