"""What `workbench run`, `attach` and `check` print: progress on stderr, results on stdout."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from workbench import safe
from workbench.cli import output
from workbench.errors import Exit

if TYPE_CHECKING:
    from workbench.experiments.running.events import ExperimentEvent


PROMPT, MODEL = 1, 2  # columns of the table
KEPT = 6  # columns that a narrow terminal keeps
LEAST = 8  # cells of a column that is cut


class Line:
    """One line on a terminal's stderr, drawn again at most five times a second; nothing where there is none."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._next = 0.0
        self._drawn = False

    def draw(self, text: str) -> None:
        """Show `text` in its place."""
        now = time.monotonic()
        if self._live and now >= self._next:
            self._next, self._drawn = now + 0.2, True
            print("\r\x1b[K" + output.clip(safe.line(text), output.width() - 1), end="", file=sys.stderr, flush=True)

    def say(self, text: str) -> None:
        """A line that stays."""
        self.end()
        output.narrate(text)

    def end(self) -> None:
        """Take it away."""
        if self._drawn:
            self._drawn, self._next = False, 0.0
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def progress(counts: Mapping[str, Any]) -> str:
    """`120/400 trials · 3 errors · 2,310 tokens · 84 tok/s · 2 min left`."""
    parts = [f"{counts.get('trials', 0):,}/{counts.get('total', 0):,} trials"]
    if counts.get("reused"):
        parts.append(f"{counts['reused']:,} from the history")
    if counts.get("errors"):
        parts.append(f"{counts['errors']:,} errors")
    parts.append(f"{counts.get('tokens', 0):,} tokens")
    if speed := counts.get("tokens_per_s"):
        parts.append(f"{speed:,.0f} tok/s")
    if (left := counts.get("left")) is not None:
        parts.append(f"{span(left)} left")
    if counts.get("paused"):
        parts.append("paused")
    return " · ".join(parts)


def span(seconds: float) -> str:
    """A time as a person says it: 42 s, 7 min, 3 h 20 min."""
    whole = round(seconds)
    if whole < 90:
        return f"{whole} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def narrated(event: ExperimentEvent) -> str:
    """The line that an event is worth, "" for none."""
    from workbench.experiments.experiment import ModelWaited
    from workbench.experiments.running import events

    match event:
        case events.RunBegan(resumed=True):
            return f"run {event.run} goes on"
        case events.RunBegan():
            return f"run {event.run}: {event.total:,} trials"
        case ModelWaited():
            return f"{event.model} waits: {event.reason}"
        case events.WorkerRestarted():
            return f"{event.reason}: started again, {event.again} trials once more"
        case events.RunPaused():
            return f"paused: {event.reason}"
        case events.RunContinued():
            return "there is room again: going on"
    return ""


def table(summary: Mapping[str, Any]) -> Iterator[str]:
    """A line for each variant, then each pair's verdict in words, then why it ended.

    As wide as the terminal; where there is none, names stand whole for who reads a log.
    """
    width = output.width()
    rows = [("", "prompt", "model", "passed", "score", "trials", "tokens", "tok/s"), *map(_row, summary["variants"])]
    yield from _columns([[safe.line(cell) for cell in row] for row in rows], width if output.on_terminal() else None)
    for pair in summary["pairs"]:
        yield from output.wrap(pair["text"], width)
    ended = {"done": "", "decided": "stopped early: every pair has its verdict", "budget": "the budget ended it"}
    stopped = summary["stopped"]
    if words := ended.get(stopped, f"{stopped}: {summary.get('reason', '')}"):
        yield safe.line(words if stopped != "budget" else f"{words}: {summary.get('reason', '')}")
    if summary.get("reused"):
        yield f"{summary['reused']:,} of {summary['trials']:,} trials were taken from the history"


def _row(found: Mapping[str, Any]) -> tuple[str, ...]:
    prompt = f"{found['prompt']}@{found['version'][:4]}".rstrip("@") if found["prompt"] else "(typed)"
    point = " ".join(f"{name}={value}" for name, value in found["point"].items() if name not in ("prompt", "model"))
    errors = f" ({found['errors']} errors)" if found["errors"] else ""
    return (
        str(found["label"]),
        f"{point} {prompt}".strip(),
        str(found["model"]),
        share(found["passed"]),
        f"{found['score']['value']:.2f}" if found["score"] else "–",
        f"{found['trials']:,}{errors}",
        f"{found['tokens']:,}",
        f"{found['tokens_per_s']:.0f}" if found["tokens_per_s"] else "–",
    )


def _columns(rows: list[list[str]], width: int | None) -> Iterator[str]:
    """Rows of a table at most so wide. For the prompt's room the model is cut first, then speed and tokens go."""
    widths = [max(map(output.cells, column)) for column in zip(*rows, strict=True)]

    def over() -> int:
        return sum(widths) + 2 * (len(widths) - 1) - width if width is not None else 0

    widths[MODEL] = max(min(LEAST, widths[MODEL]), widths[MODEL] - max(0, over()))
    while over() > 0 and len(widths) > KEPT:
        widths.pop()
    widths[PROMPT] = max(min(LEAST, widths[PROMPT]), widths[PROMPT] - max(0, over()))
    for row in rows:
        cells = (output.pad(output.clip(cell, wide), wide) for cell, wide in zip(row, widths, strict=False))
        yield "  ".join(cells).rstrip()


def share(found: Mapping[str, Any] | None) -> str:
    """`62 % (48–74)`, `–` for nothing that was checked."""
    if found is None:
        return "–"
    return f"{100 * found['value']:.0f} % ({100 * found['low']:.0f}–{100 * found['high']:.0f})"


def exit_of(summary: Mapping[str, Any]) -> int:
    """The exit code that a run's summary stands for: 3 engine failed, 1 checks failed, else 0."""
    nothing = summary["trials"] and summary["errors"] == summary["trials"]
    checked = any(found["score"] for found in summary["variants"])
    if summary["stopped"] == "failed" or nothing or (summary["errors"] and not checked):
        return Exit.ENGINE
    return Exit.CHECKS_FAILED if summary["failed"] or summary["errors"] else Exit.OK
