"""A component as a Verilog user sees it: one plain port for every field of its streams."""

import dataclasses
import re

from amaranth.back import rtlil
from amaranth.hdl import ClockDomain, Module, Shape, Signal, Value
from amaranth.hdl._ir import PortDirection
from amaranth.lib import data, stream, wiring

from .hierarchy import ModuleLibrary

__all__ = ["ClockPorts", "FlatPort", "PortNameError", "export_rtlil", "flat_ports"]


_CORE = "core"  # the component, in the exported module


class PortNameError(ValueError):
    """A clock or reset port has a name that something else has."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClockPorts:
    """Clock and synchronous reset of the exported module.

    Parameters
    ----------
    clock, reset : str
        Names of the ports, plain identifiers.
    active_low : bool
        The reset holds while its port is 0.
    """
    clock: str = "clk"
    reset: str = "rst"
    active_low: bool = False

    def __post_init__(self) -> None:
        for subject, name in (("clock port", self.clock), ("reset port", self.reset)):
            if not re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII):
                raise ValueError(f"{subject} must be a letter, then letters, digits and "
                                 f"underscores, not {name!r}")
        if self.clock == self.reset:
            raise ValueError(f"reset port must be another than the clock port, not {self.reset!r}")


@dataclasses.dataclass(frozen=True)
class FlatPort:
    """A port of the exported module.

    Parameters
    ----------
    name : str
        ``stream_field``, nested fields joined by underscores; ``stream_valid``,
        ``stream_ready``; or the name of a plain port.
    member : str
        The component's port that it belongs to.
    path : tuple
        How to get from there to the field.
    layout
        Shape or layout of the field.
    is_input : bool
    """
    name: str
    member: str
    path: tuple
    layout: object
    is_input: bool

    @property
    def width(self) -> int:
        """Bits of the port."""
        return Shape.cast(self.layout).width


def flat_ports(component: wiring.Component) -> list[FlatPort]:
    """The ports of a component's exported module, without ``clk`` and ``rst``, in order."""
    ports = []
    for name, member in component.signature.members.items():
        inward = member.flow is wiring.In
        if not member.is_signature:
            ports.append(FlatPort(name, name, (), member.shape, inward))
            continue
        if not isinstance(member.signature, stream.Signature):
            raise TypeError(f"Port {name} must be a stream or a value, not {member.signature!r}")
        payload = member.signature.members["payload"].shape
        for suffix, layout, path in _fields(payload, ("payload",)):
            ports.append(FlatPort("_".join((name, *suffix)), name, path, layout, inward))
        ports.append(FlatPort(f"{name}_valid", name, ("valid",), 1, inward))
        ports.append(FlatPort(f"{name}_ready", name, ("ready",), 1, not inward))
    return ports


def _fields(layout, path):
    if isinstance(layout, data.StructLayout):
        for name, field in layout:
            for suffix, shape, below in _fields(field.shape, (*path, name)):
                yield (name, *suffix), shape, below
    else:
        yield (), layout, path


def export_rtlil(component: wiring.Component, name: str,
                 library: ModuleLibrary | None = None,
                 clock_ports: ClockPorts | None = None) -> str:
    """The component's RTLIL, with flat ports and every different part once.

    Modules bear the names of their components; the top is called ``name``. Submodules whose paths
    are in the component's ``kept_modules``, if it has them, become modules of their own, named as
    it says there. A ``library`` collects the shared modules.

    Raises
    ------
    PortNameError
        If a clock port has the name of another port, or of the component inside.
    """
    names = clock_ports or ClockPorts()
    for taken in (_CORE, *(port.name for port in flat_ports(component))):
        if taken in (names.clock, names.reset):
            component._MustUse__used = True  # not elaborated, of which Amaranth would warn
            raise PortNameError(f"clock and reset ports must have names of their own, not "
                                f"{taken!r}")
    m = Module()
    m.submodules[_CORE] = component
    clocks = _clocks(m, names)
    ports = {}
    for port in flat_ports(component):
        field = getattr(component, port.member)
        for step in port.path:
            field = getattr(field, step)
        signal = Signal(port.width, name=port.name)
        field = Value.cast(field)
        m.d.comb += field.eq(signal) if port.is_input else signal.eq(field)
        direction = PortDirection.Input if port.is_input else PortDirection.Output
        ports[port.name] = (signal, direction)
    library = library or ModuleLibrary()
    top = rtlil.convert(m, name=name, ports=ports | clocks, platform=library, emit_src=False)
    for path, kept in getattr(component, "kept_modules", {}).items():
        top = _keep(top, f"{name}.{_CORE}.{path}", kept)
    return library.rtlil() + "\n" + top


def _clocks(m: Module, names: ClockPorts):
    """Make the domain ``sync`` of two ports."""
    m.domains.sync = domain = ClockDomain()
    clock, reset = Signal(name=names.clock), Signal(name=names.reset)
    m.d.comb += [domain.clk.eq(clock), domain.rst.eq(~reset if names.active_low else reset)]
    return {names.clock: (clock, PortDirection.Input), names.reset: (reset, PortDirection.Input)}


def _keep(text: str, module: str, name: str) -> str:
    """Rename a module of some RTLIL, and mark it so that it isn't flattened."""
    renamed, count = re.subn(rf"\\{re.escape(module)}(?=\s)", rf"\\{name}", text)
    if not count:
        raise ValueError(f"kept_modules must name submodules, not {module!r}")
    return renamed.replace(f"module \\{name}\n",
                           f"attribute \\keep_hierarchy 1\nmodule \\{name}\n")
