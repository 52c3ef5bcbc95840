"""The compare screen's runs: what can run is started, its events are gathered and shown in the lanes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

from workbench.errors import WorkbenchError
from workbench.experiments.conversation import Lane
from workbench.experiments.experiment import (
    HistoryFailed,
    RunEvent,
    TrialAdvanced,
    TrialFinished,
    TrialFitted,
    TrialPlan,
)

if TYPE_CHECKING:
    from workbench.tui.screens.compare import CompareScreen

GATHER = 0.05  # seconds that a run's events are gathered before they are shown


class Runs:
    """Starts runs and shows what they give; the events come by the screen's messages."""

    @dataclass
    class Advanced(Message):
        """Events of a run, gathered."""

        run: str
        events: tuple[RunEvent, ...]

    @dataclass
    class Ended(Message):
        """A run is over; `error` when it broke."""

        run: str
        error: str = ""

    def __init__(self, screen: CompareScreen) -> None:
        self._screen = screen
        self._ids: set[str] = set()

    # ---- starting

    async def message(self) -> None:
        """The message to all lanes; with none written, the last one again."""
        screen, comparison = self._screen, self._screen.comparison
        message = comparison.draft
        again = not message.strip()
        if again and not any(lane.turns for lane in comparison.lanes):
            screen.workbench.tell("write a message first", severity="warning")
            return
        if self._busy():
            return
        lanes = await self.ready(comparison.lanes)
        run = self.new_id()
        plans = (
            comparison.plan_again(run, lanes, next_seed=False) if again else comparison.plan_turn(message, run, lanes)
        )
        if plans and not again:
            screen.clear_draft()
        self.start(plans)

    async def again(self) -> None:
        """The last message once more in every lane, with the next seed."""
        screen, comparison = self._screen, self._screen.comparison
        if not any(lane.turns for lane in comparison.lanes):
            await self.message()
            return
        if self._busy():
            return
        lanes = await self.ready(comparison.lanes, draft="")
        self.start(comparison.plan_again(self.new_id(), lanes))
        screen.retitle()

    async def lane_again(self) -> None:
        """One lane's last message again, with the same seed; its model is started again if it failed."""
        lane, comparison = self._screen.lane, self._screen.comparison
        if lane.busy:
            self._screen.workbench.tell("this lane is still running — x stops it", severity="warning")
            return
        lanes = await self.ready([lane], draft="")
        plans = comparison.plan_again(self.new_id(), lanes, next_seed=False)
        if not plans and lanes and comparison.draft.strip():
            plans = comparison.plan_turn(comparison.draft, self.new_id(), lanes)
        self.start(plans)

    def _busy(self) -> bool:
        """Whether lanes are running; says so."""
        if busy := self._screen.comparison.busy:
            self._screen.workbench.tell("lanes are still running — F8 stops them", severity="warning")
        return busy

    async def ready(self, lanes: Sequence[Lane], draft: str | None = None) -> list[Lane]:
        """Those of `lanes` that can run; says why the others cannot. Their prompts are read again first."""
        if self._screen.session is None:
            self._screen.workbench.tell("still opening…", severity="warning")
            return []
        await self._screen.desk.resolve(self._screen.session, lanes)
        self._screen.retitle()
        refused = await self._screen.tally.refused(lanes, self._screen.comparison.draft if draft is None else draft)
        for lane in lanes:
            label = self._screen.comparison.label(lane)
            if lane.problem or lane.uid in refused:
                self._screen.view(lane).restate(lane)
                self._screen.workbench.tell(f"{label}: {lane.problem or refused[lane.uid]}", severity="error")
        return [lane for lane in lanes if not lane.problem and lane.uid not in refused]

    def new_id(self) -> str:
        """An id for a run."""
        from workbench.experiments.runner import new_id

        return new_id()

    def start(self, plans: Sequence[TrialPlan]) -> None:
        """Run the plans; what happens comes back as Runs.Advanced."""
        if not plans:
            return
        self._ids.add(plans[0].run)
        labels = {plan.variant.label for plan in plans}
        for lane in self._screen.comparison.lanes:
            if self._screen.comparison.label(lane) in labels:
                self._screen.show(lane)
        self._screen.tally.tell()
        self._screen.save_soon()
        self._screen.run_worker(self._consume(plans), group="runs")

    # ---- what comes back

    async def _consume(self, plans: Sequence[TrialPlan]) -> None:
        """Gather a run's events and post them. Touches no widget."""
        assert self._screen.session is not None
        run, gathered, error = plans[0].run, list[RunEvent](), ""
        loop = asyncio.get_running_loop()
        timer: asyncio.TimerHandle | None = None

        def post() -> None:
            nonlocal timer
            timer = None
            if gathered:
                self._screen.post_message(self.Advanced(run, tuple(gathered)))
                gathered.clear()

        try:
            async for event in self._screen.session.runner.run(plans):
                gathered.append(event)
                timer = timer or loop.call_later(GATHER, post)
        except WorkbenchError as broken:
            error = str(broken)
        finally:
            if timer:
                timer.cancel()
            post()
            self._screen.post_message(self.Ended(run, error))

    def advance(self, message: Advanced) -> None:
        """Show what happened; a run that is not ours is dropped."""
        if message.run not in self._ids:
            return
        texts: dict[int, list[str]] = {}
        for event in message.events:
            if isinstance(event, HistoryFailed):
                self._screen.tell_once(f"history: {event.reason}")
            for lane in self._screen.comparison.apply(event):
                view = self._screen.board.view(lane.uid)
                if view is None:
                    continue
                if isinstance(event, TrialAdvanced):
                    texts.setdefault(lane.uid, []).append(event.text)
                    continue
                if lane.uid in texts:
                    view.stream(lane, "".join(texts.pop(lane.uid)))
                if isinstance(event, TrialFinished):
                    view.finish(lane)
                    self._screen.tally.recount([lane])
                    self._screen.save_soon()
                elif isinstance(event, TrialFitted):
                    view.rebuild(lane)
                else:
                    view.advance(lane)
        for uid, parts in texts.items():
            changed = self._screen.comparison.lane(uid)
            streamed = self._screen.board.view(uid)
            if changed and streamed:
                streamed.stream(changed, "".join(parts))

    def end(self, message: Ended) -> None:
        """A run is over."""
        self._ids.discard(message.run)
        if message.error:
            for lane in self._screen.comparison.fail_running(message.error):
                self._screen.show(lane)
