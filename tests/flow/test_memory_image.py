"""Compiled networks in a folder."""

import pytest

from sparrow.flow.errors import UserError
from sparrow.flow.memory_image import compiled, read_image, write_image
from sparrow.golden.network import save
from sparrow.hw.spec.accelerator import AcceleratorSpec
from sparrow.sim.accelerator.samples import sample


@pytest.fixture
def image(tmp_path):
    network = sample("conv")
    program = compiled(network, AcceleratorSpec())
    write_image(tmp_path, program, network, with_listing=True)
    return tmp_path, program, network


def test_round_trip(image):
    folder, program, network = image
    assert read_image(folder) == (program, network)


def test_no_listing_of_another_program_stays(image):
    folder, program, network = image
    write_image(folder, program, network)
    assert not (folder / "listing.txt").exists()


def test_a_network_that_is_not_the_program_s(image):
    folder, _, _ = image
    save(sample("strided"), folder / "network.sparrow")
    with pytest.raises(UserError) as caught:
        read_image(folder)
    assert str(caught.value) == (
        f"{folder / 'network.sparrow'}: must be the network of the program; 'input' is of shape "
        "(3, 9, 8), in the program of shape (5, 7, 6)")


def test_a_wrong_specification(image):
    folder, _, _ = image
    path = folder / "layout.json"
    path.write_text(path.read_text().replace('"lanes": 16,', '"lanes": 5,'))
    with pytest.raises(UserError, match="layout.json: lanes must be a power of two from 4 to 64"):
        read_image(folder)
