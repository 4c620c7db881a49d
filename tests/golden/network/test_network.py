"""What networks and their layers accept, and the texts with which they refuse the rest."""

import dataclasses

import pytest
import torch

from sparrow.golden.network import (
    Add,
    Concat,
    Conv,
    Linear,
    MaxPool,
    Network,
    NetworkError,
    Numbers,
    Rounding,
    Scale,
    Table,
    TensorType,
)
from sparrow.hw.spec.base import SpecError


def kind(*shape, zero_point=0, scale=0.5, bits=8):
    return TensorType(shape=shape, scale=scale, zero_point=zero_point, bits=bits)


def weighted(channels, **changes):
    return {"bias": torch.zeros(channels, dtype=torch.int64), "minimum": -128, "maximum": 127,
            "mantissa": torch.full((channels,), 40000), "shift": torch.full((channels,), 20),
            **changes}


def conv(**changes):
    return Conv(**{"name": "conv", "inputs": ("input",), "output": kind(4, 6, 7),
                   "weight": torch.ones(4, 1, 3, 3, dtype=torch.int8), "padding": (1, 1, 1, 1),
                   "groups": 2, **weighted(4), **changes})


def linear(**changes):
    return Linear(**{"name": "fc", "inputs": ("input",), "output": kind(3, 1, 1),
                     "weight": torch.ones(3, 84, dtype=torch.int8), **weighted(3), **changes})


def add(**changes):
    return Add(**{"name": "add", "inputs": ("input", "input"), "output": kind(2, 6, 7),
                  "mantissas": (2**14,) * 3, "shifts": (15, 15, 35), "minimum": -128,
                  "maximum": 127, **changes})


def concat(**changes):
    return Concat(**{"name": "cat", "inputs": ("input", "input"), "output": kind(4, 6, 7),
                     "mantissas": (1, 1), "shifts": (0, 0), **changes})


def pool(cls=MaxPool, **changes):
    return cls(**{"name": "pool", "inputs": ("input",), "output": kind(2, 3, 3),
                  "kernel": (2, 2), "stride": (2, 2), **changes})


def table(**changes):
    return Table(**{"name": "table", "inputs": ("input",), "output": kind(2, 6, 7),
                    "entries": torch.zeros(256, dtype=torch.int8), **changes})


def network(*layers, **changes):
    layers = layers or (conv(),)
    return Network(**{"name": "net", "input": kind(2, 6, 7), "layers": layers,
                      "output": layers[-1].name, **changes})


@pytest.mark.parametrize("make", [conv, linear, add, concat, pool, table])
def test_each_layer_makes_a_network(make):
    layer = make()
    made = network(layer)
    assert made.layer(layer.name) is layer
    assert made.type_of(layer.name) == layer.output
    assert made == network(make()) and hash(made) == hash(network(make()))
    assert made.input_types(layer) == (made.input,) * len(layer.inputs)


def test_properties():
    made = network(conv(), pool(inputs=("conv",), output=kind(4, 3, 3)))
    assert [layer.name for layer in made] == ["conv", "pool"] and len(made) == 2
    assert made.consumers("conv") == (made.layer("pool"),)
    layer = conv()
    assert (layer.kernel, layer.channels, layer.input_channels) == ((3, 3), 4, 2)
    assert layer.depthwise and not conv(groups=1, output=kind(4, 6, 7)).depthwise
    assert layer.scale == Scale(mantissa=torch.full((4,), 40000), shift=torch.full((4,), 20))
    assert kind(2, 3, 4, bits=4).size == 24 and kind(1, 1, 1, bits=4).minimum == -8


def test_tensors_are_copies_and_count_in_comparison():
    weight = torch.ones(4, 1, 3, 3, dtype=torch.int8)
    layer = conv(weight=weight)
    weight[0] = 5
    assert layer == conv() and layer != conv(weight=weight) and layer != conv(groups=4)


def test_elements_and_values():
    made = kind(1, 1, 1, scale=0.5, zero_point=-2, bits=4)
    values = torch.tensor([-100.0, -0.25, 0.0, 0.25, 0.75, 0.76, 100.0])
    elements = made.to_elements(values)
    assert elements.dtype == torch.int8 and elements.tolist() == [-8, -2, -2, -2, 0, 0, 7]
    assert made.to_values(elements).tolist() == [-3.0, 0.0, 0.0, 0.0, 1.0, 1.0, 4.5]


def test_numbers():
    spec = Numbers(rounding="half_even", mantissa_width=12).requantize_spec(16, lanes=8)
    assert (spec.columns, spec.lanes, spec.mantissa_width) == (16, 8, 12)
    assert spec.rounding is Rounding.HALF_EVEN and Numbers().requantize_spec(3).lanes == 3
    with pytest.raises(SpecError, match="^mantissa_width must be 31 when rounding is 'tflite'"):
        Numbers(rounding="tflite")


def test_factors():
    scale = Scale(mantissa=torch.tensor([3, 5]), shift=torch.tensor([1, 63]))
    assert scale.factors(Rounding.HALF_UP).tolist() == [1.5, 5 * 2.0**-63]
    assert scale.factors(Rounding.TFLITE).tolist() == [1.5 * 2.0**-31, 5 * 2.0**-94]


def changed(make, **changes):
    return lambda: network(make(**changes))


def ints(*values):
    return torch.tensor(values)


REFUSED = [
    (lambda: kind(0, 1, 1), "shape must be an integer from 1 to 65536, not 0"),
    (lambda: kind(1, 1), "shape must have 3 values, not 2"),
    (lambda: kind(1, 1, 1, scale=0.0), "scale must be positive and finite, not 0.0"),
    (lambda: kind(1, 1, 1, bits=5), "bits must be 8 or 4, not 5"),
    (lambda: kind(1, 1, 1, bits=4, zero_point=8),
     "zero_point must be an integer from -8 to 7, not 8"),
    (lambda: Scale(mantissa=ints(1), shift=ints(1, 2)), "shift must be of shape (1), not (2,)"),
    (changed(conv, name="1x"), "A layer's name must be letters, digits and underscores, in parts "
     "joined by dots, begin with no digit and have at most 200 characters, not '1x'"),
    (changed(conv, inputs=("input", "input")), "Layer 'conv': inputs must be 1, not 2"),
    (changed(conv, inputs=("other",)),
     "Layer 'conv': inputs must be earlier layers or 'input', not 'other'"),
    (changed(conv, weight=torch.ones(4, 2, 3, 3, dtype=torch.int8)),
     "Layer 'conv': weight must be for the input's 2 channels, not for 4"),
    (changed(conv, output=kind(4, 7, 7)),
     "Layer 'conv': output shape must be (4, 6, 7), not (4, 7, 7)"),
    (changed(conv, weight_bits=2), "Layer 'conv': weight_bits must be 8 or 4, not 2"),
    (changed(conv, weight=torch.full((4, 1, 3, 3), 8, dtype=torch.int8), weight_bits=4),
     "Layer 'conv': weight must hold integers from -8 to 7, not 8"),
    (changed(conv, bias=ints(0, 0, 0, 2**31)),
     "Layer 'conv': bias must hold integers from -2147483648 to 2147483647, not 2147483648"),
    (changed(conv, bias=ints(0)), "Layer 'conv': bias must be of shape (4), not (1,)"),
    (changed(conv, mantissa=ints(0, 1, 2, 2**16)),
     "Layer 'conv': mantissa must hold integers from 0 to 65535, not 65536"),
    (changed(conv, shift=ints(0, 1, 2, 64)),
     "Layer 'conv': shift must hold integers from 0 to 63, not 64"),
    (changed(conv, minimum=5, maximum=4),
     "Layer 'conv': minimum must be at most maximum (4), not 5"),
    (changed(conv, maximum=128),
     "Layer 'conv': maximum must be an integer from -128 to 127, not 128"),
    (changed(conv, groups=3),
     "Layer 'conv': groups must divide the 4 output channels, not 3"),
    (changed(conv, stride=(0, 1)),
     "Layer 'conv': stride must be an integer from 1 to 4096, not 0"),
    (changed(conv, dilation=(4, 1)),
     "Layer 'conv': kernel must reach over at most the padded height 8, not 9"),
    (changed(conv, codebook=torch.tensor([1], dtype=torch.int8)),
     "Layer 'conv': codebook must have 2 to 32 entries, not 1"),
    (changed(conv, codebook=torch.tensor([1, 1], dtype=torch.int8)),
     "Layer 'conv': codebook must be ascending, each value once, not [1, 1]"),
    (changed(conv, codebook=torch.tensor([0, 2], dtype=torch.int8)),
     "Layer 'conv': codebook must have every weight, not all but 1"),
    (changed(linear, weight=torch.ones(3, 83, dtype=torch.int8)),
     "Layer 'fc': weight must be for the input's 84 features, not for 83"),
    (lambda: network(conv(), add(inputs=("input", "conv"))),
     "Layer 'add': inputs must be of one shape, not (2, 6, 7) and (4, 6, 7)"),
    (changed(add, mantissas=(2**16 - 1,) * 3, shifts=(12, 12, 20)),
     "Layer 'add': scales of the inputs must keep scaled inputs and their sum in 32 bits, "
     "not reach -4294901760"),
    (changed(add, shifts=(64, 0, 0)),
     "Layer 'add': shifts must be an integer from 0 to 63, not 64"),
    (changed(concat, mantissas=(1, 2)),
     "Layer 'cat': mantissa and shift of input must be 1 and 0, since it has the output's "
     "numbers, not 2 and 0"),
    (changed(concat, mantissas=(1,)), "Layer 'cat': mantissas must have 2 values, not 1"),
    (lambda: network(pool(), concat(inputs=("input", "pool"))),
     "Layer 'cat': inputs must be of one height and width, not (6, 7) and (3, 3)"),
    (changed(pool, padding=(0, 2, 0, 0)),
     "Layer 'pool': padding must be an integer from 0 to 1, not 2"),
    (changed(pool, output=kind(2, 3, 3, zero_point=1)),
     "Layer 'pool': output scale, zero point and bits must be those of the input, (0.5, 0, 8), "
     "not (0.5, 1, 8)"),
    (changed(table, entries=torch.zeros(255, dtype=torch.int8)),
     "Layer 'table': entries must be of shape (256), not (255,)"),
    (changed(table, output=kind(2, 6, 7, bits=4), entries=torch.full((256,), 8,
                                                                     dtype=torch.int8)),
     "Layer 'table': entries must hold integers from -8 to 7, not 8"),
    (lambda: network(conv(), conv(name="conv")),
     "Layer 'conv': name must be unique, but an earlier layer or the input has it"),
    (lambda: network(conv(), table()),
     "Layer 'conv': output must be used by a layer or be the network's, but isn't"),
    (lambda: network(conv(), output="input"), "The output must be the name of a layer, "
     "not 'input'"),
    (lambda: network(conv(), layers=()), "The layers must be one or more, not none"),
    (lambda: network().layer("x"), "The network 'net' has no layer 'x'"),
]


@pytest.mark.parametrize("make, text", REFUSED)
def test_refusals(make, text):
    with pytest.raises(NetworkError) as caught:
        make()
    assert str(caught.value) == text


@pytest.mark.parametrize("make, text", [
    (lambda: kind(1, 1, 1, scale=1), "scale must be a float, not 1"),
    (lambda: TensorType(shape=[1, 1, 1], scale=1.0, zero_point=0),
     "shape must be a tuple of 3 integers, not [1, 1, 1]"),
    (changed(conv, weight=torch.ones(4, 1, 3, 3)),
     "Layer 'conv': weight must be a tensor of torch.int8, not torch.float32"),
    (changed(conv, minimum=True),
     "Layer 'conv': minimum must be an integer from -128 to 127, not True"),
    (lambda: network(layers=[conv()]), "The layers must be a tuple of layers, not "),
])
def test_wrong_types(make, text):
    with pytest.raises(TypeError) as caught:
        make()
    assert str(caught.value).startswith(text)


def test_a_codebook_changes_nothing_but_itself():
    layer = conv(codebook=torch.tensor([-3, 1], dtype=torch.int8))
    assert layer != conv() and dataclasses.replace(layer, codebook=None) == conv()
