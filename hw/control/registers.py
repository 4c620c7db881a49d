"""The registers that the host reads and writes."""

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..bus.lite import LiteSlave
from ..bus.signature import lite_signatures, window_layout
from ..spec.base import require_integer
from ..spec.bus import BusSpec
from ..spec.registers import REGISTERS

__all__ = ["RegisterFile"]

_CONSTANTS = ("ID", "VERSION")
_WINDOWS = ("program", "data")


class RegisterFile(wiring.Component):
    """All of :data:`sparrow.hw.spec.registers.REGISTERS`, behind an AXI4-Lite slave.

    Parameters
    ----------
    spec : BusSpec
        Of the bus that the windows are on; only ``address_width`` matters.
    version : int
        The word in ``VERSION``, as ``version_value`` gives it.

    Members
    -------
    aw, w, b, ar, r
        The channels, :func:`sparrow.hw.bus.signature.lite_signatures`.
    interrupt : ``Out(1)``
        Up while a bit is set in both ``INTERRUPT_STATUS`` and ``INTERRUPT_ENABLE``.
    windows : ``Out(data.ArrayLayout(window_layout(spec), 2))``
        The program window and the data window.
    register_field, or register where that has one field
        For every field, in lower case: of access ``ro``, ``In``: what it reads as (``ID`` and
        ``VERSION`` have none); ``rw``, ``Out``: what was written; ``w1p``, ``Out``: a pulse in the
        cycle after a 1 was written; ``w1c``, ``In``: sets the bit, rather than a write that
        clears it at the same time. ``program_base_high`` and ``data_base_high`` are
        ``address_width - 32`` bits, and absent if that is 0.

    Raises
    ------
    TypeError
        If ``spec`` is no ``BusSpec`` or ``version`` no integer.
    SpecError
        If ``version`` has more than 32 bits.

    Notes
    -----
    Accesses take the cycles of :class:`LiteSlave`; what is written is on its port in the cycle
    after. Only the bytes that are enabled are written. Writes to what is read only do nothing;
    an access where there is no register does nothing, reads 0, and is answered with an error.
    """

    def __init__(self, *, spec: BusSpec, version: int):
        if not isinstance(spec, BusSpec):
            raise TypeError(f"spec must be a BusSpec, not {spec!r}")
        require_integer("version", version, 0, 0xFFFF_FFFF)
        self._spec, self._version = spec, version
        members: dict[str, wiring.Member] = {}
        for register in REGISTERS:
            flow = In if register.access in ("ro", "w1c") else Out
            if register.name not in _CONSTANTS:
                members |= {register.port_name(field): flow(width, init=_initial(register, field))
                            for field in register.fields if (width := self._width(register, field))}
        super().__init__({
            **lite_signatures(),
            "interrupt": Out(1),
            "windows": Out(data.ArrayLayout(window_layout(spec), 2)),
            **members,
        })

    @property
    def spec(self) -> BusSpec:
        """The specification of the bus that the windows are on."""
        return self._spec

    @property
    def version(self) -> int:
        """The word in ``VERSION``."""
        return self._version

    def _width(self, register, field):
        """Bits of a field that exist."""
        if register.name.endswith("_BASE_HIGH"):
            return self._spec.address_width - 32
        return field.width

    def elaborate(self, platform):
        m = Module()
        m.submodules.slave = slave = LiteSlave()
        for channel in lite_signatures():
            wiring.connect(m, wiring.flipped(getattr(self, channel)), getattr(slave, channel))
        words = {register.name: self._register(m, register, slave) for register in REGISTERS}
        with m.Switch(slave.address):
            for register in REGISTERS:
                with m.Case(register.offset // 4):
                    m.d.comb += slave.read_data.eq(words[register.name])
            with m.Default():
                m.d.comb += slave.unmapped.eq(1)
        m.d.comb += self.interrupt.eq(
            (words["INTERRUPT_STATUS"] & words["INTERRUPT_ENABLE"]).any())
        for number, name in enumerate(_WINDOWS):
            base = [getattr(self, port) for port in (f"{name}_base", f"{name}_base_high")
                    if port in self.signature.members]
            m.d.comb += [self.windows[number].base.eq(Cat(base)),
                         self.windows[number].size.eq(getattr(self, f"{name}_size"))]
        return m

    def _register(self, m, register, slave):
        """Connect the ports of a register; the word that it reads as."""
        word = Signal(32, name=f"{register.name.lower()}_word")
        if register.name in _CONSTANTS:
            m.d.comb += word.eq(self._version if register.name == "VERSION" else register.reset)
            return word
        write = Signal(4, name=f"{register.name.lower()}_write")  # of these bytes
        with m.If(slave.write & (slave.address == register.offset // 4)):
            m.d.comb += write.eq(slave.write_strobe)
        for field in register.fields:
            width = self._width(register, field)
            if width:
                port = getattr(self, register.port_name(field))
                value = _ACCESSES[register.access](m, port, [
                    (slave.write_data[bit], write[bit // 8])
                    for bit in range(field.low, field.low + width)])
                m.d.comb += word[field.low:field.low + width].eq(value)
        return word


def _initial(register, field):
    """The part of a register's value after a reset."""
    return 0 if register.access == "ro" else (register.reset & field.mask) >> field.low


# How a field of each access behaves: what it reads as, given its port, and the value and the
# enable with which each of its bits is written.

def _read_only(m, port, bits):
    return port


def _kept(m, port, bits):
    for place, (value, enable) in enumerate(bits):
        with m.If(enable):
            m.d.sync += port[place].eq(value)
    return port


def _pulse(m, port, bits):
    m.d.sync += port.eq(Cat(value & enable for value, enable in bits))
    return Const(0, len(port))


def _cleared(m, port, bits):
    status = Signal.like(port, name=f"{port.name}_bit")
    m.d.sync += status.eq(port | status & ~Cat(value & enable for value, enable in bits))
    return status


_ACCESSES = {"ro": _read_only, "rw": _kept, "w1p": _pulse, "w1c": _cleared}
