"""One Verilog module for all equal parts of a design, however often they are instantiated."""

import re

from amaranth.back import rtlil
from amaranth.hdl import (
    ClockSignal,
    Format,
    Instance,
    Module,
    ResetSignal,
    Shape,
    ShapeCastable,
    Value,
)
from amaranth.lib import data, wiring

__all__ = ["ModuleLibrary", "Packed", "SharedComponent"]


class Packed(ShapeCastable):
    """A layout whose fields are not written out as wires of their own.

    For signals inside a design: with ``lanes × columns`` of them the wires for their fields
    would be most of the Verilog.
    """

    def __init__(self, layout: data.Layout):
        self._layout = layout

    def as_shape(self):
        return self._layout.as_shape()

    def __call__(self, target):
        return self._layout(target)

    def const(self, init):
        return self._layout.const(init)

    def from_bits(self, raw):
        return self._layout.from_bits(raw)

    def format(self, value, format_spec):
        return Format("{}", Value.cast(value))


class SharedComponent(wiring.Component):
    """A component that appears many times in a design, and once in its Verilog.

    Its ports are plain values, no nested interfaces, in the ``sync`` domain. Two components of
    the same class whose ``parameters`` are equal must be equal in every other respect.
    """
    module_name: str

    @property
    def separate_name(self) -> str | None:
        """What the module is called where its body is left to others; ``None`` if it never is."""
        return None

    @property
    def parameters(self) -> tuple:
        """All that the hardware depends on, hashable; unless overridden, the specification."""
        return (self._spec,)

    def place(self, m: Module, platform, name: str) -> None:
        """Make this component the submodule ``name`` of ``m``.

        Under a :class:`ModuleLibrary` it becomes an instance of the library's module, so that
        elaboration takes time for each different component, not for each one.
        """
        if isinstance(platform, ModuleLibrary):
            m.submodules[name] = platform.instance(self)
        else:
            m.submodules[name] = self


class ModuleLibrary:
    """The platform under which a design is exported: it collects the shared modules.

    Parameters
    ----------
    separate : bool
        Leave the bodies of components that have a ``separate_name`` to others. Those of equal
        name become instances of one module with a ``clk``.

    Attributes
    ----------
    separated : dict of str to SharedComponent
        One component for each of these modules, by the module's name.
    """

    def __init__(self, *, separate: bool = False):
        self._separate = separate
        self._names: dict[tuple, str] = {}
        self._texts: dict[str, str] = {}
        self._clocks: dict[str, list[str]] = {}
        self.separated: dict[str, SharedComponent] = {}

    def instance(self, component: SharedComponent) -> Instance:
        """An instance of the component's module, connected to the component's own ports."""
        name = self._module_of(component)
        component._MustUse__used = True  # Amaranth warns of components that nobody elaborates
        ports = {f"{'i' if member.flow is wiring.In else 'o'}_{port}": getattr(component, port)
                 for port, member in component.signature.members.items()}
        clocks = {"clk": ClockSignal(), "rst": ResetSignal()}
        ports |= {f"i_{port}": clocks[port] for port in self._clocks[name]}
        return Instance(name, **ports)

    def _module_of(self, component):
        if self._separate and component.separate_name is not None:
            return self._leave_open(component)
        key = (type(component), component.parameters)
        if key not in self._names:
            name, number = component.module_name, 1
            while name in self._names.values():
                number += 1
                name = f"{component.module_name}_{number}"
            self._names[key] = name
            text = rtlil.convert(component, name=name, platform=self, emit_src=False)
            text = _without_idle_clocks(text)
            self._texts[name] = text.replace(
                f"module \\{name}\n", f"attribute \\keep_hierarchy 1\nmodule \\{name}\n")
            self._clocks[name] = re.findall(
                r"^  wire (?:width 1 )?input \d+ +\\(clk|rst)$", text, re.M)
        return self._names[key]

    def _leave_open(self, component):
        """Declare a module with the component's ports and no body; its name."""
        name = component.separate_name
        if name not in self.separated:
            self.separated[name] = component
            ports = [(port, "input" if member.flow is wiring.In else "output",
                      Shape.cast(member.shape).width)
                     for port, member in component.signature.members.items()]
            wires = (f"  wire width {width} {way} {number} \\{port}\n"
                     for number, (port, way, width)
                     in enumerate([("clk", "input", 1), *ports], start=1))
            self._texts[name] = (f"attribute \\blackbox 1\nmodule \\{name}\n"
                                 f"{''.join(wires)}end\n")
            self._clocks[name] = ["clk"]
        return name

    def rtlil(self) -> str:
        """The RTLIL of all modules that were instantiated, each after those it uses."""
        return "\n".join(self._texts.values())


def _without_idle_clocks(text: str) -> str:
    """RTLIL without the ports ``clk`` and ``rst`` of modules in which nothing needs them.

    Amaranth declares both in every module.
    """
    for port in ("clk", "rst"):
        while idle := [body for body in re.findall(r"^module [^\n]*\n.*?^end$", text, re.M | re.S)
                       if len(re.findall(rf"\\{port}\b", body)) == 1]:
            for body in idle:
                text = text.replace(body, re.sub(rf"^  wire .*\\{port}\n", "", body, flags=re.M))
                name = re.escape(body.split()[1])
                text = re.sub(rf"^(  cell {name} .*\n(?:    .*\n)*?)    connect \\{port} .*\n",
                              r"\1", text, flags=re.M)
            # without a submodule's port its parent's may be idle, too
    return text
