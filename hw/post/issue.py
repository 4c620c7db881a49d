"""When the steps of a requantizer's vectors go, and which rows of parameters they take."""

from amaranth.hdl import Cat, Const, Mux, Signal

from .layouts import first_pass

__all__ = ["issue_ahead", "issue_steps"]


def issue_steps(m, spec, vectors, memories, advance, bank, committed, controls, add):
    """Take the steps of the offered vector; the step, whether it goes, whether a set is taken.

    With biases, the row of scales is read a cycle after that of biases. ``add``: the vector is one
    that something is added to; None without additions.
    """
    step = Signal(range(spec.steps))
    unused = Signal(init=1)
    issue = Signal()
    may = Signal()
    switch = Signal()
    take = Signal()
    final = step == spec.steps - 1
    m.d.comb += [
        switch.eq((vectors.payload.first | unused) & ~step.any()),
        may.eq((committed | ~switch) & ~_waits(step, controls, vectors, add)),
        issue.eq(vectors.valid & may),
        take.eq(advance & issue & switch),
        vectors.ready.eq(advance & final & may),
    ]
    row, reads = Cat(bank ^ take, step), issue
    for memory in reversed(memories):
        m.d.comb += [memory.read_enable.eq(advance & reads), memory.read_address.eq(row)]
        later, follows = Signal.like(row, reset_less=True), Signal.like(reads)
        with m.If(advance):
            m.d.sync += [later.eq(row), follows.eq(reads)]
        row, reads = later, follows
    with m.If(advance & issue):
        m.d.sync += step.eq(Mux(final, 0, step + 1))
    with m.If(take):
        m.d.sync += [bank.eq(~bank), committed.eq(0), unused.eq(0)]
    return step, issue, take


def issue_ahead(m, spec, vectors, memories, bank, committed, controls, add):
    """The same for memories of two cycles: rows of biases are read in the cycle before their step.

    That is why the bank must be known by then: another set follows ``last``, and nothing else.
    """
    scales, biases = memories
    last_step = spec.steps - 1
    step, bank_next = Signal(range(spec.steps)), Signal()
    step_next = Signal.like(step)
    unused, settled = Signal(init=1), Signal()
    issue, may, take, final = Signal(), Signal(), Signal(), Signal()
    opens = Signal()  # the next step is to take a set
    m.d.comb += [
        final.eq(step == last_step),
        take.eq(issue & unused & ~step.any()),
        may.eq((settled | ~unused | step.any()) & ~_waits(step, controls, vectors, add)),
        issue.eq(vectors.valid & may), vectors.ready.eq(final & may),
        step_next.eq(Mux(issue, Mux(final, 0, step + 1), step)),
        opens.eq(Mux(issue, final & vectors.payload.last, unused & ~step.any())),
        bank_next.eq(bank ^ take ^ opens),
        biases.read_enable.eq(~opens | (committed & ~take)),
        biases.read_address.eq(Cat(bank_next, step_next)),
        scales.read_enable.eq(issue), scales.read_address.eq(Cat(bank ^ take, step)),
    ]
    m.d.sync += [step.eq(step_next), settled.eq(committed & ~take)]
    with m.If(take):
        m.d.sync += [bank.eq(~bank), committed.eq(0), unused.eq(0)]
    with m.If(issue & final & vectors.payload.last):
        m.d.sync += unused.eq(1)
    return step, issue, take


def _waits(step, controls, vectors, add):
    """Whether a step waits for sums of an addition, which go first.

    They follow the values that they come from after 4 cycles; a vector must not overtake them.
    """
    if add is None:
        return Const(0, 1)
    under_way = Cat(first_pass(control) for control in controls[:-1])
    first = add & vectors.payload.first
    return under_way[-1] | (~step.any() & (
        under_way.any() | (first & Cat(control.valid for control in controls).any())))
