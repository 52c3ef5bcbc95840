"""JUnit XML for CI: a suite for each variant, in it a test for each case; it fails where any of its trials did.

As the schema of Ant's JUnit task has it (windyroad/JUnit-Schema), which Jenkins, GitLab and the like read: a test has
an error, a failure or neither; times in seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from workbench.experiments.reports import words
from workbench.experiments.reports.again import to_text, xml_safe
from workbench.experiments.reports.contents import Report
from workbench.experiments.results.columns import Cell

LETTERS = 1000  # of a failed answer
ROOM = 20_000_000  # letters of reasons and failed answers in all; beyond it only how many trials failed is said
Why = dict[tuple[str, str], list[str]]  # variant, case → what to say of its failed trials


def lines(report: Report) -> Iterator[str]:
    """The document."""
    results = report.results
    why, times = _gathered(report)
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield "<testsuites>"
    stamp = (report.created or "1970-01-01T00:00:00")[:19]
    for number, variant in enumerate(results.variants):
        cells = [results.columns[number].cell(case) for case in range(len(results.cases))]
        states = [_state(cell) for cell in cells]
        counts = {state: states.count(state) for state in ("failure", "error", "skipped")}
        label = variant.label
        whole = sum(times.get((label, case), 0.0) for case in results.cases)
        yield (
            f"<testsuite name={_attr(label or 'variant')} package={_attr(report.title or report.run or 'run')} "
            f'id="{number}" timestamp="{stamp}" hostname="localhost" tests="{len(cells)}" '
            f'failures="{counts["failure"]}" errors="{counts["error"]}" skipped="{counts["skipped"]}" '
            f'time="{whole:.3f}">'
        )
        told = {"run": report.run, "variant": variant.told(), "passed": words.share(results.figures[number].passed)}
        yield "<properties>"
        for name, value in told.items():
            yield f'<property name="{name}" value={_attr(value)}/>'
        yield "</properties>"
        for name, cell, state in zip(results.cases, cells, states, strict=True):
            said = why.get((label, name), [])
            yield from _test(name, label, cell, state, said, times.get((label, name), 0.0))
        yield f"<system-out>{escape(to_text({'again': report.again})) if number == 0 else ''}</system-out>"
        yield "<system-err></system-err>"
        yield "</testsuite>"
    yield "</testsuites>"


def _test(name: str, label: str, cell: Cell, state: str, said: list[str], time: float) -> Iterator[str]:
    head = f'<testcase name={_attr(words.case_name(name))} classname={_attr(label or "variant")} time="{time:.3f}"'
    if state == "passed":
        yield f"{head}/>"
        return
    yield f"{head}>"
    if state == "skipped":
        yield "<skipped/>"
    else:
        counts = f"{cell.judged - cell.passes} of {cell.trials} trials failed" if state == "failure" else "no answer"
        first = said[0].partition("\n")[0] if said else ""
        message = f"{counts}: {first}" if first else counts
        text = escape(xml_safe("\n\n".join(said)))
        yield f'<{state} type="{"check" if state == "failure" else "trial"}" message={_attr(message)}>{text}</{state}>'
    yield "</testcase>"


def _state(cell: Cell) -> str:
    """An error goes before a failure: what was not answered was not judged either."""
    if cell.errors:
        return "error"
    if not cell.judged:
        return "skipped"  # it did not run, or nothing was checked
    return "failure" if cell.failed else "passed"


def _gathered(report: Report) -> tuple[Why, dict[tuple[str, str], float]]:
    """What to say of failed trials, and how long each cell's took; in one pass over the trials."""
    why: Why = {}
    times: dict[tuple[str, str], float] = {}
    room = ROOM
    for trial in report.trials():
        key = str(trial.get("variant") or ""), str(trial.get("case") or "")
        first, speed, tokens = (trial.get(name) or 0 for name in ("first_token_s", "tokens_per_s", "completion_tokens"))
        times[key] = times.get(key, 0.0) + first + (tokens / speed if speed else 0.0)
        if room > 0 and (reasons := words.reasons(trial)):
            repeat = f"repeat {trial['repeat']}, seed {trial.get('seed')}: " if trial.get("repeat") is not None else ""
            answer = words.clipped(str(trial.get("text") or ""), LETTERS)
            why.setdefault(key, []).append(f"{'; '.join(reasons)}\n{repeat}{answer}")
            room -= len(why[key][-1])
    return why, times


def _attr(text: str) -> str:
    return quoteattr(xml_safe(text).replace("\n", " "))
