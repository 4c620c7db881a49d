"""Commands as the hardware sees them, made from the one description in ``hw.spec.commands``."""

from amaranth.hdl import signed
from amaranth.lib import data

from ..spec.accelerator import AcceleratorSpec
from ..spec.commands import COMMAND_BYTES, COMMANDS, Command, Engine, Field, implemented_width

__all__ = ["command_layout", "engine_command", "field_width", "queue_width"]


def engine_command(engine: Engine) -> Command:
    """The command that an engine executes."""
    (kind,) = (kind for kind in COMMANDS if kind.engine is engine)
    return kind


def field_width(field: Field, spec: AcceleratorSpec) -> int:
    """Bits of a field that this accelerator has."""
    return implemented_width(field, **spec.field_sizes)


def queue_width(engine: Engine, spec: AcceleratorSpec) -> int:
    """Bits of an engine's commands that hold fields, in whole bus words."""
    used = max(field.low + field.width for field in engine_command(engine).fields
               if field_width(field, spec))
    return min(-(-used // spec.data_width) * spec.data_width, 8 * COMMAND_BYTES)


def command_layout(engine: Engine, spec: AcceleratorSpec) -> data.Layout:
    """The fields of an engine's commands in a row of its queue, as wide as they are implemented."""
    width = queue_width(engine, spec)
    return data.FlexibleLayout(width, {
        field.name: data.Field(_shape(field, spec), min(field.low, width))
        for field in engine_command(engine).fields})


def _shape(field: Field, spec: AcceleratorSpec):
    width = field_width(field, spec)
    return signed(width) if field.signed and width else width
