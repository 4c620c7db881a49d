"""The bench around a decoder of one codec for one column."""

import collections
from typing import Any

from cocotb.clock import Clock
from cocotb.simtime import get_sim_time
from cocotb.triggers import FallingEdge, with_timeout

from sparrow.golden.codec import ERRORS, read_header
from sparrow.hw.decode.single import LaneDecoder
from sparrow.hw.export import flat_ports
from sparrow.hw.spec import LaneDecoderSpec

from ..bits import pack
from ..streams import Clocking, StreamDriver, StreamMonitor, pattern
from .header_fields import header_fields
from .scenario import Case

__all__ = ["SingleBench"]

_ERRORS = [ERRORS[name] for name in ("ENTRY", "COUNT", "RUN", "TRUNCATED")]
_TRUNCATED, _RUN = ERRORS["TRUNCATED"], ERRORS["RUN"]
_PERIOD = 10
_SURPLUS_CYCLES = 10
_STILL_LIMIT = 200


class SingleBench:
    """Drives an exported decoder and checks the blocks that come out against golden's.

    Streams are those of a decompressor with one column; their headers become the decoder's
    configuration, and their lane's granules its words.

    Parameters
    ----------
    dut
        The simulator's top.
    decoder : type
        Its class.
    spec : LaneDecoderSpec
    idle, stall : str
        Patterns, see :func:`..streams.pattern`.
    seed : int
    """

    def __init__(self, dut, decoder: type[LaneDecoder], spec: LaneDecoderSpec, *,
                 idle: str = "always", stall: str = "always", seed: int = 0):
        self._dut, self._spec = dut, spec
        self._most = 6 * spec.lanes  # steps of any block
        ports = flat_ports(decoder(spec=spec))
        self._config: Any = next(port.layout for port in ports if port.name == "config")
        self.words = StreamDriver(dut, "i", ports, pattern(idle, seed), seed=seed)
        self.steps = StreamMonitor(dut, "o", ports, pattern(stall, seed + 1), receive=self._take)
        self.clocking = Clocking(dut, [self.words, self.steps])
        self.covered: collections.Counter[str] = collections.Counter()
        Clock(dut.clk, _PERIOD, "ns").start()

    async def reset(self) -> None:
        """Reset the decoder."""
        await FallingEdge(self._dut.clk)
        self._dut.start.value = 0
        await self.clocking.reset()
        self.covered["resets"] += 1

    async def run(self, case: Case, *, cycles: int = 0) -> None:
        """Decode a stream to its end or its error; or for some cycles, to be broken off."""
        header = self._begin(case)
        await FallingEdge(self._dut.clk)
        for stream in self.clocking.streams:
            stream.clear()
        self._dut.config.value = pack(self._config, header)
        self._dut.blocks.value = self._count
        self._dut.start.value = 1
        self._send(case)
        await FallingEdge(self._dut.clk)
        self._dut.start.value = 0
        moved, still, count = 0, 0, 0
        while count != cycles or not cycles:
            await self.clocking.cycle()
            count += 1
            if not int(self._dut.busy.value):
                break
            transfers = self.words.transfers + self.steps.transfers
            moved, still = transfers, 0 if transfers != moved else still + 1
            assert still < _STILL_LIMIT, f"nothing moves for {still} cycles: {case.label}"
        if cycles:
            return
        error = int(self._dut.error.value)
        others = {_RUN} & case.others  # of a symbol behind the last block that is none
        assert error in {case.code, *others}, (f"error is {error}, golden says {case.code}: "
                                               f"{case.label}")
        assert self.words.pending, f"a word behind the last one is taken: {case.label}"
        for _ in range(_SURPLUS_CYCLES):
            await self.clocking.cycle()
            assert int(self._dut.error.value) == error, "error changes"
        assert case.code or not self._blocks, f"{len(self._blocks)} blocks are missing"
        self.covered["streams"] += 1
        self.covered[f"error {error}"] += 1
        self.covered.update(case.covered)

    async def count(self, case: Case, blocks: int, each: int) -> int:
        """The cycles that so many blocks without values take, by the configuration of ``case``.

        Words are zeros; of rle and huffman there is one. ``each``: cycles that a block may take.
        """
        dut = self._dut
        await FallingEdge(dut.clk)
        for stream in self.clocking.streams:
            stream.clear()
        dut.config.value = pack(self._config, self._begin(case))
        dut.blocks.value = blocks
        dut.i_data.value, dut.i_valid.value, dut.o_ready.value = 0, 1, 1
        dut.i_last.value = case.label.startswith(("rle", "huffman"))
        dut.start.value = 1
        await FallingEdge(dut.clk)
        dut.start.value = 0
        begun = get_sim_time("ns")
        limit = 2 * _PERIOD * (each * blocks + _STILL_LIMIT)
        await with_timeout(FallingEdge(dut.busy), limit, "ns")
        assert not int(dut.error.value), f"error is {int(dut.error.value)} in {case.label}"
        cycles = int(get_sim_time("ns") - begun) // _PERIOD
        dut.i_valid.value = 0
        return cycles

    def fits(self, case: Case) -> bool:
        """Whether a stream is one without its control: with a header that can be read and all
        granules that that tells, whole words of runs, and no error of what isn't there."""
        if case.code not in (0, *_ERRORS) or not case.blocks:
            return False
        header = read_header(case.data, lanes=self._spec.lanes)
        if header.map or header.parameters.bias_bits or header.reuse:
            return False
        size = 2 * header.granules
        first = 2 * sum(len(part) for part in header.parts().values())
        whole = (size - first) % (self._spec.data_width // 8) == 0
        return first < size <= len(case.data) - 4 and (
            whole or (header.runs is None and case.code != _TRUNCATED))

    def _begin(self, case: Case) -> dict:
        """Expect a stream; gives its configuration."""
        self._label = case.label
        header = read_header(case.data, lanes=self._spec.lanes)
        self._count = header.output_blocks * header.steps
        self._first = sum(len(part) for part in header.parts().values())
        self._last = header.granules
        self._blocks = collections.deque(zip(case.blocks, case.steps, strict=True))
        self._shadow, self._transfers = [0] * self._spec.lanes, 0
        fields = header_fields(self._spec.codebook, header)
        return {name: fields[name] for name, _ in self._config if name in fields}

    def _send(self, case: Case) -> None:
        data = case.data[2 * self._first:2 * self._last]
        size = self._spec.data_width // 8
        # a decoder has at least one word
        data += bytes(-len(data) % size if data else size)
        for begin in range(0, len(data), size):
            self.words.send({"data": int.from_bytes(data[begin:begin + size], "little"),
                             "last": begin + size == len(data)})
        self.words.send({"data": 0, "last": 0})  # of the next stream

    def _take(self, step) -> None:
        if step["load"]:
            enable = step.get("enable", 3)
            mask = (enable & 1) * 0x0F | (enable >> 1) * 0xF0
            index = step["index"]
            self._shadow[index] = self._shadow[index] & ~mask | step["value"] & mask
        self._transfers += 1
        assert self._transfers <= self._most, f"a block doesn't end: {self._label}"
        if not step["last"]:
            return
        assert self._blocks, f"a block more than expected: {self._label}"
        block, steps = self._blocks.popleft()
        assert block[0].tolist() == self._shadow, (
            f"block is {self._shadow}, golden says {block[0].tolist()}: {self._label}")
        assert steps in (0, self._transfers), (f"block takes {self._transfers} steps, golden says "
                                               f"{steps}: {self._label}")
        self._shadow, self._transfers = [0] * self._spec.lanes, 0
