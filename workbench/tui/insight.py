"""The lanes' answers as what the insight screens read."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

from workbench.errors import NotFoundError, UsageError
from workbench.experiments.conversation import Comparison, Exchange, Lane
from workbench.inference import sampling
from workbench.inference.engine import Message
from workbench.inference.sampling import Sampling
from workbench.inference.window import Window
from workbench.insight.reading import Subject, of_trial

if TYPE_CHECKING:
    from workbench.session import Session


async def answers(session: Session, comparison: Comparison, lane: Lane) -> tuple[list[Subject], int, int]:
    """The lanes' last answers that have ended, the place of `lane`'s, and that of the next one's.

    Raises UsageError when there are not two.
    """
    told = [each for each in comparison.lanes if not each.busy and each.last is not None and each.last.answer]
    if len(told) < 2:
        raise UsageError("two lanes with an answer are needed", hint="F5 runs the message")
    if lane not in told:
        raise UsageError(f"lane {comparison.label(lane)} has no answer that has ended", hint="go to one that has")
    found = [await asyncio.to_thread(_subject, session, comparison.label(each), each) for each in told]
    here = told.index(lane)
    return found, here, (here + 1) % len(found)


async def window_of(session: Session, id: str) -> Window | None:
    """What was forgotten when that trial ran, with its texts."""
    trial = await asyncio.to_thread(session.store.trial, id)
    return msgspec.convert(trial.get("window"), Window | None) if trial is not None else None


async def answer(session: Session, comparison: Comparison, lane: Lane) -> tuple[Subject, Sampling, bool]:
    """The lane's last answer, the settings that made it (its seed in them), and whether its dice were coupled.

    Raises NotFoundError when there is none, UsageError while it is under way.
    """
    turn = lane.last
    if turn is None or not turn.answer:
        raise NotFoundError("this lane has no answer yet", hint="F5 runs it")
    if lane.busy:
        raise UsageError("this lane's answer is still under way", hint="wait for its end, or x stops it")
    subject = await asyncio.to_thread(_subject, session, comparison.label(lane), lane)
    trial = await asyncio.to_thread(session.store.trial, turn.trial) if turn.trial else None
    if trial is None or not trial.get("sampling"):
        return subject, msgspec.structs.replace(lane.sampling, seed=turn.seed), comparison.coupled
    made = sampling.make({**trial["sampling"], "seed": trial["seed"] or 0})
    return subject, made, trial["coupled"] is not False


def _subject(session: Session, label: str, lane: Lane) -> Subject:
    """As the history has it: the lane may have another prompt by now. Without a history as the lane is.

    Raises UsageError where something was forgotten and no history says what.
    """
    turn = lane.last
    assert turn is not None
    if turn.trial and (trial := session.store.trial(turn.trial)) is not None and trial.get("text") == turn.answer:
        return of_trial(trial, label)
    if turn.window is not None and turn.window.lost:
        raise UsageError(f"the history does not have what {label} was given", hint="r runs it again")
    return of_lane(label, lane, turn)


def of_lane(label: str, lane: Lane, turn: Exchange) -> Subject:
    """A lane's last exchange, after its present prompt."""
    before = lane.history(lane.turns[: lane.turns.index(turn)])
    return Subject(
        name=label,
        model=lane.model,
        path=lane.path,
        text=turn.answer,
        messages=(*lane.lead, *before, Message("user", turn.message)),
        trial=turn.trial,
        made=0 if turn.branch else turn.completion_tokens,
        finish=turn.finish,
        mode=turn.mode,
    )
