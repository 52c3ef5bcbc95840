"""The file at the right of the library screen: its text, what it renders to, its problems, its unsaved edit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import TextArea

from workbench.errors import WorkbenchError
from workbench.library.prompt import short
from workbench.library.reader import FileError, Problem
from workbench.library.writing import Working, version_of
from workbench.tui.shelf import Checked, check, rendered
from workbench.tui.widgets.answer import AnswerPane
from workbench.tui.widgets.frame import FrameLine
from workbench.tui.widgets.toml_editor import TomlEditor

if TYPE_CHECKING:
    from workbench.library.index import Card
    from workbench.tui.screens.library import LibraryScreen
    from workbench.tui.widgets.prompt_form import PromptForm

KEEP = 0.8  # seconds of typing that a kill may cost at most
PAUSE = 0.15  # seconds without a key before a text is looked through


class LibraryFile(Vertical):
    """The frame, the editor, and the preview of the current row's file; `working` is None while there is none."""

    def __init__(self, screen: LibraryScreen) -> None:
        super().__init__(id="file")
        self._library = screen
        self.working: Working | None = None
        self.checked: Checked | None = None
        self.head = FrameLine("top")
        self.editor = TomlEditor(id="editor")
        self.middle = FrameLine("middle")
        self.preview = AnswerPane(id="preview")
        self._due: set[str] = set()
        self._rendered = ""
        self._version = (b"", "")  # of which bytes
        self._theirs = ""  # what another program did to the file in the editor

    def compose(self) -> ComposeResult:
        yield self.head
        yield self.editor
        yield self.middle
        yield self.preview

    def on_mount(self) -> None:
        self.editor.show("")
        self.editor.read_only = True

    # ---- opening

    def is_shown(self, card: Card) -> bool:
        """Whether the editor holds that row's file."""
        return self.working is not None and (self.working.id, str(self.working.path)) == (card.id, card.path)

    @work(group="open", exclusive=True)
    async def open(self, card: Card | None) -> None:
        """Put that row's file into the editor; None empties it."""
        await self.keep()
        if card is None:
            self._show_nothing("")
            return
        try:
            working = await asyncio.to_thread(self._library.shelf.writer.open, card.id, card.library)
        except WorkbenchError as error:
            self._show_nothing(error.problem.problem if isinstance(error, FileError) else str(error))
            return
        here = self._library.card
        if here is not None and (here.id, here.path) == (card.id, card.path) and not self.is_shown(card):
            self.show(working)

    def show(self, working: Working) -> None:
        """Another file in the editor."""
        self.working, self._theirs, self._rendered = working, "", ""
        self.editor.read_only = False
        self.editor.mark({})
        self.editor.show(working.text)
        self._follow()
        self.retitle()
        self._check()

    @work(group="form")
    async def _follow(self) -> None:
        await self._library.tools.form_follows()

    async def on_prompt_form_edited(self, event: PromptForm.Edited) -> None:
        """A value typed in the form."""
        event.stop()
        await self._library.tools.from_form(event.path, event.value)

    def _show_nothing(self, why: str) -> None:
        self.working, self.checked = None, None
        self.editor.show("")
        self.editor.read_only = True
        self.preview.set_text("")
        self.head.show([(self._library.card.id, "name")] if self._library.card else [("no prompt", "")])
        self.middle.show([(f"✗ {why}", "bad")] if why else [])

    def retitle(self) -> None:
        """The file's name, version, labels and state."""
        working = self.working
        if working is None:
            return
        if self._version[0] is not working.base:
            self._version = working.base, version_of(working.base, working.id)
        version = self._version[1]
        left = [(working.id, "name"), (f"@{short(version)}" if version else "", "")]
        if working.changed:
            when = f" since {working.drafted[11:16]} UTC" if working.drafted else ""
            left.append((f"  ● unsaved{when}", "warn"))
        if self._theirs:
            left.append((f"  {self._theirs} — ^s decides", "bad"))
        labels = self._library.shelf.labels_of(working.library.name, working.id, version)
        right = [(f"{label}  ", "good") for label in labels]
        where = working.library.name
        if not working.library.writable:
            where += ": a save makes your copy" if self._library.size.width >= 100 else " (saves copy)"
        self.head.show(left, [*right, (where, "")])

    @on(TextArea.Changed)
    def _typed(self, event: TextArea.Changed) -> None:
        event.stop()
        if event.text_area is not self.editor or self.working is None:
            return
        self.working.text = self.editor.text
        self.retitle()
        self._later("keep", KEEP, self.keep)
        self._later("check", PAUSE, self._check)

    def _later(self, name: str, seconds: float, work: Callable[[], Awaitable[None] | object]) -> None:
        """Do it once, so long after the first time it was asked for."""
        if name in self._due:
            return
        self._due.add(name)

        async def due() -> None:
            self._due.discard(name)
            made = work()
            if isinstance(made, Awaitable):
                await made

        self.set_timer(seconds, due)

    async def keep(self) -> None:
        """Keep the unsaved edit."""
        if self.working is not None and (self.working.changed or self.working.drafted):
            try:
                await asyncio.to_thread(self._library.shelf.writer.keep, self.working)
            except WorkbenchError as error:
                self._library.workbench.tell(str(error), severity="error")
            self._library.shelf.note_draft(self.working)
            self._library.cards.refresh()

    def keep_now(self) -> None:
        """The same at once, for the end."""
        if self.working is not None and self.working.changed:
            self._library.shelf.writer.keep(self.working)

    @work(group="check", exclusive=True)
    async def _check(self) -> None:
        """Look the text through off the loop, and show what was found."""
        working = self.working
        if working is None:
            return
        text = working.text
        checked = await asyncio.to_thread(check, working)
        if working is not self.working:
            return
        self.checked = checked
        self.editor.mark({p.line: p.serious for p in sorted(checked.problems, key=lambda p: p.serious) if p.line})
        self._say_problems()
        self.preview.set_text(self._below(checked))
        if checked.prompt is not None:
            self._library.count.want(checked.messages)
            await self._library.tools.form_follows()
        if text != working.text:
            self._later("check", PAUSE, self._check)

    def _say_problems(self) -> None:
        checked = self.checked
        if checked is None:
            return
        if not checked.problems:
            says = [("✓ no problems", "good"), (" · rendered with samples", "")]
        else:
            first = checked.problems[0]
            more = f" · {len(checked.problems)} in all, ^g next" if len(checked.problems) > 1 else " · ^g goes there"
            says = [(_problem(first), "bad" if first.serious else "warn"), (more, "")]
        count = (
            self._library.count.says
            if self._library.size.width >= 110
            else self._library.count.says.partition(" · ")[0]
        )
        self.middle.show(says, [(count, "")] if count else [], firm=True)

    def _below(self, checked: Checked) -> str:
        """What is wrong, whole, then the prompt as it is sent; the last good one while it does not parse."""
        if checked.messages:
            self._rendered = rendered(checked.messages)
        wrong = [f"{_problem(p)}{f' — {p.hint}' if p.hint else ''}" for p in checked.problems]
        return "\n".join([*wrong, "", self._rendered] if wrong else [self._rendered])

    def say_count(self) -> None:
        """The token count is another."""
        self._say_problems()

    # ---- others' changes

    async def look(self) -> None:
        """Whether another program wrote the file in the editor."""
        working = self.working
        if working is None or not working.base:
            return
        try:
            theirs = await asyncio.to_thread(self._library.shelf.writer.seen, working)
        except WorkbenchError:
            return
        if working is self.working and theirs != working.base:
            await self._library.tools.others_wrote(working, theirs)
        elif self._theirs:
            self._theirs = ""
            self.retitle()

    def say_theirs(self, text: str) -> None:
        """Another program changed the file while there is an unsaved edit."""
        if self._theirs != text:
            self._theirs = text
            self.retitle()


def _problem(problem: Problem) -> str:
    """A problem in a line: `✗ line 3 kind: must be one of …`."""
    mark = "✗" if problem.serious else "!"
    line = f" line {problem.line}" if problem.line else ""
    key = f" {problem.key}:" if problem.key else ""
    return f"{mark}{line}{key or (':' if line else '')} {problem.problem}"
