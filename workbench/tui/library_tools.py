"""What one does to a prompt in the library screen: save, conflicts, new, copy, move, delete, label, compare."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, Any, cast

from workbench.errors import NotFoundError, PromptError, UsageError
from workbench.library.lineends import shown
from workbench.library.prompt import KINDS, parse, short
from workbench.library.writing import Conflict, Working, version_of
from workbench.tui import flows

if TYPE_CHECKING:
    from textual.dom import DOMNode

    from workbench.library.edit import KeyPath
    from workbench.tui.screens.library import LibraryScreen
    from workbench.tui.widgets.prompt_form import PromptForm


class LibraryTools:
    """Works on the screen's file. Dialogs are imported when they are wanted."""

    def __init__(self, screen: LibraryScreen) -> None:
        self._screen = screen
        self._presences: list[Any] = []

    def work(self, flow: Coroutine[Any, Any, None]) -> None:
        """Run a flow when the keys before it have been heard (a burst over a slow line); its errors are told."""
        screen = self._screen
        below = list(screen.focused.ancestors_with_self) if screen.focused is not None else [screen]
        way = below[: below.index(screen) + 1] if screen in below else [screen]

        def hop(rest: Sequence[DOMNode]) -> None:
            if rest:
                rest[0].call_later(hop, rest[1:])
            else:
                flows.begin(screen, flow)

        hop(way)

    async def _ask(self, question: str, value: str = "") -> str | None:
        from workbench.tui.screens.ask import AskScreen

        return await self._screen.app.push_screen_wait(AskScreen(question, value))

    def _working(self) -> Working:
        if self._screen.file.working is None:
            raise NotFoundError("no prompt is open", hint="choose one in the list")
        if not self._screen.file.editor.read_only:
            self._screen.file.working.text = self._screen.file.editor.text
        return self._screen.file.working

    def _id(self) -> tuple[str, str]:
        """The current row's id and library."""
        card = self._screen.card
        if card is None:
            raise NotFoundError("no prompt is chosen", hint="choose one in the list")
        return card.id, card.library

    def warn_of_others(self) -> None:
        """Say so when another workbench has one of the libraries open."""
        from workbench.library.presence import Presence

        for library in self._screen.session.libraries.libraries:
            if library.writable:
                presence = Presence(library.folder)
                other = presence.enter()
                self._presences.append(presence)
                if other is not None:
                    who = f" (process {other})" if other else ""
                    text = (
                        f"another workbench{who} has {library.name} open: what it saves shows here, and the other way"
                    )
                    self._screen.workbench.tell(text, severity="warning")

    # ---- saving

    async def save(self, *, ask: bool = False) -> None:
        """Write the file as a version; a conflict is shown."""
        screen, working = self._screen, self._working()
        note = await self._ask("note for this version") if ask else ""
        if note is None:
            return
        if not working.changed:
            screen.workbench.tell(f"{working.id} has no unsaved change")
            return
        try:
            saved = await asyncio.to_thread(screen.shelf.writer.save, working, note)
        except Conflict as conflict:
            await self._decide(working, conflict.theirs)
            return
        screen.shelf.note_draft(working)
        where = f" — your copy in {saved.library.name} ({saved.path})" if saved.copied else ""
        what = f"@{short(saved.version)}" if saved.version else " (with errors: it does not run)"
        screen.workbench.tell(
            f"saved {working.id}{what}{where}", severity="information" if saved.version else "warning"
        )
        if saved.copied:
            screen.fill(keep=working.id)
        screen.file.retitle()
        screen.reread()

    async def _decide(self, working: Working, theirs: bytes | None) -> None:
        from workbench.tui.screens.conflict import ConflictScreen

        screen, writer = self._screen, self._screen.shelf.writer
        try:
            text = shown(theirs) if theirs is not None else None
        except UnicodeDecodeError:
            text = (theirs or b"").decode("latin-1")
        choice = await screen.app.push_screen_wait(ConflictScreen(working.id, working.text, text))
        if choice == "mine":
            await asyncio.to_thread(writer.keep_mine, working, theirs)
            await self.save()
        elif choice == "theirs" and theirs is not None:
            await asyncio.to_thread(writer.take, working, theirs)
            screen.file.show(working)
        elif choice == "merge" and theirs is not None:
            made = await asyncio.to_thread(writer.merged, working, theirs)
            screen.file.editor.put(made.text)
            screen.file.say_theirs("")
            if made.conflicts:
                said = f"{made.conflicts} places changed on both sides: both stand in the text, marked; then save"
                screen.workbench.tell(said, severity="warning")
            else:
                screen.workbench.tell("merged without a conflict: look it over, then save")

    async def others_wrote(self, working: Working, theirs: bytes | None) -> None:
        """The file in the editor is another on disk: taken in at once when nothing is unsaved."""
        screen = self._screen
        if theirs is None:
            screen.file.say_theirs("gone from the disk")
        elif working.changed:
            screen.file.say_theirs("changed on disk")
        else:
            try:
                await asyncio.to_thread(screen.shelf.writer.take, working, theirs)
            except UnicodeDecodeError:
                screen.file.say_theirs("on disk it is no text now")
                return
            row = screen.file.editor.cursor_location
            screen.file.show(working)
            screen.file.editor.move_cursor(row)
            screen.workbench.tell(f"{working.id}: changed by another program, read again")
            screen.reread()

    async def revert(self) -> None:
        """The text is the file's again; what was typed is kept as a version."""
        screen, working = self._screen, self._working()
        if not working.changed:
            return
        theirs = await asyncio.to_thread(screen.shelf.writer.seen, working)
        if theirs is None:
            raise NotFoundError("the file is gone: there is nothing to go back to", hint="^s writes what you have")
        await asyncio.to_thread(screen.shelf.writer.take, working, theirs)
        screen.shelf.note_draft(working)
        screen.file.show(working)
        screen.reread()
        screen.workbench.tell(f"{working.id} is as on disk; what you had typed stands in its versions (v)")

    # ---- files

    async def _went(self, id: str) -> None:
        """Show the list anew, with `id` as the current row and in the editor."""
        screen = self._screen
        if screen.query_line.value:
            with screen.prevent(type(screen.query_line).Changed):
                screen.query_line.value = ""
        await screen.shelf.refresh([id])
        screen.fill(keep=id)

    async def new(self) -> None:
        """A new prompt: its kind, then its name."""
        from workbench.tui.screens.choice import Choice, ChoiceScreen

        kinds = [
            Choice("system", "system", "A system prompt: how the model is to behave."),
            Choice("chat", "chat", "A conversation that has begun: messages, examples."),
            Choice("association", "association", "A beginning whose next words are measured, in several contexts."),
        ]
        kind = await self._screen.app.push_screen_wait(ChoiceScreen("new prompt", kinds))
        if kind not in KINDS:
            return
        id = await self._ask("its name", f"{kind}/")
        if not id:
            return
        path = await asyncio.to_thread(lambda: self._screen.shelf.manager.create(kind, id))
        await self._went(id.strip())
        self._screen.workbench.tell(f"made {path}")
        self.focus_file()

    async def duplicate(self) -> None:
        """A copy under another name."""
        id, library = self._id()
        name = await self._ask(f"name of the copy of {id}", f"{id}-2")
        if name:
            path = await asyncio.to_thread(lambda: self._screen.shelf.manager.duplicate(id, name, library=library))
            await self._went(name)
            self._screen.workbench.tell(f"made {path}")

    async def move(self) -> None:
        """Another name, or another library: LIBRARY:NAME."""
        screen = self._screen
        id, library = self._id()
        await screen.file.keep()
        if screen.file.working is not None and screen.file.working.changed:
            raise UsageError(f"{id} has unsaved changes", hint="^s saves them first")
        name = await self._ask("new name (LIBRARY:NAME moves it there)", id)
        if not name or name == id:
            return
        to, colon, rest = name.partition(":")
        new = rest if colon else name
        await asyncio.to_thread(lambda: screen.shelf.manager.move(id, new, library=library, to=to if colon else ""))
        screen.file.working = None
        await self._went(new)
        screen.workbench.tell(f"{id} is {name} now; its versions and labels went with it")

    async def delete(self) -> None:
        """Take the file away; `restore` brings it back."""
        screen = self._screen
        id, library = self._id()
        at = screen.cards.here
        await screen.file.keep()
        if screen.file.working is not None and screen.file.working.changed:
            raise UsageError(f"{id} has unsaved changes", hint="^s saves them, R gives them up")
        await asyncio.to_thread(lambda: screen.shelf.manager.delete(id, library=library))
        screen.file.working = None
        await screen.shelf.refresh()
        screen.fill()
        screen.cards.go(at)
        screen.workbench.tell(f"deleted {id}: u brings it back")

    async def restore(self) -> None:
        """Bring a deleted prompt back; which one, when there are several."""
        from workbench.tui.screens.choice import Choice, ChoiceScreen

        screen = self._screen
        gone = await asyncio.to_thread(self._gone)
        if not gone:
            screen.workbench.tell("no prompt was deleted here")
            return
        rows = [
            Choice(f"{name}:{id}", id, f"{name}, deleted {time[:16].replace('T', ' ')} UTC") for name, id, time in gone
        ]
        chosen = await screen.app.push_screen_wait(ChoiceScreen("bring back", rows))
        if chosen is None:
            return
        library, _, id = chosen.partition(":")
        path = await asyncio.to_thread(lambda: screen.shelf.manager.restore(id, library=library))
        await self._went(id)
        screen.workbench.tell(f"{path} is back")

    def _gone(self) -> list[tuple[str, str, str]]:
        """(library, id, time) of what was deleted, newest first."""
        found = [
            (library.name, gone.id, gone.time)
            for library in self._screen.session.libraries.libraries
            for gone in self._screen.session.versions.gone(library.folder)
        ]
        return sorted(found, key=lambda item: item[2], reverse=True)

    async def external(self) -> None:
        """In $VISUAL or $EDITOR; after a clean exit it is saved."""
        from workbench.tui.external import edited

        screen, working = self._screen, self._working()
        made = await edited(screen.app, f"{working.id.rsplit('/', 1)[-1]}.toml", working.data)
        if made == working.data:
            screen.workbench.tell(f"{working.id}: unchanged")
            return
        try:
            text = shown(made)
        except UnicodeDecodeError:
            raise UsageError("what the editor left is not UTF-8 text", hint="the prompt is as it was") from None
        screen.file.editor.put(text)
        working.text = text
        await self.save()

    # ---- versions, labels, lanes

    async def versions(self) -> None:
        """The prompt's history."""
        from workbench.tui.screens.versions import VersionsScreen

        screen, working = self._screen, self._working()
        chosen = await screen.app.push_screen_wait(VersionsScreen(screen.session, working))
        if chosen is None:
            screen.reread()
            return
        what, version = chosen
        if what == "restore":
            screen.file.editor.put(version)
            working.text = version
            await self.save()
        elif what == "compare":
            await screen.workbench.compare_versions(working.id, version)

    async def label(self) -> None:
        """A label for the saved version."""
        working = self._working()
        version = await asyncio.to_thread(version_of, working.base, working.id)
        if not version:
            raise UsageError("a prompt with errors has no version to label", hint="mend it, then save")
        name = await self._ask(f"label for {working.id}@{short(version)}", "production")
        if name:
            await self.set_label(working, name.strip(), version)

    async def set_label(self, working: Working, name: str, version: str) -> None:
        """Let the label name that version."""
        from workbench.library import labels

        screen = self._screen
        folder = working.library.folder
        before = await asyncio.to_thread(labels.set_label, folder, working.id, name, version)
        moved = f" (it was @{short(before)})" if before and before != version else ""
        screen.workbench.tell(f"{name} is {working.id}@{short(version)} now{moved}")
        await screen.shelf.refresh()
        screen.fill(keep=working.id)
        screen.file.retitle()

    async def try_it(self) -> None:
        """The prompt in the lane that one was in last, an association measured; an unsaved change is saved first."""
        screen, working = self._screen, self._working()
        if working.changed:
            await self.save()
            if working.changed:
                return
        if await asyncio.to_thread(_is_association, working):
            await self._measure(working)
        else:
            await screen.workbench.put_in_lane(working.id)

    async def associate(self) -> None:
        """An association measured; an unsaved change is saved first."""
        working = self._working()
        if not await asyncio.to_thread(_is_association, working):
            raise UsageError(f"{working.id} is no association template", hint="c puts it into a lane")
        await self.try_it()

    async def _measure(self, working: Working) -> None:
        from workbench.tui.insight_flows import association

        screen = self._screen
        await association(screen.workbench.compare, f"{working.library.name}:{working.id}")
        screen.reread()
        await screen.file.look()

    # ---- the form

    @property
    def _form(self) -> PromptForm | None:
        found = self._screen.query("PromptForm")
        return cast("PromptForm", found.first()) if found else None

    def focus_file(self) -> None:
        """Into the editor, or the form when that is shown."""
        form = self._form
        first = form.query("Input, TextArea") if form is not None and form.display else None
        # At once, not by a message: keys may follow in the same burst.
        self._screen.set_focus(first.first() if first else self._screen.file.editor)

    async def form(self) -> None:
        """Form or TOML."""
        from workbench.tui.widgets.prompt_form import PromptForm

        screen, form = self._screen, self._form
        self._working()
        if form is None:
            form = PromptForm()
            await screen.query_one("#file").mount(form, after=screen.file.editor)
            form.display = False
        shown_now = not form.display
        if shown_now and not await form.load(screen.file.editor.text):
            raise UsageError("the form needs TOML that parses", hint="^g goes to the line that is wrong")
        form.display, screen.file.editor.display = shown_now, not shown_now
        self.focus_file()

    async def form_follows(self) -> None:
        """The form shows what the text says; text that does not parse shows as text."""
        form = self._form
        if form is not None and form.display and not await form.load(self._screen.file.editor.text):
            form.display, self._screen.file.editor.display = False, True

    async def from_form(self, path: KeyPath, value: Any) -> None:
        """A value typed in the form goes into the text."""
        from workbench.library.edit import edited

        screen = self._screen
        if screen.file.working is None:
            return
        try:
            made = await asyncio.to_thread(edited, screen.file.editor.text, {path: value})
        except PromptError as error:
            if self._form is not None:
                self._form.say(str(error))
            return
        screen.file.editor.put(made)


def _is_association(working: Working) -> bool:
    """Whether the file as it was read is such a template."""
    try:
        return parse(working.base, id=working.id).kind == "association"
    except PromptError:
        return False
