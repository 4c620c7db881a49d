"""The streams of a MAC array, the same for all dataflows and topologies."""

from amaranth.hdl import signed
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from ..spec.mac import BlockLoad, Dataflow, MacArraySpec, Topology

__all__ = ["array_ports", "load_layout", "mode_layout", "moving_layout", "stationary_layout",
           "sums_layout"]


def load_layout(spec: MacArraySpec) -> data.Layout:
    """What one column takes of a transfer of stationary elements.

    Indexed: a struct ``{index, value, enable, valid}``: the lane, the bits that it gets, with
    4-bit weights an enable for each nibble, and whether there is anything to load at all.
    Parallel: an array of ``lanes`` values.
    """
    if spec.load is BlockLoad.PARALLEL:
        return data.ArrayLayout(spec.storage_width, spec.lanes)
    fields = {"index": max(1, (spec.lanes - 1).bit_length()), "value": spec.storage_width}
    if spec.halves == 2:
        fields["enable"] = 2
    return data.StructLayout(fields | {"valid": 1})


def stationary_layout(spec: MacArraySpec) -> data.StructLayout:
    """A transfer of stationary elements: a load for every column.

    ``commit`` ends a block (every parallel transfer is one), ``int4`` is its precision. The
    weights of an output-stationary array use the same layout, or, in a systolic one, a
    ``vector`` with one element per column.
    """
    if spec.dataflow is Dataflow.OUTPUT_STATIONARY and spec.topology is Topology.SYSTOLIC:
        fields = {"vector": data.ArrayLayout(spec.storage_width, spec.columns)}
    else:
        fields = {"loads": data.ArrayLayout(load_layout(spec), spec.columns)}
    if spec.load is BlockLoad.INDEXED:
        fields["commit"] = 1
    if spec.switchable:
        fields["int4"] = 1
    return data.StructLayout(fields)


def mode_layout() -> data.StructLayout:
    """What travels with a vector to its sums.

    ``start`` and ``finish`` are for the accumulators behind the array: load the sums rather than
    add them, and put the result out.
    """
    return data.StructLayout({"start": 1, "finish": 1})


def moving_layout(spec: MacArraySpec) -> data.StructLayout:
    """A transfer of moving elements: a vector, ``first`` and ``last``, and its mode.

    With a window: ``slide``, element c goes to the window of column c, whose multipliers take
    their operands there; ``silent``, such a vector gives no sums.
    """
    fields = {"vector": data.ArrayLayout(signed(spec.moving_width), spec.lanes * spec.halves),
              "first": 1, "last": 1, "mode": mode_layout()}
    if spec.window:
        fields |= {"slide": 1, "silent": 1}
    return data.StructLayout(fields)


def sums_layout(spec: MacArraySpec) -> data.StructLayout:
    """A transfer of one sum per column, with the tags of the vector that it belongs to."""
    accumulating = spec.dataflow is Dataflow.OUTPUT_STATIONARY
    width = spec.accumulator_width if accumulating else spec.sum_width
    fields = {"sums": data.ArrayLayout(signed(width), spec.columns)}
    if accumulating:
        fields["overflow"] = spec.columns
    return data.StructLayout(fields | {"first": 1, "last": 1, "mode": mode_layout()})


def array_ports(spec: MacArraySpec) -> dict:
    """The members of the array's signature: streams ``weights``, ``activations``, ``sums``."""
    weights, activations = stationary_layout(spec), moving_layout(spec)
    if spec.dataflow is Dataflow.INPUT_STATIONARY:
        weights, activations = activations, weights
    return {"weights": In(stream.Signature(weights)),
            "activations": In(stream.Signature(activations)),
            "sums": Out(stream.Signature(sums_layout(spec)))}
