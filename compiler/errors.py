"""What the compiler refuses."""

__all__ = ["CompileError", "refuse", "require_range"]


class CompileError(ValueError):
    """A network can't run on an accelerator.

    The text is one line: the layer, the subject, what it must be, and what it is.
    """


def refuse(layer: str, subject: str, requirement: object, value: object) -> CompileError:
    """The error ``Layer '<layer>': <subject> must be <requirement>, not <value>``."""
    return CompileError(f"Layer {layer!r}: {subject} must be {requirement}, not {value}")


def require_range(layer: str, subject: str, value: int, low: int, high: int) -> None:
    """Check that a number is in ``low`` to ``high``, both included."""
    if not low <= value <= high:
        raise refuse(layer, subject, f"{low} to {high}", value)
