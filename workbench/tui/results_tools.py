"""What a person does from the results screen: into a cell, differences, charts, an earlier run, votes."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from workbench.errors import NotFoundError
from workbench.tui import flows
from workbench.tui.results_text import case_name, count, trial_name
from workbench.tui.screens.choice import Choice, ChoiceScreen

if TYPE_CHECKING:
    from workbench.experiments.results.opening import Earlier
    from workbench.tui.screens.results import ResultsScreen

SIDES = 8  # answers that are put beside each other


class ResultsTools:
    """The flows behind the screen's keys."""

    def __init__(self, screen: ResultsScreen) -> None:
        self._screen = screen

    def work(self, flow: Coroutine[Any, Any, None]) -> None:
        """Run a flow; what goes wrong is said."""
        flows.begin(self._screen, flow)

    async def trials(self) -> None:
        """The trials of the cell; one comes back to the case one left it at."""
        from workbench.tui.screens.results_trial import TrialScreen

        screen = self._screen
        if screen.results is None or screen.case is None:
            return
        asked = TrialScreen(
            screen.session, screen.results, screen.run_id, screen.rows, screen.matrix.here, screen.label
        )
        at = await screen.app.push_screen_wait(asked)
        if at is not None:
            row, label = at
            screen.matrix.go(row, screen.results.labels.index(label))

    async def diff(self) -> None:
        """The case's answers beside each other, the current variant's at the left."""
        from workbench.tui.screens.diff import DiffScreen

        screen = self._screen
        results, case = screen.results, screen.case
        if results is None or case is None:
            return
        trials = await asyncio.to_thread(results.siblings, screen.session.store, screen.run_id, case)
        here = next((at for at, each in enumerate(trials) if each["variant"] == screen.label), 0)
        await screen.app.push_screen_wait(DiffScreen(sides_of(trials, here)))

    async def report(self) -> None:
        """A report to a file that is named; what the name ends in says the format. One that is there is asked for."""
        from pathlib import Path

        from workbench.experiments.reports import report
        from workbench.tui.screens.ask import AskScreen

        screen = self._screen
        asked = AskScreen("report to (.html .md .csv .jsonl .xml)", f"{screen.run_id}.html")
        name = (await screen.app.push_screen_wait(asked) or "").strip()
        if not name:
            return
        path = await asyncio.to_thread(lambda: Path(name).expanduser().absolute())
        if await asyncio.to_thread(path.exists):
            rows = [
                Choice("no", "leave it as it is", "Nothing is written."),
                Choice("yes", f"write over {path.name}", "What stands in it now is lost."),
            ]
            if await screen.app.push_screen_wait(ChoiceScreen(f"{path.name} is there already", rows)) != "yes":
                return
        await asyncio.to_thread(report.write, screen.session.store, screen.run_id, path)
        screen.workbench.tell(f"report: {path}")

    async def charts(self) -> None:
        """Bars, heat table, verdicts."""
        from workbench.tui.screens.results_charts import ChartsScreen

        screen = self._screen
        if screen.opened is not None and len(screen.opened.results):
            await screen.app.push_screen_wait(ChartsScreen(screen.session, screen.opened))

    async def baseline(self) -> None:
        """Pick an earlier run of the same experiment; see what got worse; jump to a case."""
        from workbench.experiments.results.opening import earlier
        from workbench.tui.screens.results_against import AgainstScreen

        screen = self._screen
        if screen.opened is None:
            return
        runs = await asyncio.to_thread(earlier, screen.session.store, screen.run_id)
        if not runs:
            raise NotFoundError("there is no earlier run of this experiment", hint="run the file again after a change")
        rows = [Choice(each.run, _run_line(each), each.note or f"run {each.run}") for each in runs]
        chosen = await screen.app.push_screen_wait(ChoiceScreen("what got worse since", rows))
        if chosen is None:
            return
        asked = AgainstScreen(screen.session, screen.opened, chosen)
        jump = await screen.app.push_screen_wait(asked)
        if jump is not None:
            await screen.jump(*jump)

    async def vote(self) -> None:
        """Blind votes on the answers to this case."""
        from workbench.tui.screens.arena import ArenaScreen

        screen = self._screen
        results, case = screen.results, screen.case
        if results is None or case is None:
            return
        load = partial(results.siblings, screen.session.store, screen.run_id, case)
        await screen.app.push_screen_wait(ArenaScreen(screen.session, case_name(results.cases[case]), load))


def sides_of(trials: Sequence[dict[str, Any]], here: int) -> list[tuple[str, str, str]]:
    """Sides of a `DiffScreen`: this trial, the same repeat of the other variants, then what is left, eight at most.

    Raises NotFoundError for a trial that has no sibling.
    """
    mine = trials[here]
    others = [each for each in trials if each is not mine]
    if not others:
        raise NotFoundError("this case has one trial", hint="there is nothing to compare it with")
    others.sort(key=lambda each: (each["repeat"] != mine["repeat"], each["variant"] == mine["variant"]))
    return [
        (trial_name(each), str(each["prompt"] or each["model"] or ""), str(each["text"] or ""))
        for each in [mine, *others[: SIDES - 1]]
    ]


def _run_line(run: Earlier) -> str:
    """When it ran, how much of it there is, how it ended, whether its file was the same."""
    when = datetime.fromisoformat(run.created).astimezone()
    file = "the same file" if run.same else "another version of the file"
    return f"{when:%Y-%m-%d %H:%M}  {count(run.trials, 'trial')}  {run.stopped or 'broken off'}  {file}"
