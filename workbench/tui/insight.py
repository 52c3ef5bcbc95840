"""The lanes' answers as what the insight screens read."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

from workbench.errors import UsageError
from workbench.experiments.conversation import Comparison, Exchange, Lane
from workbench.inference.engine import Message
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


async def fed(session: Session, lane: Lane) -> tuple[Message, ...]:
    """What the lane's last answer was made after: where something was forgotten, what the history has."""
    turn = lane.last
    if turn is not None and turn.window is not None:
        trial = await asyncio.to_thread(session.store.trial, turn.trial)
        if trial is not None and trial.get("text"):
            return of_trial(trial).messages
    return lane.pending("")


async def window_of(session: Session, id: str) -> Window | None:
    """What was forgotten when that trial ran, with its texts."""
    trial = await asyncio.to_thread(session.store.trial, id)
    return msgspec.convert(trial.get("window"), Window | None) if trial is not None else None


def _subject(session: Session, label: str, lane: Lane) -> Subject:
    """As the history has it: the lane may have another prompt by now. Without a history as the lane is."""
    turn = lane.last
    assert turn is not None
    if turn.trial and (trial := session.store.trial(turn.trial)) is not None and trial.get("text") == turn.answer:
        return of_trial(trial, label)
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
