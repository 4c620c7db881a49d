"""A line on standard error that says what takes so long."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["progress"]

DELAY_SECONDS = 2.0


@contextmanager
def progress(text: str) -> Iterator[None]:
    """Tell on standard error what is being done, once it has taken two seconds.

    On a terminal a spinner that vanishes afterwards; elsewhere one plain line that ends in ``…``,
    which tells it from the line about an error.
    """
    if sys.stderr.isatty():
        from rich.console import Console

        status = Console(stderr=True).status(text)
        start, stop = status.start, status.stop
    else:
        def start() -> None:
            print(f"{text} …", file=sys.stderr, flush=True)

        def stop() -> None:
            pass

    timer = threading.Timer(DELAY_SECONDS, start)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        stop()
