"""What goes wrong is reported by its code and an interrupt, and the next run is right."""

import pytest

from sparrow.compiler import compile_network
from sparrow.golden.network import execute
from sparrow.hw.spec.commands import Opcode, encode
from sparrow.hw.spec.registers import ErrorCode
from sparrow.sim.accelerator import Fault, Run, Traffic
from sparrow.sim.accelerator.samples import sample, sample_images
from sparrow.sim.accelerator.script import DATA_BASE, PAGE, PROGRAM_BASE
from sparrow.sim.runner import SimulationError

WATCHDOG = 500
REPORT = 1000
EVERYTHING = (0, 1 << 32)
PIXEL = dict.fromkeys(
    ("height", "width", "channel_blocks", "output_blocks", "out_height", "out_width", "stride_y",
     "stride_x", "kernel_height", "kernel_width"), 1)
VECTOR = {"run": 1, "runs": 1, "planes": 1}


class Tower:
    """A network, compiled, with an image."""

    def __init__(self, spec, network=None, **options):
        self.network = network or sample("mixed")
        self.program = compile_network(self.network, spec, **options)
        self.image = sample_images(self.network, 1)
        data = bytearray(b"\x55" * self.program.data_size)
        self.program.write_input(data, self.image)
        self.files = {"tower.bin": self.program.program_bytes, "image.bin": bytes(data)}
        self.expected = execute(self.network, self.image)[0]

    def run(self, **options):
        values = {"program": "tower.bin", "data": "image.bin", "watchdog": WATCHDOG,
                  "data_size": self.program.data_size, "timeout": 50_000,
                  "program_size": len(self.program.program_bytes)}
        return Run(**values | options)

    def check(self, outcome, memory):
        """That a run of it went well."""
        assert outcome.end == "done"
        assert outcome.writes_while_running == 0
        assert self.program.read_tensor(memory).equal(self.expected)


@pytest.fixture(scope="module")
def tower(spec):
    return Tower(spec)


def check_pairs(built, tower, runs, folder, files=None):
    """Carry out runs with a good one behind each; the outcomes of the former."""
    script = [run for each in runs for run in (each, tower.run())]
    result = built.run(script, tower.files | (files or {}), folder, check_rules=True)
    assert len(result.outcomes) == len(script)
    for outcome, memory in zip(result.outcomes[1::2], result.outputs[1::2], strict=True):
        tower.check(outcome, memory)
    return result.outcomes[::2]


def test_bus_errors(built, tower, tmp_path):
    faults = [
        (Fault(read_error=EVERYTHING), ErrorCode.READ_RESPONSE),
        (Fault(read_error=(PROGRAM_BASE, PROGRAM_BASE + 64)), ErrorCode.READ_RESPONSE),
        (Fault(read_error=(DATA_BASE, DATA_BASE + 64)), ErrorCode.READ_RESPONSE),
        (Fault(write_error=EVERYTHING), ErrorCode.WRITE_RESPONSE),
    ]
    memories = (Traffic(), Traffic(latency=60), Traffic(latency=3, stalls="often"))
    cases = [(tower.run(fault=fault, traffic=traffic), code)
             for fault, code in faults for traffic in memories]
    outcomes = check_pairs(built, tower, [run for run, _ in cases], tmp_path)
    for (run, code), outcome in zip(cases, outcomes, strict=True):
        assert (outcome.end, ErrorCode(outcome.error_code)) == ("error", code), run
        assert 0 <= outcome.interrupt - outcome.cause <= REPORT, run
        assert outcome.strays == [], run


def test_a_memory_that_falls_silent(built, tower, tmp_path):
    runs = [tower.run(), *(tower.run(fault=Fault(silent=channel, cycle=cycle))
                           for channel in ("ar", "r", "aw", "w", "b")
                           for cycle in (1, 40, 333, 1000))]
    usual, *outcomes = check_pairs(built, tower, runs, tmp_path)
    for run, outcome in zip(runs[1:], outcomes, strict=True):
        assert (outcome.end, ErrorCode(outcome.error_code)) == ("error", ErrorCode.WATCHDOG), run
        assert outcome.interrupt <= usual.cycles + WATCHDOG + REPORT, run
        assert outcome.counters["CYCLES"] > WATCHDOG, run


def test_wrong_programs(built, tower, tmp_path):
    programs = [
        (bytes(64), ErrorCode.ILLEGAL_COMMAND),
        (bytes([99]) + bytes(63), ErrorCode.ILLEGAL_COMMAND),
        (bytes([Opcode.LOAD]) + bytes(63), ErrorCode.ILLEGAL_COMMAND),
        (bytes([Opcode.END]) + bytes(62) + b"\1", ErrorCode.ILLEGAL_COMMAND),
        (encode(Opcode.LOAD, offset=PAGE, **VECTOR), ErrorCode.WINDOW),
        (encode(Opcode.LOAD, offset=0xFFFF_FFFC, **VECTOR), ErrorCode.WINDOW),
        (encode(Opcode.LOAD, offset=PAGE - 4, **VECTOR | {"run": 2}), ErrorCode.WINDOW),
        (encode(Opcode.STORE, offset=PAGE, **VECTOR), ErrorCode.WINDOW),
        (encode(Opcode.WEIGHTS, offset=2 * PAGE, words=8, output_blocks=1, blocks=1),
         ErrorCode.WINDOW),
        (encode(Opcode.COMPUTE, wait=1, **PIXEL), ErrorCode.WATCHDOG),
    ]
    files = {f"wrong{number}.bin": program + encode(Opcode.END)
             for number, (program, _) in enumerate(programs)}
    runs = [tower.run(program=name, program_size=PAGE, timeout=WATCHDOG + REPORT)
            for name in files]
    outcomes = check_pairs(built, tower, runs, tmp_path, files)
    for number, ((_, code), outcome) in enumerate(zip(programs, outcomes, strict=True)):
        assert (outcome.end, ErrorCode(outcome.error_code)) == ("error", code), number
        assert outcome.strays == [], number


def test_a_program_that_leaves_its_window(built, tower, tmp_path):
    """Commands without END up to the end of the window."""
    load = encode(Opcode.LOAD, **VECTOR)
    run = tower.run(program="endless.bin", program_size=PAGE, timeout=20_000)
    [outcome] = check_pairs(built, tower, [run], tmp_path, {"endless.bin": load * (PAGE // 64)})
    assert (outcome.end, ErrorCode(outcome.error_code)) == ("error", ErrorCode.WINDOW)
    assert outcome.strays == []


@pytest.mark.parametrize("kind", ["reset", "soft_reset"])
def test_resets(built, tower, tmp_path, kind):
    runs = [tower.run(fault=Fault(cycle=cycle, **{kind: True}),
                      traffic=Traffic(latency=latency, stalls="often", seed=cycle))
            for cycle in (1, 7, 30, 77, 200, 555, 1200) for latency in (1, 50)]
    for outcome in check_pairs(built, tower, runs, tmp_path):
        assert outcome.end == "reset"
        assert outcome.strays == []


def test_what_the_bench_finds_is_told(built, tower, tmp_path):
    with pytest.raises(SimulationError, match="the data window's size needs content"):
        built.run([tower.run(data="", data_size=16 * PAGE)], tower.files, tmp_path)
