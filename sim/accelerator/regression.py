"""The regression of an accelerator, as cocotb tests that a runner starts for a specification."""

import random

import cocotb
from cocotb.triggers import Timer

from sparrow.compiler import CompileError, compile_network
from sparrow.golden.network import execute
from sparrow.hw.spec.accelerator import AcceleratorSpec
from sparrow.hw.spec.commands import Opcode, encode
from sparrow.hw.spec.registers import ErrorCode

from ..report import add_coverage, bench_parameters
from .bench import AcceleratorBench
from .compare import first_difference
from .memory import PERIOD
from .random_networks import KINDS, random_network
from .samples import INT4_SAMPLES, SAMPLES, sample, sample_images
from .script import DATA_BASE, PAGE, Fault, Run, Traffic

_PARAMETERS = bench_parameters()
_SPEC = AcceleratorSpec.from_mapping(_PARAMETERS["spec"])
_SEED = _PARAMETERS["seed"]
_IMAGES = max(1, _PARAMETERS["blocks"] // 20)
_NUMBERS = {"rounding": _SPEC.rounding, "mantissa_width": min(_SPEC.mantissa_width, 16)}
_NAMES = [*SAMPLES, *(INT4_SAMPLES if _SPEC.int4 else ())]
_TRAFFIC = {
    "quick": Traffic(latency=1, seed=_SEED),
    "slow": Traffic(latency=100, bandwidth=0.5, seed=_SEED),
    "stalling": Traffic(latency=7, stalls="often", seed=_SEED),
    "bursts": Traffic(latency=20, stalls="bursts", seed=_SEED),
}
_WATCHDOG = 3000
_REPORT = 1000  # cycles in which an error must be reported


async def _bench(dut):
    bench = AcceleratorBench(dut, address_width=_SPEC.address_width, check_rules=True,
                             bus=_SPEC.bus)
    await bench.reset()
    return bench


async def _run_sample(bench, name, traffic, **options):
    """Run a sample; gives the outcome of the last image."""
    network = sample(name, seed=_SEED, **_NUMBERS)
    return await _run(bench, network, compile_network(network, _SPEC), traffic, **options)


async def _run(bench, network, program, traffic, *, images=_IMAGES, fault=None):
    name = network.name
    inputs = sample_images(network, images, seed=_SEED)
    trace = execute(network, inputs, trace=True)
    run = Run(program="", data="", data_size=program.data_size, start=program.start,
              traffic=traffic, watchdog=_WATCHDOG, timeout=40 * program.cycles + 20_000,
              fault=fault or Fault())
    noise = random.Random(_SEED)
    for number, image in enumerate(inputs):
        data = bytearray(noise.randbytes(program.data_size))
        program.write_input(data, image)
        bench.load(program.program_bytes, data, data_size=program.data_size,
                   program_size=len(program.program_bytes))
        outcome = await bench.run(run)
        if run.fault != Fault():
            continue
        assert outcome.end == "done", f"{name}: the end is {outcome}"
        assert not outcome.strays, f"{name}: {outcome.strays[0]}"
        assert not outcome.writes_while_running, f"{name}: a register was written meanwhile"
        difference = first_difference(
            {layer: program.read_tensor(bench.data, layer) for layer in program.kept},
            {layer: trace[layer][number] for layer in program.kept})
        assert difference is None, f"{name}, image {number}: {difference}"
        add_coverage({f"{type(layer).__name__} layers": 1 for layer in network}
                     | {"images": 1, "cycles": outcome.cycles})
    return outcome


def _compiled(network):
    """The program of a network, or ``None`` where it can't run on this accelerator."""
    try:
        return compile_network(network, _SPEC)
    except CompileError:
        add_coverage({"networks that don't fit": 1})
        return None


@cocotb.test()
@cocotb.parametrize(traffic=list(_TRAFFIC))
async def networks(dut, traffic):
    """Every kind of layer, bit for bit, whatever the memory does."""
    bench = await _bench(dut)
    for name in _NAMES:
        network = sample(name, seed=_SEED, **_NUMBERS)
        if (program := _compiled(network)) is not None:
            await _run(bench, network, program, _TRAFFIC[traffic])


@cocotb.test()
async def random_networks(dut):
    """Layers of any shape and chains of them, on a memory that stalls at random."""
    bench = await _bench(dut)
    for number in range(_IMAGES):
        for kind in KINDS:
            choose = random.Random(f"{_SEED} {number} {kind}").randint
            network = random_network(kind, choose, **_NUMBERS)
            traffic = Traffic(latency=choose(1, 120), stalls="often", seed=choose(1, 999))
            if (program := _compiled(network)) is not None:
                await _run(bench, network, program, traffic, images=1)
                add_coverage({"random networks": 1})


@cocotb.test()
async def errors(dut):
    """Everything that can go wrong is reported, and the run after it is right."""
    bench = await _bench(dut)
    high = 1 << (_SPEC.address_width - 1) if _SPEC.address_width > 32 else 0
    everything = (0, 1 << _SPEC.address_width)
    faults = {
        ErrorCode.READ_RESPONSE: [Fault(read_error=everything),
                                  Fault(read_error=(high + DATA_BASE, high + DATA_BASE + PAGE))],
        ErrorCode.WRITE_RESPONSE: [Fault(write_error=everything)],
        ErrorCode.WATCHDOG: [Fault(silent=channel, cycle=cycle)
                             for channel in ("ar", "r", "aw", "w", "b") for cycle in (3, 60)],
    }
    usual = (await _run_sample(bench, "conv", Traffic(), images=1)).cycles
    for code, cases in faults.items():
        for fault in cases:
            outcome = await _run_sample(bench, "conv", Traffic(), images=1, fault=fault)
            assert outcome.end == "error", f"{fault} must end in an error, not in {outcome}"
            assert outcome.error_code == code, (
                f"{fault} must end in {code.name}, not in {ErrorCode(outcome.error_code).name}")
            late = outcome.interrupt - (outcome.cause or 0)
            limit = _REPORT
            if code is ErrorCode.WATCHDOG:  # from where the silence is met, that is
                limit += _WATCHDOG + usual
            assert late <= limit, f"{fault} must be reported in {limit} cycles, not in {late}"
            await _run_sample(bench, "pixel", Traffic(), images=1)
            add_coverage({f"errors {code.name}": 1})


@cocotb.test()
async def wrong_programs(dut):
    """Commands that don't exist and windows that are too small are refused."""
    bench = await _bench(dut)
    vector = {"run": 1, "runs": 1, "planes": 1}
    programs = {
        "empty": (bytes(64), ErrorCode.ILLEGAL_COMMAND),
        "count": (bytes([Opcode.LOAD]) + bytes(63), ErrorCode.ILLEGAL_COMMAND),
        "field": (bytes([Opcode.END, 0, 0, 0, 0, 0, 0, 1]) + bytes(56),
                  ErrorCode.ILLEGAL_COMMAND),
        "load": (encode(Opcode.LOAD, offset=PAGE, **vector), ErrorCode.WINDOW),
        "store": (encode(Opcode.STORE, offset=PAGE, **vector), ErrorCode.WINDOW),
        "weights": (encode(Opcode.WEIGHTS, offset=PAGE, words=8, output_blocks=1, blocks=1),
                    ErrorCode.WINDOW),
    }
    for name, (program, code) in programs.items():
        bench.load(program + encode(Opcode.END), bytes(PAGE), data_size=PAGE, program_size=PAGE)
        outcome = await bench.run(Run(program="", data="", data_size=PAGE, timeout=_REPORT))
        assert outcome.error_code == code, f"{name} must end in {code.name}, not in {outcome}"
        assert not outcome.strays, f"{name}: {outcome.strays[0]}"
        await _run_sample(bench, "pixel", Traffic(), images=1)
        add_coverage({"wrong programs": 1})


@cocotb.test()
async def resets(dut):
    """A reset of either kind at any moment; the run after it is right."""
    bench = await _bench(dut)
    for cycle in (1, 5, 20, 50, 100, 150, 200, 300):
        for fault in (Fault(reset=True, cycle=cycle), Fault(soft_reset=True, cycle=cycle)):
            traffic = Traffic(latency=10, stalls="often", seed=_SEED + cycle)
            outcome = await _run_sample(bench, "conv", traffic, images=1, fault=fault)
            assert outcome.end == "reset", f"{fault} must come before the end, not after {outcome}"
            await _run_sample(bench, "pixel", Traffic(), images=1)
            add_coverage({"resets": 1})


@cocotb.test()
async def silence_after_the_end(dut):
    """Nothing goes on once a program has ended."""
    bench = await _bench(dut)
    await _run_sample(bench, "pixel", Traffic(), images=1)
    for _ in range(50):
        await Timer(7 * PERIOD, "ns")
        for port in ("m_axi_arvalid", "m_axi_awvalid", "m_axi_wvalid", "interrupt", "retired"):
            assert int(getattr(dut, port).value) == 0, f"{port} must be down after the end"
