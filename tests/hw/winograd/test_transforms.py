# amaranth: UnusedElaboratable=no
"""The transforms' interfaces; what they compute is in tests/sim/test_winograd.py."""

import pytest

from sparrow.hw.export import flat_ports
from sparrow.hw.spec import WinogradSpec
from sparrow.hw.winograd import InputTransform, OutputTransform, WeightTransform

TRANSFORMS = [InputTransform, WeightTransform, OutputTransform]


def ports(component):
    return {port.name: port.width for port in flat_ports(component)}


def test_ports():
    spec = WinogradSpec(lanes=3, columns=5, output_width=20)
    streams = {"i_valid": 1, "i_ready": 1, "o_valid": 1, "o_ready": 1}
    assert ports(InputTransform(spec=spec)) == streams | {
        "i_vector": 24, "o_vector": 30, "o_row": 2, "o_column": 2}
    assert ports(WeightTransform(spec=spec)) == streams | {
        "i_vector": 40, "o_vector": 60, "o_row": 2, "o_column": 2}
    assert ports(OutputTransform(spec=spec)) == streams | {
        "i_vector": 110, "o_vector": 100, "o_row": 1, "o_column": 1}
    assert ports(OutputTransform(spec=spec.replace(tile=4, dimensions=1))) == streams | {
        "i_vector": 115, "o_vector": 100, "o_column": 2}


@pytest.mark.parametrize("transform, latencies", [
    (InputTransform, [3, 22, 5, 46]), (WeightTransform, [3, 18, 3, 24]),
    (OutputTransform, [3, 20, 5, 44])])
def test_documented_latencies(transform, latencies):
    """Those of docs/winograd.md; the regression measures them."""
    assert [transform(spec=WinogradSpec(tile=tile, dimensions=dimensions)).latency
            for tile in (2, 4) for dimensions in (1, 2)] == latencies


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("tile", [2, 4])
def test_every_place_once(transform, tile):
    spec = WinogradSpec(tile=tile)
    found = transform(spec=spec)
    side = tile if transform is OutputTransform else spec.side
    assert sorted(found.order) == [(row, column) for row in range(side) for column in range(side)]
    assert found.spec == spec


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_refused(transform):
    with pytest.raises(TypeError) as error:
        transform(spec=4)
    assert str(error.value) == "spec must be a WinogradSpec, not 4"
