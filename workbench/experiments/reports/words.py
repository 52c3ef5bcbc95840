"""What all formats say in the same words, ready to be shown: every text here has passed `safe`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench import safe
from workbench.experiments.reports.contents import Report
from workbench.experiments.results.against import VariantChange
from workbench.experiments.results.figures import Figures
from workbench.experiments.results.pairs import Pair
from workbench.experiments.statistics.estimates import Estimate
from workbench.experiments.statistics.verdicts import percent, signed

ANONYMOUS = "(the message)"  # a comparison's only case has no name
VARIANTS = ("label", "variant", "trials", "errors", "passed", "mean score", "tokens", "tok/s", "first token")
_ENDED = {
    "": "; it has not come to its end",
    "decided": "; it was stopped early, when every pair had its verdict",
    "budget": "; its budget ended it",
    "failed": "; it failed, and can go on: workbench run --resume",
}
PAIRS = ("pair", "difference at the end", "wins, losses, ties", "p (Holm)", "verdict after every case")


def case_name(name: str | None) -> str:
    """A case as it is shown."""
    return safe.line(name or ANONYMOUS)


def headline(report: Report) -> list[str]:
    """The run in a few lines: what was tried, why it ended, what came out."""
    results = report.results
    tried = f"{_count(len(results), 'trial')}: {_count(len(results.variants), 'variant')}"
    lines = [f"{tried} × {_count(len(results.cases), 'case')}"]
    if results.stopped != "done":
        lines[0] += _ENDED.get(results.stopped, f"; it ended: {safe.line(results.stopped)}")
    errors = sum(figures.errors for figures in results.figures)
    if errors:
        lines.append(
            f"{_count(errors, 'trial')} ended without an answer and {'has' if errors == 1 else 'have'} no score"
        )
    if not results.judged:
        lines.append("nothing was checked: there are no scores to compare")
    if running := sum(figures.running for figures in results.figures):
        lines.append(f"{_count(running, 'trial')} had not ended when this was written")
    return lines + [safe.line(note) for note in report.notes]


def variant_row(found: Figures) -> list[str]:
    """A variant under the headings of VARIANTS."""
    return [
        safe.line(found.variant.label),
        safe.line(found.variant.told()),
        f"{found.trials:,}",
        f"{found.errors:,}",
        share(found.passed),
        share(found.score),
        f"{found.tokens:,}",
        "–" if found.tokens_per_s is None else f"{found.tokens_per_s:.1f}",
        "–" if found.first_token_s is None else f"{found.first_token_s:.2f} s",
    ]


def pair_row(found: Pair) -> list[str]:
    """A pair under the headings of PAIRS."""
    once = found.once
    return [
        f"{safe.line(found.b)} against {safe.line(found.a)}",
        f"{signed(once.difference)} (from {signed(once.low)} to {signed(once.high)})",
        f"{once.wins}, {once.losses}, {once.ties}",
        chance(found.p),
        found.verdict.text,
    ]


def change_line(found: VariantChange) -> str:
    """A variant against the earlier run, in a sentence."""
    told = found.found
    was = "" if found.before == found.label else f" (was {safe.line(found.before)})"
    return (
        f"{safe.line(found.label)}{was}: {found.said}; {signed(told.difference)} "
        f"(from {signed(told.low)} to {signed(told.high)}, {_count(told.cases, 'case')}, p {chance(found.p)}); "
        f"{_count(len(found.worse), 'case')} worse, {len(found.better):,} better"
        + (f", {_count(len(found.broken), 'case')} in an error now" if found.broken else "")
    )


def reasons(trial: Mapping[str, Any]) -> list[str]:
    """Why a trial failed, a line each: its error, or the checks that did not pass."""
    lines = [safe.line(f"{trial['finish']}: {trial['error']}")] if trial.get("error") else []
    failed = [check for check in trial.get("checks") or [] if not check.get("passed")]
    return lines + [safe.line(f"{check.get('type', '')}: {check.get('reason', '')}") for check in failed]


def share(found: Estimate | None) -> str:
    """An estimate, or a dash where nothing was judged."""
    return "–" if found is None else percent(found)


def chance(p: float) -> str:
    """A p-value, never 0."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def clipped(text: str, most: int) -> str:
    """The beginning of a text, and how much of it is not here."""
    return text if len(text) <= most else f"{text[:most]}… ({len(text) - most:,} more characters)"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
