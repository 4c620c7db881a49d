"""What is wrong with a weight stream."""

__all__ = ["StreamError"]


class StreamError(ValueError):
    """A weight stream isn't well formed; the text is one line."""
