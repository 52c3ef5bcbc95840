"""The formats of a report, by name and by the end of a file's name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

from workbench.errors import UsageError
from workbench.experiments.reports.contents import Report

NAMES = ("html", "markdown", "csv", "jsonl", "junit")
_SUFFIXES = {
    **{".html": "html", ".htm": "html", ".md": "markdown", ".markdown": "markdown"},
    **{".csv": "csv", ".jsonl": "jsonl", ".xml": "junit"},
}


def of_file(path: Path) -> str:
    """The format that a file of this name has. Raises UsageError where its end says nothing."""
    try:
        return _SUFFIXES[path.suffix.lower()]
    except KeyError:
        what = f"the name does not say which format ({path.suffix or 'no ending'})"
        raise UsageError(what, where=str(path), hint=", ".join(_SUFFIXES)) from None


def lines(report: Report, format: str) -> Iterator[str]:
    """The report in a format, in parts of a line or more. Raises UsageError for an unknown one, StorageError."""
    if format not in NAMES:
        raise UsageError(f"{format} is no format", hint=", ".join(NAMES))
    module = import_module(f"workbench.experiments.reports.{format}")
    make: Callable[[Report], Iterator[str]] = module.lines
    return make(report)


def write(report: Report, format: str, path: Path, *, over: bool = False) -> None:
    """Write it to a file, whole or not at all. Raises UsageError when one is there and not `over`, StorageError."""
    from workbench.history import exporting

    exporting.write(path, lines(report, format), over=over, mode=0o644)  # it is made to be shown to others
