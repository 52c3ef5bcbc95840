"""What `diverge` and `score` share: the history and its trials, the engines, a reading as JSON."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from workbench.cli.history_ids import one_trial
from workbench.errors import StorageError, UsageError

if TYPE_CHECKING:
    from workbench.inference.engine import TokenLogprob
    from workbench.insight.reading import Reading, Subject
    from workbench.session import Session

Result = TypeVar("Result")


def subjects(session: Session, ids: Sequence[str]) -> list[Subject]:
    """The trials that are named, with their variants' letters where these tell them apart, else A, B.

    Raises NotFoundError, UsageError, StorageError.
    """
    from workbench.insight.reading import of_trial

    store = session.store
    if session.problem:
        raise StorageError(session.problem)
    trials = [one_trial(store, id) for id in ids]
    labels = [str(trial["variant"] or "") for trial in trials]
    if len(set(labels)) < len(labels) or not all(labels):
        labels = list("AB"[: len(trials)])
    if len({trial["id"] for trial in trials}) < len(trials):
        raise UsageError("both are the same trial", hint="name two")
    return [of_trial(trial, label) for trial, label in zip(trials, labels, strict=True)]


def top_of(number: int) -> int:
    """What --top says. Raises UsageError."""
    if not 1 <= number <= 1000:
        raise UsageError(f"--top {number} is out of range", hint="1 to 1000")
    return number


def settled(session: Session, work: Callable[[], Awaitable[Result]], done: Callable[[Result], int]) -> int:
    """Do `work` on the session, close it, then hand what came of it to `done`; its exit code, 130 when interrupted."""
    from workbench.cli.interrupt import interruptible

    async def whole() -> int:
        try:
            found = await work()
        finally:
            await session.close()
        return done(found)

    return asyncio.run(interruptible(whole()))


def token_json(token: TokenLogprob) -> dict[str, Any]:
    """A token with what was likely there."""
    return {
        "id": token.id,
        "text": token.text,
        "logprob": token.logprob,
        "entropy": token.entropy,
        "rank": token.rank,
        "top": [{"id": id, "text": text, "logprob": logprob} for id, text, logprob in token.top],
    }


def reading_json(reading: Reading) -> dict[str, Any]:
    """A reading; logs are natural, entropies in nats."""
    subject = reading.subject
    return {
        "trial": subject.trial or None,
        "name": subject.name,
        "model": subject.model,
        "prompt": reading.prompt,
        "text": subject.text,
        "finish": subject.finish or None,
        "completion_tokens": subject.made or None,
        "retokenized": reading.retokenized,
        "ended": reading.ended,
        "logp": reading.logp,
        "bits_per_token": reading.bits_per_token,
        "perplexity": reading.perplexity,
        "tokens": [token_json(token) for token in reading.tokens],
    }


def notes(*readings: Reading) -> list[str]:
    """What is odd about them, a line each."""
    return [
        f"{each.subject.name}: generated in {each.subject.made} tokens, its text is {len(each.said)} now"
        for each in readings
        if each.retokenized
    ]
