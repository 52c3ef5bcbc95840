"""From the lanes to the tokens, context, association and needle screens: what those are given."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import NotFoundError
from workbench.inference.engine import Message
from workbench.tui.insight import answer

if TYPE_CHECKING:
    from workbench.experiments.conversation import Comparison, Lane
    from workbench.session import Session
    from workbench.tui.screens.compare import CompareScreen
    from workbench.tui.screens.tokens import Texts


async def _begun(screen: CompareScreen) -> Session:
    """The session, once it is open."""
    await screen.workbench.ready.wait()
    assert screen.session is not None
    return screen.session


def _with_model(lane: Lane) -> Lane:
    """That lane. Raises NotFoundError where it has no model."""
    if not lane.path:
        raise NotFoundError("this lane has no model", hint="m picks one")
    return lane


async def tokens(screen: CompareScreen) -> None:
    """The lane's texts as tokens; beside them those of the next lane's model, if it is another and memory holds it."""
    from workbench.tui.screens.tokens import TokensScreen

    session, lane = await _begun(screen), _with_model(screen.lane)
    models = [(lane.model, lane.path)]
    for other in screen.comparison.lanes:
        if len(models) < 2 and other.path and other.path != lane.path and await session.pool.fits(Path(other.path)):
            models.append((other.model, other.path))
    seen = await texts(session, screen.comparison, lane)
    if seen.asked and not lane.busy:  # what it was made after, not what the lane has by now
        seen = replace(seen, asked=(await answer(session, screen.comparison, lane))[0].messages)
    await screen.app.push_screen_wait(TokensScreen(session, seen, models))


async def needle(screen: CompareScreen) -> None:
    """The needle probe of the lane's model, its prompt before the text."""
    from workbench.tui.screens.needle import NeedleScreen

    session, lane = await _begun(screen), _with_model(screen.lane)
    label = screen.comparison.label(lane)
    await screen.app.push_screen_wait(NeedleScreen(session, label, lane.model, lane.path, lane.lead))


async def association(screen: CompareScreen, id: str = "") -> None:
    """A template (`LIBRARY:ID`; as one left the screen, else the first) measured with the lane's model."""
    from workbench.tui.screens.association import AssociationScreen
    from workbench.tui.trying import FIRST, Trying, opened, resumed

    session, lane = await _begun(screen), screen.lane
    tried: Trying | None = await asyncio.to_thread(resumed, session, screen.workbench.trying, id)
    if tried is None:
        tried = await asyncio.to_thread(opened, session, id or FIRST)
    if lane.path:
        tried.model, tried.path = lane.model, lane.path
    screen.workbench.trying = await screen.app.push_screen_wait(AssociationScreen(session, tried))


async def texts(session: Session, comparison: Comparison, lane: Lane) -> Texts:
    """What there is to see of a lane as tokens; with no message written, the last one."""
    from workbench.tui.screens.tokens import Texts

    turn = lane.last
    asked: tuple[Message, ...] = ()
    if turn is not None and turn.answer:
        asked = (*lane.lead, *lane.history(lane.turns[:-1]), Message("user", turn.message))
    return Texts(
        message=comparison.draft or (turn.message if turn else ""),
        pending=await _pending(session, lane, comparison.draft),
        answer=lane.text,
        asked=asked,
        values=dict(lane.values),
    )


async def _pending(session: Session, lane: Lane, draft: str) -> tuple[Message, ...]:
    """What the next run feeds, without what the lane's policy forgets; a summary that is not made is not in it."""
    from workbench.inference.fitting import fit

    found, lead = lane.pending(draft), len(lane.lead)
    if lane.over_full == "refuse":
        return found
    async with session.pool.use(Path(lane.path)) as engine:
        room = lane.sampling.max_tokens
        fitted = await fit(engine, lane.lead, found[lead:], lane.over_full, room, known=lane.summary, generate=False)
    return (*lane.lead, *fitted.messages)


async def context(screen: CompareScreen) -> None:
    """What fills the lanes' contexts; the policies chosen there are the lanes' from then on."""
    from workbench.tui.screens.context import Asked, ContextScreen

    session, comparison, here = await _begun(screen), screen.comparison, _with_model(screen.lane)
    asked = [
        Asked(
            lane.uid,
            comparison.label(lane),
            lane.model,
            lane.path,
            lane.lead,
            lane.pending(comparison.draft)[len(lane.lead) :],
            lane.sampling.max_tokens,
            lane.over_full,
            lane.summary,
        )
        for lane in comparison.lanes
        if lane.path
    ]
    chosen = await screen.app.push_screen_wait(ContextScreen(session, asked, here.uid))
    for lane in comparison.lanes:
        if lane.uid in chosen:
            lane.over_full, lane.summary = chosen[lane.uid]
    screen.tally.recount()
    screen.save_soon()
