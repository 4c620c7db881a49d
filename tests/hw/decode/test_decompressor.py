# amaranth: UnusedElaboratable=no
"""The decompressor against the golden codec: contents of streams, one after the other; cycles."""

import itertools
import re

import numpy as np
import pytest

from sparrow.hw.decode import Decompressor
from sparrow.hw.spec.decode import Codec, DecompressorSpec

from .decompressor_bench import decode
from .streams import random_case

CODECS = [codec.value for codec in Codec]
FLOWS = [(0, 0), (0.7, 0), (0, 0.5), (0.3, 0.3)]
EACH_FLOW = pytest.mark.parametrize("flows", [FLOWS, *(
    pytest.param([flow], marks=pytest.mark.heavy) for flow in FLOWS)],
    ids=["turns", *map(str, FLOWS)])


def check(spec, cases, **flow):
    """Send all streams, compare what comes out; what came out."""
    taken = decode(spec, *(case.stream.data for case in cases), **flow)
    assert not taken.error and not taken.busy
    assert len(taken.done) == len(cases)
    blocks, records, maps = taken.blocks, taken.records, taken.maps
    for case in cases:
        count = int(case.kept.sum())
        own = len(case.parameters.bias) if case.parameters is not None else 0
        granules = case.kept.shape[0] * -(-case.kept.shape[1] // 16) if case.mapped else 0
        case.check(blocks[:count], records[:own], maps[:granules])
        blocks, records, maps = blocks[count:], records[own:], maps[granules:]
    assert not len(blocks) + len(records) + len(maps)
    return taken


@EACH_FLOW
@pytest.mark.parametrize("codec", CODECS)
def test_all_kinds_of_values(codec, flows):
    generator = np.random.default_rng(CODECS.index(codec))
    cases = []
    for four_bit, codebook in itertools.product((False, True), repeat=2):
        if four_bit and codebook and codec == "dense":
            continue
        for density in (0.05, 0.5):
            cases.append(random_case(generator, codec, four_bit=four_bit, codebook=codebook,
                                     density=density, steps=4))
    check(DecompressorSpec(lanes=8, columns=3), cases, flows=flows)


@EACH_FLOW
def test_maps_parameters_and_reuse(flows):
    generator = np.random.default_rng(1)
    cases = []
    formats = [None, *itertools.product((False, True), repeat=2)]
    for number, (parameters, block_map, reuse) in enumerate(
            itertools.product(formats, (False, True), (False, True))):
        if reuse and parameters is None:
            continue
        steps = (1, 16, 17, 40, 3)[number % 5]
        cases.append(random_case(generator, CODECS[number % 5], parameters=parameters, steps=steps,
                                 block_map=block_map, reuse=reuse, density=0.1,
                                 outputs=1 + number % 3, absent=number % 3))
    check(DecompressorSpec(lanes=8, columns=3), cases, flows=flows)


@pytest.mark.parametrize(("columns", "data_width"), [
    (2, 32), (1, 256),
    *(pytest.param(columns, width, marks=pytest.mark.heavy) for columns in (1, 2, 5, 17)
      for width in (32, 64, 128, 256) if (columns, width) not in ((2, 32), (1, 256)))])
def test_bus_and_array_widths(data_width, columns):
    generator = np.random.default_rng(columns)
    spec = DecompressorSpec(lanes=4, columns=columns, data_width=data_width, fifo_bytes=1024)
    cases = [random_case(generator, codec, lanes=4, columns=columns, word_bytes=data_width // 8,
                         parameters=(False, True), outputs=outputs)
             for codec in CODECS for outputs in (1, 2)]
    check(spec, cases)


@pytest.mark.parametrize("codec", CODECS)
def test_one_codec_alone(codec):
    generator = np.random.default_rng(2)
    table = codec == "huffman"
    spec = DecompressorSpec(lanes=8, columns=3, codecs=(codec,), codebook=0 if not table else 8,
                            int4=table)
    check(spec, [random_case(generator, codec, density=density) for density in (0.1, 0.6)])


@EACH_FLOW
@pytest.mark.parametrize("codec", [
    "csr", "huffman", *(pytest.param(codec, marks=pytest.mark.heavy)
                        for codec in ("dense", "bitmask", "rle"))])
def test_lean_streams(codec, flows):
    generator = np.random.default_rng(CODECS.index(codec))
    cases = [random_case(generator, codec, lean=True, columns=5, absent=absent, outputs=outputs,
                         steps=steps, block_map=block_map, density=density,
                         parameters=(False, True) if steps < 9 else None)
             for absent, outputs, steps, block_map, density in (
                 (4, 1, 9, False, 0.5), (2, 1, 3, True, 0.1), (3, 2, 12, False, 0.05),
                 (4, 3, 1, False, 0.8), (1, 3, 20, True, 0.1), (0, 2, 5, False, 0.3))]
    cases.insert(2, random_case(generator, codec, columns=5, reuse=True, lean=True, outputs=3,
                                absent=3, parameters=(False, False)))
    check(DecompressorSpec(lanes=8, columns=5), cases, flows=flows)


def test_streams_of_zeros():
    generator = np.random.default_rng(3)
    cases = [random_case(generator, codec, density=0, block_map=block_map, steps=steps)
             for codec in CODECS for block_map in (False, True) for steps in (1, 20)]
    check(DecompressorSpec(lanes=8, columns=3), cases)


@pytest.mark.parametrize(("density", "four_bit"), [
    (0.05, True), (0.6, False),
    *(pytest.param(*case, marks=pytest.mark.heavy)
      for case in ((0.05, False), (0.2, False), (0.2, True), (0.6, True)))])
@pytest.mark.parametrize("lean", [False, True])
def test_a_block_takes_about_the_steps_of_its_slowest_lane(four_bit, density, lean):
    generator = np.random.default_rng(4)
    spec = DecompressorSpec(lanes=8, columns=4, data_width=128)  # 8 granules, for 4 lanes
    cases = [random_case(generator, codec, columns=4, four_bit=four_bit, density=density,
                         outputs=3, steps=12, word_bytes=16, lean=lean, absent=2 * lean)
             for codec in CODECS]
    taken = check(spec, cases)
    commits = taken.commits
    for case in cases:
        own, commits = commits[:36], commits[36:]
        extra = np.diff(own) - case.stream.steps[1:]
        assert extra.min() == 0 or (lean and extra.min() > 0)
        first = case.stream.stalls * case.stream.steps[0] // case.stream.steps.sum()
        assert -2 - 2 * first <= extra.sum() - case.stream.stalls <= 2
        assert (case.stream.stalls > 0) == lean
    assert taken.waits["array"] == 0


def test_what_maps_and_parameters_cost():
    generator = np.random.default_rng(5)
    spec = DecompressorSpec(lanes=8, columns=4)
    case = random_case(generator, "rle", columns=4, steps=40, block_map=True, density=0.4,
                       lean=False)
    taken = check(spec, [case])
    groups = [part.sum() for output in case.kept for part in (output[:16], output[16:32],
                                                              output[32:])]
    places = np.cumsum(groups)[:-1]  # first blocks of groups
    assert min(groups) > 0
    extra = np.diff(taken.commits) - case.stream.steps[1:]
    assert sorted(np.flatnonzero(extra) + 1) == places.tolist() and set(extra.tolist()) == {0, 2}
    case = random_case(generator, "rle", columns=4, outputs=4, density=0.4, parameters=(True, True),
                       lean=False)
    taken = check(spec, [case])
    extra = np.diff(taken.commits) - case.stream.steps[1:]
    assert np.flatnonzero(extra).tolist() == [4, 9, 14] and set(extra.tolist()) <= {0, 4, 5}


def test_waits_are_told():
    generator = np.random.default_rng(6)
    spec = DecompressorSpec(lanes=8, columns=4)
    case = random_case(generator, "rle", columns=4, density=0.5)
    assert check(spec, [case]).waits == {"words": 0, "array": 0}
    assert check(spec, [case], stall=0.5).waits["array"] > 30
    taken = check(spec, [case], idle=0.9)
    assert taken.waits["words"] > 30 and taken.waits["array"] == 0


def test_anything_else_is_refused():
    with pytest.raises(TypeError, match=re.escape("spec must be a DecompressorSpec, not 3")):
        Decompressor(spec=3)
