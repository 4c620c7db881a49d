"""The channels of AXI as streams, and the plain ports that they become at the top of a design."""

from amaranth.hdl import Module
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..spec.bus import BusProtocol, BusSpec

__all__ = ["LITE_ADDRESS_WIDTH", "RESPONSE_WIDTH", "Response", "axi_ports", "connect_axi",
           "connect_lite", "lite_ports", "lite_signatures", "read_signatures", "request_layout",
           "window_layout", "write_signatures"]

LITE_ADDRESS_WIDTH = 12
RESPONSE_WIDTH = 2
_INCREMENTING = 1  # AxBURST


class Response:
    """Values of ``xRESP``; the upper bit tells of an error."""
    OKAY = 0
    SLAVE_ERROR = 2


def window_layout(spec: BusSpec) -> data.StructLayout:
    """A window of memory in pages of 4096 bytes: number of its first page, number of pages.

    It must not go past the end of the address space.
    """
    return data.StructLayout({"base": spec.page_width, "size": 20})


def request_layout() -> data.StructLayout:
    """What a client asks for: so many words, one after the other.

    ``window`` is 0 for the program, 1 for data; ``offset`` is that of the first byte in the
    window, a multiple of the bytes of a word (bits below are ignored); ``words`` is 1 or more (0
    means 2^24).
    """
    return data.StructLayout({"window": 1, "offset": 32, "words": 24})


def _address(spec):
    return stream.Signature(data.StructLayout(
        {"addr": spec.address_width, "len": spec.length_width}))


def read_signatures(spec: BusSpec) -> dict[str, wiring.Member]:
    """The channels ``ar`` and ``r`` of an AXI master; what is the same in all bursts left out."""
    return {
        "ar": Out(_address(spec)),
        "r": In(stream.Signature(data.StructLayout(
            {"data": spec.data_width, "resp": RESPONSE_WIDTH, "last": 1}))),
    }


def write_signatures(spec: BusSpec) -> dict[str, wiring.Member]:
    """The channels ``aw``, ``w`` and ``b`` of an AXI master."""
    return {
        "aw": Out(_address(spec)),
        "w": Out(stream.Signature(data.StructLayout(
            {"data": spec.data_width, "strb": spec.word_bytes, "last": 1}))),
        "b": In(stream.Signature(data.StructLayout({"resp": RESPONSE_WIDTH}))),
    }


def lite_signatures() -> dict[str, wiring.Member]:
    """The channels of an AXI4-Lite slave of 32 bits."""
    address = stream.Signature(data.StructLayout({"addr": LITE_ADDRESS_WIDTH}))
    return {
        "aw": In(address),
        "w": In(stream.Signature(data.StructLayout({"data": 32, "strb": 4}))),
        "b": Out(stream.Signature(data.StructLayout({"resp": RESPONSE_WIDTH}))),
        "ar": In(address),
        "r": Out(stream.Signature(data.StructLayout({"data": 32, "resp": RESPONSE_WIDTH}))),
    }


def _constants(spec: BusSpec) -> dict[str, tuple[int, int]]:
    """Width and value of what is the same in all bursts."""
    lock = {"lock": (2, 0)} if spec.protocol is BusProtocol.AXI3 else {}
    return {"id": (1, 0), "size": (3, spec.size_code), "burst": (2, _INCREMENTING), **lock,
            "cache": (4, spec.cache), "prot": (3, spec.prot)}


def _flat(prefix, channels):
    """Channel, member and path of every plain port."""
    for channel, member in channels.items():
        outward = member.flow is Out
        for field, place in member.signature.members["payload"].shape:
            yield f"{prefix}_{channel}{field}", channel, (outward, place.shape), ("payload", field)
        yield f"{prefix}_{channel}valid", channel, (outward, 1), ("valid",)
        yield f"{prefix}_{channel}ready", channel, (not outward, 1), ("ready",)


def _ports(prefix, channels):
    return {name: (Out if outward else In)(shape)
            for name, _, (outward, shape), _ in _flat(prefix, channels)}


def _connect(m, component, prefix, interfaces, channels):
    for name, channel, (outward, _), path in _flat(prefix, channels):
        port, inner = getattr(component, name), interfaces[channel]
        for step in path:
            inner = getattr(inner, step)
        m.d.comb += port.eq(inner) if outward else inner.eq(port)


def axi_ports(spec: BusSpec, *, prefix: str = "m_axi") -> dict[str, wiring.Member]:
    """The plain ports of an AXI master, ``m_axi_araddr`` and so on: members of a component."""
    ports = _ports(prefix, read_signatures(spec) | write_signatures(spec))
    ports |= {f"{prefix}_{channel}{name}": Out(width) for channel in ("ar", "aw")
              for name, (width, _) in _constants(spec).items()}
    if spec.protocol is BusProtocol.AXI3:
        ports[f"{prefix}_wid"] = Out(1)
    return ports | {f"{prefix}_{channel}id": In(1) for channel in ("r", "b")}


def connect_axi(m: Module, component: wiring.Component, *, spec: BusSpec,
                read: wiring.Component, write: wiring.Component, prefix: str = "m_axi") -> None:
    """Connect the channels of two masters to the ports :func:`axi_ports` of a component.

    Parameters
    ----------
    m : Module
        Of the component.
    component
        Has the ports.
    spec : BusSpec
    read
        Has the streams ``ar`` and ``r``.
    write
        Has the streams ``aw``, ``w`` and ``b``.
    prefix : str
        Of the ports' names.
    """
    for master, channels in ((read, read_signatures(spec)), (write, write_signatures(spec))):
        interfaces = {channel: getattr(master, channel) for channel in channels}
        _connect(m, component, prefix, interfaces, channels)
    m.d.comb += [getattr(component, f"{prefix}_{channel}{name}").eq(value)
                 for channel in ("ar", "aw") for name, (_, value) in _constants(spec).items()]


def lite_ports(*, prefix: str = "s_axi") -> dict[str, wiring.Member]:
    """The plain ports of an AXI4-Lite slave, ``s_axi_awaddr`` and so on."""
    return _ports(prefix, lite_signatures())


def connect_lite(m: Module, component: wiring.Component, *, slave: wiring.Component,
                 prefix: str = "s_axi") -> None:
    """Connect the channels of a slave to the ports :func:`lite_ports` of a component."""
    channels = lite_signatures()
    interfaces = {channel: getattr(slave, channel) for channel in channels}
    _connect(m, component, prefix, interfaces, channels)
