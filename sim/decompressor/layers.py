"""Whole layers through decompressor and array, as cocotb tests."""

import cocotb
import numpy as np
import torch
from cocotb.clock import Clock

from sparrow.golden.codec import decode_blocks, encode
from sparrow.hw.export import flat_ports
from sparrow.hw.spec.decode import DecompressorSpec

from ..report import add_coverage, bench_parameters
from ..streams import PATTERNS, Clocking, StreamDriver, StreamMonitor, pattern
from .joined import DecodedArray
from .samples import kinds

_PARAMETERS = bench_parameters()
_SPEC = DecompressorSpec.from_mapping(_PARAMETERS["spec"])
_SEED = _PARAMETERS["seed"]
_STILL_LIMIT = 400


class _Layer:
    """A convolution without padding: its stream, its vectors, and golden's products.

    Parameters
    ----------
    random : np.random.Generator
    kind : Kind
    """

    def __init__(self, random, kind):
        channels = int(random.choice((_SPEC.lanes // 2 + 1, _SPEC.lanes, 3 * _SPEC.lanes - 1)))
        outputs = int(random.integers(1, 2 * _SPEC.columns + 1))
        kernel, size = (3, 4) if random.random() < 0.3 else (1, 2)
        limit = 8 if kind.four_bit else 128
        entries = random.integers(-limit, limit, max(2, _SPEC.codebook) - 1 if kind.coded else 200)
        weights = random.choice(entries, (outputs, channels, kernel, kernel))
        weights *= random.random(weights.shape) < random.choice((0.03, 0.3, 1))
        pixels = random.integers(-128, 128, (channels, size, size))
        halves, side = 2 if kind.four_bit else 1, size - kernel + 1
        stream = encode(torch.from_numpy(weights.astype(np.int8)), kind.codec,
                        bits=4 if kind.four_bit else 8, codebook=kind.table,
                        block_map=kind.mapped, fixed=kind.fixed, lanes=_SPEC.lanes,
                        columns=_SPEC.columns, word_bytes=_SPEC.word_bytes)
        contents = decode_blocks(stream.data, lanes=_SPEC.lanes, columns=_SPEC.columns,
                                 word_bytes=_SPEC.word_bytes)
        self.data, self.kind = stream.data, kind
        # output block, pixel, column
        self.sums = np.zeros((len(contents.kept), side * side, _SPEC.columns), np.int64)
        products = torch.conv2d(torch.from_numpy(pixels[None]).double(),
                                torch.from_numpy(weights).double())[0].numpy().astype(np.int64)
        self.products = np.zeros_like(self.sums)
        for output, plane in enumerate(products):
            self.products[output // _SPEC.columns, :, output % _SPEC.columns] = plane.ravel()
        self.vectors, self.places = [], []
        positions = _SPEC.lanes * halves
        padded = np.zeros((-(-channels // positions) * positions, size, size), np.int64)
        padded[:channels] = pixels
        steps = [(block, row, column) for block in range(len(padded) // positions)
                 for row in range(kernel) for column in range(kernel)]
        for output, kept in enumerate(contents.kept):
            for (block, row, column), there in zip(steps, kept, strict=True):
                if there:
                    part = padded[block * positions:(block + 1) * positions,
                                  row:row + side, column:column + side].reshape(positions, -1)
                    self._add(output, part.T.tolist())

    def _add(self, output, vectors):
        unused = [0] * (_SPEC.lanes * _SPEC.halves - len(vectors[0]))
        for number, vector in enumerate(vectors):
            self.vectors.append({"vector": vector + unused, "first": number == 0,
                                 "last": number == len(vectors) - 1})
            self.places.append((self, output, number))


@cocotb.test()
@cocotb.parametrize(patterns=PATTERNS)
async def layers(dut, patterns):
    """Layers of every codec, back to back; sums over their blocks are the convolution."""
    idle, stall = patterns
    ports = flat_ports(DecodedArray(spec=_SPEC))
    places: list[tuple[_Layer, int, int]] = []
    received: list[dict] = []
    words, vectors = (StreamDriver(dut, name, ports, pattern(idle, _SEED + number), seed=number)
                      for number, name in enumerate(("words", "activations")))
    sums = StreamMonitor(dut, "sums", ports, pattern(stall, _SEED + 2), receive=received.append)
    clocking = Clocking(dut, [words, vectors, sums])
    dut.clear.value = 0
    dut.parameters_ready.value = 1
    Clock(dut.clk, 10, "ns").start()
    await clocking.reset()
    random = np.random.default_rng(_SEED + PATTERNS.index(patterns))
    made = [_Layer(random, kind) for kind in random.permutation(np.array(
        [kind for kind in kinds(_SPEC) if kind.parameters == "none" and not kind.reuse],
        dtype=object))]
    for layer in made:
        count = len(layer.data) // _SPEC.word_bytes
        for number, begin in enumerate(range(0, len(layer.data), _SPEC.word_bytes)):
            word = int.from_bytes(layer.data[begin:begin + _SPEC.word_bytes], "little")
            words.send({"data": word, "last": number == count - 1})
        for vector in layer.vectors:
            vectors.send(vector)
        places += layer.places
    moved, still = 0, 0
    while len(received) < len(places):
        await clocking.cycle()
        assert int(dut.error.value) == 0, f"error is {int(dut.error.value)}"
        transfers = words.transfers + vectors.transfers + sums.transfers
        moved, still = transfers, 0 if transfers != moved else still + 1
        assert still < _STILL_LIMIT, f"nothing moves for {still} cycles"
    for (layer, output, pixel), payload in zip(places, received, strict=True):
        layer.sums[output, pixel] += payload["sums"]
    for layer in made:
        assert np.array_equal(layer.sums, layer.products), f"{layer.kind}: sums are others"
    add_coverage({"layers": len(made), "sums": len(places) * _SPEC.columns,
                  "cycles": clocking.cycles})
