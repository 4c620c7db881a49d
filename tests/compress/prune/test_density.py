"""Densities as options, by layer, and along a schedule."""

import pytest

from sparrow.compress.prune.density import check_density, cubic, densities_of, kept_count
from sparrow.compress.scales import QuantizeError
from sparrow.hw.spec.base import SpecError


def test_cubic():
    assert [cubic(1.0, 0.2, share) for share in (-1, 0, 0.5, 1, 2)] == pytest.approx(
        [1.0, 1.0, 0.3, 0.2, 0.2])


@pytest.mark.parametrize("density, total, count", [
    (0.0, 10, 0), (0.01, 10, 1), (0.26, 10, 3), (1.0, 10, 10), (0.5, 0, 0)])
def test_kept_count(density, total, count):
    assert kept_count(density, total) == count


def test_densities_of(small_draft):
    assert densities_of(small_draft, {"fc1": 1}) == {"fc1": 1.0}
    assert densities_of(small_draft, {"fc1": 0.5, "*": 0.1}) == {
        "conv": 0.1, "fc1": 0.5, "fc2": 0.1}
    with pytest.raises(QuantizeError, match="^density must name layers with weights, conv, fc1, "
                                            "fc2, not 'pool'$"):
        densities_of(small_draft, {"pool": 0.5})


@pytest.mark.parametrize("density, layers, kind, text", [
    (2, (), SpecError, "density must be a number from 0.0 to 1.0, not 2"),
    ("all", (), TypeError, "density must be a number from 0.0 to 1.0, not 'all'"),
    ({"fc1": -1}, (), SpecError, "density of 'fc1' must be a number from 0.0 to 1.0, not -1"),
    ({"fc1": 1}, ["fc2"], SpecError, "layers must be left out where density is given by layer, "
                                     r"not \['fc2'\]"),
    ({}, (), SpecError, "density must be a number or name layers, not be empty"),
])
def test_refused(density, layers, kind, text):
    check_density(0, ["fc2"])
    check_density({"*": 0.5})
    with pytest.raises(kind, match=f"^{text}$"):
        check_density(density, layers)
