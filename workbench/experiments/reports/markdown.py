"""Markdown: tables for a pull request or a wiki. Nothing untrusted is markup: it is escaped, or inside a fence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from workbench import safe
from workbench.experiments.reports import words
from workbench.experiments.reports.again import to_text
from workbench.experiments.reports.contents import Report
from workbench.experiments.results.matrix import rows

FAILED = 50  # cases that are shown with their reasons
LETTERS = 300  # of a failed answer
AGAIN = 40_000  # letters of JSON, beyond which the cases' messages are left out: a pull request takes 65,536
_BLOCK = re.compile(r"^(\d+)([.)])(?=\s|$)|^([-+=](?=\s|[-+=]*$))")  # what would begin a list or underline a heading
_MARKS = re.compile(r"([\\`*_\[\]<>|~&!#$])")


def lines(report: Report) -> Iterator[str]:
    """The document, a line or a block each."""
    results = report.results
    yield f"# {escaped(report.title or report.run)}\n"
    yield f"Run `{_code(report.run)}`, {escaped(report.created[:16].replace('T', ' '))} UTC\n"
    for line in words.headline(report):
        yield f"- {escaped(line)}"
    yield "\n## Variants\n"
    yield from table(words.VARIANTS, [words.variant_row(figures) for figures in results.figures])
    if results.pairs:
        yield "\n## Pairs\n"
        yield from table(words.PAIRS, [words.pair_row(pair) for pair in results.pairs])
    if report.against is not None:
        yield from _against(report)
    yield from _failed(report)
    again = to_text(report.again)
    if len(again) > AGAIN:
        again = to_text({**report.again, "cases": [], "left_out": len(results.cases)})
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", again)), default=0))
    yield "\n## To run it again\n"
    yield f"<details><summary>Files, models, settings, cases and seeds, as JSON</summary>\n\n{fence}json"
    yield f"{again}\n{fence}\n\n</details>"


def _against(report: Report) -> Iterator[str]:
    assert report.against is not None
    yield f"\n## Against run `{_code(report.baseline)}`\n"
    for change in report.against.variants:
        yield f"- {escaped(words.change_line(change))}"
    changed = [(change.label, case) for change in report.against.variants for case in change.worse[:FAILED]]
    if changed:
        yield "\nWorse:\n"
        cells = [
            [safe.line(label), words.case_name(c.case), f"{c.before:.2f}", f"{c.after:.2f}"] for label, c in changed
        ]
        yield from table(("label", "case", "before", "now"), cells)
    checks = [(change.label, check) for change in report.against.variants for check in change.checks]
    if checks:
        yield "\nChecks, the share that passed:\n"
        cells = [[safe.line(label), safe.line(c.check), _part(c.before), _part(c.after)] for label, c in checks]
        yield from table(("label", "check", "before", "now"), cells)


def _failed(report: Report) -> Iterator[str]:
    results = report.results
    wanted = rows(results, show="failed")
    if not wanted:
        return
    yield "\n## Cases that failed\n"
    if len(wanted) > FAILED:
        yield f"The first {FAILED} of {len(wanted):,}; the HTML report has all.\n"
    names = {results.cases[case] for case in wanted[:FAILED]}
    found = []
    for trial in report.trials():
        if (trial.get("case") or "") in names and (reasons := words.reasons(trial)):
            text = words.clipped(str(trial.get("text") or ""), LETTERS)
            found.append(
                [
                    words.case_name(trial.get("case")),
                    safe.line(trial["variant"] or ""),
                    "; ".join(reasons),
                    safe.line(text),
                ]
            )
    yield from table(("case", "label", "why", "answer"), found)


def table(head: Sequence[str], body: Sequence[Sequence[str]]) -> Iterator[str]:
    """A table, its cells escaped."""
    yield f"| {' | '.join(escaped(cell) for cell in head)} |"
    yield f"|{' --- |' * len(head)}"
    for row in body:
        yield f"| {' | '.join(escaped(cell) for cell in row)} |"


def escaped(text: str) -> str:
    """Untrusted text in one line that is nothing but text: no markup, no link, no mention."""
    line = _MARKS.sub(r"\\\1", safe.line(text).strip())
    line = line.replace("://", ":&#8203;//").replace("@", "&#64;").replace("www.", "www&#46;")
    return _BLOCK.sub(lambda found: f"{found[1] or ''}\\{found[2] or found[3]}", line)


def _code(text: str) -> str:
    return safe.line(text).replace("`", "ˋ")


def _part(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.0f} %"
