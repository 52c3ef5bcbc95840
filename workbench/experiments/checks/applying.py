"""Checks applied to a trial: its text and record in, verdicts out. Nothing is generated again, but for a judge.

The same function serves a trial that has just ended and one out of the history.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import msgspec

from workbench.errors import WorkbenchError
from workbench.experiments.checks import own
from workbench.experiments.checks.bounded import Bounded
from workbench.experiments.checks.filling import filled
from workbench.experiments.checks.kinds import KINDS
from workbench.experiments.checks.model import Access, Check, Context, Outcome, Verdict
from workbench.experiments.checks.words import plain
from workbench.experiments.experiment import TrialRecord
from workbench.inference.engine import Message

LONG = 50_000  # characters; the looking through of a longer answer is kept off the loop
ENDED = ("error", "cancelled", "interrupted")


@dataclass(frozen=True)
class Result:
    """A trial as its checks see it. Both None when no check counts: it was measured, not judged."""

    passed: bool | None
    score: float | None


async def apply(checks: Sequence[Check], answer: str, context: Context) -> tuple[Verdict, ...]:
    """A verdict for each check, in their order. Raises nothing but cancellation: a check that fails says why.

    A trial that did not end by itself (error, cancelled, interrupted) fails all its checks, negated ones too.
    """
    if context.finish in ENDED:
        reason = f"the trial ended by {context.finish}" + (f": {plain(context.error)}" if context.error else "")
        return tuple(_failed(check, reason) for check in checks)
    if context.bounded is None and any(_where(check) == "apart" for check in checks):
        async with Bounded() as bounded:
            return await apply(checks, answer, dataclasses.replace(context, bounded=bounded))
    return tuple([await _verdict(check, answer, context) for check in checks])


def result(verdicts: Iterable[Verdict], threshold: float | None = None) -> Result:
    """The trial's score: the mean of the checks' scores by weight. It passes when every check of a weight does.

    With a `threshold` it passes when the score reaches that, whatever single checks say. Checks of weight 0 count for
    neither.
    """
    counted = [verdict for verdict in verdicts if verdict.weight > 0]
    if not counted:
        return Result(None, None)
    most = max(verdict.weight for verdict in counted)  # shares of it: the least of floats must not vanish
    total = sum(each.weight / most for each in counted)
    score = sum(each.score * (each.weight / most) for each in counted) / total
    if threshold is not None:
        return Result(score >= threshold - 1e-9, score)
    return Result(all(each.passed for each in counted), score)


def context_of(
    record: TrialRecord,
    messages: tuple[Message, ...],
    variables: Mapping[str, object],
    *,
    access: Access | None = None,
    bounded: Bounded | None = None,
) -> Context:
    """What checks need to know of a trial: its record, the whole conversation it answered, its case's variables."""
    return Context(
        variables=variables,
        messages=messages,
        model=record.model,
        finish=record.finish,
        error=record.error or "",
        prompt_tokens=record.prompt_tokens,
        completion_tokens=record.completion_tokens,
        first_token_s=record.first_token_s,
        tokens_per_s=record.tokens_per_s,
        access=access,
        bounded=bounded,
    )


def rows(verdicts: Iterable[Verdict]) -> tuple[dict[str, Any], ...]:
    """Verdicts as `TrialRecord.checks` and the history hold them."""
    return tuple(msgspec.to_builtins(verdict) for verdict in verdicts)


def verdicts_of(rows: Iterable[Mapping[str, Any]]) -> tuple[Verdict, ...]:
    """Verdicts out of stored rows; keys that are not ours are left out. Raises msgspec.ValidationError."""
    return tuple(msgspec.convert(dict(row), Verdict) for row in rows)


def needs_engine(checks: Iterable[Check]) -> bool:
    """Whether one of them asks a model."""
    return any(_where(check) == "engine" for check in checks)


async def _verdict(check: Check, answer: str, context: Context) -> Verdict:
    try:
        outcome = await _outcome(check, answer, context)
    except WorkbenchError as error:
        return _failed(check, str(error))
    except Exception as error:  # noqa: BLE001  (the boundary: a check that raises fails its trial, and not the run)
        return _failed(check, f"the check broke: {type(error).__name__}: {plain(error)}")
    passed = outcome.score >= check.threshold - 1e-9 if outcome.passed is None else outcome.passed
    score = 1 - outcome.score if check.negated else outcome.score
    return Verdict(
        type=check.type,
        passed=passed != check.negated,
        score=score,
        reason=plain(outcome.reason, 400),
        weight=check.weight,
        measured=outcome.measured,
    )


async def _outcome(check: Check, answer: str, context: Context) -> Outcome:
    options = filled(check, context.variables)
    if not check.kind:
        return await own.call(own.load(options.pop("name")), answer, options)
    kind = KINDS[check.kind]
    if kind.where == "apart":
        assert context.bounded is not None
        return await context.bounded.run(kind.name, options, answer)
    module, _, name = kind.run.partition(":")
    function = getattr(import_module(f"workbench.experiments.checks.{module}"), name)
    if kind.where == "engine":
        found: Outcome = await function(options, answer, context)
    elif len(answer) > LONG:
        found = await asyncio.to_thread(function, options, answer, context)
    else:
        found = function(options, answer, context)
    return found


def _where(check: Check) -> str:
    return KINDS[check.kind].where if check.kind else "own"


def _failed(check: Check, reason: str) -> Verdict:
    return Verdict(type=check.type, passed=False, score=0.0, reason=plain(reason, 400), weight=check.weight)
