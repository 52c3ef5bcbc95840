"""A prompt's history: every save and commit, what each changed, and the way back."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.binding import BindingType

from workbench import safe
from workbench.errors import WorkbenchError
from workbench.library.lineends import shown
from workbench.library.prompt import short
from workbench.library.timeline import Past
from workbench.library.versions import Saved
from workbench.library.writing import Working
from workbench.tui import actions
from workbench.tui.diffview import unified
from workbench.tui.screens.beside import BesideScreen, bindings
from workbench.tui.widgets.card_list import Row

if TYPE_CHECKING:
    from workbench.session import Session


class VersionsScreen(BesideScreen[tuple[str, str] | None]):
    """Gives ("restore", text), ("compare", version), or None."""

    places: ClassVar[tuple[str, ...]] = ("versions", "list", "answer", "app")
    BINDINGS: ClassVar[list[BindingType]] = bindings("versions")

    def __init__(self, session: Session, working: Working) -> None:
        super().__init__(session)
        self._working = working
        self._past: Past | None = None
        self._against = "before"  # the version before, the present text, or the marked one
        self._marked: Saved | None = None

    @property
    def _rows(self) -> list[Saved]:
        return self._past.rows if self._past else []

    async def on_mount(self) -> None:
        keys = [f"{actions.key_name(a.keys[0])} {a.footer}" for a in actions.at("versions") if a.footer]
        self.foot.show([(" · ".join([*keys, "esc leave"]), "")], brief=[(" · ".join([*keys[:3], "F1 more keys"]), "")])
        await self._load()

    async def _load(self, here: int = 0) -> None:
        from workbench.library import labels

        working = self._working
        folder = working.library.folder
        try:
            named = await asyncio.to_thread(lambda: labels.load(folder).get(working.id, {}))
            self._past = await asyncio.to_thread(Past, self.session.versions, folder, working.id, named)
        except WorkbenchError as error:
            self.workbench.tell(str(error), severity="error")
        self.head.show([(f"versions of {working.id}", "name"), (f"  {len(self._rows)}", "")])
        self.cards.show(len(self._rows), here)
        self._show()

    def row(self, index: int) -> Row:
        row = self._rows[index]
        when = row.time[:16].replace("T", " ")
        version = short(row.version) if row.version else "----"
        source = "git" if row.source == "git" else "   "
        mark = "▸" if row == self._marked else " "
        left = [
            (mark, "mark"),
            (f"{when} ", "dim"),
            (f"{version} ", "match"),
            (f"{source} ", "dim"),
            (" ".join(row.note.split()), ""),
        ]
        if row.author:
            left.append((f"  {row.author}", "dim"))
        return left, [(" ".join(row.labels), "label")]

    def turned(self) -> None:
        """Another version."""
        self._show()

    def _text(self, row: Saved) -> str:
        assert self._past is not None
        data = self._past.data(row)
        try:
            return shown(data)
        except UnicodeDecodeError:
            return data.decode("latin-1")

    def _pair(self, index: int) -> tuple[str, str, str, str]:
        """The older text and its name, the newer text and its name."""
        row = self._rows[index]
        if self._against == "present":
            return self._text(row), _name(row), self._working.text, "the present text"
        if self._against == "marked" and self._marked is not None:
            older, newer = self._marked, row
            if older in self._rows[:index]:
                older, newer = newer, older
            return self._text(older), _name(older), self._text(newer), _name(newer)
        before = next((r for r in self._rows[index + 1 :] if r.blob == row.parent), None)
        before = before or next(iter(self._rows[index + 1 :]), None)
        return self._text(before) if before else "", _name(before), self._text(row), _name(row)

    @work(exclusive=True)
    async def _show(self) -> None:
        index = self.cards.here
        if not 0 <= index < len(self._rows):
            self.pane.set_text("no version yet: a save makes one")
            return
        try:
            old, old_name, new, new_name = await asyncio.to_thread(self._pair, index)
        except WorkbenchError as error:
            self.pane.set_text(str(error))
            return
        old, new = (safe.text(text).replace("\t", "    ") for text in (old, new))
        if not old or old == new:
            note = safe.text(self._rows[index].note)
            self.pane.set_text(f"{note}\n\n{new}" if old and note else new)
            self.head.show(
                [
                    (f"versions of {self._working.id}", "name"),
                    (f"  {old_name} is {new_name}: no difference" if old else f"  {new_name}, the first one", ""),
                ]
            )
            return
        text, marks = await asyncio.to_thread(unified, old, new)
        self.pane.set_text(text)
        self.pane.set_spans(marks)
        self.head.show([(f"versions of {self._working.id}", "name"), (f"  {old_name} → {new_name}", "")])

    def _chosen(self) -> Saved | None:
        index = self.cards.here
        return self._rows[index] if 0 <= index < len(self._rows) else None

    # ---- actions

    def action_base(self) -> None:
        """Against the version before, the present text, or the marked version."""
        ways = ["before", "present", *(["marked"] if self._marked else [])]
        self._against = ways[(ways.index(self._against) + 1) % len(ways)]
        self._show()

    def action_mark(self) -> None:
        """This version is what the others are compared with."""
        row = self._chosen()
        self._marked = None if row == self._marked else row
        self._against = "marked" if self._marked else "before"
        self.cards.refresh()
        self._show()

    @work(group="side")
    async def action_side(self) -> None:
        """Side by side."""
        from workbench.tui.screens.diff import DiffScreen

        if self._chosen() is not None:
            old, old_name, new, new_name = await asyncio.to_thread(self._pair, self.cards.here)
            await self.app.push_screen_wait(DiffScreen([("1", old_name, old), ("2", new_name, new)]))

    def action_compare(self) -> None:
        """This version beside the present one, in the lanes."""
        row = self._chosen()
        if row is None:
            return
        if not row.version:
            self.workbench.tell("this version is no valid prompt: it cannot run", severity="warning")
            return
        self.dismiss(("compare", row.version))

    def action_restore(self) -> None:
        """Back to this version: a new save with its text."""
        row = self._chosen()
        if row is not None:
            self.dismiss(("restore", self._text(row)))

    @work(group="label")
    async def action_label(self) -> None:
        """A label for this version."""
        from workbench.library import labels
        from workbench.tui.screens.ask import AskScreen

        row = self._chosen()
        if row is None or not row.version:
            self.workbench.tell("a version that is no valid prompt has no label", severity="warning")
            return
        name = await self.app.push_screen_wait(AskScreen(f"label for @{short(row.version)}", "production"))
        if not name:
            return
        folder = self._working.library.folder
        try:
            before = await asyncio.to_thread(labels.set_label, folder, self._working.id, name.strip(), row.version)
        except WorkbenchError as error:
            self.workbench.tell(str(error), severity="error")
            return
        moved = f" (it was @{short(before)})" if before and before != row.version else ""
        self.workbench.tell(f"{name} is @{short(row.version)} now{moved}")
        await self._load(self.cards.here)

    def action_copy(self) -> None:
        """The version's text to the clipboard."""
        row = self._chosen()
        if row is not None:
            self.workbench.copy(self._text(row))


def _name(row: Saved | None) -> str:
    """A version as a heading names it."""
    if row is None:
        return "nothing"
    return f"@{short(row.version) if row.version else '----'} {row.time[:16].replace('T', ' ')}"
