"""A decompressor and the array that it loads."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from sparrow.hw.decode import Decompressor
from sparrow.hw.mac import MacArray
from sparrow.hw.spec.decode import DecompressorSpec
from sparrow.hw.spec.mac import MacArraySpec, Precision

__all__ = ["DecodedArray", "array_spec"]


def array_spec(spec: DecompressorSpec) -> MacArraySpec:
    """The array that a decompressor is made for."""
    precision = Precision.INT8_INT4 if spec.int4 else Precision.INT8
    return MacArraySpec(lanes=spec.lanes, columns=spec.columns, precision=precision)


class DecodedArray(wiring.Component):
    """A MAC array behind a decompressor: weight streams and vectors in, sums out.

    Parameters
    ----------
    spec : DecompressorSpec
        The array is :func:`array_spec` of it.

    Members
    -------
    words, activations, parameters, sums
        As those of :class:`Decompressor` and :class:`MacArray`.
    error, clear, done
        Those of the decompressor.
    """

    def __init__(self, *, spec: DecompressorSpec):
        self._decompressor = Decompressor(spec=spec)
        self._array = MacArray(spec=array_spec(spec))
        inner, outer = self._decompressor.signature.members, self._array.signature.members
        super().__init__({
            "words": inner["words"], "activations": outer["activations"],
            "parameters": inner["parameters"], "sums": outer["sums"],
            "error": Out(inner["error"].shape), "clear": In(1), "done": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.decompressor = decompressor = self._decompressor
        m.submodules.array = array = self._array
        for outside, inside in ((self.words, decompressor.words),
                                (self.activations, array.activations)):
            wiring.connect(m, wiring.flipped(outside), inside)
        for inside, outside in ((decompressor.parameters, self.parameters),
                                (array.sums, self.sums)):
            wiring.connect(m, inside, wiring.flipped(outside))
        wiring.connect(m, decompressor.weights, array.weights)
        m.d.comb += [
            decompressor.clear.eq(self.clear), decompressor.maps.ready.eq(1),
            self.error.eq(decompressor.error), self.done.eq(decompressor.done)]
        return m
