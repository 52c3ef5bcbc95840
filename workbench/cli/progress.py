"""One line on stderr that says how a headless run stands; nothing when stderr is no terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from workbench import safe
from workbench.cli import output
from workbench.experiments.experiment import (
    HistoryFailed,
    ModelLoading,
    ModelWaited,
    RunEvent,
    TrialAdvanced,
    TrialFinished,
    TrialFitted,
    TrialFitting,
    TrialPlan,
)


class Progress:
    """Feed it the run's events."""

    def __init__(self, plans: Sequence[TrialPlan]) -> None:
        self._labels = {plan.id: plan.variant.label for plan in plans}
        self._tokens = dict.fromkeys(self._labels, 0)
        self._done: set[str] = set()
        self._live = sys.stderr.isatty()
        self._next = 0.0
        self._drawn = False

    def see(self, event: RunEvent) -> None:
        """Take an event; redraws at most ten times a second."""
        match event:
            case ModelLoading():
                self._draw(f"loading {event.model} {event.fraction:.0%}")
            case ModelWaited():
                self.end()
                output.narrate(f"{event.model} waits: {event.reason}")
            case HistoryFailed():
                self.end()
                output.narrate(f"not in the history: {event.reason}")
            case TrialFitting():
                self._draw(f"{self._labels[event.trial]} is made to fit the context")
            case TrialFitted():
                self.end()
                output.narrate(f"{self._labels[event.trial]} {event.window.says()}")
            case TrialAdvanced():
                self._tokens[event.trial] += event.tokens
                self._draw(self._lanes())
            case TrialFinished():
                self._done.add(event.trial)
                self._draw(self._lanes())

    def _lanes(self) -> str:
        return "  ".join(
            f"{label} {self._tokens[trial]} tok{' ✓' if trial in self._done else ''}"
            for trial, label in self._labels.items()
        )

    def _draw(self, text: str) -> None:
        now = time.monotonic()
        if self._live and now >= self._next:
            self._next = now + 0.1
            self._drawn = True
            print("\r\x1b[K" + output.clip(safe.line(text), output.width() - 1), end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Take the line away."""
        if self._drawn:
            self._drawn = False
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
