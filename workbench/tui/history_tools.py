"""What a person does to runs from the history screen: replay, differences, tags, note, delete, export."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import NotFoundError, PromptError
from workbench.tui import flows
from workbench.tui.screens.ask import AskScreen
from workbench.tui.screens.choice import Choice, ChoiceScreen

if TYPE_CHECKING:
    from workbench.tui.screens.history import HistoryScreen

SIDES = 8  # answers that are put beside each other


class HistoryTools:
    """The flows behind the screen's keys."""

    def __init__(self, screen: HistoryScreen) -> None:
        self._screen = screen
        self._replaying = False

    def work(self, flow: Coroutine[Any, Any, None]) -> None:
        """Run a flow; what goes wrong is said."""
        flows.begin(self._screen, flow)

    async def _trial(self) -> dict[str, Any] | None:
        """The trial one is at, or the only one of the run; asks which where a run has a few."""
        screen = self._screen
        if screen.trial is not None or screen.run is None:
            return screen.trial
        trials = await asyncio.to_thread(screen.session.store.trials, screen.run["id"], SIDES + 1)
        if len(trials) > SIDES:
            raise NotFoundError(f"the run has {screen.run['trials']:,} trials", hint="enter opens it: choose one there")
        if len(trials) < 2:
            return trials[0] if trials else None
        rows = [
            Choice(each["id"], f"{each['variant']}  {each['prompt'] or '(no prompt)'}  {each['model']}", each["text"])
            for each in trials
        ]
        id = await screen.app.push_screen_wait(ChoiceScreen("which trial?", rows))
        return next((each for each in trials if each["id"] == id), None)

    async def replay(self) -> None:
        """Run a trial again, say whether it departs, and show both when it does."""
        from workbench.experiments.experiment import ModelLoading, TrialAdvanced, TrialFinished, TrialRecord
        from workbench.experiments.replay import KIND, Meter, outcome, prepare

        screen, session = self._screen, self._screen.session
        trial = await self._trial()
        if trial is None:
            return
        if self._replaying:
            raise NotFoundError("a replay goes on already", hint="wait for its end")
        made = await asyncio.to_thread(lambda: prepare(trial, session.store.meta(trial["run"])))
        meter, tokens = Meter(), 0
        record: TrialRecord | None = None
        self._replaying = True
        try:
            async with session.replaying(made) as runner:
                async for event in runner.run([made.plan], kind=KIND):
                    if isinstance(event, ModelLoading):
                        screen.foot.show([(f"loading {event.model}: {event.fraction:.0%}", "")])
                    elif isinstance(event, TrialAdvanced):
                        meter.see(event)
                        tokens += event.tokens
                        screen.foot.show([(f"replay: {tokens} of {trial['completion_tokens']} tokens", "")])
                    elif isinstance(event, TrialFinished):
                        record = event.record
        finally:
            self._replaying = False
            screen.tell()
        if record is None:
            return
        found = outcome(trial, record, meter)
        notes = "".join(f"\n{warning}" for warning in made.warnings)
        told = f"replay of {trial['id']}: {found}{notes}"
        screen.workbench.tell(told, severity="information" if found.same else "warning")
        if not found.same:
            from workbench.tui.screens.diff import DiffScreen

            sides = [("before", trial["id"], str(trial["text"])), ("replay", record.id, record.text)]
            await screen.app.push_screen_wait(DiffScreen(sides))
        if screen.trial is None:
            screen.again(keep=str(trial["run"]))

    async def diff(self) -> None:
        """The answers of the run beside each other, from the current one on."""
        from workbench.tui.screens.diff import DiffScreen

        screen = self._screen
        if screen.run is None:
            return
        trials = await asyncio.to_thread(screen.session.store.trials, screen.run["id"], 5000)
        here = next((at for at, each in enumerate(trials) if screen.trial and each["id"] == screen.trial["id"]), 0)
        first = max(0, min(here, len(trials) - SIDES))
        shown = trials[first : first + SIDES]
        if len(shown) < 2:
            raise NotFoundError("the run has one trial", hint="there is nothing to compare it with")
        sides = [(str(each["variant"]), each["prompt"] or each["model"], str(each["text"])) for each in shown]
        await screen.app.push_screen_wait(DiffScreen(sides, here - first))

    async def tag(self) -> None:
        """The run's tags, as a line to edit."""
        from workbench.history import notes

        screen = self._screen
        if (run := screen.run) is None:
            return
        asked = AskScreen("tags, a blank between them (kept: for ever)", " ".join(run["tags"]))
        text = await screen.app.push_screen_wait(asked)
        if text is None:
            return
        wanted = [word.removeprefix("#") for word in text.split()]
        gone = [tag for tag in run["tags"] if tag not in wanted]
        await asyncio.to_thread(notes.tag, screen.session.store, run["id"], wanted, gone)
        screen.changed()

    async def note(self) -> None:
        """The run's note."""
        from workbench.history import notes

        screen = self._screen
        if (run := screen.run) is None:
            return
        text = await screen.app.push_screen_wait(AskScreen("note", run["note"]))
        if text is not None:
            await asyncio.to_thread(notes.note, screen.session.store, run["id"], text)
            screen.changed()

    async def delete(self) -> None:
        """Delete the run, after a question that says what points at it and how much it frees."""
        from workbench.history import disk, keeping

        screen, store = self._screen, self._screen.session.store
        if (run := screen.run) is None:
            return
        names, unknown = await asyncio.to_thread(self._labelled)
        found = await asyncio.to_thread(keeping.pointers, store, run["id"], names)
        says = [*found.says, *([unknown] if unknown else [])]
        await asyncio.to_thread(lambda: keeping.check(store, run["id"], names, even=True))
        size = disk.told(await asyncio.to_thread(disk.run_bytes, store, run["id"]))
        trials = "1 trial" if run["trials"] == 1 else f"{run['trials']:,} trials"
        points = f"Something points at it: {', '.join(says)}. " if says else ""
        about = f"{points}Deletes {trials}, frees {size}. They cannot be brought back."
        if found.held:
            about += f" {len(found.held)} with votes stay."
        rows = [
            Choice("no", "keep it", f"{points}Nothing is deleted."),
            Choice("yes", f"delete the run: {trials}, {size}", about),
        ]
        if await screen.app.push_screen_wait(ChoiceScreen("delete the run?", rows)) != "yes":
            return
        await asyncio.to_thread(lambda: keeping.delete(store, run["id"], names, even=True))
        await asyncio.to_thread(disk.shrink, store)
        screen.workbench.tell(f"deleted {trials}: {size} are free")
        screen.again()

    def _labelled(self) -> tuple[dict[str, str], str]:
        """The versions that labels point at; or why nobody knows, for the question to say."""
        from workbench.experiments.retention import labelled

        session = self._screen.session
        try:
            return labelled(session.store, [library.folder for library in session.libraries.libraries]), ""
        except PromptError as error:
            return {}, f"perhaps a label ({error})"

    async def export(self) -> None:
        """The run, or all that the search found, as JSON lines in a file."""
        from workbench.history import exporting

        screen, store = self._screen, self._screen.session.store
        if (run := screen.run) is None:
            return
        runs = [run["id"]]
        if screen.trial is None and len(screen.ids) > 1:
            rows = [
                Choice("one", "this run", f"{run['trials']:,} trials"),
                Choice("all", f"all {len(screen.ids):,} runs of the list", "every trial that the search found"),
            ]
            key = await screen.app.push_screen_wait(ChoiceScreen("export", rows))
            if key is None:
                return
            runs = list(screen.ids)[::-1] if key == "all" else runs
        name = f"history-{run['id']}.jsonl" if len(runs) == 1 else "history.jsonl"
        asked = await screen.app.push_screen_wait(AskScreen("write trials, a line of JSON each, to", name))
        if not asked or not asked.strip():
            return
        path = _path(asked.strip())
        lines = exporting.lines(store, runs, screen.asked)
        count = await asyncio.to_thread(exporting.write, path, lines)
        screen.workbench.tell(f"{count:,} trials in {path}")

    async def vote(self) -> None:
        """Blind votes on the run's answers."""
        from workbench.tui.screens.arena import SHOWN, ArenaScreen

        screen = self._screen
        if (run := screen.run) is not None:
            load = partial(screen.session.store.trials, run["id"], SHOWN)
            await screen.app.push_screen_wait(ArenaScreen(screen.session, f"run {run['id']}", load))


def _path(text: str) -> Path:
    """What a person typed as a path."""
    return Path(os.path.expanduser(text))
