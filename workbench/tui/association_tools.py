"""What one does on the association screen: words, contexts, text, template, model; notes and saves; the dialogs."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from workbench.errors import NotFoundError, UsageError
from workbench.insight.association import finding
from workbench.insight.sheet import Sheet
from workbench.library.prompt import short
from workbench.library.writing import Conflict, Writer
from workbench.tui import flows, trying

if TYPE_CHECKING:
    from workbench.tui.screens.association import AssociationScreen


class AssociationTools:
    """Works on the screen's sheet. Dialogs are imported when they are wanted."""

    def __init__(self, screen: AssociationScreen) -> None:
        self._screen = screen

    def work(self, flow: Coroutine[Any, Any, None]) -> None:
        """Run a flow; its errors are told."""
        flows.begin(self._screen, flow)

    async def _ask(self, question: str, value: str = "") -> str | None:
        from workbench.tui.screens.ask import AskScreen

        return await self._screen.app.push_screen_wait(AskScreen(question, value))

    @property
    def _sheet(self) -> Sheet:
        return self._screen.sheet

    def _change(self, sheet: Sheet, row: int | None = None, column: int | None = None) -> None:
        """Another sheet, and measure what is new in it."""
        screen = self._screen
        screen.tried.change(sheet)
        screen.show()
        screen.table.go(screen.table.here if row is None else row, column)
        screen.measure()

    def _row(self) -> int:
        here = self._screen.table.here
        if not 0 <= here < len(self._sheet.words):
            raise UsageError("there is no word", hint="w adds one")
        return here

    def _column(self) -> int:
        if not self._sheet.contexts:
            raise UsageError("this template has no contexts", hint="c adds one")
        return self._screen.table.column

    # ---- words and contexts

    async def word(self) -> None:
        """One more word."""
        if word := await self._ask("a word, or several as one continuation"):
            self._change(self._sheet.with_word(word), len(self._sheet.words))

    async def edit_word(self) -> None:
        """The word at the cursor."""
        at = self._row()
        if word := await self._ask("the word", self._sheet.words[at]):
            self._change(self._sheet.with_word(word, at))

    async def remove_word(self) -> None:
        """Without the word at the cursor."""
        self._change(self._sheet.without_word(self._row()))

    async def context(self) -> None:
        """One more context."""
        if text := await self._ask("a context: NAME = TEXT, or the text alone"):
            self._change(self._sheet.with_context(text), None, len(self._sheet.contexts))

    async def edit_context(self) -> None:
        """The context at the cursor."""
        at = self._column()
        line = self._sheet.contexts[at]
        if text := await self._ask("the context: NAME = TEXT", f"{line.name} = {line.text}"):
            self._change(self._sheet.with_context(text, at))

    async def remove_context(self) -> None:
        """Without the context at the cursor."""
        self._change(self._sheet.without_context(self._column()))

    async def frame(self) -> None:
        """The text around the slot; a line break is written \\n."""
        if text := await self._ask("the text, with the slot", self._sheet.text.replace("\n", "\\n")):
            self._change(replace(self._sheet, text=text.replace("\\n", "\n")))

    async def undo(self) -> None:
        """As it was before the last change."""
        screen = self._screen
        if not screen.tried.before:
            screen.workbench.tell("nothing was changed")
            return
        screen.tried.sheet = screen.tried.before.pop()
        screen.show()
        screen.measure()

    # ---- what is measured, and with what

    async def template(self) -> None:
        """Another template."""
        from workbench.tui.screens.prompt_picker import PromptPicker

        screen = self._screen
        old = screen.tried
        id = await screen.app.push_screen_wait(PromptPicker(screen.session.libraries, old.working.id, association=True))
        if id is None:
            return
        made = await asyncio.to_thread(trying.opened, screen.session, id)
        made.model, made.path = old.model, old.path
        if old.sheet.changed:
            screen.workbench.tell(f"what was changed of {old.working.id} was not saved", severity="warning")
        screen.tried = made
        screen.show()
        screen.table.go(0, 0)
        screen.measure()

    async def model(self) -> None:
        """Another model."""
        from workbench.tui.screens.model_picker import ModelPicker

        screen = self._screen
        path = await screen.app.push_screen_wait(ModelPicker(screen.session, screen.tried.path))
        if path is None:
            return
        models = await asyncio.to_thread(screen.session.models)
        model = next((model for model in models if str(model.path) == path), None)
        if model is None:
            raise NotFoundError("the model is gone", where=path)
        screen.tried.model, screen.tried.path = model.name, path
        screen.measure()

    # ---- keeping it

    async def note(self) -> None:
        """The finding as a note on the prompt."""
        screen = self._screen
        if screen.base < 0 or len(screen.found.contexts) < len(self._sheet.names):
            raise UsageError("it is not measured yet", hint="r measures again")
        working = screen.tried.working
        note = await self._ask(f"note on {working.id}", finding(screen.found, screen.tried.model, screen.base))
        if note:
            writer = Writer(screen.session.libraries, screen.session.versions)
            await asyncio.to_thread(writer.note, working, note)
            screen.workbench.tell(f"noted: the versions of {working.id} in the library show it")

    async def save(self) -> None:
        """Into the template's file."""
        screen = self._screen
        working = screen.tried.working
        if not self._sheet.changed:
            screen.workbench.tell(f"{working.id} has just this already")
            return
        try:
            saved = await asyncio.to_thread(trying.save, screen.session, screen.tried)
        except Conflict as conflict:
            hint = "S saves yours as a new template; t opens theirs"
            raise UsageError(conflict.what, where=conflict.where, hint=hint) from conflict
        where = f" — your copy in {saved.library.name} ({saved.path})" if saved.copied else ""
        screen.workbench.tell(f"saved {working.id}@{short(saved.version)}{where}")
        screen.show()

    async def save_new(self) -> None:
        """As a template of its own."""
        screen = self._screen
        id = await self._ask("name of the new template", f"{screen.tried.working.id}-2")
        if id:
            screen.tried = await asyncio.to_thread(trying.save_new, screen.session, screen.tried, id)
            screen.workbench.tell(f"made {screen.tried.working.path}")
            screen.show()
