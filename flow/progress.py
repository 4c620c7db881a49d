"""A line on standard error that says what takes so long."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["progress", "progress_bar"]

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


@contextmanager
def progress_bar(text: str) -> Iterator[Callable[[float], None]]:
    """Show on standard error how much of something is done; yields a function of the share.

    On a terminal a bar with the time that is left; elsewhere as :func:`progress`.
    """
    if not sys.stderr.isatty():
        with progress(text):
            yield lambda share: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(text, total=1.0)
        yield lambda share: bar.update(task, completed=share)
