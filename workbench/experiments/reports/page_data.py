"""What the page's script reads: every cell, and the texts of as many cases as a browser opens easily."""

from __future__ import annotations

from typing import Any

from workbench import safe
from workbench.experiments.reports import words
from workbench.experiments.reports.report import Report
from workbench.experiments.results.columns import Cell
from workbench.experiments.results.matrix import failed, rows

LETTERS = 12_000_000  # of all texts together
ONE = 50_000  # of one text
ENOUGH = 20  # texts beyond which a case's siblings are not shown: variants times repeats


def data(report: Report) -> dict[str, Any]:
    """`cases` (names), `columns` (by variant, case: trials, errors, judged, passes, score), `trials` and `asked` by case.

    Where the texts of all do not fit, those that failed or differ come first.
    """
    results = report.results
    count = len(results.cases)
    trials: dict[int, list[dict[str, Any]]] = {}
    asked: dict[int, str] = {}
    left = LETTERS
    first = set(rows(results, show="differing")) | {case for case in range(count) if failed(results, case)}
    for part in (first, set(range(count)) - first):
        if left > 0 and part:
            left = _read(report, part, trials, asked, left)
    return {
        "cases": [words.case_name(name) for name in results.cases],
        "columns": [[_numbers(column.cell(case)) for case in range(count)] for column in results.columns],
        "trials": trials,
        "asked": asked,
    }


def _read(
    report: Report, wanted: set[int], trials: dict[int, list[dict[str, Any]]], asked: dict[int, str], left: int
) -> int:
    """Take in the trials of these cases while there is room; a case is taken whole. How much room is left."""
    most = max(ENOUGH, 2 * len(report.results.variants))
    for trial in report.trials():
        case = report.results.case(trial.get("case") or "")
        if case is None or case not in wanted:
            continue
        if case not in trials:
            if left <= 0:
                break
            trials[case] = []
            asked[case] = _asked(trial)
            left -= len(asked[case])
        if len(trials[case]) < most:
            trials[case].append(_told(trial))
            left -= len(trials[case][-1]["text"]) + 200
    return left


def _numbers(cell: Cell) -> list[Any] | None:
    if not cell.trials:
        return None
    score = None if cell.score is None else round(cell.score, 4)
    return [cell.trials, cell.errors, cell.judged, cell.passes, score]


def _told(trial: dict[str, Any]) -> dict[str, Any]:
    speed = f"{trial['tokens_per_s']:.1f} tok/s" if trial.get("tokens_per_s") is not None else ""
    first = f"first {trial['first_token_s']:.2f} s" if trial.get("first_token_s") is not None else ""
    seed = f"seed {trial['seed']}" if trial.get("seed") is not None else ""
    foot = [f"{trial.get('completion_tokens') or 0} tok", speed, first, seed, str(trial.get("finish") or "")]
    repeat = f", repeat {trial['repeat']}" if trial.get("repeat") else ""
    return {
        "head": safe.line(f"{trial.get('variant') or ''}{repeat}"),
        "foot": safe.line(" · ".join(filter(None, foot))),
        "text": safe.text(words.clipped(str(trial.get("text") or ""), ONE)),
        "error": safe.line(str(trial["error"])) if trial.get("error") else "",
        "checks": [
            [bool(check.get("passed")), safe.line(f"{check.get('type', '')}: {check.get('reason', '')}")]
            for check in trial.get("checks") or []
        ],
    }


def _asked(trial: dict[str, Any]) -> str:
    messages = trial.get("messages") or []
    text = "\n\n".join(f"[{message.get('role', '')}] {message.get('content', '')}" for message in messages)
    return safe.text(words.clipped(text, ONE))
