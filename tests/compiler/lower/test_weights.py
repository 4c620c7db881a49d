"""Weight streams as the machine reads them back."""

import numpy as np
import pytest

from sparrow.compiler import compile_network
from sparrow.compiler.layout import allocate
from sparrow.compiler.lower import lower
from sparrow.compiler.lower.weights import diagonal, parameter_set, weight_stream
from sparrow.compiler.passes import Span
from sparrow.golden.accelerator.weights import read_weights


def only_pass(builder, spec):
    network = builder.network()
    layouts, _ = allocate(network, spec, keep_all=True)
    (work,) = lower(network.layers[-1], network, spec, layouts)
    return work


def test_parameter_set():
    assert parameter_set(np.array([-1, 258]), np.array([0x123456, 7]), np.array([63, 1])) == (
        bytes([255, 255, 255, 255, 0x56, 0x34, 0x12, 63, 2, 1, 0, 0, 7, 0, 0, 1]))


def test_diagonal():
    assert diagonal(np.array([-1, 2, 3])).tolist() == [[[255, 0, 0], [0, 2, 0], [0, 0, 3]]]


@pytest.mark.parametrize("weight_bits", [8, 4])
def test_a_stream_holds_the_weights_in_order(tools, weight_bits):
    spec = tools.small_spec()
    builder = tools.Builder((10, 5, 5))
    builder.conv("input", 6, (2, 3), weight_bits=weight_bits)
    layer, work = builder.layers[0], only_pass(builder, spec)
    (span,) = work.spans
    steps = work.steps(span)
    assert steps == 6 * (2 if weight_bits == 4 else 3)
    values = {"output_blocks": 2, "blocks": steps, "reuse": 0, "int4": weight_bits == 4,
              "compressed": 0, "map": 0, "winograd": 0, "zero_point": 1, "minimum": 2,
              "maximum_value": 3}
    read = read_weights(spec, values, weight_stream(work, span, 0))
    for output in range(8):
        block, column = read[output // 4], output % 4
        if output >= 6:  # padding
            assert block.bias[column] == block.mantissa[column] == 0
            assert not block.blocks[..., column].any()
            continue
        assert block.bias[column] == layer.bias[output]
        assert block.mantissa[column] == layer.mantissa[output]
        assert block.shift[column] == layer.shift[output]
        for channel in range(12):
            pair, half = divmod(channel // 4, 2) if weight_bits == 4 else (channel // 4, 0)
            for y in range(2):
                for x in range(3):
                    wanted = layer.weight[output, channel, y, x] if channel < 10 else 0
                    got = block.blocks[(pair * 2 + y) * 3 + x, half, channel % 4, column]
                    assert got == wanted


def test_with_reuse_one_output_block_has_weights(tools):
    builder = tools.Builder((4, 5, 5))
    builder.max_pool("input")
    work = only_pass(builder, tools.small_spec())
    assert len(weight_stream(work, Span(0, 3, 0, 1, 1), 0)) == 3 * 4 * 8 + 16


def test_equal_streams_are_stored_once(tools):
    builder = tools.Builder((4, 40, 40))
    builder.max_pool("input")
    program = compile_network(builder.network(), tools.small_spec(accumulator_depth=32))
    offsets = [values["offset"] for kind, values in program.commands() if kind.name == "WEIGHTS"]
    assert len(offsets) > 10 and len(set(offsets)) == 1
