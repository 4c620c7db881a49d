"""Whole networks."""

import pytest

from sparrow.compiler import CompileError, compile_network
from sparrow.compiler import compile as module
from sparrow.golden.network import Table
from sparrow.hw.spec.accelerator import AcceleratorSpec
from sparrow.hw.spec.commands import COMMAND_BYTES

ORDERS = ("eager", "lazy", 1, 2, 3)
AROUND = (1, 1, 1, 1)


def residual_network(tools, size=12, widths=(6, 10), **numbers):
    """A small network with residual additions, strides and a classifier."""
    builder = tools.Builder((3, size, size), seed=7, **numbers)
    source = builder.conv("input", widths[0], padding=AROUND, limits=(-20, 127))
    for stride, width in zip((1, 2), widths):
        inner = builder.conv(source, width, stride=(stride, stride), padding=AROUND,
                             weight_bits=4)
        inner = builder.conv(inner, width, padding=AROUND)
        if stride == 2:
            source = builder.conv(source, width, (1, 1), stride=(2, 2))
        source = builder.add(source, inner)
    source = builder.average_pool(source, builder.types[source].shape[1:])
    builder.linear(source, 10)
    return builder


MANY_COMMANDS = {"accumulator_depth": 7, "max_burst": 1}


@pytest.mark.parametrize("keep_all", [True, False])
@pytest.mark.parametrize(("changes", "orders"), [
    ({}, ORDERS), ({"buffer_bytes": 4 * 128, "accumulator_depth": 16}, ORDERS),
    ({"queue_depth": 2}, ORDERS), (MANY_COMMANDS, ORDERS[1:2]),
    pytest.param(MANY_COMMANDS, ORDERS, marks=pytest.mark.heavy)])
def test_a_residual_network(tools, changes, orders, keep_all):
    builder = residual_network(tools)
    tools.check(builder.network(), tools.small_spec(**changes), builder.image(), orders=orders,
                keep_all=keep_all)


@pytest.mark.parametrize("rounding", ["half_up", "half_even"])
def test_the_default_accelerator(tools, rounding):
    builder = residual_network(tools, 32, (16, 32), rounding=rounding)
    program = tools.check(builder.network(), AcceleratorSpec(rounding=rounding), builder.image(),
                          orders=("eager", "lazy"))
    assert [info.macs for info in program.layers if info.macs] == [
        16 * 27 * 1024, 16 * 144 * 1024, 16 * 144 * 1024, 32 * 144 * 256, 32 * 288 * 256,
        32 * 16 * 256, 320]


def test_mobile_blocks(tools):
    builder = tools.Builder((3, 16, 16), seed=8)
    source = builder.conv("input", 6, stride=(2, 2), padding=AROUND)
    for _ in range(2):
        inner = builder.conv(source, 18, (1, 1), limits=(0, 127))
        inner = builder.conv(inner, 18, padding=AROUND, groups=18)
        inner = builder.conv(inner, 6, (1, 1), weight_bits=4)
        source = builder.add(source, inner)
    builder.linear(builder.average_pool(source, (8, 8)), 4)
    tools.check(builder.network(), tools.small_spec(), builder.image(), orders=ORDERS)


def test_an_image_of_one_pixel(tools):
    builder = tools.Builder((1, 1, 1))
    builder.conv("input", 1, (3, 3), padding=AROUND)
    builder.max_pool("layer0", (2, 2), padding=AROUND)
    builder.average_pool("layer1", (2, 1), padding=(1, 0, 0, 0))
    builder.linear("layer2", 1)
    tools.check(builder.network(), tools.small_spec(), builder.image(), orders=ORDERS)


def test_the_program_window(tools):
    builder = residual_network(tools)
    program = compile_network(builder.network(), tools.small_spec())
    commands = program.commands()
    assert program.start == 0 and len(program.program_bytes) % 4096 == 0
    assert program.data_size % 4096 == 0
    end = len(commands) * COMMAND_BYTES
    streams = [values for kind, values in commands if kind.name == "WEIGHTS"]
    assert min(values["offset"] for values in streams) >= end + 512
    assert len(program.program_bytes) >= end + 512
    assert program.program_bytes[end:end + 512] == bytes(512)


def test_every_layer_retires_once_in_order(tools):
    builder = residual_network(tools)
    program = compile_network(builder.network(), tools.small_spec())
    position = 0
    for info, (number, (kind, _)) in zip(program.layers, (
            (number, entry) for number, entry in enumerate(program.commands())
            if entry[1]["retire"])):
        assert info.first_command == position
        position += info.commands
        assert number == position - 1 and kind.name == "STORE"
    assert position == len(program.commands()) - 1


def test_what_is_said_about_layers(tools):
    builder = residual_network(tools)
    program = compile_network(builder.network(), tools.small_spec())
    info = program.layers[0]
    assert (info.name, info.kind, info.macs) == ("layer0", "Conv", 144 * 6 * 27)
    assert info.vectors == 144 * 2 * 9  # 3 channels are a block of 4, 6 are two
    assert info.bytes_written == 144 * 8
    assert program.cycles > sum(info.cycles for info in program.layers) > 0
    assert program.layer("layer0") is info
    with pytest.raises(KeyError, match="The program 'net' has no layer 'x'"):
        program.layer("x")


def test_refuses_tables(tools):
    builder = tools.Builder((4, 4, 4))
    builder.max_pool("input")
    kind = builder.types["layer0"]
    builder.layers.append(Table(name="curve", inputs=("layer0",), output=kind,
                                entries=builder.tensor(-128, 127, 256).char()))
    with pytest.raises(CompileError) as info:
        compile_network(builder.network(), tools.small_spec())
    assert str(info.value) == "Layer 'curve': Table is not supported by this accelerator"


def test_refuses_another_rounding(tools):
    builder = residual_network(tools, rounding="half_even")
    with pytest.raises(CompileError) as info:
        compile_network(builder.network(), tools.small_spec())
    assert str(info.value) == ("Network 'net': rounding must be that of the accelerator, "
                               "'half_up', not 'half_even'")


def test_refuses_a_field_that_overflows(tools, monkeypatch):
    builder = tools.Builder((1, 1, 1))
    builder.linear("input", 20)
    original = module.set_tokens

    def widen(commands):
        original(commands)
        commands[0].values["run"] = 65536

    monkeypatch.setattr(module, "set_tokens", widen)
    with pytest.raises(CompileError) as info:
        compile_network(builder.network(), tools.small_spec())
    assert str(info.value) == "Layer 'layer0': run of LOAD must be 1 to 65535, not 65536"


def test_refuses_a_program_beyond_the_address_space(tools, monkeypatch):
    monkeypatch.setattr(module, "LARGEST_WINDOW", 2000)
    builder = tools.Builder((4, 4, 4))
    builder.conv("input", 32)
    with pytest.raises(CompileError) as info:
        compile_network(builder.network(), tools.small_spec())
    assert str(info.value).startswith(
        "Network 'net': commands and weights must take at most 2000 bytes, not ")


def test_refuses_other_arguments(tools):
    builder = residual_network(tools)
    with pytest.raises(TypeError, match="network must be a Network, not 3"):
        compile_network(3, tools.small_spec())
    with pytest.raises(TypeError, match="spec must be an AcceleratorSpec, not 'big'"):
        compile_network(builder.network(), "big")
