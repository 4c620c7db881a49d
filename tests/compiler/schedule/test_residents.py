"""Tensors that stay in the buffer: which, what that saves, and that it never does harm."""

import pytest
import torch

from sparrow.compiler import compile_network
from sparrow.compiler.layout import allocate
from sparrow.compiler.lower import lower
from sparrow.compiler.schedule import choose_residents
from sparrow.golden.accelerator import Machine, MachineError
from sparrow.golden.network import execute
from sparrow.hw.spec.commands import COMMAND_BYTES, Opcode, encode


def counts(program):
    return {kind: sum(one.opcode is kind for one, _ in program.commands()) for kind in Opcode}


def residual(tools, size=8, channels=6):
    builder = tools.Builder((5, size, size), seed=4)
    builder.conv("input", channels, padding=(1, 1, 1, 1), name="first")
    builder.conv("first", channels, padding=(1, 1, 1, 1), name="second")
    builder.add("first", "second", name="sum")
    builder.conv("sum", 9, (1, 1), weight_bits=4, name="last")
    return builder


def test_nothing_but_the_ends_goes_through_memory(tools):
    builder = residual(tools)
    program = tools.check(builder.network(), tools.small_spec(), builder.image(),
                          orders=("eager", "lazy", 1), keep_all=False)
    assert program.kept == ("last",)
    assert [layer.output for layer in program.layers] == ["chip", "chip", "chip", "memory"]
    loads = [values for kind, values in program.commands() if kind.opcode is Opcode.LOAD]
    assert sum(one["run"] * one["runs"] * one["planes"] for one in loads) == 2 * 64
    assert [layer.bytes_written for layer in program.layers] == [0, 0, 0, 3 * 64 * 4]
    with pytest.raises(KeyError, match="The program 'net' doesn't keep 'first' in memory"):
        program.read_tensor(bytes(program.data_size), "first")


def test_all_that_is_kept_is_stored_beside(tools):
    builder = residual(tools)
    program = tools.check(builder.network(), tools.small_spec(), builder.image(),
                          orders=("eager", "lazy", 1), keep_all=True)
    assert program.kept == ("first", "second", "sum", "last")
    assert [layer.output for layer in program.layers] == ["both", "both", "both", "memory"]
    plain = tools.check(builder.network(), tools.small_spec(), builder.image(), residency=False)
    assert [layer.output for layer in plain.layers] == ["memory"] * 4
    written = [[layer.bytes_written for layer in one.layers] for one in (program, plain)]
    assert written[0] == written[1]
    assert counts(program)[Opcode.LOAD] < counts(plain)[Opcode.LOAD]


def test_tensors_that_do_not_fit_go_through_memory(tools):
    builder = residual(tools, size=16)
    spec = tools.small_spec(buffer_bytes=4 * 128)
    program = tools.check(builder.network(), spec, builder.image(), keep_all=False)
    assert {layer.output for layer in program.layers} == {"memory"}


def test_a_tensor_is_stored_for_readers_that_load_it(tools):
    """The sum's other operand is too large for both to stay."""
    builder = tools.Builder((4, 12, 12), seed=4)
    builder.conv("input", 4, (1, 1), name="early")
    builder.conv("early", 16, (1, 1), name="wide")
    builder.conv("wide", 4, (3, 3), padding=(1, 1, 1, 1), name="late")
    builder.add("early", "late", name="sum")
    for rows in (256, 512, 1024):
        program = tools.check(builder.network(), tools.small_spec(buffer_bytes=4 * rows),
                              builder.image(), orders=("eager", "lazy", 1), keep_all=False)
    assert [layer.output for layer in program.layers] == ["chip", "chip", "chip", "memory"]


def test_pairs_of_channel_blocks_begin_in_the_first_bank(tools):
    """4-bit weights read both banks; other tensors may begin in either."""
    builder = tools.Builder((4, 10, 10), seed=4)
    builder.conv("input", 4, (1, 1), name="a")
    builder.conv("a", 8, (1, 1), weight_bits=4, name="b")
    builder.conv("b", 8, (3, 3), weight_bits=4, name="c")
    builder.conv("c", 4, (3, 3), weight_bits=4, name="d")
    network, spec = builder.network(), tools.small_spec(buffer_bytes=4 * 256)
    tools.check(network, spec, builder.image(), orders=("eager", "lazy", 1), keep_all=False)
    layouts, _ = allocate(network, spec, keep_all=False)
    works = {layer.name: lower(layer, network, spec, layouts) for layer in network}
    residents = choose_residents(network, spec, layouts, works, {}, keep_all=False)
    rooms = {layer.name: residents.rooms(layer.name, residents.stored)[0] for layer in network}
    for name, work in ((name, works[name][0]) for name in works):
        assert not (work.int4 and rooms[name].sources) or rooms[name].sources[0].first == 0


def test_races_without_the_order_of_computes(tools):
    """Each COMPUTE that reads the results of the one before says so."""
    builder = tools.Builder((5, 6, 6), seed=4)
    for source, name in (("input", "a"), ("a", "b"), ("b", "c")):
        builder.conv(source, 5, padding=(1, 1, 1, 1), name=name)
    program = tools.check(builder.network(), tools.small_spec(), builder.image(),
                          keep_all=False)
    ordered = [number for number, (_, values) in enumerate(program.commands())
               if values.get("ordered")]
    assert ordered
    for number in ordered:
        code = bytearray(program.program_bytes)
        kind, values = program.commands()[number]
        start = number * COMMAND_BYTES
        code[start:start + COMMAND_BYTES] = encode(kind.opcode, **{
            name: value for name, value in values.items() if name not in ("opcode", "ordered")})
        memory = torch.zeros(program.data_size, dtype=torch.int8).numpy()
        program.write_input(memory, builder.image())
        with pytest.raises(MachineError) as info:
            Machine(program.spec).run(bytes(code), memory)
        assert info.value.code == "RACE"


@pytest.mark.parametrize("rows", [128, 256, 1024])
def test_never_slower_than_through_memory(tools, rows):
    builder = residual(tools, size=12)
    builder.concat("last", "sum", name="both")
    builder.max_pool("both", name="pooled")
    builder.linear("pooled", 7)
    network, spec = builder.network(), tools.small_spec(buffer_bytes=4 * rows)
    expected = execute(network, builder.image())
    assert expected.shape[1] == 7
    cycles = {(keep_all, residency): compile_network(
        network, spec, keep_all=keep_all, residency=residency).cycles
        for keep_all in (False, True) for residency in (False, True)}
    for keep_all in (False, True):
        assert cycles[keep_all, True] <= cycles[keep_all, False]
    assert cycles[False, True] <= cycles[True, True]
    if rows == 1024:
        assert cycles[False, True] < 0.9 * cycles[False, False]
