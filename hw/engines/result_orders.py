"""In which order the results of an output block come, for the loop over them.

An order goes through lines of pixels, and through parts of such lines. ``x`` counts the pixels of a
line from 1, ``y`` the lines of a part.
"""

from amaranth.hdl import Cat, Mux, Signal

__all__ = ["Parts", "Strips", "Whole"]


class Whole:
    """An output block whose pixels come line by line."""

    def __init__(self, m, limits, x, y):
        self.end_line = x == limits["out_width"]
        self.end_block = self.end_part = y == limits["out_height"]
        self.step, self.line_step = 1, limits["destination_row"]
        self.first_x = self.first_y = 1

    def turn(self, m, base, step, block_row):
        """Where the next part begins; there is none."""

    def begin(self, m, destination):
        """Begin with a command."""

    def go_on(self, m, end_block, following):
        """Begin with the next line or part."""


class Parts:
    """An output block whose pixels come line by line, or, tiled, in four parts of lines.

    Parts are told apart by ``odd``: their columns, their rows.
    """

    def __init__(self, m, limits, x, y):
        tiled = limits["winograd"]
        self._odd = Signal(2, name="odd", reset_less=True)
        self._part_row = Signal.like(limits["destination_row"], name="part_row", reset_less=True)
        self._destination_row = limits["destination_row"]
        ends, turns = Signal(2, name="part_ends"), Signal(2, name="turns")
        for number, (place, size) in enumerate(((x, limits["out_width"]),
                                                (y, limits["out_height"]))):
            before = (size - 1)[:len(size)]
            m.d.comb += [ends[number].eq((place == size) | (tiled & (place == before))),
                         turns[number].eq(tiled & ~self._odd[number] & (size != 1))]
        self.end_line, self.end_part, self._turns = ends[0], ends[1], turns
        self.end_block = ends[1] & ~turns.any()
        self.step, self.line_step = Mux(tiled, 2, 1), self._destination_row << tiled
        self._next = Signal(2, name="next_odd")
        m.d.comb += self._next.eq(Mux(ends[1], Mux(turns[0], Cat(1, self._odd[1]),
                                                   Cat(0, turns[1])), self._odd))
        self.first_x, self.first_y = self._next[0] + 1, self._next[1] + 1

    def turn(self, m, base, step, block_row):
        """Where the next part begins."""
        with m.If(self.end_part):
            m.d.comb += [base.eq(Mux(self._turns[0], self._part_row, block_row)),
                         step.eq(Mux(self._turns[0], 1, self._destination_row))]

    def begin(self, m, destination):
        """Begin with a command."""
        m.d.sync += [self._odd.eq(0), self._part_row.eq(destination)]

    def go_on(self, m, end_block, following):
        """Begin with the next line or part."""
        with m.If(self.end_part):
            m.d.sync += [self._part_row.eq(following), self._odd.eq(Mux(end_block, 0, self._next))]


class Strips:
    """An output block whose pixels come line by line, or, tiled, in strips of four rows.

    Of a strip they come column by column: its lines are columns of four pixels, or fewer in the
    last strip.
    """

    step = 1

    def __init__(self, m, limits, x, y):
        self._x, tiled = x, limits["winograd"]
        self._strip, self._strip_row = (Signal.like(like, name=name, reset_less=True)
                                        for like, name in ((x, "strip"), (
                                            limits["destination_row"], "strip_row")))
        self.line_step = self._destination_row = limits["destination_row"]
        ends = Signal(name="line_ends")
        m.d.comb += ends.eq(x == Mux(tiled, limits["out_height"], limits["out_width"]))
        self.end_line = ends | (tiled & (x[:2] == 0))
        self.end_part = y == Mux(tiled, limits["out_width"], limits["out_height"])
        self.end_block = self.end_part & ends
        self.first_x = Signal.like(x, name="first_x")
        self.first_y = 1
        # without tiles there is but the first strip: lines begin with its first pixel
        m.d.comb += self.first_x.eq(Mux(self.end_block, 1,
                                        Mux(self.end_part, x, self._strip) + 1))

    def turn(self, m, base, step, block_row):
        """Where the next part begins."""
        with m.If(self.end_part):
            m.d.comb += [base.eq(self._strip_row), step.eq(self._destination_row << 2)]

    def begin(self, m, destination):
        """Begin with a command."""
        m.d.sync += [self._strip.eq(0), self._strip_row.eq(destination)]

    def go_on(self, m, end_block, following):
        """Begin with the next line or part."""
        with m.If(self.end_part):
            m.d.sync += [self._strip_row.eq(following),
                         self._strip.eq(Mux(end_block, 0, self._x))]
