"""The commands that wait in front of an engine, and the way from one to the next."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..memory import TwoPortMemory
from ..spec.accelerator import AcceleratorSpec
from ..spec.commands import TOKENS, Engine
from .layout import command_layout, queue_width

__all__ = ["CommandQueue"]


class CommandQueue(wiring.Component):
    """Holds commands, waits for their tokens, starts the engine, gives their tokens.

    A command is written word by word into a memory. The command in execution stays in the memory's
    read register, so that it costs no flip-flops. An engine that needs it no more releases it and
    can be given the next one before it has completed the first.

    Parameters
    ----------
    engine : Engine
        Whose commands.
    spec : AcceleratorSpec
        ``queue_depth``: commands, the one in execution not counted; ``data_width``;
        ``memory_latency``.

    Members
    -------
    write : ``In(1)``, ``write_index``, ``write_data``
        A word of the command that is being written; ``write_last`` completes it. Words beyond the
        command's fields are dropped. Only while not ``full``.
    full : ``Out(1)``
        No room for another command.
    take, give : ``Out(TOKENS)``, ``tokens_done`` : ``In(1)``
        To :class:`.tokens.Tokens`.
    command : ``Out(command_layout)``
        The command in execution.
    start : ``Out(1)``
        Its first cycle.
    released : ``In(1)``
        The engine needs ``command`` no more and can take the next one; from the cycle after
        ``start`` at the earliest, until the next ``start``.
    done : ``In(1)``
        A command is complete, the oldest of those that were started; a pulse for each. At most one
        command is started while a released one is incomplete or has tokens to give, and none that
        is ``ordered``.
    held : ``Out(1)``
        The next command is ``ordered`` and waits for one that is incomplete.
    empty : ``Out(1)``
        No command waits, is in execution, or is incomplete.
    retire : ``Out(1)``
        A command with ``retire`` is complete.

    Notes
    -----
    Latency: ``start`` 2 cycles after the last word is written into an empty queue, and 2 cycles
    after the ``released`` before, if its tokens are there and no other engine is served first. Both
    one more if the memory's reads take 2 cycles. Tokens are given from the cycle after ``released``
    and ``done`` on.
    """

    def __init__(self, *, engine: Engine, spec: AcceleratorSpec):
        self._engine, self._depth = engine, spec.queue_depth
        data_width = self._data_width = spec.data_width
        self._latency = spec.memory_latency
        self._words = queue_width(engine, spec) // data_width
        super().__init__({
            "write": In(1),
            "write_index": In(4),
            "write_data": In(data_width),
            "write_last": In(1),
            "full": Out(1),
            "take": Out(TOKENS),
            "give": Out(TOKENS),
            "tokens_done": In(1),
            "command": Out(command_layout(engine, spec)),
            "start": Out(1),
            "released": In(1),
            "done": In(1),
            "held": Out(1),
            "empty": Out(1),
            "retire": Out(1),
        })

    @property
    def engine(self) -> Engine:
        """Whose commands."""
        return self._engine

    @property
    def depth(self) -> int:
        """Commands that can wait."""
        return self._depth

    def elaborate(self, platform):
        m = Module()
        memory = TwoPortMemory(name=f"{self._engine.value}_commands", depth=self._depth,
                               width=self._data_width, parts=self._words,
                               read_latency=self._latency)
        memory.place(m, platform, "memory")
        head, tail = Signal(range(self._depth)), Signal(range(self._depth))
        level = Signal(range(self._depth + 1))
        pushed, popped = Signal(), Signal()
        m.d.comb += [
            pushed.eq(self.write & self.write_last),
            self.full.eq(level == self._depth),
            memory.write_enable.eq(Cat(self.write & (self.write_index == word)
                                       for word in range(self._words))),
            memory.write_address.eq(tail),
            memory.write_data.eq(self.write_data.replicate(self._words)),
            memory.read_address.eq(head),
            memory.read_enable.eq(popped),
            self.command.eq(memory.read_data),
        ]
        m.d.sync += level.eq(level + pushed - popped)
        for pointer, move in ((tail, pushed), (head, popped)):
            with m.If(move):
                m.d.sync += pointer.eq(Mux(pointer == self._depth - 1, 0, pointer + 1))
        running = Signal()
        pending, giving = self._complete(m, running)
        self._execute(m, level, popped, running, pending, giving)
        return m

    def _complete(self, m, running):
        """Give the tokens of the released command when it is complete.

        Returns
        -------
        pending, giving : Signal, Signal
            There is a released command that isn't complete; its tokens are on offer.
        """
        command = data.View(self.command.shape(), self.command.as_value())
        signal = Signal(TOKENS, reset_less=True)
        retire = Signal(reset_less=True)
        finished = Signal(2)
        released, pending, giving, gone = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            giving.eq(pending & finished.any() & signal.any()),
            gone.eq(pending & finished.any() & (~signal.any() | self.tokens_done)),
            self.give.eq(Mux(giving, signal, 0)),
            self.retire.eq(gone & retire),
            released.eq(running & self.released & ~pending),
        ]
        m.d.sync += [finished.eq(finished + self.done - gone),
                     pending.eq(released | (pending & ~gone))]
        with m.If(released):
            m.d.sync += [signal.eq(command.signal), retire.eq(command.retire)]
        return pending, giving

    def _execute(self, m, level, popped, running, pending, giving):
        """Fetch the next command, take its tokens, let it run until it is released."""
        command = data.View(self.command.shape(), self.command.as_value())
        with m.FSM():
            with m.State("idle"):
                m.d.comb += [popped.eq(level != 0), self.empty.eq((level == 0) & ~pending)]
                with m.If(popped):
                    m.next = "wait" if self._latency == 1 else "read"
            if self._latency == 2:
                with m.State("read"):
                    m.next = "wait"
            with m.State("wait"):
                ordered = command.ordered if self._engine is Engine.COMPUTE else Const(0, 1)
                m.d.comb += [
                    self.held.eq(ordered & pending),
                    self.take.eq(Mux(giving | self.held, 0, command.wait)),
                    self.start.eq(~self.held & ((command.wait == 0)
                                                | (self.tokens_done & ~giving))),
                ]
                with m.If(self.start):
                    m.next = "run"
            with m.State("run"):
                m.d.comb += running.eq(1)
                with m.If(self.released & ~pending):
                    m.next = "idle"
