"""What a lane of the decompressor sends, and what it finds wrong."""

from amaranth.hdl import Const, Value
from amaranth.lib import data

from ..spec.decode import Codec, DecompressorSpec
from ..spec.faults import StreamFault

__all__ = ["LANE_FAULTS", "lane_errors", "lane_load", "true_errors"]

# by the names of lane_errors; the first one counts
LANE_FAULTS = {"entry": StreamFault.ENTRY, "count": StreamFault.COUNT,
               "starved": StreamFault.TRUNCATED}


def lane_load(spec: DecompressorSpec) -> data.StructLayout:
    """What a lane sends, as :func:`..mac.ports.load_layout` has it."""
    fields = {"index": spec.lane_width, "value": 8}
    if spec.int4:
        fields["enable"] = 2
    return data.StructLayout(fields | {"valid": 1})


def lane_errors(spec: DecompressorSpec) -> data.StructLayout:
    """What can be wrong with a lane's taken symbol, until ``clear``; those that can with ``spec``.

    ``count``: it is one beyond the block; ``entry``: the place of no entry; ``starved``: its bits
    weren't there. Which of them count depends on the stream: :func:`true_errors`.
    """
    fields = {}
    if spec.codebook:
        fields["entry"] = 1
    if spec.has(Codec.CSR):
        fields["count"] = 1
    return data.StructLayout(fields | {"starved": 1})


def true_errors(spec: DecompressorSpec, settings, errors) -> dict[str, Value]:
    """What really is wrong, of the :func:`lane_errors` of a lane, or of those that any lane has."""
    endless = settings.endless if spec.has(Codec.RLE, Codec.HUFFMAN) else Const(0, 1)
    found = {name: errors[name] for name, _ in lane_errors(spec)}
    found["starved"] &= ~endless & ~found.get("count", Const(0, 1))
    if "count" in found:
        found["count"] &= ~endless
    if "entry" in found:
        found["entry"] &= settings.table & ~found.get("count", Const(0, 1))
    return found
