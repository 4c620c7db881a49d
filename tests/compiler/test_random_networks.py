"""Networks that Hypothesis draws, on the machine, whatever the order of its engines."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparrow.compiler import CompileError
from sparrow.compiler.predict import Timing
from sparrow.sim.accelerator.random_networks import KINDS, random_network, sparse_network

ORDERS = ("eager", "lazy", 1)
REFUSALS = ("inputs must be in one order of channel segments",
            "source and result of one output pixel must take at most")


@pytest.mark.parametrize("examples", [4, pytest.param(500, marks=pytest.mark.heavy)])
@pytest.mark.parametrize("kind", KINDS)
def test_random_networks(tools, kind, examples):
    """They all run, but for what the compiler refuses with good reason, which is hardly any."""
    done = []

    @settings(max_examples=examples, derandomize=examples < 100, database=None, deadline=None)
    @given(st.data())
    def check(data):
        def choose(low, high):
            return data.draw(st.integers(low, high))

        rounding = ("half_up", "half_even")[choose(0, 1)]
        network = random_network(kind, choose, rounding=rounding)
        spec = tools.small_spec((4, 8)[choose(0, 1)], rounding=rounding,
                                accumulator_depth=(32, 9, 256)[choose(0, 2)])
        image = tools.images(network, 3)[choose(0, 2)][None]
        try:
            tools.check(network, spec, image, orders=ORDERS, keep_all=bool(choose(0, 1)),
                        residency=bool(choose(0, 3)))
        except CompileError as error:
            if not any(text in str(error) for text in REFUSALS):
                raise
            done.append(False)
        else:
            done.append(True)

    check()
    assert sum(done) >= 0.95 * len(done) > 0


CODECS = ("auto", "plain", "dense", "bitmask", "rle", "csr", "huffman")


@pytest.mark.parametrize("examples", [6, pytest.param(300, marks=pytest.mark.heavy)])
@pytest.mark.parametrize("kind", ["conv", "grouped", "linear", "chain"])
def test_sparse_networks(tools, kind, examples):
    """Whatever codec their weights are sent with."""
    sent = set()

    @settings(max_examples=examples, derandomize=examples < 100, database=None, deadline=None)
    @given(st.data())
    def check(data):
        def choose(low, high):
            return data.draw(st.integers(low, high))

        codec = CODECS[choose(0, len(CODECS) - 1)]
        network = sparse_network(random_network(kind, choose), choose)
        spec = tools.small_spec((4, 8)[choose(0, 1)], codecs=CODECS[2:],
                                codebook=(16, 0, 4)[choose(0, 2)])
        try:
            program = tools.check(network, spec, tools.images(network, 1)[0][None], codec=codec,
                                  residency=bool(choose(0, 3)), timing=Timing())
        except CompileError as error:
            if not any(text in str(error) for text in REFUSALS):
                raise
            return
        sent.update(text for info in program.layers for text in info.codecs)

    check()
    assert sent - {"plain"}
