"""How results are worded on the screen: a cell, a variant over its column, a trial whole with its checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workbench.experiments.results.against import CaseChange, VariantChange
from workbench.experiments.results.columns import Cell
from workbench.experiments.results.figures import Figures
from workbench.experiments.results.identity import shown
from workbench.experiments.statistics.estimates import Estimate
from workbench.experiments.statistics.verdicts import signed
from workbench.tui.history_text import trial_text

Part = tuple[str, str]  # text (untrusted), style class

_BRIEF = {"temperature": "t", "top_k": "k", "top_p": "p"}
ANONYMOUS = "(the message)"  # a comparison's only case has no name
LEGEND = "✓ all ◐ some ✗ none ! error"


def case_name(name: str) -> str:
    """A case as its row names it."""
    return name or ANONYMOUS


def cell_part(cell: Cell) -> Part:
    """A cell: a sign, how many of its repeats passed, the mean score where that says more, what has no answer.

    `✓ 3/3`, `◐ 2/3 0.67`, `✗ 0.40`, `! 1 error`, `… 2 run`.
    """
    if not cell.trials:
        return "", "dim"
    tail = (f" !{cell.errors}" if cell.errors else "") + (f" …{cell.running}" if cell.running else "")
    if cell.judged:
        kind = "good" if cell.passes == cell.judged else "mixed" if cell.passes else "bad"
        sign = {"good": "✓", "mixed": "◐", "bad": "✗"}[kind]
        score = cell.score or 0.0
        if cell.judged == 1:
            return f"{sign} {score:.2f}{tail}", kind
        more = "" if abs(score - cell.passes / cell.judged) < 0.005 else f" {score:.2f}"
        return f"{sign} {cell.passes}/{cell.judged}{more}{tail}", kind
    if cell.errors == cell.trials:
        return f"! {count(cell.errors, 'error')}", "error"
    if cell.running == cell.trials:
        return f"… {cell.running} run{'s' if cell.running == 1 else ''}", "dim"
    return f"· {cell.trials - cell.errors - cell.running}{tail}", "dim"


def difference(cells: Sequence[Cell]) -> Part:
    """Over two variants B - A in points of 100, signed; over more the spread; "" where fewer than two have a score."""
    means = [cell.score for cell in cells if cell.score is not None]
    if len(means) < 2:
        return "", "dim"
    if len(cells) == 2:
        found = round(100 * (means[1] - means[0]))
        return (f"{found:+d}" if found else "0"), ("" if found else "dim")
    found = round(100 * (max(means) - min(means)))
    return f"{found}", ("" if found else "dim")


def rate(found: Estimate | None) -> str:
    """`62 % (55–68)`: a pass rate with its 95 % interval."""
    if found is None:
        return "no checks"
    return f"{100 * found.value:.0f} % ({100 * found.low:.0f}–{100 * found.high:.0f})"


def short_name(figures: Figures, others: Sequence[Figures]) -> str:
    """What tells the variant from the others, briefly: its prompt where that does, else model and settings as well."""
    mine = figures.variant.settings
    rest = [each.variant.settings for each in others if each.variant.label != figures.variant.label]
    told: list[str] = []
    for name, value in mine.items():
        left = [other for other in rest if other.get(name) == value]
        if len(left) < len(rest) or not rest:
            short = shown(value)
            told.append(setting(name, short))
        rest = left
        if not rest:
            break
    return " ".join(sorted(told, key=len))  # the short ones are seen in a narrow column too


def setting(name: str, value: str) -> str:
    """A setting as a heading names it: `t0.7`, `k40`, `min_p=0.1`; of ids and models the last part."""
    if name in ("prompt", "model", "profile"):
        return value.rsplit("/", 1)[-1]
    return f"{_BRIEF[name]}{value}" if name in _BRIEF else f"{name}={value}"


def trial_whole(trial: Mapping[str, Any]) -> str:
    """A trial as one reads it: how it was judged, check by check, with reasons; then what was asked and answered."""
    return "\n".join([*_verdict(trial), "", trial_text(dict(trial))])


def trial_brief(trial: Mapping[str, Any]) -> str:
    """How it was judged and what it says: what one wants to see first."""
    return "\n".join([*_verdict(trial), "", str(trial.get("text") or "")])


def _verdict(trial: Mapping[str, Any]) -> list[str]:
    checks = trial.get("checks") or []
    finish = trial.get("finish") or "running"
    if finish == "running":
        return ["… has not ended"]
    if finish in ("error", "cancelled", "interrupted"):
        return [f"! {finish}: no answer to judge" + (f" ({trial['error']})" if trial.get("error") else "")]
    if not checks:
        return ["· no checks"]
    lines = [check_line(check) for check in checks]
    if trial.get("passed") is None:
        passed = all(check.get("passed") for check in checks if check.get("weight", 1.0) > 0)
    else:
        passed = bool(trial["passed"])
    score = f", score {trial['score']:.2f}" if trial.get("score") is not None else ""
    return [f"{'✓ passed' if passed else '✗ failed'}{score}", *lines]


def check_line(check: Mapping[str, Any]) -> str:
    """`  ✗ contains  0.00  ‘42’ is not in it`."""
    sign = "✓" if check.get("passed") else "✗"
    weight = check.get("weight", 1.0)
    measured = "  (measured only)" if weight == 0 else f"  ×{weight:g}" if weight != 1 else ""
    return f"  {sign} {check.get('type', '')!s:<14} {check.get('score') or 0:.2f}  {check.get('reason', '')}{measured}"


def trial_name(trial: Mapping[str, Any]) -> str:
    """`A 2`: variant and repeat, counted from one."""
    return f"{trial.get('variant') or ''} {int(trial.get('repeat') or 0) + 1}"


def sign_of(trial: Mapping[str, Any]) -> Part:
    """A trial's sign with its score."""
    finish = trial.get("finish") or "running"
    if finish == "running":
        return "… runs", "dim"
    if finish in ("error", "cancelled", "interrupted"):
        return f"! {finish}", "bad"
    if trial.get("score") is None:
        return "·", "dim"
    return (f"✓ {trial['score']:.2f}", "label") if trial.get("passed") else (f"✗ {trial['score']:.2f}", "bad")


def change_line(found: VariantChange) -> str:
    """A variant against the earlier run, in a sentence."""
    told = found.found
    was = "" if found.before == found.label else f" (was {found.before})"
    broken = (
        f"; {count(len(found.broken), 'case')} in an error now: {', '.join(found.broken[:3])}" if found.broken else ""
    )
    if not told.cases:
        return f"{found.label}{was}: no case was judged in both runs{broken}"
    chance = "< 0.001" if found.p < 0.001 else f"{found.p:.3f}"
    return (
        f"{found.label}{was}: {found.said}: {signed(told.difference)} (from {signed(told.low)} to {signed(told.high)})"
        f", {count(told.cases, 'case')}, p {chance}; {len(found.worse):,} worse, {len(found.better):,} better{broken}"
    )


def case_change(found: CaseChange) -> str:
    """`1.00 → 0.00`, and whether it passed before."""
    word = (" newly failed" if found.change < 0 else " passes now") if found.newly else ""
    return f"{found.before:.2f} → {found.after:.2f}{word}"


def count(number: int, what: str) -> str:
    """`1 case`, `2,000 cases`."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
