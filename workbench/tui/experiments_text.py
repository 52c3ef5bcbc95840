"""An experiment on the screen of experiments: its row, and its text at the right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from workbench import paths
from workbench.bars import bar
from workbench.experiments.looking import Look
from workbench.experiments.places import Entry
from workbench.experiments.running.words import ended, progress, share, span
from workbench.experiments.shelf import place_of
from workbench.tui.results_text import count

if TYPE_CHECKING:
    from workbench.tui.going import Going
from workbench.tui.widgets.card_list import Row

RUNS = 5  # last runs that are shown
VARIANTS = 12  # variants that are shown
_WIDE = 40


def entry_row(entry: Entry, state: str) -> Row:
    """Its name and title; at the right how it stands, else where it is."""
    kind = "label" if state else "dim"
    return [(entry.name, ""), (f"  {entry.title}" if entry.title else "", "dim")], [(state or place_of(entry), kind)]


def look_text(entry: Entry, look: Look) -> list[str]:
    """What the file plans; what is wrong with it comes first."""
    made = look.experiment
    lines = [(made.title if made else entry.title) or entry.name, paths.short(entry.path)]
    if look.problems:
        lines += ["", *(f"{'!' if problem.serious else '·'} {problem}" for problem in look.problems)]
    if made is None:
        return [*lines, "", "e opens it in your editor"]
    if made.description:
        lines += ["", *(" ".join(part.split()) for part in made.description.split("\n\n"))]
    if look.trials is not None:
        repeats = f" × {made.repeats} repeats" if made.repeats > 1 else ""
        variants, cases = count(len(made.variants), "variant"), count(look.cases or 0, "case")
        lines += ["", f"{variants} × {cases}{repeats} = {count(look.trials, 'trial')}"]
    lines.append(f"{made.mode}, {'coupled' if made.coupled else 'independent'} dice, seed {made.seed}")
    if made.stop == "decided":
        lines.append(f"stops when decided, differences from {100 * made.delta:g} points on")
    budget = made.budget
    limits = [
        *([span(budget.time)] if budget.time else []),
        *([f"{budget.tokens:,} tokens"] if budget.tokens else []),
        *([f"{budget.trials:,} trials"] if budget.trials else []),
    ]
    if limits:
        lines.append(f"budget: {', '.join(limits)}")
    lines.append("")
    for variant in made.variants[:VARIANTS]:
        told = " ".join(f"{name}={value}" for name, value in variant.sampling.items())
        prompt = variant.prompt.strip().splitlines()[0] if variant.prompt.strip() else "(no system prompt)"
        lines.append(" · ".join(part for part in (variant.label, prompt[:60], variant.model, told) if part))
    if len(made.variants) > VARIANTS:
        lines.append(f"… and {len(made.variants) - VARIANTS} more")
    if made.checks:
        lines += ["", "checks: " + ", ".join(check.type for check in made.checks)]
    elif not (made.case_file or any(case.checks for case in made.inline)):
        lines += ["", "no checks: nothing will be judged; e opens the file, add [[checks]]"]
    return lines


def going_text(going: Going, width: int) -> list[str]:
    """How a run of this app stands."""
    counts = going.counts
    if going.error:
        return ["", f"it did not run: {going.error}"]
    if not counts:
        return ["", going.doing]
    lines = ["", *_bar(counts, width)]
    if going.doing and not going.over:
        lines.append(going.doing)
    lines += [f"! {line}" for line in list(going.said)[1:]]
    lines += standing_text(going.summary or going.standing())
    if going.over and going.summary is None:
        lines.append("broken off: r goes on with it")
    return lines


def elsewhere_text(told: Mapping[str, Any], width: int) -> list[str]:
    """How a run of another process stands."""
    where = "in another workbench" if told.get("inside") else "in a process of its own"
    return ["", f"run {told.get('run', '')} goes on {where} ({told.get('pid')})", *_bar(told, width)]


def standing_text(summary: Mapping[str, Any]) -> list[str]:
    """A line for each variant, the verdict on each pair, why it ended."""
    rows = summary.get("variants", [])  # of a summary, or of brief.py: shares without their intervals
    wide = min(24, max((len(str(row["label"])) for row in rows), default=0))
    lines = [""]
    for row in rows:
        score = f"score {_value(row['score']):.2f}" if row["score"] is not None else "nothing checked"
        passed = f"passed {_passed(row['passed'])}" if row["passed"] is not None else ""
        parts = (passed, score, count(row["trials"], "trial"), count(row["errors"], "error") if row["errors"] else "")
        lines.append(f"{row['label']!s:<{wide}}  {' · '.join(part for part in parts if part)}")
    if pairs := summary.get("pairs", []):
        lines += ["", *(str(pair if isinstance(pair, str) else pair["text"]) for pair in pairs)]
    if summary.get("stopped") and (why := ended(summary)):
        lines += ["", why]
    return lines


def _value(found: Any) -> float:
    return float(found["value"] if isinstance(found, Mapping) else found)


def _passed(found: Any) -> str:
    return share(found) if isinstance(found, Mapping) else f"{100 * found:.0f} %"


def runs_text(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """The last runs out of the history, each with what came of it."""
    if not runs:
        return ["", "it has not run yet: r runs it"]
    lines = ["", "runs"]
    for run in runs[:RUNS]:
        meta = run["meta"]
        summary = meta.get("summary") or {}
        when = f"{datetime.fromisoformat(str(run['created'])).astimezone():%Y-%m-%d %H:%M}"
        stopped = meta.get("stopped") or "broken off"
        lines.append(
            f"{when}  {run['id'][:10]}  {stopped}, {count(summary.get('trials', 0), 'trial')}" if summary else ""
        )
        if not summary:
            lines[-1] = f"{when}  {run['id'][:10]}  {stopped}"
        lines += [f"    {pair['text']}" for pair in summary.get("pairs", [])[:3]]
    if len(runs) > RUNS:
        lines.append(f"… and {len(runs) - RUNS} more in the history (F4)")
    return lines


def _bar(counts: Mapping[str, Any], width: int) -> list[str]:
    total = int(counts.get("total") or 0)
    part = int(counts.get("trials") or 0) / total if total else 0.0
    return [bar(part, max(8, min(_WIDE, width - 2))), progress(counts)]
