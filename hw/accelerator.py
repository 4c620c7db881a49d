"""The accelerator: a program and its data in memory on one side, results on the other."""

from amaranth.hdl import ClockDomain, ClockSignal, DomainRenamer, Module, ResetSignal
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from sparrow import __version__

from .bus.signature import axi_ports, connect_axi, connect_lite, lite_ports
from .control.registers import RegisterFile
from .control.supervisor import COUNTERS, EVENTS, Supervisor
from .core import Core
from .spec.accelerator import AcceleratorSpec
from .spec.registers import version_value

__all__ = ["Accelerator"]

_PARTS = {
    "registers": "registers", "supervisor": "supervisor", "core.read_master": "read_master",
    "core.write_master": "write_master", "core.sequencer": "sequencer", "core.tokens": "tokens",
    "core.load_queue": "load_queue", "core.weights_queue": "weights_queue",
    "core.compute_queue": "compute_queue", "core.store_queue": "store_queue",
    "core.load": "load_engine", "core.weights": "weight_engine", "core.store": "store_engine",
    "core.buffer": "activation_buffer", "core.compute": "compute_engine",
    "core.compute.array": "mac_array", "core.compute.accumulators": "accumulators",
    "core.compute.requantize": "requantize", "core.compute.step_loop": "step_loop",
    "core.compute.result_loop": "result_loop",
}


class Accelerator(wiring.Component):
    """Runs programs of :mod:`.spec.commands` from memory, with no host in between.

    ::

                      AXI4 master                          AXI4-Lite slave
             read ───────┬─────────────┬──────────┐  write       │
        commands    weights       activations     └────┐   RegisterFile
             │           │             │               │         │
         Sequencer  WeightEngine   LoadEngine     StoreEngine  Supervisor
             │           │             │               │
        CommandQueue × 4 │      ActivationBuffer ──────┘
             │           ▼        │  ▲
             └────► ComputeEngine ┘  │   MacArray, Accumulators, Requantize
                         └───────────┘

    Parameters
    ----------
    spec : AcceleratorSpec

    Members
    -------
    m_axi_… : AXI4 master
        ``data_width`` bits, one ID, incrementing bursts.
    s_axi_… : AXI4-Lite slave
        The registers of :mod:`.spec.registers`.
    interrupt : ``Out(1)``
        Level, from ``INTERRUPT_STATUS`` and ``INTERRUPT_ENABLE``.
    retired : ``Out(1)``
        A layer is complete.

    Notes
    -----
    The host sets the windows and the offset of the program, enables interrupts and writes
    ``CONTROL.start``; from there to the interrupt it has nothing to do. Four engines work side by
    side, held together by tokens. Commands are fetched ahead, so the program
    window must go on for at least 512 bytes after ``END``. Cycles of a layer are
    predicted by :mod:`sparrow.compiler`.

    Everything but registers and supervisor is in the clock domain ``core``, which has the same
    clock and is also reset between runs.
    """

    def __init__(self, *, spec: AcceleratorSpec):
        if not isinstance(spec, AcceleratorSpec):
            raise TypeError(f"spec must be an AcceleratorSpec, not {spec!r}")
        self._spec = spec
        super().__init__({
            **axi_ports(spec.bus), **lite_ports(), "interrupt": Out(1), "retired": Out(1)})

    @property
    def kept_modules(self) -> dict[str, str]:
        """Submodules that stay modules of the exported Verilog, and what they are called there."""
        return _PARTS

    @property
    def spec(self) -> AcceleratorSpec:
        """The specification."""
        return self._spec

    def elaborate(self, platform):
        m = Module()
        spec = self._spec
        m.submodules.registers = registers = RegisterFile(
            spec=spec.bus, version=version_value(*map(int, __version__.split(".")[:3])))
        m.submodules.supervisor = supervisor = Supervisor()
        m.domains.core = core = ClockDomain(local=True)
        m.d.comb += [core.clk.eq(ClockSignal()),
                     core.rst.eq(ResetSignal() | supervisor.core_reset)]
        connect_lite(m, self, slave=registers)
        m.submodules.core = inside = DomainRenamer("core")(Core(spec=spec))
        connect_axi(m, self, spec=spec.bus, read=inside, write=inside)
        m.d.comb += [
            inside.windows.eq(registers.windows),
            inside.offset.eq(registers.program_start << 6),
            inside.begin.eq(supervisor.begin), inside.halt.eq(supervisor.halt),
            supervisor.start.eq(registers.control_start),
            supervisor.soft_reset.eq(registers.control_soft_reset),
            supervisor.watchdog.eq(registers.watchdog),
            registers.interrupt_status_done.eq(supervisor.done_event),
            registers.interrupt_status_error.eq(supervisor.error_event),
            *(getattr(registers, f"status_{name}").eq(getattr(supervisor, name))
              for name in ("busy", "done", "error", "draining")),
            *(getattr(registers, name).eq(getattr(supervisor, name))
              for name in ("error_code", *COUNTERS)),
            registers.error_command.eq(supervisor.commands),
            *(getattr(supervisor, name).eq(getattr(inside, name))
              for name in ("causes", "finished", "idle", "progress",
                           *(f"{name}_event" for name in EVENTS))),
            self.interrupt.eq(registers.interrupt),
            self.retired.eq(inside.layers_event.any()),
        ]
        return m
