"""What `workbench run`, `attach` and `check` print: progress on stderr, results on stdout."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any

from workbench import safe
from workbench.cli import output
from workbench.errors import Exit

PROMPT, MODEL = 1, 2  # columns of the table
KEPT = 6  # columns that a narrow terminal keeps
TYPED = 30  # letters of a text that was typed
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


def table(summary: Mapping[str, Any]) -> Iterator[str]:
    """A line for each variant, then each pair's verdict in words, then why it ended.

    As wide as the terminal; where there is none, names stand whole for who reads a log.
    """
    from workbench.experiments.running.words import ended

    width = output.width()
    rows = [("", "prompt", "model", "passed", "score", "trials", "tokens", "tok/s"), *map(_row, summary["variants"])]
    yield from _columns([[safe.line(cell) for cell in row] for row in rows], width if output.on_terminal() else None)
    for pair in summary["pairs"]:
        yield from output.wrap(pair["text"], width)
    if words := ended(summary):
        yield safe.line(words)
    if summary.get("reused"):
        yield f"{summary['reused']:,} of {summary['trials']:,} trials were taken from the history"


def _row(found: Mapping[str, Any]) -> tuple[str, ...]:
    from workbench.experiments.running.words import share

    typed = " ".join(str(found["point"].get("prompt") or "").split())  # of a grid over texts the text tells
    prompt = f"{found['prompt']}@{found['version'][:4]}".rstrip("@") if found["prompt"] else ""
    prompt = prompt or (f'"{output.clip(typed, TYPED)}"' if typed else "(typed)")
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


def exit_of(summary: Mapping[str, Any]) -> int:
    """The exit code that a run's summary stands for: 3 engine failed, 1 checks failed, else 0."""
    nothing = summary["trials"] and summary["errors"] == summary["trials"]
    checked = any(found["score"] for found in summary["variants"])
    if summary["stopped"] == "failed" or nothing or (summary["errors"] and not checked):
        return Exit.ENGINE
    return Exit.CHECKS_FAILED if summary["failed"] or summary["errors"] else Exit.OK
