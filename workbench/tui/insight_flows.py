"""From the lanes to the insight screens: what those are given, and what comes back into the lanes."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import NotFoundError, UsageError
from workbench.inference.engine import Message
from workbench.tui.insight import answer, answers, window_of

if TYPE_CHECKING:
    from workbench.experiments.conversation import Comparison, Lane
    from workbench.experiments.experiment import Branch
    from workbench.insight.reading import Subject
    from workbench.session import Session
    from workbench.tui.screens.compare import CompareScreen
    from workbench.tui.screens.tokens import Texts


async def _begun(screen: CompareScreen) -> Session:
    """The session, once it is open."""
    await screen.workbench.ready.wait()
    assert screen.workbench.session is not None
    return screen.workbench.session


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


# ---- an answer that was given


async def attribution(screen: CompareScreen) -> None:
    """What the lane's answer hangs on: parts of its prompt left out one at a time."""
    from workbench.tui.screens.attribution import AttributionScreen

    session = await _begun(screen)
    read, _, _ = await answer(session, screen.comparison, screen.lane)
    await screen.app.push_screen_wait(AttributionScreen(session, read.name, read.path, read.messages, read.text))


async def crossing(screen: CompareScreen) -> None:
    """Each of two answers after the other's prompt."""
    from workbench.tui.screens.crossing import CrossingScreen

    session = await _begun(screen)
    told = await answers(session, screen.comparison, screen.lane)
    await screen.app.push_screen_wait(CrossingScreen(session, *told))


async def microscope(screen: CompareScreen) -> None:
    """What the samplers did at each token of the lane's answer; settings that are kept go into the lane."""
    from workbench.tui.screens.microscope import MicroscopeScreen

    session, lane = await _begun(screen), screen.lane
    read, made, coupled = await answer(session, screen.comparison, lane)
    glass = MicroscopeScreen(session, read.name, read.path, read.messages, read.text, made, coupled=coupled)
    chosen = await screen.app.push_screen_wait(glass)
    if chosen is not None and chosen != made:
        lane.sampling = chosen
        screen.tools.changed(lane)


async def divergence(screen: CompareScreen) -> None:
    """Where this lane's answer and another's part; a branch taken there is a new lane."""
    from workbench.tui.screens.divergence import DivergenceScreen

    session = await _begun(screen)
    told = await answers(session, screen.comparison, screen.lane)
    branch = await screen.app.push_screen_wait(DivergenceScreen(session, *told))
    if branch is not None:
        await _branch(screen, session, branch, next(each for each in told[0] if each.trial == branch.trial))


async def _branch(screen: CompareScreen, session: Session, branch: Branch, read: Subject) -> None:
    """A new lane beside the one that was read, whose answer begins with the branch. Raises UsageError."""
    lane = next((each for each in screen.comparison.lanes if each.last and each.last.trial == branch.trial), None)
    if lane is None or screen.full():
        return
    ready = await screen.runs.ready([lane], draft="")
    window, lead = await window_of(session, branch.trial), len(lane.lead)
    same = read.messages[:lead] == lane.lead if window else read.messages == lane.pending("")
    if ready and not same:
        raise UsageError("the lane's prompt is another than its answer had", hint="r runs it again, then branch")
    made = screen.comparison.add(lane, history=True) if ready else None
    if made is None:
        return
    await screen.tools.mount(made)
    after = read.messages[lead:]
    screen.runs.start([screen.comparison.plan_branch(made, branch, screen.runs.new_id(), after, window)])
