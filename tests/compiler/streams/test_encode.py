"""Layers as streams: every weight comes back, and the best codec is chosen."""

import pytest
import torch

from sparrow.compiler.streams import (
    Container,
    EncodeError,
    StreamTarget,
    decode_container,
    decoder_cycles,
    encode_layer,
)
from sparrow.golden.codec import CODECS, decode_blocks, read_header
from sparrow.golden.network import Linear, Network, TensorType, Weighted
from sparrow.hw.spec.accelerator import AcceleratorSpec
from sparrow.sim.accelerator.samples import sample

SMALL = StreamTarget(lanes=4, columns=4, word_bytes=4)


def linear(weight, bits=8, mantissa=1000):
    """A network of one layer."""
    outputs, inputs = weight.shape
    kind = [TensorType(shape=(size, 1, 1), scale=1.0, zero_point=0) for size in (inputs, outputs)]
    layer = Linear(name="fc", inputs=("input",), output=kind[1], minimum=-128, maximum=127,
                   weight=weight, weight_bits=bits, bias=torch.arange(outputs) - 3,
                   mantissa=torch.full((outputs,), mantissa), shift=torch.full((outputs,), 9))
    return layer, Network(name="net", input=kind[0], layers=(layer,), output="fc")


def random(outputs, inputs, density, low=-127, high=128, seed=1):
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randint(low, high, (outputs, inputs), dtype=torch.int8, generator=generator)
    return weight * (torch.rand(outputs, inputs, generator=generator) < density)


def tiny(codec, layer, network, **options):
    return encode_layer(layer, network, SMALL, codec=codec, **options)


@pytest.mark.parametrize("name", ["conv", "conv_int4", "depthwise", "mixed"])
@pytest.mark.parametrize("span", [None, 1, 2])
@pytest.mark.parametrize("codec", ["auto", *CODECS])
def test_weights_and_parameters_come_back(name, span, codec):
    network = sample(name)
    for layer in network:
        if not isinstance(layer, Weighted):
            continue
        found = encode_layer(layer, network, SMALL, codec=codec, span=span)
        container = Container.from_bytes(found.container.to_bytes())
        assert torch.equal(decode_container(container).reshape(layer.weight.shape), layer.weight)
        blocks = -(-len(layer.weight) // 4)
        assert [part.count for part in container.parts] == [
            min(span or blocks, blocks - first) for first in range(0, blocks, span or blocks)]
        for part in container.parts:
            own = decode_blocks(part.data, lanes=4, columns=4, word_bytes=4).parameters
            channels = slice(4 * part.first, 4 * (part.first + part.count))
            for values in ("bias", "mantissa", "shift"):
                wanted = getattr(layer, values)[channels].tolist()
                assert getattr(own, values).tolist()[:len(wanted)] == wanted
        assert found.codec == codec or codec == "auto"
        assert found.nonzeros == layer.weight.count_nonzero()


@pytest.mark.parametrize("goal", ["cycles", "bytes"])
@pytest.mark.parametrize("density", [1.0, 0.5, 0.2, 0.05])
def test_auto_is_the_best(goal, density):
    layer, network = linear(random(40, 150, density))
    target = StreamTarget(lanes=8, columns=8)
    found = encode_layer(layer, network, target, goal=goal)
    alone = {codec: encode_layer(layer, network, target, codec=codec, goal=goal)
             for codec in CODECS}
    order = slice(None, None, 1 if goal == "cycles" else -1)
    costs = {codec: (one.cycles, one.bytes)[order] for codec, one in alone.items()}
    assert found.codec == min(costs, key=costs.get)
    assert {codec: (one.cycles, one.bytes)[order] for codec, one in found.tried.items()} == costs
    assert found.bytes == alone[found.codec].bytes
    assert found.bits_per_weight == 8 * found.bytes / 6000


def test_goals_differ():
    """On a wide bus steps count, of which a long code for escapes takes more."""
    layer, network = linear(random(64, 256, 0.02, 1))
    target = StreamTarget(word_bytes=32)
    cycles, size = (encode_layer(layer, network, target, goal=goal) for goal in
                    ("cycles", "bytes"))
    assert cycles.cycles < size.cycles and cycles.bytes > size.bytes
    assert (cycles.codec, size.codec) == ("rle", "huffman")


def test_goals_of_one_codec():
    """Limits of runs are chosen by the goal, too."""
    layer, network = linear(random(64, 256, 0.2, 1, 100))
    cycles, size = (encode_layer(layer, network, StreamTarget(word_bytes=32), codec="huffman",
                                 goal=goal) for goal in ("cycles", "bytes"))
    assert cycles.cycles < size.cycles
    bits = [sum(sum(stream.bits.values()) - stream.bits["padding"] for stream in one.streams)
            for one in (cycles, size)]
    assert bits[0] > bits[1]


def test_cycles_are_steps_or_words():
    layer, network = linear(random(16, 64, 1.0))
    wide = encode_layer(layer, network, StreamTarget(word_bytes=32), codec="dense")
    assert wide.steps == 64 and wide.blocks == 4
    assert wide.bytes // 32 < 64 == wide.cycles
    narrow = encode_layer(layer, network, StreamTarget(word_bytes=4), codec="dense")
    assert narrow.cycles == narrow.bytes // 4 > 64
    assert decoder_cycles(narrow.streams[0]) == narrow.cycles


def test_each_stream_counts_on_its_own():
    """A stream of many steps doesn't hide the words of another one."""
    layer, network = linear(torch.cat([random(16, 512, 0.02), random(16, 512, 1.0)]))
    found = encode_layer(layer, network, StreamTarget(), codec="rle", span=1)
    assert found.cycles == sum(map(decoder_cycles, found.streams))
    assert found.cycles > max(found.steps, found.bytes // 8)


@pytest.mark.parametrize("inputs, widths", [(16, {8}), (17, {4}), (32, {4}), (48, {4})])
def test_four_bits_where_the_array_takes_fewer_steps(inputs, widths):
    """With half a block empty, runs and masks are longer for nothing."""
    layer, network = linear(random(16, inputs, 0.4, -8, 8), bits=4)
    found = {4 if read_header(encode_layer(layer, network, StreamTarget(), codec=codec)
                              .streams[0].data, lanes=16).four_bit else 8
             for codec in ("bitmask", "rle", "huffman")}
    assert found == widths


def test_eight_bits_where_fewer_positions_are_stored():
    """48 positions instead of 64, in 3 blocks instead of 2."""
    layer, network = linear(random(160, 34, 0.4, -3, 4), bits=4)
    found = {goal: encode_layer(layer, network, StreamTarget(), codec="huffman", goal=goal)
             for goal in ("bytes", "cycles")}
    assert not read_header(found["bytes"].streams[0].data, lanes=16).four_bit
    assert read_header(found["cycles"].streams[0].data, lanes=16).four_bit
    assert found["bytes"].bytes < found["cycles"].bytes


def test_four_bits_in_half_empty_blocks_without_a_codebook():
    layer, network = linear(random(16, 16, 1.0, -8, 0), bits=4)
    found = encode_layer(layer, network, StreamTarget(codebook=0), codec="rle", goal="bytes")
    assert read_header(found.streams[0].data, lanes=16).four_bit


@pytest.mark.parametrize("codebook, values, table", [(8, 8, True), (7, 8, False), (0, 1, False),
                                                     (0, 0, False)])
@pytest.mark.parametrize("codec", ["bitmask", "rle", "huffman"])
def test_codebook_of_the_decoder(codec, codebook, values, table):
    layer, network = linear((torch.arange(64 * 64) % (values + 1) * 11).view(64, 64)
                            .to(torch.int8))
    found = encode_layer(layer, network, StreamTarget(codebook=codebook), codec=codec,
                         goal="bytes")
    assert (read_header(found.streams[0].data, lanes=16).values.entries is not None) == table


@pytest.mark.parametrize("codec", ["huffman", "rle"])
def test_layers_of_zeros_without_a_codebook(tools, codec):
    """Huffman's tables of 4-bit values have an entry at least: such a layer is sent plainly."""
    _, network = linear(torch.zeros(16, 16, dtype=torch.int8), bits=4)
    spec = tools.small_spec(codecs=[codec], codebook=0)
    program = tools.check(network, spec, torch.zeros(1, 16, 1, 1, dtype=torch.int8), codec=codec)
    [sent] = program.layers[0].codecs
    assert sent.partition(",")[0] == ("plain" if codec == "huffman" else codec)


def test_zeros_of_four_bits_need_a_table_with_huffman():
    layer, network = linear(torch.zeros(16, 32, dtype=torch.int8), bits=4)
    with pytest.raises(EncodeError, match="needs a larger codebook than of 0 entries"):
        encode_layer(layer, network, StreamTarget(codebook=0), codec="huffman", goal="cycles")


def test_dense_tables_need_a_place_for_zero():
    layer, network = linear(torch.ones(16, 16, dtype=torch.int8))
    sizes = [encode_layer(layer, network, StreamTarget(codebook=size), codec="dense",
                          goal="bytes").streams[0] for size in (1, 2)]
    assert [read_header(stream.data, lanes=16).values.entries for stream in sizes] == [
        None, (1,)]


@pytest.mark.parametrize("target, bits, codec, text", [
    ({"int4": False}, 4, "auto",
     "Layer 'fc': weight_bits must be 8 for an array without 4-bit weights, not 4"),
    ({"codecs": ("dense", "rle")}, 8, "csr", "codec must be auto, dense, rle, not 'csr'"),
    ({"codebook": 5}, 4, "huffman", "Layer 'fc': codec must be another one than huffman, which "
     "needs a larger codebook than of 5 entries"),
])
def test_what_a_decoder_cannot_read(target, bits, codec, text):
    layer, network = linear(random(16, 64, 1.0, -8, 8), bits=bits)
    with pytest.raises(EncodeError) as caught:
        encode_layer(layer, network, StreamTarget(**target), codec=codec)
    assert str(caught.value) == text


def test_auto_keeps_to_the_codecs_that_are_built():
    layer, network = linear(random(16, 64, 0.1, -8, 8), bits=4)
    target = StreamTarget(codecs=("dense", "huffman"), codebook=3)
    assert set(encode_layer(layer, network, target).tried) == {"dense"}


def test_mantissas_must_fit():
    layer, network = linear(random(16, 16, 1.0), mantissa=2**15)
    assert encode_layer(layer, network, StreamTarget(mantissa_width=16)).bytes
    with pytest.raises(EncodeError) as caught:
        encode_layer(layer, network, StreamTarget(mantissa_width=15))
    assert str(caught.value) == "Layer 'fc': mantissa must be 0 to 32767, not 32768"


def test_target_of_an_accelerator():
    spec = AcceleratorSpec(lanes=32, columns=32, data_width=128, precision="int8",
                           mantissa_width=20)
    assert StreamTarget.of(spec) == StreamTarget(lanes=32, columns=32, word_bytes=16, int4=False,
                                                 mantissa_width=20)


def test_target_of_an_accelerator_with_a_decoder():
    spec = AcceleratorSpec(codecs=["rle", "dense"], codebook=8)
    target = StreamTarget.of(spec)
    assert (target.codecs, target.codebook) == (("dense", "rle"), 8)
    layer, network = linear(random(16, 64, 0.1))
    with pytest.raises(EncodeError, match="^codec must be auto, dense, rle, not 'csr'$"):
        encode_layer(layer, network, target, codec="csr")


def test_streams_stay_apart():
    """Those of a span don't depend on the others."""
    weight = random(48, 40, 0.3)
    whole = tiny("rle", *linear(weight), span=3).streams
    for number, stream in enumerate(whole):
        layer, network = linear(weight[12 * number:12 * number + 12])
        layer = layer.__class__(**{**layer.__dict__,
                                   "bias": torch.arange(48)[12 * number:12 * number + 12] - 3})
        assert tiny("rle", layer, network).streams[0].data == stream.data
    assert len(whole) == 4
