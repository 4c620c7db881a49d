"""How many cycles a MAC array takes, exactly."""

from sparrow.hw.spec.mac import BlockLoad, Dataflow, MacArraySpec, Topology

__all__ = ["latency", "product_cycles", "run_cycles"]


def latency(spec: MacArraySpec) -> int:
    """Cycles from a vector (the last of a tile, if output-stationary) to its first sums."""
    output = spec.dataflow is Dataflow.OUTPUT_STATIONARY
    if spec.topology is Topology.SYSTOLIC:
        return spec.lanes + spec.columns + (3 if output else 0)
    return spec.pipeline_stages + (1 if output else 0)


def run_cycles(spec: MacArraySpec, *, blocks: int, length: int) -> int:
    """Cycles from the first transfer to the last sum, when nothing outside stalls.

    Parameters
    ----------
    blocks, length : int
        Blocks without zeros (tiles, if output-stationary), and vectors in each, at least 1.
    """
    systolic = spec.topology is Topology.SYSTOLIC
    if spec.dataflow is Dataflow.OUTPUT_STATIONARY:
        drain = spec.lanes if systolic else 1
        period = max(length, 2 * spec.lanes + spec.columns + 3) if systolic else length
        return (blocks - 1) * period + length + latency(spec) + drain - 1
    loads = spec.lanes if spec.load is BlockLoad.INDEXED else 1
    wave = spec.lanes + spec.columns - 1 if systolic and spec.lanes * spec.columns > 1 else 0
    return loads + (blocks - 1) * max(length, loads + wave) + length + latency(spec)


def product_cycles(spec: MacArraySpec, *, pixels: int, inputs: int, outputs: int,
                   int4: bool = False) -> int:
    """Cycles of a matrix product ``pixels × inputs`` by ``inputs × outputs``.

    A convolution is one: ``inputs`` are channels times kernel positions. Partial sums of a
    stationary array are added behind it, in accumulators deep enough for ``pixels``.
    """
    depth = spec.lanes * (2 if int4 else 1)
    if spec.dataflow is Dataflow.WEIGHT_STATIONARY:
        return run_cycles(spec, blocks=_parts(inputs, depth) * _parts(outputs, spec.columns),
                          length=pixels)
    if spec.dataflow is Dataflow.INPUT_STATIONARY:
        return run_cycles(spec, blocks=_parts(inputs, depth) * _parts(pixels, spec.columns),
                          length=outputs)
    if spec.topology is Topology.DOT_PRODUCT:
        return run_cycles(spec, blocks=pixels * _parts(outputs, spec.columns),
                          length=_parts(inputs, depth))
    return run_cycles(spec,
                      blocks=_parts(pixels, spec.lanes) * _parts(outputs, spec.columns),
                      length=_parts(inputs, 2 if int4 else 1))


def _parts(total, size):
    return -(-total // size)
