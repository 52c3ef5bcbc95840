"""From a cell down to its trials: those of the case at one side, one of them whole at the other, checks and all."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from textual import work
from textual.binding import BindingType

from workbench.errors import WorkbenchError
from workbench.tui import actions
from workbench.tui.flows import begin
from workbench.tui.results_text import case_name, count, sign_of, trial_name, trial_whole
from workbench.tui.results_tools import sides_of
from workbench.tui.screens.beside import BesideScreen, bindings
from workbench.tui.widgets.card_list import Row

if TYPE_CHECKING:
    from workbench.experiments.results.results import Results
    from workbench.session import Session


class TrialScreen(BesideScreen[tuple[int, str] | None]):
    """The trials of the case at `rows[at]`, one of `label` in sight. Gives the row and the variant one was last at."""

    DEFAULT_CSS = """
    TrialScreen CardList { width: 2fr; }
    TrialScreen Vertical { width: 5fr; }
    TrialScreen.-narrow CardList { height: 1fr; min-height: 3; }
    TrialScreen.-narrow Vertical { height: 3fr; }
    """
    places: ClassVar[tuple[str, ...]] = ("trial", "list", "answer", "app")
    BINDINGS: ClassVar[list[BindingType]] = bindings("trial")
    narrow: ClassVar[int] = 100

    def __init__(self, session: Session, results: Results, run: str, rows: Sequence[int], at: int, label: str) -> None:
        super().__init__(session)
        self._results, self._run_id, self._rows, self._at, self._label = results, run, rows, at, label
        self.trials: list[dict[str, Any]] = []

    def on_mount(self) -> None:
        keys = " · ".join(f"{actions.key_name(a.keys[0])} {a.footer}" for a in actions.at("trial") if a.footer)
        self.foot.show([(f"enter text · {keys} · esc", "")], brief=[(keys, "")])
        self._read()

    @property
    def trial(self) -> dict[str, Any] | None:
        """The one that is shown."""
        return self.trials[self.cards.here] if 0 <= self.cards.here < len(self.trials) else None

    @work(group="read", exclusive=True)
    async def _read(self) -> None:
        case = self._rows[self._at]
        try:
            trials = await asyncio.to_thread(self._results.siblings, self.session.store, self._run_id, case)
        except WorkbenchError as error:
            self.workbench.tell(str(error), severity="error")
            return
        order = {label: place for place, label in enumerate(self._results.labels)}
        trials.sort(key=lambda each: (order.get(each["variant"] or "", 0), each["repeat"] or 0))
        self.trials = trials
        mine = [at for at, each in enumerate(trials) if each["variant"] == self._label]
        failed = [at for at in mine if trials[at].get("passed") is False or trials[at].get("error")]
        self.cards.show(len(trials), next(iter(failed or mine), 0))
        self.turned()

    def row(self, index: int) -> Row:
        """Variant and repeat, its verdict, how the answer begins."""
        trial = self.trials[index]
        sign = sign_of(trial)
        return [
            (f"{trial_name(trial)}  ", "match"),
            (f"{sign[0]}  ", sign[1]),
            (" ".join(str(trial.get("error") or trial["text"] or "")[:400].split()), "dim"),
        ], []

    def turned(self) -> None:
        """Another trial."""
        trial = self.trial
        if trial is None:
            self.pane.set_text("The trials of this case are gone: the run was deleted.")
            return
        self._label = str(trial["variant"] or "")
        self.pane.set_text(trial_whole(trial))
        name = case_name(self._results.cases[self._rows[self._at]])
        place = f"case {self._at + 1:,} of {len(self._rows):,}"
        self.head.show(
            [(name, "name"), (f"  {trial_name(trial)}", "strong")],
            [(f"{count(len(self.trials), 'trial')} · {place}", "")],
        )

    # ---- actions

    def action_step(self, by: int) -> None:
        """The next sibling; the text is what scrolls where it has the focus."""
        self.cards.step(by)

    def action_case(self, by: int) -> None:
        """The next case of those that the matrix shows, the same variant."""
        at = max(0, min(self._at + by, len(self._rows) - 1))
        if at != self._at:
            self._at = at
            self._read()

    def action_diff(self) -> None:
        """Beside its siblings, differences marked."""
        begin(self, self._diff())

    async def _diff(self) -> None:
        from workbench.tui.screens.diff import DiffScreen

        if self.trial is not None:
            await self.app.push_screen_wait(DiffScreen(sides_of(self.trials, self.cards.here)))

    def action_copy(self) -> None:
        """The answer to the clipboard."""
        self.workbench.copy(str(self.trial["text"]) if self.trial is not None else "")

    def action_leave(self) -> None:
        """From the text to the list, from the list to the matrix, at this case."""
        if self.focused is self.pane:
            self.cards.focus()
        else:
            self.dismiss((self._at, self._label) if self._label in self._results.labels else None)
