"""CSV, a trial each: with its wording, model, settings and seed, so that each line can be run again by itself.

A text that a spreadsheet would take for a formula gets an apostrophe before it, and so does one that begins with an
apostrophe: take one away and you have the text again. Control codes are pictures; JSON lines have the exact texts.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

from workbench import safe
from workbench.experiments.reports.again import to_text
from workbench.experiments.reports.contents import Report
from workbench.experiments.results.identity import differing
from workbench.experiments.results.rows import row_of

COLUMNS = (
    *("id", "run", "variant", "case", "repeat", "passed", "score", "finish", "error", "text", "checks"),
    *("prompt_tokens", "completion_tokens", "first_token_s", "tokens_per_s"),
    *("prompt", "version", "profile", "model", "model_file", "model_size", "model_sha256", "load", "sampling", "seed"),
    *("mode", "coupled", "lead", "messages", "workbench", "llama_cpp_python"),
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "'")  # OWASP's list for CSV injection


def lines(report: Report) -> Iterator[str]:
    """A header, then a line each."""
    sums = {each["label"]: each["model"]["sha256"] for each in report.again.get("variants", [])}
    made_with = report.again.get("made_with", {})
    yield _line(COLUMNS)
    for trial in report.trials():
        row = row_of(trial)
        known = {
            **trial,
            **made_with,
            "passed": row.passed,
            "score": row.score,
            "sampling": differing(trial.get("sampling") or {}),
            "model_file": PurePath(str(trial.get("path") or "")).name,
            "model_sha256": sums.get(trial.get("variant")),
        }
        yield _line([cell(known.get(name)) for name in COLUMNS])


def cell(value: Any) -> str:
    """A value as text: JSON for what is no text, "" for None."""
    if value is None:
        return ""
    if isinstance(value, bool | int | float):
        return str(value).lower() if isinstance(value, bool) else str(value)
    if isinstance(value, Mapping | list | tuple):
        return to_text(value, indent=None)
    text = safe.text(str(value))
    return f"'{text}" if text.startswith(_FORMULA) else text


def _line(values: Any) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(values)  # its line end says which characters are quoted: it must have one
    return out.getvalue().removesuffix("\r\n")
