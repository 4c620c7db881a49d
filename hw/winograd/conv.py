"""A unit for 3×3 convolutions by Winograd's algorithm, around a MAC array."""

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..mac.ports import stationary_layout
from ..post.requantize import parameter_layout
from ..spec.winograd import WinogradConvSpec
from .layouts import pass_layout, result_layout

__all__ = ["WinogradConv"]


class WinogradConv(wiring.Component):
    """Convolutions with 3×3 kernels of stride 1, exact, a rectangle of tiles at a time.

    Parameters
    ----------
    spec : WinogradConvSpec

    Members
    -------
    passes : ``In(stream.Signature(pass_layout(spec)))``
        Passes, in order. The next one is begun with while results of the one before are on their
        way. Fields out of their ranges, or that don't go together, give wrong results.
    read_enable, read_row : ``Out``; read_data : ``In``, ``lanes`` elements
        The memory of activations: the row that is read is in ``read_data`` one cycle later, until
        the next read.
    weights : ``In(stream.Signature(stationary_layout(spec.weights)))``
        Kernels: for each output block and each channel block in it ``spec.blocks`` weight blocks,
        the taps (or positions) row by row, as :class:`..mac.MacArray` takes them: the weights that
        differ from 0, column by column, ``commit`` with the last transfer of a block.
    parameters : ``In(stream.Signature(parameter_layout(spec.requantize)))``
        Biases and scales of each output block, see :class:`..post.Requantize`.
    o : ``Out(stream.Signature(result_layout(spec)))``
        Results, those outside the image left out. With ``tile`` 2 for each output block: the pixels
        of even rows and columns, row by row; those of even rows and odd columns; of odd rows and
        even columns; of odd rows and columns. With ``tile`` 4 tile by tile, each column by column.

    Raises
    ------
    TypeError
        If ``spec`` is no ``WinogradConvSpec``.
    """

    def __init__(self, *, spec: WinogradConvSpec):
        if not isinstance(spec, WinogradConvSpec):
            raise TypeError(f"spec must be a WinogradConvSpec, not {spec!r}")
        self._spec = spec
        super().__init__({
            "passes": In(stream.Signature(pass_layout(spec))),
            "read_enable": Out(1), "read_row": Out((spec.rows - 1).bit_length()),
            "read_data": In(spec.lanes * spec.activation_width),
            "weights": In(stream.Signature(stationary_layout(spec.weights))),
            "parameters": In(stream.Signature(parameter_layout(spec.requantize))),
            "o": Out(stream.Signature(result_layout(spec))),
        })

    @property
    def spec(self) -> WinogradConvSpec:
        """The specification."""
        return self._spec

    def elaborate(self, platform):
        return Module()
