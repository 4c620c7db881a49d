"""The line that says what takes so long."""

import time

import pytest

from sparrow.flow import progress as module
from sparrow.flow.progress import progress


@pytest.mark.parametrize("delay, text", [(0.0, "waiting …\n"), (60.0, "")])
def test_a_line_for_what_takes_long(monkeypatch, capsys, delay, text):
    """Off a terminal; it stands by itself, and ends as no error does."""
    monkeypatch.setattr(module, "DELAY_SECONDS", delay)
    with progress("waiting"):
        time.sleep(0.2)
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", text)
