"""Errors that are answered with one line, not with a traceback."""

__all__ = ["UserError"]


class UserError(Exception):
    """The user asked for something that can't be done.

    The text is one line: the subject, what it must be, and the value that was given.
    """
