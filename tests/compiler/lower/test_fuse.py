"""Residual additions on the way of results to the buffer."""

import collections
import itertools

import pytest

from sparrow.compiler import compile_network
from sparrow.compiler.footprint import Instruction
from sparrow.compiler.lower import fusions, keep_additions, readers
from sparrow.compiler.predict import Timing
from sparrow.hw.spec.commands import Opcode

PADDING = (1, 1, 1, 1)


def block(tools, *, swapped=False, larger=0, seed=0, channels=9, **more):
    """``layer0``, a convolution of it, and their sum."""
    builder = tools.Builder((channels, 8, 7), seed=seed)
    first = builder.conv("input", channels, padding=PADDING)
    own = builder.conv(first, channels, padding=PADDING, **more)
    builder.residual_add(*((own, first) if swapped else (first, own)), larger=larger, minimum=-30)
    return builder


def found(builder, tools, **changes):
    return {name: (one.layer, one.operand)
            for name, one in fusions(builder.network(), tools.small_spec(**changes)).items()}


@pytest.mark.parametrize("weight_bits, larger, swapped", [
    pytest.param(*case, marks=[pytest.mark.heavy] * ((case[0] == 4) != (case[1] != case[2])))
    for case in itertools.product((8, 4), (0, 1), (False, True))])
@pytest.mark.parametrize("keep_all, residency", [(True, False), (True, True), (False, True)])
def test_sums_are_the_same(tools, swapped, larger, weight_bits, keep_all, residency):
    builder = block(tools, swapped=swapped, larger=larger, weight_bits=weight_bits)
    network, spec = builder.network(), tools.small_spec()
    assert found(builder, tools) == {"layer2": ("layer1", "layer0")}
    image = tools.images(network, 3)[2:]
    programs = [tools.check(network, spec, image, orders=("eager", "lazy", 1), fusion=fusion,
                            keep_all=keep_all, residency=residency) for fusion in (True, False)]
    assert [[bool(info.fused_into) for info in one.layers] for one in programs] == [
        [False, True, False], [False] * 3]


@pytest.mark.parametrize("make", [
    lambda b, x: b.conv(x, 6, (2, 2), groups=6, padding=(1, 1, 0, 0)),
    lambda b, x: b.conv(x, 6, groups=2, padding=PADDING),
    lambda b, x: b.conv(x, 6, (1, 1)),
    lambda b, x: b.conv(x, 6, (1, 7), padding=(0, 3, 0, 3), limits=(-10, 50))])
def test_convolutions_of_all_kinds(tools, make):
    builder = tools.Builder((6, 9, 9))
    first = builder.max_pool("input", (3, 3), stride=(1, 1), padding=PADDING)
    builder.residual_add(make(builder, first), first)
    network = builder.network()
    program = tools.check(network, tools.small_spec(), tools.images(network, 3)[2:],
                          timing=Timing())
    assert [info.fused_into for info in program.layers] == ["", "layer2", ""]


def test_a_linear_layer(tools):
    builder = tools.Builder((4, 3, 3))
    first = builder.linear("input", 9)
    builder.residual_add(first, builder.linear("input", 9))
    network = builder.network()
    program = tools.check(network, tools.small_spec(), tools.images(network, 3)[2:])
    assert any(info.fused_into for info in program.layers)


def test_the_layer_with_more_products_is_last(tools):
    """It is executed in the place of the addition."""
    builder = tools.Builder((5, 8, 8))
    large = builder.conv("input", 7, padding=PADDING)
    small = builder.conv("input", 7, (1, 1))
    builder.residual_add(large, small)
    assert found(builder, tools) == {"layer2": ("layer0", "layer1")}
    network = builder.network()
    program = tools.check(network, tools.small_spec(), tools.images(network, 3)[2:])
    assert [(info.name, info.output, info.fused_into) for info in program.layers][1:] == [
        ("layer0", "fused", "layer2"), ("layer2", "both", "")]
    assert program.layer("layer2").commands == program.layer("layer2").cycles == 0
    fused = fusions(network, tools.small_spec())
    assert readers(network, fused) == {"input": ["layer2", "layer1"], "layer0": [],
                                       "layer1": ["layer2"], "layer2": []}


@pytest.mark.parametrize("channels, blocks", [(8, 2), (7, 2), (7, 3), (9, 2)])
def test_two_channel_blocks_are_taken_in_turns(tools, channels, blocks):
    """Operands are read in the bank that the array has left, but for those of other layers."""
    builder = tools.Builder((5, 12, 12))
    first = builder.conv("input", channels, padding=PADDING)
    other = builder.conv("input", 4 * blocks, (1, 1))
    builder.residual_add(builder.conv(first, 4 * blocks, padding=PADDING), other)
    network, spec = builder.network(), tools.small_spec()
    program = tools.check(network, spec, tools.images(network, 3)[2:], orders=("eager", "lazy"),
                          keep_all=False, timing=Timing())
    computes = [values for kind, values in program.commands()
                if kind.opcode is Opcode.COMPUTE and values["add"]]
    turns = [values["block_alternate"] and values["source_bank"] == values["destination_bank"]
             for values in computes]
    assert turns and all(turn == (channels <= 8) for turn in turns)
    if channels <= 8 and blocks == 2:  # else a tile's last block and the next one's first are alike
        assert program.layer("layer2").stalls["buffer"] <= 144 // 8


def test_what_is_read_by_others_is_not_fused(tools):
    builder = block(tools)
    builder.residual_add("layer2", "layer1")
    assert found(builder, tools) == {}


def test_operands_that_are_no_convolutions_are_not_fused(tools):
    builder = tools.Builder((5, 6, 6))
    builder.residual_add(builder.max_pool("input", (1, 1)), "input")
    assert found(builder, tools) == {}
    builder = tools.Builder((5, 6, 6))
    first = builder.conv("input", 5)
    builder.residual_add(first, first)
    assert found(builder, tools) == {}


@pytest.mark.parametrize("mantissas, shift, fits", [
    ((1 << 14, 16_000, 40_000), 15, True), ((1 << 10, 31, 40_000), 11, True),
    ((1 << 14, 32_639, 40_000), 15, True), ((2, 5, 40_000), 0, False),
    ((1 << 14, 0, 40_000), 15, True), ((3, 7, 40_000), 15, False),
    ((12_000, 14_000, 40_000), 15, False)])
def test_scales(tools, mantissas, shift, fits):
    builder = tools.Builder((5, 6, 6))
    first = builder.conv("input", 5, padding=PADDING)
    builder.add(first, "input", mantissas=mantissas, shifts=(shift, shift, 36))
    assert bool(found(builder, tools)) == fits
    network = builder.network()
    tools.check(network, tools.small_spec(), tools.images(network, 3)[2:])


def test_an_accelerator_without_the_option(tools):
    builder = block(tools)
    assert found(builder, tools, residual_add=False) == {}
    network, spec = builder.network(), tools.small_spec(residual_add=False)
    tools.check(network, spec, tools.images(network, 3)[2:])


def commands(network, spec, *, name="layer1", **options):
    """The fields of a layer's commands, by opcode."""
    program = compile_network(network, spec, timing=None, **options)
    own, result = program.layer(name), collections.defaultdict(list)
    for kind, values in program.commands()[own.first_command:][:own.commands]:
        result[kind.opcode].append(values)
    return result


def test_the_operand_is_loaded_where_results_go(tools):
    network = block(tools).network()
    own = commands(network, tools.small_spec(), residency=False)
    computes, loads = own[Opcode.COMPUTE], own[Opcode.LOAD]
    assert all(values["add"] for values in computes)
    rows = [(values["destination_bank"], values["destination"]) for values in computes]
    assert set(rows) <= {(values["bank"], values["row"]) for values in loads}
    assert len(loads) >= len(own[Opcode.STORE])


def test_the_next_command_has_the_fields_of_an_addition(tools):
    """Results need them when it is at work; only another addition waits."""
    builder = block(tools)
    program = compile_network(builder.network(), tools.small_spec(), timing=None)
    builder.conv(builder.layers[-1].name, 4)
    more = compile_network(builder.network(), tools.small_spec(), timing=None)
    for one, adds in ((program, 0), (more, 1)):
        computes = [values for kind, values in one.commands() if kind.opcode is Opcode.COMPUTE]
        pairs = [(own, behind) for own, behind in itertools.pairwise(computes) if own["add"]]
        assert any(not behind["add"] for _, behind in pairs) == adds
        for own, behind in pairs:
            assert not own["drain"]
            assert all(own[name] == behind[name] for name in own if name.startswith("add_"))


def test_another_addition_waits():
    add = dict.fromkeys(("scale_result", "add_factor", "add_offset", "add_mantissa", "add_shift",
                         "add_zero_point", "add_minimum", "add_maximum"), 3)
    commands = [Instruction(Opcode.COMPUTE, {"add": 1, **add}),
                Instruction(Opcode.COMPUTE, {"add": 1, **add}),
                Instruction(Opcode.COMPUTE, {"add": 1, **add, "add_shift": 4}),
                Instruction(Opcode.COMPUTE, {}), Instruction(Opcode.COMPUTE, {})]
    keep_additions(commands)
    assert [one.values.get("drain") for one in commands] == [None, 1, None, None, None]
    assert commands[3].values == {**add, "add_shift": 4}
    assert commands[4].values == {}


def two_convolutions(tools):
    """``layer0``, two convolutions behind it, and the sum."""
    builder = tools.Builder((5, 6, 6))
    first = builder.conv("input", 5, padding=PADDING)
    builder.residual_add(first, builder.conv(builder.conv(first, 5, (1, 1)), 5, padding=PADDING))
    return builder


def test_an_operand_in_the_buffer_is_replaced(tools):
    network, spec = two_convolutions(tools).network(), tools.small_spec(buffer_bytes=8192)
    own = commands(network, spec, name="layer2", keep_all=False)
    assert Opcode.COMPUTE in own and Opcode.LOAD not in own
    tools.check(network, spec, tools.images(network, 3)[2:], keep_all=False,
                orders=("eager", "lazy", 2))


def test_an_operand_that_is_read_later_is_not_replaced(tools):
    builder = two_convolutions(tools)
    builder.add("layer3", "layer0")
    network = builder.network()
    spec = tools.small_spec(buffer_bytes=8192)
    assert Opcode.LOAD in commands(network, spec, name="layer2", keep_all=False)
    tools.check(network, spec, tools.images(network, 3)[2:], keep_all=False, timing=Timing())


def test_an_operand_that_the_layer_reads_itself_is_not_replaced(tools):
    builder = tools.Builder((5, 6, 6))
    first = builder.conv("input", 5, padding=PADDING)
    builder.residual_add(first, builder.conv(first, 5, padding=PADDING))
    builder.residual_add("layer2", builder.conv("layer2", 5, (1, 1)))
    network = builder.network()
    tools.check(network, tools.small_spec(buffer_bytes=8192), tools.images(network, 3)[2:],
                keep_all=False, orders=("eager", "lazy", 2))


def test_cycles_are_fewer(tools):
    network, spec = block(tools, channels=16).network(), tools.small_spec(lanes=8)
    for residency in (True, False):
        fused, apart = (compile_network(network, spec, fusion=fusion, residency=residency).cycles
                        for fusion in (True, False))
        assert fused < 0.97 * apart
