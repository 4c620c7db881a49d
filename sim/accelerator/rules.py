"""What AXI asks of whoever offers something, and of a master's bursts."""

from collections import deque

import cocotb
from cocotb.triggers import FallingEdge

from sparrow.hw.spec.bus import PAGE_BYTES, BusProtocol, BusSpec

__all__ = ["BurstRule", "StreamRule"]

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


class BurstRule:
    """Watches the master's bursts: lengths, alignment, pages, and which word is the last.

    With AXI3 also that they are of 16 words at most, and what AXI4 hasn't: the ID of a write's
    words, which is that of its burst, and no locks.

    Parameters
    ----------
    dut
        The simulator's top.
    spec : BusSpec
    """

    def __init__(self, dut, spec: BusSpec):
        self._dut, self._spec = dut, spec
        self._third = spec.protocol is BusProtocol.AXI3
        self._addressed: deque[tuple[int, int]] = deque()  # of writes: words and ID
        self._written: deque[tuple[int, int]] = deque()
        self._words = 0
        cocotb.start_soon(self._watch())

    def _value(self, name):
        return int(getattr(self._dut, f"m_axi_{name}").value)

    async def _watch(self):
        falls = FallingEdge(self._dut.clk)
        while True:
            await falls
            if self._dut.rst.value != 0:
                self._addressed.clear()
                self._written.clear()
                self._words = 0
                continue
            for channel in ("ar", "aw"):
                if self._moves(channel):
                    self._check_address(channel)
            if self._moves("w"):
                self._check_word()
            while self._addressed and self._written:
                asked, given = self._addressed.popleft(), self._written.popleft()
                assert asked == given, f"a write of (words, ID) {asked} had {given}"

    def _moves(self, channel):
        return self._value(f"{channel}valid") and self._value(f"{channel}ready")

    def _check_address(self, channel):
        spec, address = self._spec, self._value(f"{channel}addr")
        words = self._value(f"{channel}len") + 1
        block = spec.burst_words * spec.word_bytes
        last = address + words * spec.word_bytes - 1
        assert words <= spec.max_burst, f"{channel}: {words} words, not {spec.max_burst} at most"
        assert address % spec.word_bytes == 0, f"{channel}: {address:#x} must be that of a word"
        assert address // PAGE_BYTES == last // PAGE_BYTES, f"{channel}: a page is left"
        assert address // block == last // block, f"{channel}: a multiple of {block} is crossed"
        assert self._value(f"{channel}size") == spec.size_code, f"{channel}: words must be whole"
        assert self._value(f"{channel}burst") == 1, f"{channel}: bursts must be incrementing"
        if self._third:
            assert words <= 16, f"{channel}: {words} words in AXI3"
            assert self._value(f"{channel}lock") == 0, f"{channel}: no access is locked"
        if channel == "aw":
            self._addressed.append((words, self._value("awid")))

    def _check_word(self):
        self._words += 1
        if self._value("wlast"):
            self._written.append((self._words, self._value("wid") if self._third else 0))
            self._words = 0
