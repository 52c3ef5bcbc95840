"""JSON lines: a TRIAL each, then the summary, then what runs it again. `rows.from_json` reads the trials back."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.experiments.reports.again import to_text
from workbench.experiments.reports.contents import Report
from workbench.experiments.results.against import to_json
from workbench.history.exporting import line


def lines(report: Report) -> Iterator[str]:
    """The lines, without their ends."""
    yield from map(line, report.trials())
    summary = report.results.summary()
    if report.against is not None:
        summary["summary"]["against"] = {"run": report.baseline, **to_json(report.against)}
    yield line(summary)
    yield to_text({"again": report.again}, indent=None)
