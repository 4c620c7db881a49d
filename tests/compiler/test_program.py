"""Programs in files and in memory."""

import json

import numpy as np
import pytest
import torch

from sparrow.compiler import CompileError, Program, compile_network
from sparrow.compiler.predict import Timing
from sparrow.golden.accelerator import Machine
from sparrow.golden.network import execute


@pytest.fixture
def example(tools):
    builder = tools.Builder((5, 6, 6), seed=3)
    builder.conv("input", 6, padding=(1, 1, 1, 1))
    builder.max_pool("layer0")
    builder.concat("layer1", "layer1", type_="layer1")
    return builder.network(), builder.image(), tools.small_spec()


def test_round_trip_through_a_folder(example, tmp_path):
    network, image, spec = example
    program = compile_network(network, spec)
    program.save(tmp_path / "a" / "b")
    read = Program.load(tmp_path / "a" / "b")
    assert read == program
    assert {path.name for path in (tmp_path / "a" / "b").iterdir()} == {
        "program.bin", "layout.json"}
    memory = np.zeros(read.data_size, np.uint8)
    read.write_input(memory, image)
    Machine(read.spec).run(read.program_bytes, memory)
    assert torch.equal(read.read_tensor(memory), execute(network, image)[0])


@pytest.mark.parametrize("kind", [bytearray, lambda size: np.zeros(size, np.int8),
                                  lambda size: np.zeros(size, np.uint8)])
def test_memory_of_several_kinds(example, kind):
    network, image, spec = example
    program = compile_network(network, spec)
    memory = kind(program.data_size)
    for given in (image, image[0], image[0].numpy()):
        program.write_input(memory, given)
        assert torch.equal(program.read_tensor(memory, "input"), image[0])
    if isinstance(memory, bytearray):
        assert torch.equal(program.read_tensor(bytes(memory), "input"), image[0])


def test_refuses_wrong_tensors(example):
    program = compile_network(example[0], example[2])
    memory = bytearray(program.data_size)
    with pytest.raises(ValueError, match=r"input must be an int8 tensor of shape \(5, 6, 6\), "
                                         r"not int64 of shape \(5, 6, 6\)"):
        program.write_input(memory, torch.zeros((5, 6, 6), dtype=torch.int64))
    with pytest.raises(KeyError, match="The program 'net' has no tensor 'x'"):
        program.read_tensor(memory, "x")


def test_cycles_follow_the_timing(example):
    network, _, spec = example
    program = compile_network(network, spec, residency=False, timing=None)
    assert program.cycles == 0 and all(info.cycles == 0 for info in program.layers)
    fast, slow = (program.with_cycles(Timing(memory_read=latency)) for latency in (10, 100))
    assert fast.cycles < slow.cycles
    assert all(one.cycles < other.cycles for one, other in zip(fast.layers, slow.layers)
               if one.commands)
    assert fast == compile_network(network, spec, residency=False,
                                   timing=Timing(memory_read=10))


def damaged(tmp_path, example, change):
    program = compile_network(example[0], example[2])
    program.save(tmp_path)
    change(tmp_path)
    with pytest.raises(CompileError) as info:
        Program.load(tmp_path)
    return str(info.value)


def test_refuses_missing_files(example, tmp_path):
    for name in ("layout.json", "program.bin"):
        text = damaged(tmp_path, example, lambda folder, name=name: (folder / name).unlink())
        assert text == f"{tmp_path / name}: No such file or directory"


def test_refuses_what_is_no_json(example, tmp_path):
    text = damaged(tmp_path, example, lambda folder: (folder / "layout.json").write_text("{"))
    assert text.startswith(f"{tmp_path / 'layout.json'}: not a JSON file: ")


def edit(**changes):
    def change(folder):
        path = folder / "layout.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return change


@pytest.mark.parametrize("changes, text", [
    ({"format": 2}, "format must be 4, not 2"),
    ({"tensors": [{"name": "x"}]}, "not a layout of a program: 'segments'"),
    ({"layers": [3]}, "not a layout of a program: "),
])
def test_refuses_other_layouts(example, tmp_path, changes, text):
    found = damaged(tmp_path, example, edit(**changes))
    assert found.startswith(f"{tmp_path / 'layout.json'}: {text}")


def test_refuses_a_program_of_another_size(example, tmp_path):
    text = damaged(tmp_path, example,
                   lambda folder: (folder / "program.bin").write_bytes(b"1234"))
    size = len(compile_network(example[0], example[2]).program_bytes)
    assert text == f"{tmp_path / 'program.bin'}: size must be {size} bytes, not 4"


def flip(folder):
    path = folder / "program.bin"
    content = bytearray(path.read_bytes())
    content[70] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("change", [flip, edit(start=64), edit(cycles="many")])
def test_refuses_what_was_changed(example, tmp_path, change):
    assert damaged(tmp_path, example, change) == (
        f"{tmp_path / 'layout.json'}: checksum must be that of it and program.bin, but isn't: "
        "one was changed or damaged")


def test_refuses_deep_json(example, tmp_path):
    text = damaged(tmp_path, example,
                   lambda folder: (folder / "layout.json").write_text("[" * 100_000))
    assert text.startswith(f"{tmp_path / 'layout.json'}: not a JSON file: ")
