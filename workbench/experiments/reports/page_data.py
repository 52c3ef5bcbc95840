"""What the page's script reads: every cell, and the texts of as many cases as a browser opens easily."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from workbench import safe
from workbench.experiments.reports import words
from workbench.experiments.reports.contents import Report
from workbench.experiments.results.columns import Cell
from workbench.experiments.results.matrix import failed, rows

LETTERS = 12_000_000  # of all texts together
ONE = 50_000  # of one text
CHUNK = 500_000  # letters of texts that are written at once
ENOUGH = 64  # trials of a case beyond which no more of its texts are shown; at least two of each variant


class Texts:
    """The texts of the cases, in parts; `without` is how many cases have none in the page, known at the end.

    Where the texts of all do not fit, those that failed or differ come first.
    """

    def __init__(self, report: Report) -> None:
        self._report = report
        self._left = LETTERS
        self.without = len(report.results.cases)

    def chunks(self) -> Iterator[dict[int, dict[str, Any]]]:
        """Case → `{"asked", "trials", "more"}`, a part of them at a time; a case is whole, or its `more` says how many
        trials are not there."""
        results = self._report.results
        count = len(results.cases)
        first = set(rows(results, show="differing")) | {case for case in range(count) if failed(results, case)}
        for part in (first, set(range(count)) - first):
            if self._left > 0 and part:
                yield from self._of(part)

    def _of(self, wanted: set[int]) -> Iterator[dict[int, dict[str, Any]]]:
        results = self._report.results
        most = max(ENOUGH, 2 * len(results.variants))
        ended: dict[int, dict[str, Any]] = {}
        begun: dict[int, dict[str, Any]] = {}
        seen: dict[int, int] = {}
        letters = 0
        for trial in self._report.trials():
            case = results.case(trial.get("case") or "")
            if case is None or case not in wanted:
                continue
            if case not in begun:
                if self._left <= 0:
                    break
                begun[case] = {"asked": _asked(trial), "trials": [], "more": 0}
                seen[case] = sum(cell.trials for cell in results.cells(case))
                letters += self._took(len(begun[case]["asked"]))
                self.without -= 1
            found = begun[case]
            if len(found["trials"]) < most:
                found["trials"].append(_told(trial))
                letters += self._took(len(found["trials"][-1]["text"]) + 200)
            else:
                found["more"] += 1
            seen[case] -= 1
            if not seen[case]:
                ended[case] = begun.pop(case)
                wanted.discard(case)
            if letters >= CHUNK:
                yield ended
                ended, letters = {}, 0
        if ended or begun:
            yield {**ended, **begun}

    def _took(self, letters: int) -> int:
        self._left -= letters
        return letters


def cells(report: Report) -> dict[str, Any]:
    """`cases` (names) and `columns` (by variant, case: trials, errors, judged, passes, score; null for none)."""
    results = report.results
    count = len(results.cases)
    return {
        "cases": [words.case_name(name) for name in results.cases],
        "columns": [[_numbers(column.cell(case)) for case in range(count)] for column in results.columns],
    }


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
        "foot": safe.line(" · ".join(filter(None, [*foot, str(trial.get("id") or "")]))),
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
