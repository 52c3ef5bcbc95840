"""What one does to a lane of the compare screen: its prompt, model, sampling, place, view; the dialogs for that."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import paths
from workbench.errors import EngineError, NotFoundError
from workbench.experiments.conversation import MAX_LANES, MIN_LANES, Lane
from workbench.tui import flows
from workbench.tui.widgets.lane import LaneView

if TYPE_CHECKING:
    from workbench.session import Session
    from workbench.tui.screens.compare import CompareScreen
    from workbench.tui.widgets.answer import View

VIEWS: tuple[View, ...] = ("plain", "markdown", "mono")


class LaneTools:
    """Works on the screen's current lane. Dialogs are imported when they are wanted."""

    def __init__(self, screen: CompareScreen) -> None:
        self._screen = screen
        self._removed: list[tuple[int, Lane]] = []
        self._found = ""

    def work(self, flow: Coroutine[Any, Any, None]) -> None:
        """Run a dialog's flow; its errors are told."""
        flows.begin(self._screen, flow)

    async def _opened(self) -> Session:
        await self._screen.workbench.ready.wait()
        assert self._screen.workbench.session is not None
        return self._screen.workbench.session

    def changed(self, lane: Lane) -> None:
        """The lane has another prompt, model or sampling: say so everywhere."""
        self._screen.retitle()
        if view := self._screen.board.view(lane.uid):
            view.restate(lane)
        self._screen.tally.warm()
        self._screen.save_soon()

    # ---- what the lane is

    async def prompt(self) -> None:
        """Pick a prompt; one with variables asks for their values."""
        from workbench.tui.screens.prompt_picker import PLAIN, PromptPicker

        session, lane = await self._opened(), self._screen.lane
        id = await self._screen.app.push_screen_wait(PromptPicker(session.libraries, lane.reference))
        if id == PLAIN:
            await self._screen.desk.set_prompt(session, lane, "", {})
            self.changed(lane)
        elif id is not None:
            await self.put(id)

    async def put(self, id: str, known: Mapping[str, str] | None = None) -> Mapping[str, str] | None:
        """Give the current lane a prompt (ID, ID@VERSION, ID@LABEL); one with variables asks for their values.

        Not where `known` was given for the like of it before. Returns the values, None when it was left.
        """
        session, lane = await self._opened(), self._screen.lane
        prompt = await asyncio.to_thread(session.libraries.get, id)
        values: dict[str, str] = {}
        needed = {name for name, slot in prompt.variables.items() if slot.default is None}
        if known is not None and known.keys() <= prompt.variables.keys() and needed <= known.keys():
            values = dict(known)
        elif prompt.variables:
            from workbench.tui.screens.variables_form import VariablesForm

            given = await self._screen.app.push_screen_wait(VariablesForm(prompt, lane.values))
            if given is None:
                return None
            values = given
        await self._screen.desk.set_prompt(session, lane, id, values)
        self.changed(lane)
        return values

    async def put_beside(self, id: str, other: str) -> None:
        """`id` in the current lane and `other` in the next one (or the one before the last)."""
        screen = self._screen
        lanes = screen.comparison.lanes
        place = min(lanes.index(screen.lane), len(lanes) - 2)
        values: Mapping[str, str] | None = None
        for lane, name in zip(lanes[place : place + 2], (id, other), strict=True):
            screen.current = lane.uid
            values = await self.put(name, values)
            if values is None:
                break
        screen.current = lanes[place].uid
        screen.retitle()
        screen.view(screen.lane).focus_lane()

    async def model(self) -> None:
        """Pick a model."""
        from workbench.tui.screens.model_picker import ModelPicker

        session, lane = await self._opened(), self._screen.lane
        path = await self._screen.app.push_screen_wait(ModelPicker(session, lane.path))
        if path is not None:
            await self._take(session, lane, path)

    async def models(self) -> None:
        """The models' screen; the one taken there goes into the lane."""
        from workbench.tui.screens.models import ModelsScreen

        session, lane = await self._opened(), self._screen.lane
        lanes = len(self._screen.comparison.lanes)
        path = await self._screen.app.push_screen_wait(ModelsScreen(session, lanes, lane.path))
        if path is not None:
            await self._take(session, lane, path)

    async def _take(self, session: Session, lane: Lane, path: str) -> None:
        models = await asyncio.to_thread(session.models)
        model = next((model for model in models if str(model.path) == path), None)
        if model is None:
            raise NotFoundError("the model is gone", where=path)
        self._screen.desk.set_model(lane, model)
        await self._screen.desk.resolve(session, [lane])
        self.changed(lane)

    async def sampling(self) -> None:
        """The form of sampler settings."""
        from workbench.tui.screens.sampling_form import SamplingForm

        lane = self._screen.lane
        label = self._screen.comparison.label(lane)
        chosen = await self._screen.app.push_screen_wait(SamplingForm(lane.sampling, label))
        if chosen is None:
            return
        for each in self._screen.comparison.lanes if chosen.everywhere else [lane]:
            each.sampling = chosen.settings
        self.changed(lane)

    async def instructions(self) -> None:
        """Custom instructions: a profile to pick or to write, the whole system message before it runs."""
        from workbench.tui.screens.profile_form import ProfileForm

        session, lane = await self._opened(), self._screen.lane
        lanes, label = self._screen.comparison.lanes, self._screen.comparison.label(lane)
        lead = await self._screen.desk.bare_lead(session, lane)
        name = lane.profile.name if lane.profile else ""
        chosen = await self._screen.app.push_screen_wait(ProfileForm(lead, name, label))
        if chosen is None:
            return
        wanted = [each for each in lanes if chosen.everywhere or each is lane]
        # A profile that was edited is another in every lane that has it.
        same = [each for each in lanes if each.profile and each.profile.name in chosen.saved and each not in wanted]
        await self._screen.desk.set_profile(session, wanted, chosen.name)
        await self._screen.desk.resolve(session, same)
        for each in [*wanted, *same]:
            self.changed(each)

    async def edit(self) -> None:
        """The prompt's file in the person's editor; after a clean exit it is saved, as a version."""
        from workbench.library.lineends import shown
        from workbench.library.writing import Writer
        from workbench.tui.external import edited

        session, lane = await self._opened(), self._screen.lane
        if not lane.prompt:
            raise NotFoundError("this lane has no prompt file", hint="p picks a prompt")
        writer = Writer(session.libraries, session.versions)
        working = await asyncio.to_thread(writer.open, lane.prompt)
        made = await edited(self._screen.app, f"{lane.prompt.rsplit('/', 1)[-1]}.toml", working.data)
        before = lane.version
        if made != working.data:
            working.text = shown(made)
            await asyncio.to_thread(writer.save, working)
        same = [each for each in self._screen.comparison.lanes if each.prompt == lane.prompt]
        await self._screen.desk.resolve(session, same)
        for each in same:
            self.changed(each)
        if not lane.problem:
            news = "unchanged" if lane.version == before else f"now {lane.prompt}@{lane.version[:4]}"
            self._screen.workbench.tell(f"{lane.prompt}: {news}")

    async def restart(self) -> None:
        """End the lane's model and load it again."""
        session, lane = await self._opened(), self._screen.lane
        if not lane.path:
            return
        view = self._screen.view(lane)
        await session.pool.discard(Path(lane.path))
        view.foot.show([("restarting the model", "")])
        try:
            await session.pool.restart(
                Path(lane.path), on_progress=lambda part: view.foot.show([(f"loading {part:.0%}", "")])
            )
        except EngineError as error:
            view.foot.show([(str(error), "bad")])
            return
        view.restate(lane)
        self._screen.reload_marks()
        self._screen.tally.recount()

    async def reread(self) -> None:
        """Prompt files may be others by now: lanes that follow them show the new version."""
        session, lanes = await self._opened(), self._screen.comparison.lanes
        before = [(lane.version, lane.problem, lane.lead) for lane in lanes]
        await self._screen.desk.resolve(session)
        for lane, was in zip(lanes, before, strict=True):
            if (lane.version, lane.problem, lane.lead) != was:
                self.changed(lane)

    # ---- which lanes there are

    async def add(self, *, history: bool) -> None:
        """A lane like this one after it; a new one asks for its prompt."""
        screen = self._screen
        if screen.full():
            return
        made = screen.comparison.add(screen.lane, history=history)
        if made is None:
            return
        await self.mount(made)
        if not history:
            await self.prompt()

    async def mount(self, lane: Lane) -> None:
        """A view for a lane of the comparison that has none yet; it gets the focus."""
        screen = self._screen
        place = screen.comparison.lanes.index(lane)
        view = LaneView(lane.uid)
        view.pane.view = screen.view_mode
        views = screen.board.views()
        await screen.board.mount(view, before=views[place] if place < len(views) else None)
        screen.current = lane.uid
        screen.show(lane)
        self.changed(lane)
        view.focus_lane()

    async def remove(self) -> None:
        """Take the lane away; `restore` brings it back."""
        screen, lane = self._screen, self._screen.lane
        place, trial = screen.comparison.lanes.index(lane), lane.trial
        if not screen.comparison.remove(lane):
            screen.workbench.tell(f"a comparison has {MIN_LANES} lanes at least", severity="warning")
            return
        self._removed = [*self._removed[-9:], (place, lane)]
        if view := screen.board.view(lane.uid):
            await view.remove()
        after = screen.comparison.lanes[min(place, len(screen.comparison.lanes) - 1)]
        screen.current = after.uid
        self.changed(after)
        screen.view(after).focus_lane()
        if trial and screen.session is not None:
            await screen.session.runner.cancel([trial])

    async def restore(self) -> None:
        """The lane removed last, as it was."""
        screen = self._screen
        if not self._removed:
            screen.workbench.tell("no lane was removed")
            return
        if len(screen.comparison.lanes) >= MAX_LANES:
            screen.full()
            return
        place, lane = self._removed.pop()
        if lane.busy and lane.last:
            lane.phase, lane.last.finish = "", "cancelled"
        screen.comparison.lanes.insert(place, lane)
        await self.mount(lane)

    def move(self, by: int) -> None:
        """Another place in the row."""
        screen, lane = self._screen, self._screen.lane
        if not screen.comparison.move(lane, by):
            return
        place = screen.comparison.lanes.index(lane)
        views = screen.board.views()
        here = views.index(screen.view(lane))
        if place > here:
            screen.board.move_child(here, after=place)
        else:
            screen.board.move_child(here, before=place)
        self.changed(lane)

    # ---- how lanes are shown

    def next_view(self) -> View:
        """Plain → Markdown → monospace in all lanes; returns the new one."""
        made = VIEWS[(VIEWS.index(self._screen.view_mode) + 1) % len(VIEWS)]
        for view in self._screen.board.views():
            view.pane.set_view(made)
        return made

    async def diff(self) -> None:
        """This lane's answer and another's, word by word."""
        from workbench.tui.screens.diff import DiffScreen

        comparison = self._screen.comparison
        texts = [(comparison.label(lane), lane.prompt or lane.model, lane.text) for lane in comparison.lanes]
        here = comparison.lanes.index(self._screen.lane)
        await self._screen.app.push_screen_wait(DiffScreen(texts, here))

    async def experiments(self, at: Path | None = None) -> None:
        """The experiments; `at` is the one to stand at."""
        from workbench.tui.screens.experiments import ExperimentsScreen

        session = await self._opened()
        await self._screen.app.push_screen_wait(ExperimentsScreen(session, at))

    async def experiment(self) -> None:
        """The lanes as variants, what was said as cases: a file, and to it."""
        from workbench.experiments.compose import of_comparison
        from workbench.experiments.places import folders
        from workbench.experiments.shelf import Shelf
        from workbench.tui.screens.ask import AskScreen

        session = await self._opened()
        shelf = Shelf(folders(session.folders))
        name = await self._screen.app.push_screen_wait(AskScreen(f"its name, in {paths.short(shelf.home().path)}"))
        if name:
            text = of_comparison(self._screen.comparison, name)
            await self.experiments(await asyncio.to_thread(shelf.save_new, name, text))

    async def history(self) -> None:
        """What ran before; a message from there can be taken."""
        from workbench.tui.screens.history import HistoryScreen

        session = await self._opened()
        message = await self._screen.app.push_screen_wait(HistoryScreen(session))
        if message is not None:
            self._screen.set_draft(message)
            self._screen.box.area.focus()

    async def vote(self) -> None:
        """Blind votes on the answers that the lanes show."""
        from workbench.tui.screens.arena import ArenaScreen

        session, lanes = await self._opened(), self._screen.comparison.lanes
        ids = [lane.last.trial for lane in lanes if lane.last is not None and lane.last.trial]

        def load() -> list[dict[str, Any]]:
            return [trial for id in ids if (trial := session.store.trial(id)) is not None]

        await self._screen.app.push_screen_wait(ArenaScreen(session, "the lanes' answers", load))

    async def find(self) -> None:
        """Ask what to find in the lane's answer, and go there."""
        from workbench.tui.screens.ask import AskScreen

        wanted = await self._screen.app.push_screen_wait(AskScreen("find in the answer", self._found))
        if wanted is not None:
            self._found = wanted
            self.find_next(1)

    def find_next(self, step: int) -> None:
        """The next or the previous match."""
        if self._found and not self._screen.view(self._screen.lane).pane.find(self._found, step):
            self._screen.workbench.tell(f"{self._found}: not in this answer")
