"""Verdicts on a pair, in words and numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workbench.experiments.statistics.estimates import Estimate
from workbench.experiments.statistics.evidence import Evidence

_SAME = 1e-9  # what rounding makes of equal means


@dataclass(frozen=True)
class Verdict:
    """What may be said of a pair now.

    `verdict`: "A better", "B better" (with the variants' labels), "no difference of at least 10 points" or "not enough
    yet". `difference`, `low`, `high`: B - A, -1…1. `evidence` to 1, of `needed`. `decided_at`: cases when it was said,
    None while it is not. `text`: all of it in one sentence.
    """

    a: str
    b: str
    verdict: str
    cases: int
    difference: float
    low: float
    high: float
    evidence: float
    needed: float
    decided_at: int | None
    text: str


def judge(evidence: Evidence, a: str = "A", b: str = "B") -> Verdict:
    """The verdict that the evidence allows, for variants with these labels (shown as they are: pass them safe)."""
    low, high = evidence.interval()
    found = Verdict(
        a=a,
        b=b,
        verdict=_said(evidence, a, b),
        cases=evidence.cases,
        difference=evidence.difference,
        low=low,
        high=high,
        evidence=evidence.strength,
        needed=evidence.needed,
        decided_at=evidence.decided_at,
        text="",
    )
    return Verdict(**{**found.__dict__, "text": _sentence(found)})


def sentence(evidence: Evidence, a: str, b: str) -> str:
    """The same in one sentence without its interval, which may cost a third of a second: for while a run goes on."""
    cases = f"{evidence.cases:,} case{'s' if evidence.cases != 1 else ''}"
    if not evidence.cases:
        return f"{_said(evidence, a, b)}: no case has an answer of both {a} and {b}"
    return (
        f"{_said(evidence, a, b)}: {cases}; {b} {signed(evidence.difference)} against {a}; "
        f"evidence {amount(evidence.strength)} to 1, {amount(evidence.needed)} needed"
    )


def _said(evidence: Evidence, a: str, b: str) -> str:
    delta = f" of at least {points(evidence.delta)}" if evidence.delta else ""
    said = {"A better": f"{a} better", "B better": f"{b} better", "no difference": f"no difference{delta}"}
    return said.get(evidence.verdict, "not enough yet")


def _sentence(found: Verdict) -> str:
    if not found.cases:
        return f"{found.verdict}: no case has an answer of both {found.a} and {found.b}"
    cases = f"{found.cases:,} case{'s' if found.cases != 1 else ''}"
    if found.decided_at not in (None, found.cases):
        cases = f"decided after {found.decided_at:,} of {cases}"
    return (
        f"{found.verdict}: {cases}; {found.b} {signed(found.difference)} against {found.a} "
        f"(from {signed(found.low)} to {signed(found.high)}); evidence {amount(found.evidence)} to 1, "
        f"{amount(found.needed)} needed"
    )


def changed(difference: float, p: float, delta: float | None, alpha: float = 0.05) -> int:
    """A variant against itself at another time: -1 worse, 1 better, 0 neither.

    It moved by at least `delta` (0…1, None for none that matters by itself), or less and it is no accident: `p` of an
    exact test, corrected for many, at most `alpha`.
    """
    much = delta is not None and abs(difference) >= delta - _SAME
    if abs(difference) <= _SAME or not (much or p <= alpha):
        return 0
    return 1 if difference > 0 else -1


def points(value: float) -> str:
    """A difference of scores as a person says it: 0.1 is "10 points"; a point is a hundredth of the scale."""
    told = f"{100 * value:.1f}".removesuffix(".0")
    return f"{told} point{'s' if told not in ('1', '-1') else ''}"


def signed(value: float) -> str:
    """`points` with its sign: "+12 points", "-3 points", "0 points"."""
    rounded = round(value, 3)
    return f"+{points(rounded)}" if rounded > 0 else points(rounded or 0.0)


def amount(value: float) -> str:
    """Evidence, short and never rounded up: 0.4, 12, 3,400, "over a million"."""
    if value >= 1e6:
        return "over a million"
    return f"{math.floor(value):,}" if value >= 10 else f"{math.floor(value * 10) / 10:g}"


def percent(found: Estimate) -> str:
    """An estimate as a person reads it: "62 % (48 to 74, 50 cases)"."""
    cases = f"{found.cases:,} case{'s' if found.cases != 1 else ''}"
    return f"{100 * found.value:.0f} % ({100 * found.low:.0f} to {100 * found.high:.0f}, {cases})"


def all_decided(found: Mapping[tuple[str, str], Evidence]) -> bool:
    """Whether `stop = "decided"` may stop: every pair has its verdict."""
    return all(evidence.verdict for evidence in found.values())


def still_needed(found: Mapping[tuple[str, str], Evidence], labels: Sequence[str]) -> list[str]:
    """The variants that some undecided pair still needs answers of, in the order of `labels`."""
    open_pairs = {label for pair, evidence in found.items() if not evidence.verdict for label in pair}
    return [label for label in labels if label in open_pairs]
