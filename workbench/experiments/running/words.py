"""How a run stands, in the words that both doors use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.experiments.experiment import ModelWaited
from workbench.experiments.running import events


def progress(counts: Mapping[str, Any]) -> str:
    """`120/400 trials · 2 min left · 3 errors · 84 tok/s · 2,310 tokens + 9,400 of prompts`; it may be cut short."""
    parts = [f"{counts.get('trials', 0):,}/{counts.get('total', 0):,} trials"]
    if counts.get("paused"):
        parts.append("paused")
    if (left := counts.get("left")) is not None:
        parts.append(f"{span(left)} left")
    if counts.get("errors"):
        parts.append(f"{counts['errors']:,} errors")
    if speed := counts.get("tokens_per_s"):
        parts.append(f"{speed:,.0f} tok/s")
    prompts = f" + {counts['prompt_tokens']:,} of prompts" if counts.get("prompt_tokens") else ""
    parts.append(f"{counts.get('tokens', 0):,} tokens{prompts}")
    if counts.get("reused"):
        parts.append(f"{counts['reused']:,} from the history")
    return " · ".join(parts)


def span(seconds: float) -> str:
    """A time as a person says it: 42 s, 7 min, 3 h 20 min."""
    whole = round(seconds)
    if whole < 90:
        return f"{whole} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def narrated(event: events.ExperimentEvent) -> str:
    """The line that an event is worth, "" for none."""
    match event:
        case events.RunBegan(resumed=True):
            return f"run {event.run} goes on"
        case events.RunBegan():
            return f"run {event.run}: {event.total:,} trial{'s' if event.total != 1 else ''}"
        case ModelWaited():
            return f"{event.model} waits: {event.reason}"
        case events.WorkerRestarted():
            return f"{event.reason}: started again, {event.again} trials once more"
        case events.RunPaused():
            return f"paused: {event.reason}"
        case events.RunContinued():
            return "there is room again: going on"
    return ""


def share(found: Mapping[str, Any] | None) -> str:
    """`62 % (48–74)`, `–` for nothing that was checked."""
    if found is None:
        return "–"
    return f"{100 * found['value']:.0f} % ({100 * found['low']:.0f}–{100 * found['high']:.0f})"


def ended(summary: Mapping[str, Any]) -> str:
    """Why it ended, "" when it simply came to its end."""
    words = {"done": "", "decided": "stopped early: every pair has its verdict"}
    stopped, reason = str(summary["stopped"]), str(summary.get("reason", ""))
    if stopped == "budget":
        return f"the budget ended it: {reason}"
    return words.get(stopped, f"{stopped}: {reason}")
