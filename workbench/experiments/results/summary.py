"""The results as JSON: the shape that docs/reports.md promises. More keys may come, none is renamed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.experiments.results.figures import Figures
from workbench.experiments.results.pairs import Pair
from workbench.experiments.statistics.estimates import Estimate

if TYPE_CHECKING:
    from workbench.experiments.results.results import Results


def of(results: Results) -> dict[str, Any]:
    """`{"variants", "pairs", "stopped", "trials", "cases"}`; shares 0…1, times in seconds, differences b - a."""
    return {
        "variants": [variant(each) for each in results.figures],
        "pairs": [pair(each) for each in results.pairs],
        "stopped": results.stopped or None,
        "trials": len(results),
        "cases": len(results.cases),
    }


def variant(found: Figures) -> dict[str, Any]:
    """A variant's line."""
    return {
        "label": found.variant.label,
        "prompt": found.variant.prompt,
        "version": found.variant.version,
        "profile": found.variant.profile or None,
        "model": found.variant.model,
        "sampling": dict(found.variant.sampling),
        "trials": found.trials,
        "errors": found.errors,
        "running": found.running,
        "passed": estimate(found.passed),
        "score": estimate(found.score),
        "tokens": found.tokens,
        "tokens_per_s": found.tokens_per_s,
        "first_token_s": found.first_token_s,
        "checks": [
            {"check": name, "verdicts": count, "passed": passed, "score": score}
            for name, (count, passed, score) in found.checks.items()
        ],
    }


def pair(found: Pair) -> dict[str, Any]:
    """A pair's line: the verdict as it stood after every case, and `once`, the look at the end."""
    once = found.once
    return {
        **vars(found.verdict),
        "a": found.a,
        "b": found.b,
        "once": {
            "cases": once.cases,
            "difference": once.difference,
            "low": once.low,
            "high": once.high,
            "resampled": list(once.resampled),
            "wins": once.wins,
            "losses": once.losses,
            "ties": once.ties,
            "p": once.p,
            "p_holm": found.p,
        },
    }


def estimate(found: Estimate | None) -> dict[str, Any] | None:
    """`{"value", "low", "high", "cases"}`, or None where nothing was judged."""
    if found is None:
        return None
    return {"value": found.value, "low": found.low, "high": found.high, "cases": found.cases}
