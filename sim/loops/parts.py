"""Parts whose constructors take something else than the accelerator's specification alone."""

from sparrow.hw.control.sequencer import ENGINES
from sparrow.hw.control.tokens import Tokens
from sparrow.hw.engines.transfer import BufferLoop, MemoryLoop
from sparrow.hw.spec.accelerator import AcceleratorSpec
from sparrow.hw.spec.commands import Engine

__all__ = ["buffer_loop", "memory_loop", "tokens"]


def memory_loop(*, spec: AcceleratorSpec) -> MemoryLoop:
    """The memory's side of LOAD; that of STORE is the same without unfolding."""
    return MemoryLoop(spec=spec, engine=Engine.LOAD)


def buffer_loop(*, spec: AcceleratorSpec) -> BufferLoop:
    """The buffer's side of LOAD, which keeps what it needs of a command."""
    return BufferLoop(spec=spec, engine=Engine.LOAD, keeps=True)


def tokens(*, spec: AcceleratorSpec) -> Tokens:
    """The tokens of an accelerator's engines, the same for every specification."""
    return Tokens(engines=len(ENGINES))
