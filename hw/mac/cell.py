"""A multiplier with the bits that it holds."""

from amaranth.hdl import Module, Signal
from amaranth.lib.wiring import In, Out

from ..hierarchy import Packed, SharedComponent
from ..spec.mac import BlockLoad, Dataflow, MacArraySpec, Multiplier
from .arithmetic import arithmetic

__all__ = ["MacCell"]


class MacCell(SharedComponent):
    """One multiplier: its stationary bits, double-buffered, and the product with an operand.

    Latency: the product is combinational in ``operand`` and the live bits. In an
    output-stationary array there is a single register, loaded by ``swap``.

    Parameters
    ----------
    spec : MacArraySpec

    Members
    -------
    operand : In(bits of the strategy's operand)
    value : In(storage_width)
        Bits to load.
    write : In(halves)
        Loads ``value`` into the shadow register, each half on its own.
    clear : In(1)
        Clears the halves of the shadow register that aren't written (indexed load only).
    swap : In(1)
        Makes the shadow register's bits live.
    product : Out(bits of the strategy's product)
    """

    module_name = "mac_cell"

    def __init__(self, spec: MacArraySpec):
        self._spec = spec
        self._arithmetic = arithmetic(spec)
        ports = {"operand": In(Packed(self._arithmetic.operand_layout)),
                 "value": In(spec.storage_width),
                 "swap": In(1), "product": Out(Packed(self._arithmetic.product_layout))}
        if spec.dataflow is not Dataflow.OUTPUT_STATIONARY:
            ports["write"] = In(spec.halves if spec.load is BlockLoad.INDEXED else 1)
            if spec.load is BlockLoad.INDEXED:
                ports["clear"] = In(1)
        super().__init__(ports)

    def elaborate(self, platform):
        m = Module()
        live = Signal(self._spec.storage_width, reset_less=True)
        following = self.value
        if self._spec.dataflow is not Dataflow.OUTPUT_STATIONARY:
            following = Signal.like(live, name="shadow", reset_less=True)
            self._load(m, following)
        with m.If(self.swap):
            m.d.sync += live.eq(following)
        m.d.comb += self.product.eq(self._arithmetic.multiply(m, self.operand, live))
        return m

    def _load(self, m, shadow):
        if self._spec.load is BlockLoad.PARALLEL:
            with m.If(self.write):
                m.d.sync += shadow.eq(self.value)
            return
        width = len(shadow) // len(self.write)
        for half, write in enumerate(self.write):
            part, value = shadow[half * width:][:width], self.value[half * width:][:width]
            if self._spec.multiplier is Multiplier.OPERATOR:
                # clock enable and synchronous reset of an FPGA's flip-flop
                with m.If(self.clear & ~write):
                    m.d.sync += part.eq(0)
                with m.Elif(write):
                    m.d.sync += part.eq(value)
            else:
                # one and-or gate a bit; keep is shared
                keep = Signal(name=f"keep{half}")
                m.d.comb += keep.eq(~write & ~self.clear)
                m.d.sync += part.eq((value & write.replicate(width))
                                    | (part & keep.replicate(width)))
