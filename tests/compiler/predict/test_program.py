"""Predicted cycles of programs that can be added up by hand."""

import dataclasses

import pytest

from sparrow.compiler import compile_network
from sparrow.compiler.predict import Timing, predict
from sparrow.compiler.predict.engines import ReadClient, ReadPort, bursts
from sparrow.compiler.predict.events import Simulation
from sparrow.hw.spec.accelerator import AcceleratorSpec
from sparrow.hw.spec.commands import Opcode, command, decode, encode

SPEC = AcceleratorSpec()  # 16 x 16, 8 bytes a word, bursts of 16 words
ZERO = Timing(**{field.name: 0 for field in dataclasses.fields(Timing)} | {"request": 1})
COMMAND = 8  # words


def program(*commands):
    result = []
    for opcode, values in (*commands, (Opcode.END, {})):
        counts = {field.name: 1 for field in command(opcode).fields if field.count}
        result.append(decode(encode(opcode, **counts | values)))
    return result


def cycles(*commands, spec=SPEC, **timing):
    return predict(program(*commands), spec,
                   timing=dataclasses.replace(ZERO, **timing)).layers


LOAD = Opcode.LOAD, {"run": 32, "retire": 1}  # 64 words
WEIGHTS = Opcode.WEIGHTS, {"words": 16 + 32}
COMPUTE = Opcode.COMPUTE, {"out_height": 8, "out_width": 8, "retire": 1}


def test_a_load():
    # A command: request, latency, 8 words; then the same for 64 words. In between there is a
    # command that is read ahead, since the first one has left the sequencer's FIFO.
    (time,) = cycles(LOAD, memory_read=50)
    start = 1 + 50 + COMMAND
    assert time == start + 1 + 50 + COMMAND + 64 - 1


def test_each_latency_adds_to_a_load():
    base = cycles(LOAD, memory_read=50)[0]
    for name in ("start", "queue", "load_start", "load_end", "fifo"):
        # Or one more: commands that are read ahead get their turn a cycle before.
        assert cycles(LOAD, memory_read=50, **{name: 7})[0] - base in (7, 8)


def test_each_latency_adds_to_a_store():
    store = Opcode.STORE, {"run": 32, "retire": 1}
    base = cycles(store, memory_write=9)[0]
    assert base == 1 + COMMAND + 64 + 9
    for name in ("store_start", "store_end", "memory_write", "queue"):
        assert cycles(store, **{"memory_write": 9} | {name: 7 + 9 * (name == "memory_write")})[
            0] == base + 7
    assert cycles(store, memory_write=9, store_burst=1)[0] == base + 3


def test_a_bus_clock_adds_to_the_memory():
    """The reads of the command and of the load, or the read and the write, cross twice each."""
    crossed = SPEC.replace(bus_clock="separate")
    for one in (LOAD, (Opcode.STORE, {"run": 32, "retire": 1})):
        slow, fast = (cycles(one, spec=spec, crossing=3, memory_read=50)[0]
                      for spec in (crossed, SPEC))
        assert slow == fast + 2 * 3 * 2


def test_writes_wait_for_answers():
    store = Opcode.STORE, {"run": 256, "retire": 1}  # 32 bursts
    spec = SPEC.replace(outstanding=2)
    fast, slow = (cycles(store, spec=spec, memory_write=latency)[0] for latency in (16, 160))
    assert fast == 1 + COMMAND + 512 + 16
    assert slow == 1 + COMMAND + 16 * (16 + 160) + 16  # two bursts in every 176 cycles


def test_a_block_takes_as_long_as_its_pixels():
    base = cycles(WEIGHTS, COMPUTE)[0]
    more = cycles(WEIGHTS, (Opcode.COMPUTE, COMPUTE[1] | {"out_height": 16}))[0]
    assert more - base == 64 * 2  # the last block of an output block: two groups of post_lanes
    blocks = Opcode.WEIGHTS, {"words": 16 + 5 * 32, "blocks": 5}
    more = cycles(blocks, (Opcode.COMPUTE, COMPUTE[1] | {"channel_blocks": 5}))[0]
    assert more - base == 4 * 64


def test_additions_keep_the_requantizer():
    """Twice as long with 4 columns of 16 at a time; drained, also the next command."""
    add = Opcode.COMPUTE, COMPUTE[1] | {"add": 1}
    spec = SPEC.replace(post_lanes=4)
    base, added = (cycles(WEIGHTS, one, spec=spec)[0] for one in (COMPUTE, add))
    assert added - base == 64 * 4
    weights = Opcode.WEIGHTS, {"words": 16 + 30 * 32, "blocks": 30}
    compute = Opcode.COMPUTE, COMPUTE[1] | {"channel_blocks": 30}
    times = [sum(cycles(WEIGHTS, (Opcode.COMPUTE, add[1] | {"drain": drain}), weights, compute,
                        spec=spec)) for drain in (0, 1)]
    assert 64 * 6 <= times[1] - times[0] < 64 * 8  # results of the first no longer hide


def test_what_is_added_is_read_from_a_bank_too():
    """A vector for each result, in cycles in which the array reads the same bank."""
    weights = Opcode.WEIGHTS, {"words": 2 * (16 + 30 * 32), "output_blocks": 2, "blocks": 30}
    values = {"out_height": 8, "out_width": 8, "height": 8, "width": 8, "channel_blocks": 30,
              "output_blocks": 2, "add": 1, "retire": 1}
    for bank, taken in ((0, 64), (1, 64 // 6)):  # or those that leave while the last ones come
        found = predict(program(weights, (Opcode.COMPUTE, values | {"destination_bank": bank})),
                        SPEC, timing=ZERO)
        assert abs(found.stalls[0]["buffer"] - taken) <= 2


def test_small_blocks_wait_for_their_weights():
    counts = {"out_height": 2, "out_width": 2, "retire": 1}
    times = []
    for blocks in (20, 40):
        times.append(cycles(
            (Opcode.WEIGHTS, {"words": 16 + blocks * 32, "blocks": blocks}),
            (Opcode.COMPUTE, counts | {"channel_blocks": blocks}))[0])
    assert times[1] - times[0] == 20 * 32


def test_weights_that_are_used_again_are_not_waited_for():
    counts = {"out_height": 2, "out_width": 2, "retire": 1, "reuse": 1}
    times = [cycles((Opcode.WEIGHTS, {"words": 16 + 32, "reuse": 1}),
                    (Opcode.COMPUTE, counts | {"kernel_width": width}))[0] for width in (20, 40)]
    assert times[1] - times[0] == 20 * 4


def test_a_store_waits_for_the_array_up_to_its_patience():
    """Vectors go one by one while the array reads their bank, else as fast as the bus."""
    weights = Opcode.WEIGHTS, {"words": 16 + 30 * 32, "blocks": 30}
    compute = Opcode.COMPUTE, {"out_height": 16, "out_width": 16, "channel_blocks": 30,
                               "height": 16, "width": 16, "retire": 1}
    taken = []
    for patience in (3, 63, 255):
        store = Opcode.STORE, {"run": 256, "patience": patience, "retire": 1}
        found = predict(program(weights, compute, store), SPEC, timing=ZERO)
        taken.append(sum(layer["buffer"] for layer in found.stalls))
    assert taken == [208, 121, 30]  # but for those read ahead of the bus, before the array came
    other = Opcode.STORE, {"run": 64, "patience": 255, "bank": 1, "retire": 1}
    found = predict(program(weights, compute, other), SPEC, timing=ZERO)
    assert [layer["buffer"] for layer in found.stalls] == [0, 0]


def test_a_window_leaves_its_bank_where_it_meets_padding():
    """A row of pixels of a 3 x 3 kernel, its first and last rows, or nothing, being padding."""
    weights = Opcode.WEIGHTS, {"words": 16 + 32}
    values = {"window": 1, "out_width": 100, "width": 102, "kernel_height": 3, "kernel_width": 3,
              "retire": 1}
    store = Opcode.STORE, {"run": 100, "patience": 2, "retire": 1}
    taken = []
    for part in ({"height": 3}, {"height": 1, "pad_top": 1}, {"height": 3, "pad_left": 102}):
        found = predict(program(weights, (Opcode.COMPUTE, values | part), store), SPEC, timing=ZERO)
        taken.append(sum(layer["buffer"] for layer in found.stalls))
    assert taken[0] > 20
    assert taken[1:] == [0, 0]


def test_tokens_hold_commands_up():
    load = Opcode.LOAD, {"run": 32, "signal": 1, "retire": 1}
    store = Opcode.STORE, {"run": 32, "wait": 1, "retire": 1}
    first, second = cycles(load, store, memory_read=30, token=3)
    assert second == 64  # the store's words: a token that is there costs nothing
    assert first == cycles(LOAD, memory_read=30)[0] + 3
    alone = cycles(load, (Opcode.STORE, {"run": 32, "retire": 1}), memory_read=30, token=3)
    assert sum(alone) < first + second


def test_loads_and_weights_share_the_bus():
    load = Opcode.LOAD, {"run": 1024, "retire": 1}  # 2048 words
    weights = Opcode.WEIGHTS, {"words": 16 + 30 * 32, "blocks": 30}
    compute = Opcode.COMPUTE, {"channel_blocks": 30}
    alone, = cycles(load)
    together = sum(cycles(weights, compute, load))
    assert 0.8 * 976 < together - alone < 1.2 * 976


def test_a_turn_on_the_bus_is_given_before_there_is_room():
    simulation = Simulation()
    port = ReadPort(simulation, SPEC.replace(outstanding=1),
                    dataclasses.replace(ZERO, memory_read=20))
    first, second = ReadClient(port, None), ReadClient(port, None)

    def ask():
        bursts = first.ask(0, 32)  # its second burst is chosen in cycle 1
        yield 5
        bursts += second.ask(0, 16)
        yield 100
        assert [burst.first for burst in bursts] == [21, 57, 93]

    simulation.resume(ask())
    simulation.run()
    assert simulation.now == 93 + 15


def test_commands_that_wait_forever():
    with pytest.raises(ValueError, match="Commands must be executed to the end, not 0 of 1"):
        predict(program((Opcode.LOAD, {"wait": 1})), SPEC)


def test_bursts_end_at_multiples_of_their_size():
    assert list(bursts(SPEC, 8 * 13, 40)) == [3, 16, 16, 5]
    assert list(bursts(SPEC, 0, 16)) == [16]
    assert list(bursts(SPEC.replace(max_burst=1), 8, 3)) == [1, 1, 1]


def test_layers_of_a_network_sum_to_the_total(tools):
    builder = tools.Builder((5, 9, 9))
    builder.conv("input", 9)
    builder.max_pool("layer0")
    builder.linear("layer1", 4)
    compiled = compile_network(builder.network(), tools.small_spec())
    prediction = predict(compiled.commands(), compiled.spec)
    assert sum(prediction.layers) + Timing().end == prediction.total
    assert [info.cycles for info in compiled.layers] == list(prediction.layers)


def test_unfolding_takes_a_cycle_for_each_vector():
    values = {"unfold": 1, "row_bytes": 30, "words": 4, "run": 100, "runs": 20, "run_stride": 32,
              "retire": 1}
    (single,), (pair,) = (cycles((Opcode.LOAD, values | {"pair": pair})) for pair in (0, 1))
    assert pair - single == 20 * 100
    (short,), (longer,) = (cycles((Opcode.LOAD, values | {"run": run})) for run in (100, 101))
    assert longer - short == 20
    (nothing,) = cycles((Opcode.LOAD, values | {"row_bytes": 0, "words": 0}))
    assert 20 * 100 < nothing < single


def test_words_wait_for_the_line_memory():
    """Bursts of weights that take turns with those of rows come as late as rows are unfolded."""
    load = Opcode.LOAD, {"unfold": 1, "row_bytes": 1000, "words": 125, "run": 500, "runs": 20,
                         "run_stride": 1024}
    weights = Opcode.WEIGHTS, {"words": 16 + 60 * 32, "blocks": 60}
    compute = Opcode.COMPUTE, {"channel_blocks": 60, "retire": 1}
    (alone,), (behind,) = cycles(weights, compute), cycles(load, weights, compute)
    assert behind > alone + 5000
