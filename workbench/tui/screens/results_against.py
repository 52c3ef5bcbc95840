"""A run against an earlier one: which variants got worse for sure, and the cases that changed, the worst first."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from textual import work
from textual.binding import BindingType

from workbench.errors import NotFoundError, WorkbenchError
from workbench.tui import actions
from workbench.tui.flows import begin
from workbench.tui.results_text import case_change, case_name, change_line, count
from workbench.tui.screens.beside import BesideScreen, bindings
from workbench.tui.widgets.card_list import Row

if TYPE_CHECKING:
    from workbench.experiments.results.against import CaseChange, Comparison, VariantChange
    from workbench.experiments.results.opening import Opened
    from workbench.session import Session


@dataclass(frozen=True)
class _Changed:
    """A case of a variant that changed."""

    variant: VariantChange
    case: CaseChange


class AgainstScreen(BesideScreen[tuple[str, str] | None]):
    """This run (`now`) against the run of the id `before`. Gives the (case, label) to go to, or None."""

    DEFAULT_CSS = """
    AgainstScreen CardList { width: 1fr; }
    AgainstScreen Vertical { width: 1fr; }
    """
    places: ClassVar[tuple[str, ...]] = ("against", "list", "answer", "app")
    BINDINGS: ClassVar[list[BindingType]] = bindings("against", without=("against.jump",))
    narrow: ClassVar[int] = 100

    def __init__(self, session: Session, now: Opened, before: str) -> None:
        super().__init__(session)
        self._now, self._earlier = now, before
        self._before: Opened | None = None
        self.found: Comparison | None = None
        self._rows: list[_Changed] = []

    def on_mount(self) -> None:
        self.head.show([("what changed", "name"), ("  reading the earlier run …", "")])
        keys = " · ".join(f"{actions.key_name(a.keys[0])} {a.footer}" for a in actions.at("against") if a.footer)
        self.foot.show([(f"{keys} · tab text · esc", "")])
        self._read()

    @work(group="read", exclusive=True)
    async def _read(self) -> None:
        from workbench.experiments.results.opening import open_run

        now = self._now.results

        def work() -> tuple[Opened, Comparison]:
            before = open_run(self.session.store, self._earlier)
            return before, now.worse_than(before.results)

        try:
            before, found = await asyncio.to_thread(work)
        except WorkbenchError as error:
            self.pane.set_text(str(error))
            return
        self._before, self.found = before, found
        changes = found.variants
        rows = [_Changed(change, case) for change in changes for case in (*change.worse, *change.better)]
        self._rows = sorted(rows, key=lambda each: each.case.change)
        when = datetime.fromisoformat(before.created).astimezone()
        worse = sum(each.case.change < 0 for each in self._rows)
        word = ("worse than before", "bad") if found.worse else ("none worse for sure", "good")
        self.head.show(
            [("what changed", "name"), (f"  since {when:%Y-%m-%d %H:%M}  ", ""), word],
            [(f"▼ {worse:,} worse · ▲ {len(self._rows) - worse:,} better", "")],
            firm=True,
        )
        self.cards.show(len(self._rows))
        self.turned()

    def row(self, index: int) -> Row:
        """Its sign, its variant, the case; the scores at the right."""
        found = self._rows[index]
        worse = found.case.change < 0
        return [
            ("▼ " if worse else "▲ ", "bad" if worse else "label"),
            (f"{found.variant.label} ", "match"),
            (case_name(found.case.case), ""),
        ], [(case_change(found.case), "bad" if worse else "label")]

    def turned(self) -> None:
        """Every variant in a sentence; the checks of the one whose case is the current one."""
        if self.found is None:
            return
        found, lines = self.found, []
        for change in found.variants:
            lines += [f"{_SIGN[change.said]} {change_line(change)}", ""]
        if found.new:
            lines += [f"new: {', '.join(found.new)}", ""]
        if found.gone:
            lines += [f"not there any more: {', '.join(found.gone)}", ""]
        if found.new_cases or found.gone_cases:
            lines += [f"{count(found.new_cases, 'new case')}, {count(found.gone_cases, 'case')} not there any more", ""]
        if not found.variants:
            lines += ["No variant is in both runs: there is nothing to compare.", ""]
        elif not self._rows:
            lines += ["No case changed its score.", ""]
        for change in found.variants:
            if change.checks:
                lines.append(f"checks of {change.label}, the share that passed, then and now")
                lines += [
                    f"  {check.check:<20} {_share(check.before)} → {_share(check.after)}" for check in change.checks
                ]
                lines.append("")
        self.pane.set_text("\n".join(lines))

    @property
    def changed(self) -> _Changed | None:
        """The row one is at."""
        return self._rows[self.cards.here] if 0 <= self.cards.here < len(self._rows) else None

    def taken(self) -> None:
        """To the case."""
        if self.changed is not None:
            self.dismiss((self.changed.case.case, self.changed.variant.label))

    def action_read(self) -> None:
        """Into the text, to scroll."""
        self.pane.focus()

    def action_diff(self) -> None:
        """The answers then and now."""
        begin(self, self._diff())

    async def _diff(self) -> None:
        from workbench.tui.screens.diff import DiffScreen

        found, before = self.changed, self._before
        if found is None or before is None:
            return

        def read() -> list[tuple[str, str, str]]:
            made = []
            for word, run, label in (("then", before, found.variant.before), ("now", self._now, found.variant.label)):
                case = run.results.case(found.case.case)
                trials = [] if case is None else run.results.siblings(self.session.store, run.run, case)
                made += [_side(word, trial) for trial in trials if trial["variant"] == label][:4]
            return made

        sides = await asyncio.to_thread(read)
        if len(sides) < 2:
            raise NotFoundError("the answers are gone", hint="the earlier run was deleted")
        await self.app.push_screen_wait(DiffScreen(_paired(sides)))


_SIGN = {"worse": "▼", "better": "▲", "no sure change": "·"}


def _side(word: str, trial: dict[str, Any]) -> tuple[str, str, str]:
    version = f"@{str(trial['version'])[:8]}" if trial.get("version") else ""
    repeat = f"{word} {int(trial.get('repeat') or 0) + 1}"
    return repeat, f"{trial.get('prompt') or trial.get('model') or ''}{version}", str(trial.get("text") or "")


def _paired(sides: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """The first then beside the first now."""
    then = [side for side in sides if side[0].startswith("then")]
    now = [side for side in sides if side[0].startswith("now")]
    return [*then[:1], *now[:1], *then[1:], *now[1:]]


def _share(value: float | None) -> str:
    return "   –" if value is None else f"{100 * value:3.0f} %"
