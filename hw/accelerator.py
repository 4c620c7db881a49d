"""The accelerator: a program and its data in memory on one side, results on the other."""

from amaranth.hdl import ClockDomain, ClockSignal, DomainRenamer, Module, ResetSignal, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from sparrow import __version__

from .bus.crossing import BusCrossing, synchronized
from .bus.signature import (
    axi_ports,
    connect_axi,
    connect_lite,
    lite_ports,
    lite_signatures,
    read_signatures,
    write_signatures,
)
from .control.registers import RegisterFile
from .control.supervisor import COUNTERS, EVENTS, Supervisor
from .core import Core
from .spec.accelerator import AcceleratorSpec
from .spec.bus import BusClock
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
    "core.compute.writer": "result_writer", "core.compute.writer.result_loop": "result_loop",
}
_TILES = {"core.compute.array": "winograd_array", "core.compute.array.array": "mac_array",
          "core.compute.array.path": "tiled_path"}
_CROSSINGS = {"master_crossing": "master_crossing", "slave_crossing": "slave_crossing"}


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
    m_axi_… : AXI4 or AXI3 master
        ``data_width`` bits, one ID, incrementing bursts.
    s_axi_… : AXI4-Lite slave
        The registers of :mod:`.spec.registers`.
    interrupt : ``Out(1)``
        Level, from ``INTERRUPT_STATUS`` and ``INTERRUPT_ENABLE``.
    retired : ``Out(1)``
        A layer is complete.
    core_clk : ``In(1)``
        With a separate bus clock: that of all but the buses and ``interrupt``, so of ``retired``.

    Raises
    ------
    TypeError
        If ``spec`` is no ``AcceleratorSpec``.

    Notes
    -----
    The host sets the windows and the offset of the program, enables interrupts and writes
    ``CONTROL.start``; from there to the interrupt it has nothing to do. Four engines work side by
    side, held together by tokens. Commands are fetched ahead, so the program
    window must go on for at least 512 bytes after ``END``. Cycles of a layer are
    predicted by :mod:`sparrow.compiler`.

    Everything but registers and supervisor is in the clock domain ``core``, which has the same
    clock and is also reset between runs.

    **With a separate bus clock** the ports but ``core_clk`` and ``retired`` are in ``sync``, and
    each channel goes through a FIFO. The reset must stay up for at least 8 cycles of the slower
    clock.
    """

    def __init__(self, *, spec: AcceleratorSpec):
        if not isinstance(spec, AcceleratorSpec):
            raise TypeError(f"spec must be an AcceleratorSpec, not {spec!r}")
        self._spec = spec
        self._separate = spec.bus_clock is BusClock.SEPARATE
        super().__init__({
            **axi_ports(spec.bus), **lite_ports(), "interrupt": Out(1), "retired": Out(1),
            **({"core_clk": In(1)} if self._separate else {})})

    @property
    def kept_modules(self) -> dict[str, str]:
        """Submodules that stay modules of the exported Verilog, and what they are called there."""
        decoders = {"core.weights.decompressor": "decompressor"} if self._spec.codecs else {}
        tiles = _TILES if self._spec.winograd_conv else {}
        return _PARTS | decoders | tiles | (_CROSSINGS if self._separate else {})

    @property
    def spec(self) -> AcceleratorSpec:
        """The specification."""
        return self._spec

    def elaborate(self, platform):
        m = Module()
        spec = self._spec
        main = self._main_domain(m)
        m.submodules.registers = registers = DomainRenamer(main)(RegisterFile(
            spec=spec.bus, version=version_value(*map(int, __version__.split(".")[:3]))))
        m.submodules.supervisor = supervisor = DomainRenamer(main)(Supervisor())
        m.domains.core = core = ClockDomain(local=True)
        m.d.comb += [core.clk.eq(ClockSignal(main)),
                     core.rst.eq(ResetSignal(main) | supervisor.core_reset)]
        m.submodules.core = inside = DomainRenamer("core")(Core(spec=spec))
        self._connect_ports(m, main, registers, inside)
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
              for name in ("error_code", "stream_error", *COUNTERS)),
            registers.error_command.eq(supervisor.commands),
            *(getattr(supervisor, name).eq(getattr(inside, name))
              for name in ("causes", "stream_code", "finished", "idle", "progress",
                           *(f"{name}_event" for name in EVENTS))),
            self.retired.eq(inside.layers_event.any()),
        ]
        return m

    def _main_domain(self, m):
        """The domain of registers and supervisor."""
        if not self._separate:
            return "sync"
        m.domains.main = main = ClockDomain(local=True)
        m.d.comb += [main.clk.eq(self.core_clk),
                     main.rst.eq(synchronized(m, ResetSignal(), "main", name="reset",
                                              reset_less=True))]
        return "main"

    def _connect_ports(self, m, main, slave, master):
        """Connect buses and interrupt to the ports, across clocks where they have two."""
        bus = self._spec.bus
        interrupt = slave.interrupt
        if self._separate:
            channels = {"slave": lite_signatures(),
                        "master": read_signatures(bus) | write_signatures(bus)}
            crossings = {side: BusCrossing(found, inside=main, outside="sync")
                         for side, found in channels.items()}
            for inner, (side, crossing) in zip((slave, master), crossings.items()):
                m.submodules[f"{side}_crossing"] = crossing
                for channel in crossing.channels:
                    wiring.connect(m, getattr(inner, channel),
                                   getattr(crossing, f"inner_{channel}"))
            raised = Signal()
            m.d[main] += raised.eq(interrupt)
            slave, master = crossings["slave"], crossings["master"]
            interrupt = synchronized(m, raised, "sync", name="interrupt")
        connect_lite(m, self, slave=slave)
        connect_axi(m, self, spec=bus, read=master, write=master)
        m.d.comb += self.interrupt.eq(interrupt)
