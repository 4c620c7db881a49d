"""Reports: what a run has found, as one page of HTML to read, print and pass on."""

from pathlib import Path

from sparrow.flow.files import write_atomically
from sparrow.flow.report.model import Report
from sparrow.flow.report.page import page
from sparrow.flow.report.read import read_report

__all__ = ["PAGE", "Report", "page", "read_report", "write_report"]

PAGE = "report.html"


def write_report(source: Path, target: Path | None = None) -> Path:
    """Write the page of a run or a profile, whole or not at all.

    Parameters
    ----------
    source
        As in :func:`~sparrow.flow.report.read.read_report`.
    target
        The page; by default ``report.html`` in the run's folder, or beside the file.

    Returns
    -------
    Path
        Of the page.

    Raises
    ------
    UserError
        If the source can't be read.
    OSError
        If the page can't be written.
    """
    if target is None:
        target = (source if source.is_dir() else source.parent) / PAGE
    return write_atomically(target, page(read_report(source)))
