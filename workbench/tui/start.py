"""The first paint: a plain skeleton of the screen, written before textual is imported; then the app takes over."""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.session import Session


def skeleton(columns: int, rows: int) -> str:
    """The frames of the first screen as the app will draw them, in plain characters."""
    if columns < 40 or rows < 10:
        return "workbench…"
    half = columns // 2
    height = rows - 9

    def row(left: str, fill: str, right: str) -> str:
        return left + fill * (half - 2) + right + left + fill * (columns - half - 2) + right

    lines = [" Compare │ F2 Library │ F4 History │ F12 Models"[:columns], row("┌", "─", "┐")]
    lines += [row("│", " ", "│")] * height
    lines += [row("└", "─", "┘"), "┌ message " + "─" * (columns - 11) + "┐"]
    lines += ["│" + " " * (columns - 2) + "│"] * 3
    lines += ["└" + "─" * (columns - 2) + "┘"]
    return "\r\n".join(lines)


def launch(library: list[str] | None = None) -> int:
    """Paint the skeleton, then run the app; returns the exit code."""
    try:
        columns, rows = os.get_terminal_size(sys.stdout.fileno())
    except OSError:
        columns, rows = 80, 24
    if os.environ.get("TERM", "dumb") == "dumb":
        sys.stderr.write("workbench: TERM is dumb: no full screen here — set TERM, or use workbench compare\n")
        return 2
    sys.stdout.write("\x1b[?1049h\x1b[H\x1b[2J\x1b[?25l" + skeleton(columns, rows))
    sys.stdout.flush()
    gc.disable()  # nothing of what is imported now is garbage; the app turns it on again
    try:
        from workbench.tui.app import run

        return run(lambda: _session(library))
    finally:
        sys.stdout.write("\x1b[?1049l\x1b[?25h")
        sys.stdout.flush()


def _session(library: list[str] | None) -> Session:
    from pathlib import Path

    from workbench.session import Session

    return Session(library=[Path(folder) for folder in library or ()])
