"""Programs written by hand: transfers, tokens, orders, and all that is refused."""

import numpy as np
import pytest

from sparrow.golden.accelerator import CODES, Machine, MachineError
from sparrow.golden.accelerator.weights import stream_bytes
from sparrow.golden.codec import ERRORS, Parameters, encode_blocks
from sparrow.hw.spec.commands import COMMAND_BYTES
from sparrow.hw.spec.registers import ErrorCode

from .programs import (
    SPEC,
    compute,
    identity,
    load,
    memory,
    store,
    weights,
    window,
)

ORDERS = ["eager", "lazy", 0, 1, 2]

def run(*commands, data=None, order="eager", spec=SPEC, **more):
    data = memory() if data is None else data
    return Machine(spec, order=order).run(window(*commands, **more), data)


def refusal(*commands, **more):
    with pytest.raises(MachineError) as info:
        run(*commands, **more)
    assert info.value.code in CODES and str(info.value) == f"{info.value.code}: {info.value.text}"
    return info.value.code, info.value.text


@pytest.mark.parametrize("order", ORDERS)
def test_a_copy_through_the_buffer(order):
    data = memory()
    before = data.copy()
    result = run(load(offset=64, run=8, signal=1), store(offset=1024, run=8, wait=1, retire=1),
                 data=data, order=order)
    assert data[1024:1056].tolist() == before[64:96].tolist()
    before[1024:1056] = before[64:96]
    assert (data == before).all()
    assert (result.commands, result.layers, result.words_loaded, result.words_stored) == (
        3, 1, 8, 8)
    assert result.tokens == (0,) * 8


@pytest.mark.parametrize("alternate", [0, 1])
@pytest.mark.parametrize("bank", [0, 1])
def test_planes_and_runs(alternate, bank):
    """Vectors are gathered by one command; another one takes each from where it must be."""
    data = memory()
    before = data.copy()
    shape = {"run": 2, "runs": 2, "planes": 3}
    commands = [load(offset=16, run_stride=20, plane_stride=60, row=1, run_step=3, plane_step=7,
                     bank=bank, alternate=alternate, signal=1, **shape)]
    wanted = []
    for plane in range(3):
        for number in range(2):
            for vector in range(2):
                place = (bank + plane) % 2 if alternate else bank
                turn = (bank + plane) // 2 if alternate else plane
                commands.append(store(
                    offset=2048 + 4 * len(wanted), bank=place, wait=1 if not wanted else 0,
                    row=1 + turn * 7 + number * 3 + vector))
                start = 16 + plane * 80 + number * 20 + vector * 4
                wanted += [before[start:start + 4].tolist()]
    run(*commands, data=data)
    assert data[2048:2048 + 4 * len(wanted)].reshape(-1, 4).tolist() == wanted


@pytest.mark.parametrize("order", ORDERS)
def test_identity(order):
    data = memory()
    before = data.copy()
    result = run(load(run=6, signal=1), weights(),
                 compute(width=6, out_width=6, wait=1, signal=2, destination=8),
                 store(row=8, run=6, offset=512, wait=2, retire=1), data=data, order=order,
                 stream=identity())
    assert (data[512:536] == before[:24]).all()
    assert (result.vectors, result.words_of_weights) == (6, 12)


def chain(*sources, ordered=()):
    """A tile in row 0, and computes that copy ``sources`` to rows 8, 9, 10, ...; then a store."""
    computes = [compute(source=source, destination=8 + number, wait=int(number == 0),
                        ordered=int(number in ordered), signal=2 * (number == len(sources) - 1))
                for number, source in enumerate(sources)]
    copies = [part for number in range(len(sources)) for part in (weights(), computes[number])]
    return [load(signal=1), *copies, store(row=7 + len(sources), offset=512, wait=2)]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("sources, ordered", [
    ([0, 8], (1,)), ([0, 8, 9, 10], (1, 2, 3)), ([0, 0, 8], ()), ([0, 0, 0, 9, 10], ()),
    ([0, 8, 8], (1,)), ([0, 0, 9, 8], (2,))])
def test_results_that_are_read_without_memory(order, sources, ordered):
    """Two computes are under way at most: only the results of the last one may be missing."""
    data = memory()
    run(*chain(*sources, ordered=ordered), data=data, order=order, stream=identity())
    assert (data[512:516] == data[:4]).all()
    if ordered:
        code, text = refusal(*chain(*sources, ordered=ordered[1:]), order=order,
                             stream=identity())
        number = 2 + 2 * ordered[0]
        assert (code, text) == ("RACE", f"command {number} (COMPUTE): vector {7 + ordered[0]} of "
                                "bank 0 of the buffer may be written before or after")


def test_results_that_overwrite_what_the_compute_before_reads():
    """Its vectors are read by then, and results are written in order."""
    data = memory()
    run(load(signal=1), weights(), compute(wait=1, destination=8), weights(),
        compute(destination=8, source=1, ordered=0, wait=4), load(row=1, offset=4, signal=4),
        weights(), compute(destination=1, signal=2), store(row=8, offset=512, wait=2), data=data,
        stream=identity())
    assert (data[512:516] == data[4:8]).all()


def test_commands_may_begin_anywhere():
    program = window(load(), store(offset=8, retire=1))
    data = memory()
    with pytest.raises(MachineError, match="POISON"):
        Machine(SPEC).run(program, data, start=COMMAND_BYTES)


@pytest.mark.parametrize("commands, code, text", [
    ([load(offset=2)], "ILLEGAL_COMMAND",
     "command 0 (LOAD): offset must be a multiple of 4, not 2"),
    ([load(run_stride=2, runs=2)], "ILLEGAL_COMMAND",
     "command 0 (LOAD): run_stride must be a multiple of 4, not 2"),
    ([store(plane_stride=1)], "ILLEGAL_COMMAND",
     "command 0 (STORE): plane_stride must be a multiple of 4, not 1"),
    ([load(offset=4092, run=2)], "WINDOW",
     "command 0 (LOAD): the data window has 4096 bytes, and byte 4099 is touched"),
    ([weights(offset=2050)], "ILLEGAL_COMMAND",
     "command 0 (WEIGHTS): offset must be a multiple of 4, not 2050"),
    ([weights(offset=4052)], "WINDOW",
     "command 0 (WEIGHTS): the program window has 4096 bytes, and byte 4099 is read"),
    ([weights(words=11)], "STREAM", "command 0 (WEIGHTS): words must be 12, not 11"),
    ([bytes(64)], "ILLEGAL_COMMAND", "command 0: opcode must be one of 1, 2, 3, 4, 5, not 0"),
    ([load(run=1)[:60] + bytes([0, 0, 0, 1])], "ILLEGAL_COMMAND",
     f"command 0: Bits of LOAD outside its fields must be 0, not {1 << 504:#x}"),
    ([store()], "POISON", "command 0 (STORE): vector 0 of bank 0 of the buffer is read, but was "
                          "never written"),
    ([load(signal=1), weights(), compute(width=2, out_width=2, wait=1)], "POISON",
     "command 2 (COMPUTE): vector 1 of bank 0 of the buffer is read, but was never written"),
    ([load(wait=4)], "WATCHDOG", "nothing moves: command 0 (LOAD) waits for tokens [2]; tokens "
                                 "given are [0, 0, 0, 0, 0, 0, 0, 0]"),
    ([compute(width=5, out_height=5, out_width=4)], "WATCHDOG",
     "nothing moves: command 0 (COMPUTE) waits for tokens []; tokens given are "
     "[0, 0, 0, 0, 0, 0, 0, 0]"),
    ([load(), weights(), compute(out_height=5, out_width=4)], "ACCUMULATORS",
     "command 2 (COMPUTE): pixels must be at most 16, not 20"),
    ([load(), weights(), weights()], "STREAM",
     "END: weights of 2 output blocks are left over"),
    ([load(), store(offset=64)], "RACE",
     "command 1 (STORE): vector 0 of bank 0 of the buffer may be written before or after"),
    ([load(run=2, signal=1), weights(), compute(wait=1, destination=1, signal=2),
      load(row=1)], "RACE",
     "command 2 (COMPUTE): vector 1 of bank 0 of the buffer may be written before or after"),
    ([load(signal=1), store(wait=1, offset=64), load(offset=64, row=4)], "RACE",
     "command 1 (STORE): vector 16 of the data window may be read before or after"),
    ([load(run=2, signal=1), weights(), compute(width=2, out_width=2, wait=1)], "RACE",
     "command 2 (COMPUTE): results overwrite bank 0 of the buffer that the same command reads"),
])
def test_refuses(commands, code, text):
    assert refusal(*commands, stream=identity()) == (code, text)


def test_refuses_4_bits_where_there_are_none():
    spec = SPEC.replace(precision="int8")
    assert refusal(weights(int4=1), spec=spec) == (
        "ILLEGAL_COMMAND",
        "command 0 (WEIGHTS): int4 must be 0 in an accelerator of int8, not 1")


def test_refuses_a_program_without_end():
    program = bytes(load()) * 64
    with pytest.raises(MachineError) as info:
        Machine(SPEC).run(program, memory())
    assert (info.value.code, info.value.text) == (
        "WINDOW", "command 64: byte 4096 must be in the program window of 4096 bytes")


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("count", [3, 4])
def test_a_full_queue_holds_up_the_commands_behind(count, order):
    """One command in execution and two in the queue: a fourth one is in the way of the loads."""
    stores = [store(wait=1, row=row, offset=64 + 4 * row) for row in range(count)]
    loads = [load(signal=1, row=row) for row in range(count)]
    if count == 3:
        assert run(*stores, *loads, order=order).words_stored == 3
    else:
        assert refusal(*stores, *loads, order=order)[0] == "WATCHDOG"


def test_tokens_stop_at_15():
    signals = [load(signal=1, row=row) for row in range(16)]
    takes = [store(wait=1, row=row, offset=64 + 4 * row) for row in range(16)]
    assert run(*signals[:15], *takes[:15], order="lazy").tokens == (0,) * 8
    assert run(*signals[:15]).tokens == (15, *[0] * 7)
    assert refusal(*signals)[0] == "WATCHDOG"
    assert run(*signals, *takes).tokens == (0,) * 8  # taking one makes room


def test_codes_of_the_hardware_have_its_names():
    shared = {"WINDOW", "ILLEGAL_COMMAND", "WATCHDOG", "ACCUMULATORS", "STREAM", "MISMATCH"}
    assert shared == set(CODES) & set(ErrorCode.__members__)
    with pytest.raises(ValueError, match="code must be one of WINDOW, "):
        MachineError("OOPS", "")


@pytest.mark.parametrize("order", ["fast", 1.5, True, None])
def test_refuses_orders(order):
    with pytest.raises(ValueError) as info:
        Machine(SPEC, order=order)
    assert str(info.value) == f"order must be 'eager', 'lazy' or an integer, not {order!r}"


def test_refuses_what_is_no_specification():
    with pytest.raises(TypeError, match="spec must be an AcceleratorSpec, not 3"):
        Machine(3)


@pytest.mark.parametrize("data", [b"1234", np.zeros(4), np.zeros((4, 4), np.uint8),
                                  np.zeros(6, np.uint8), np.zeros(16, np.uint8)[::2]])
def test_refuses_what_is_no_memory(data):
    with pytest.raises(ValueError, match="data must be a contiguous array of bytes, "
                                         "one-dimensional, a multiple of 4 long"):
        Machine(SPEC).run(window(), data)


def test_refuses_a_start_between_commands():
    with pytest.raises(ValueError, match="start must be a multiple of 64, not 65"):
        Machine(SPEC).run(window(), memory(), start=65)


def test_stream_bytes_are_those_of_the_test():
    assert stream_bytes(SPEC, {"reuse": 0, "output_blocks": 1, "blocks": 1}) == len(identity())


def mapped(damage=0):
    """A stream of four weight blocks for one output block, the first and the third all zero."""
    blocks = np.zeros((1, 4, 1, 4, 4), np.int8)
    blocks[0, 1], blocks[0, 3] = np.eye(4), 2 * np.eye(4)
    ones = np.ones(4, np.int64)
    stream = encode_blocks(blocks, "bitmask", block_map=True, word_bytes=4,
                           parameters=Parameters(0 * ones, ones, 0 * ones)).data
    return stream[:-1] + bytes([stream[-1] ^ damage])


def test_a_block_map_saves_vectors():
    data, spec = np.zeros(4096, np.uint8), SPEC.replace(codecs=["bitmask"])
    data[:24] = np.arange(24)
    result = run(load(run=6, signal=1),
                 weights(words=len(mapped()) // 4, blocks=4, compressed=1, map=1),
                 compute(width=6, out_width=3, kernel_width=4, dilation_x=1, stride_x=1, map=1,
                         destination=8, wait=1, signal=2),
                 store(offset=64, row=8, run=3, wait=2), data=data, stream=mapped(), spec=spec)
    assert result.vectors == 2 * 3
    wanted = data[4:16].astype(int) + 2 * data[12:24].astype(int)
    assert data[64:76].tolist() == wanted.tolist()


def test_compressed_weights_need_hardware_for_them():
    command = weights(words=len(mapped()) // 4, blocks=4, compressed=1, map=1)
    assert refusal(command, stream=mapped()) == (
        "ILLEGAL_COMMAND", "command 0: compressed of WEIGHTS must be below 1, not 1")
    with pytest.raises(MachineError) as info:
        run(command, stream=mapped(damage=1), spec=SPEC.replace(codecs=["bitmask"]))
    assert info.value.stream_error == ERRORS["CHECKSUM"]
    assert info.value.text.startswith("command 0 (WEIGHTS): Stream must have the checksum")
