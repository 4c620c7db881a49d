"""Numbers as they are printed."""

__all__ = ["grouped"]


def grouped(number: float, form: str = "{:,}") -> str:
    """A number with a space between thousands; ``form`` is a format whose separator is a comma."""
    return form.format(number).replace(",", " ")
