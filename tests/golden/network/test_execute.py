"""The executor against loops over unbounded integers."""

import dataclasses
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sparrow.golden.network import (
    Add,
    AveragePool,
    Concat,
    Conv,
    Linear,
    MaxPool,
    Network,
    NetworkError,
    Numbers,
    Rounding,
    Table,
    TensorType,
    execute,
)

from .loops import elementwise_reference, reference

ALL_NUMBERS = [Numbers(), Numbers(rounding="half_even"), Numbers(mantissa_width=31),
               Numbers(rounding="tflite", mantissa_width=31, shift_width=5)]


def kind(*shape, zero_point=0, scale=0.5, bits=8):
    return TensorType(shape=shape, scale=scale, zero_point=zero_point, bits=bits)


def random_int8(generator, *shape, low=-128, high=127):
    """Uniform, with the extremes often."""
    values = torch.randint(low, high + 1, shape, generator=generator)
    extreme = torch.randint(0, 4, shape, generator=generator)
    values = torch.where(extreme == 0, low, torch.where(extreme == 1, high, values))
    return values.to(torch.int8)


def weighted_fields(generator, numbers, channels, zero_point, bias=2**15):
    shift = 31 - 8 if numbers.mantissa_width == 31 else 16
    if numbers.rounding is Rounding.TFLITE:
        shift = 0
    return {
        "bias": torch.randint(-bias, bias, (channels,), generator=generator),
        "mantissa": torch.randint(2**(numbers.mantissa_width - 1), 2**numbers.mantissa_width,
                                  (channels,), generator=generator),
        "shift": torch.randint(shift, shift + 10, (channels,), generator=generator),
        "minimum": max(-128, zero_point - 100), "maximum": 120,
    }


def single(layer, *inputs, numbers):
    return Network(name="single", input=inputs[0], layers=(layer,), output=layer.name,
                   numbers=numbers)


@st.composite
def convolutions(draw):
    """A network of one convolution, and images for it."""
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    numbers = draw(st.sampled_from(ALL_NUMBERS))
    small = st.integers(1, 3)
    groups, per_group_in, per_group_out = draw(small), draw(small), draw(st.integers(1, 2))
    kernel = draw(st.tuples(st.integers(1, 7), st.integers(1, 7)))
    stride, dilation = draw(st.tuples(small, small)), draw(st.tuples(small, small))
    padding = draw(st.tuples(*[st.integers(0, 3)] * 4))
    reach = [gap * (taps - 1) + 1 for gap, taps in zip(dilation, kernel)]
    size = [max(1, reach[i] - padding[i] - padding[i + 2]) + draw(st.integers(0, 4))
            for i in range(2)]
    bits, input_bits = draw(st.sampled_from([8, 4])), draw(st.sampled_from([8, 4]))
    low, high = -(2**(input_bits - 1)), 2**(input_bits - 1) - 1
    source = kind(groups * per_group_in, *size, zero_point=draw(st.integers(low, high)),
                  bits=input_bits)
    channels = groups * per_group_out
    shape = [(size[i] + padding[i] + padding[i + 2] - reach[i]) // stride[i] + 1
             for i in range(2)]
    zero_point = draw(st.integers(-128, 127))
    bias = draw(st.sampled_from([2**15, 2**25, 2**30]))
    layer = Conv(
        name="conv", inputs=("input",), output=kind(channels, *shape, zero_point=zero_point),
        weight=random_int8(generator, channels, per_group_in, *kernel, low=-(2**(bits - 1)),
                           high=2**(bits - 1) - 1), weight_bits=bits,
        stride=stride, padding=padding, dilation=dilation, groups=groups,
        **weighted_fields(generator, numbers, channels, zero_point, bias))
    images = random_int8(generator, 2, *source.shape, low=low, high=high)
    return single(layer, source, numbers=numbers), images


@given(convolutions())
@settings(max_examples=100, deadline=None)
def test_convolution(case):
    network, images = case
    found = execute(network, images)
    for i in range(len(images)):
        expected = reference(network, network.layers[0], images[i:i + 1])
        assert torch.equal(found[i], expected)


@pytest.mark.parametrize("numbers", ALL_NUMBERS)
@pytest.mark.parametrize("bias", [2**10, 2**26])
def test_linear(numbers, bias):
    generator = torch.Generator().manual_seed(bias)
    layer = Linear(name="fc", inputs=("input",), output=kind(5, 1, 1, zero_point=-7),
                   weight=random_int8(generator, 5, 3 * 4 * 2),
                   **weighted_fields(generator, numbers, 5, -7, bias))
    network = single(layer, kind(3, 4, 2, zero_point=9), numbers=numbers)
    images = random_int8(generator, 3, 3, 4, 2)
    found = execute(network, images)
    for i in range(3):
        assert torch.equal(found[i], reference(network, layer, images[i:i + 1]))


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_pooling(data):
    generator = torch.Generator().manual_seed(data.draw(st.integers(0, 2**32)))
    kernel = data.draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    stride = data.draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    padding = tuple(data.draw(st.integers(0, kernel[i % 2] - 1)) for i in range(4))
    size = [kernel[i] + data.draw(st.integers(0, 4)) for i in range(2)]
    shape = [(size[i] + padding[i] + padding[i + 2] - kernel[i]) // stride[i] + 1
             for i in range(2)]
    source = kind(2, *size, zero_point=data.draw(st.integers(-128, 127)))
    images = random_int8(generator, 1, 2, *size)
    for cls in (MaxPool, AveragePool):
        layer = cls(name="pool", inputs=("input",), kernel=kernel, stride=stride, padding=padding,
                    output=dataclasses.replace(source, shape=(2, *shape)))
        network = single(layer, source, numbers=Numbers())
        assert torch.equal(execute(network, images)[0], reference(network, layer, images))


def test_average_of_ties_and_large_windows():
    source = kind(1, 300, 500)
    layer = AveragePool(name="average", inputs=("input",), output=kind(1, 1, 1),
                        kernel=(300, 500), stride=(1, 1))
    network = single(layer, source, numbers=Numbers())
    half = torch.zeros(4, 1, 300, 500, dtype=torch.int8)
    for image, value in zip(half, (1, -1, -127, 127)):
        image[0, :150] = value
    half[3, 0, 0, 0] = 126  # just below the tie
    assert execute(network, half).flatten().tolist() == [1, -1, -64, 63]
    assert execute(network, torch.full_like(half, -128)).flatten().tolist() == [-128] * 4


def two_inputs(first, second, layer, numbers):
    """A network in which tables give ``layer`` any two inputs, elements of one of 256 each."""
    def table(name, output, flip):
        entries = torch.arange(-128, 128).clamp(output.minimum, output.maximum)
        return Table(name=name, inputs=("input",), output=output,
                     entries=(entries.flip(0) if flip else entries).to(torch.int8))
    return Network(name="two", input=dataclasses.replace(first, bits=8), output=layer.name,
                   layers=(table("a", first, False), table("b", second, True), layer),
                   numbers=numbers)


@pytest.mark.parametrize("numbers", ALL_NUMBERS)
@pytest.mark.parametrize("shift", [0, 3, 12])
def test_add(numbers, shift):
    first, second = kind(1, 16, 256, zero_point=-128), kind(1, 16, 256, zero_point=77)
    high = numbers.mantissa_width
    left = 31 if numbers.rounding is Rounding.TFLITE else 0
    mantissas = (2**(high - 1) - 3, 2**(high - 2) + 12345 % 2**(high - 3), 2**high - 99)
    shifts = tuple(min(numbers.maximum_shift, value)
                   for value in (high - left + shift, high - left + 1, 20 + high - left - 2))
    layer = Add(name="sum", inputs=("a", "b"), output=kind(1, 16, 256, zero_point=5),
                mantissas=mantissas, shifts=shifts, minimum=-100, maximum=101)
    network = two_inputs(first, second, layer, numbers)
    images = random_int8(torch.Generator().manual_seed(shift), 1, 1, 16, 256)
    found = execute(network, images, trace=True)
    expected = [elementwise_reference(network, layer, pair) for pair in
                zip(found["a"].flatten().tolist(), found["b"].flatten().tolist())]
    assert found["sum"].flatten().tolist() == expected
    assert len(set(expected)) > 20


@pytest.mark.parametrize("numbers", ALL_NUMBERS)
def test_concatenation(numbers):
    generator = torch.Generator().manual_seed(1)
    source, output = kind(2, 3, 64, zero_point=-20), kind(4, 3, 64, zero_point=11, scale=0.7)
    high = numbers.mantissa_width
    left = 31 if numbers.rounding is Rounding.TFLITE else 0
    layer = Concat(name="all", inputs=("input", "copy"), output=output,
                   mantissas=(2**high - 2**(high - 3) - 5, 1), shifts=(high - left + 1, 0))
    copy = Table(name="copy", inputs=("input",), output=dataclasses.replace(
        output, shape=source.shape), entries=torch.arange(-128, 128, dtype=torch.int8))
    network = Network(name="n", input=source, layers=(copy, layer), output="all", numbers=numbers)
    images = random_int8(generator, 1, *source.shape)
    found = execute(network, images)[0]
    expected = [elementwise_reference(network, layer, [value])
                for value in images.flatten().tolist()]
    assert found[:2].flatten().tolist() == expected
    assert torch.equal(found[2:], images[0])


def chain(numbers=None):
    """Layers of which one is used twice, in one network."""
    source = kind(1, 6, 6, zero_point=3)
    generator = torch.Generator().manual_seed(5)
    fields = weighted_fields(generator, Numbers(), 1, 0)
    conv = Conv(name="conv", inputs=("input",), output=kind(1, 6, 6, scale=0.25),
                weight=random_int8(generator, 1, 1, 3, 3), padding=(1, 1, 1, 1), **fields)
    add = Add(name="add", inputs=("input", "conv"), output=kind(1, 6, 6), minimum=-128,
              maximum=127, mantissas=(2**14, 2**13, 2**15), shifts=(15, 15, 35))
    pool = MaxPool(name="pool", inputs=("add",), output=kind(1, 3, 3), kernel=(2, 2),
                   stride=(2, 2))
    return Network(name="chain", input=source, layers=(conv, add, pool), output="pool",
                   numbers=numbers or Numbers())


def test_trace_and_batches(monkeypatch):
    network = chain()
    images = random_int8(torch.Generator().manual_seed(2), 7, 1, 6, 6)
    whole = execute(network, images, trace=True)
    assert list(whole) == ["conv", "add", "pool"]
    assert torch.equal(whole["pool"], execute(network, images))
    monkeypatch.setattr(sys.modules[execute.__module__], "BATCH_ELEMENTS", 80)
    for name, tensor in execute(network, images, trace=True).items():
        assert torch.equal(tensor, whole[name])


def test_sums_that_float32_does_not_hold():
    """Products and bias cancel but for 5; both are odd and above 2^24."""
    terms = 2081
    layer = Linear(name="fc", inputs=("input",), output=kind(1, 1, 1), minimum=-128, maximum=127,
                   weight=torch.full((1, terms), -127, dtype=torch.int8),
                   bias=torch.tensor([127 * 127 * terms + 5]), mantissa=torch.tensor([1]),
                   shift=torch.tensor([0]))
    network = single(layer, kind(terms, 1, 1), numbers=Numbers())
    images = torch.full((1, terms, 1, 1), 127, dtype=torch.int8)
    assert execute(network, images).tolist() == [[[[5]]]]


@pytest.mark.parametrize("precision, expected", [("none", torch.float32), ("bf16", torch.float64)])
def test_float_products_of_fewer_bits_are_not_used(monkeypatch, precision, expected):
    module, used = sys.modules[execute.__module__], []

    original = torch.nn.functional.conv2d

    def convolution(source, *arguments):
        used.append(source.dtype)
        return original(source, *arguments)

    monkeypatch.setattr(module.F, "conv2d", convolution)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    before = torch.backends.mkldnn.conv.fp32_precision
    try:
        torch.backends.mkldnn.conv.fp32_precision = precision
        execute(chain(), torch.zeros(1, 1, 6, 6, dtype=torch.int8))
    finally:
        torch.backends.mkldnn.conv.fp32_precision = before
    assert used == [expected]


def test_refusals():
    network = chain()
    for images, error, text in [
            (torch.zeros(1, 1, 6, 6), TypeError,
             "inputs must be a tensor of torch.int8, not torch.float32"),
            (torch.zeros(1, 6, 6, dtype=torch.int8), NetworkError,
             "inputs must be of shape (images, 1, 6, 6), one image or more, not (1, 6, 6)"),
            (torch.zeros(0, 1, 6, 6, dtype=torch.int8), NetworkError,
             "inputs must be of shape (images, 1, 6, 6), one image or more, not (0, 1, 6, 6)")]:
        with pytest.raises(error) as caught:
            execute(network, images)
        assert str(caught.value) == text
    with pytest.raises(NetworkError, match="^Layer 'conv': sums must stay in the 16 bits of an "):
        execute(chain(Numbers(accumulator_width=16)), torch.zeros(1, 1, 6, 6, dtype=torch.int8))
    narrow = kind(1, 1, 1, bits=4)
    table = Table(name="t", inputs=("input",), output=narrow,
                  entries=torch.zeros(16, dtype=torch.int8))
    with pytest.raises(NetworkError, match="^inputs must hold integers from -8 to 7, not 8 to 8$"):
        execute(single(table, narrow, numbers=Numbers()),
                torch.full((1, 1, 1, 1), 8, dtype=torch.int8))
