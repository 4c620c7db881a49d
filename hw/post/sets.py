"""Parameter sets of a requantizer, and what its lanes take in which step."""

from amaranth.hdl import Cat, Mux, Signal

from .layouts import scale_layout, tensor_layout

__all__ = ["chosen", "follow_tensor", "lanes_share", "load_parameters"]


def load_parameters(m, spec, parameters, error, memories, bank, committed, loaded):
    """Write scales and biases into the bank that isn't in use, until a set is committed."""
    payload = parameters.payload
    lanes, columns = spec.lanes, range(spec.columns)
    scale = Signal(scale_layout(spec))
    m.d.comb += [
        parameters.ready.eq(~committed),
        scale.mantissa.eq(payload.mantissa),
        scale.shift.eq(payload.shift),
    ]
    row = Cat(~bank, (payload.column.matches(*(c for c in columns if c // lanes >> bit & 1))
                      for bit in range((spec.steps - 1).bit_length())))
    parts = Signal(lanes)
    words = [scale.as_value(), *([payload.bias] if spec.bias else [])]
    for memory, word in zip(memories, words, strict=True):
        m.d.comb += [memory.write_data.eq(word.replicate(lanes)),
                     memory.write_address.eq(row), memory.write_enable.eq(parts)]
    with m.If(parameters.valid & parameters.ready):
        m.d.comb += parts.eq(
            Cat(payload.column.matches(*columns[lane::lanes]) for lane in range(lanes)))
        with m.If(payload.column >= len(columns)):
            m.d.sync += error.eq(1)
        with m.If(payload.commit):
            m.d.sync += [
                committed.eq(1),
                loaded.zero_point.eq(payload.zero_point),
                loaded.minimum.eq(payload.minimum),
                loaded.maximum.eq(payload.maximum),
            ]
            with m.If(payload.minimum > payload.maximum):
                m.d.sync += error.eq(1)


def lanes_share(spec, sums, step):
    """The lanes' sums in this step; any for a lane that has no column."""
    lanes = spec.lanes
    share = []
    for lane in range(lanes):
        share.append(chosen([sums[column] for column in range(lane, spec.columns, lanes)], step))
    return Cat(share)


def chosen(choices, number):
    """The choice of a number; any for one that isn't there."""
    for bit in number:
        choices = [pair[0] if len(pair) == 1 else Mux(bit, pair[1], pair[0])
                   for pair in (choices[i:i + 2] for i in range(0, len(choices), 2))]
    return choices[0]


def follow_tensor(m, spec, advance, take, begins, loaded):
    """The tensor's values for the last stage of the lanes, where they change with a vector.

    A register may be left out as long as a vector's steps keep the one before as it is. Beside
    them, of the last stages, whether a step there is its vector's first, the last one first.
    """
    tensor = Signal(tensor_layout(spec), name="tensor_0", reset_less=True)
    with m.If(take):
        m.d.sync += tensor.eq(loaded)
    stages = 2 + spec.bias
    single = spec.steps == 1
    kept = range(stages, 0, -spec.steps)
    followers: list[Signal] = []
    for stage in range(1, stages + 1):
        followed = Signal(name=f"begins_{stage}", reset_less=True)
        with m.If(advance):
            m.d.sync += followed.eq(begins)
        begins = followed
        followers.insert(0, begins)
        if stage in kept:
            kept_tensor = Signal.like(tensor, name=f"tensor_{stage}", reset_less=True)
            with m.If(advance & (single | begins)):
                m.d.sync += kept_tensor.eq(tensor)
            tensor = kept_tensor
    return tensor, followers
