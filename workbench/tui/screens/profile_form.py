"""Custom instructions of a lane: a profile to pick or to write, and the whole system message as it will be fed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static, TextArea
from textual.widgets.option_list import Option

from workbench import safe
from workbench.errors import WorkbenchError
from workbench.files import ConflictError
from workbench.inference.engine import Message
from workbench.library.profile_drafts import ProfileDrafts
from workbench.library.profiles import Listed, Profile, combine, drafted, find, fresh, listing, save, system_text
from workbench.tui.screens.picker import columns

KEEP = 0.7  # seconds after which what was typed is kept
WIDE = 100  # columns from which the message stands beside what is edited


@dataclass(frozen=True)
class ProfileChosen:
    """The form's result: the profile ("" for none), whether every lane takes it, and which were written."""

    name: str
    everywhere: bool = False
    saved: frozenset[str] = frozenset()


class ProfileForm(ModalScreen[ProfileChosen | None]):
    """A list of profiles, the two texts of the highlighted one, and what comes of them."""

    DEFAULT_CSS = """
    ProfileForm { align: center middle; background: $background 40%; }
    ProfileForm > Vertical { width: 96%; max-width: 150; height: 94%; border: round $accent; background: $surface;
        padding: 0 1; }
    ProfileForm #body { height: 1fr; layout: vertical; }
    ProfileForm #body.-wide { layout: horizontal; }
    ProfileForm #edit { width: 1fr; height: 3fr; }
    ProfileForm #whole { width: 1fr; height: 2fr; }
    ProfileForm .-wide #edit { height: 1fr; margin: 0 1 0 0; }
    ProfileForm .-wide #whole { height: 1fr; }
    ProfileForm OptionList { height: auto; max-height: 4; border: none; background: $surface; padding: 0;
        scrollbar-size-vertical: 1; }
    ProfileForm .-wide OptionList { max-height: 10; }
    ProfileForm .name { color: $foreground-muted; height: 1; }
    ProfileForm TextArea { height: 1fr; min-height: 2; border: none; padding: 0 1; background: $boost; }
    ProfileForm TextArea:focus { background: $accent 20%; }
    ProfileForm VerticalScroll { height: 1fr; min-height: 2; scrollbar-size-vertical: 1; }
    ProfileForm VerticalScroll:focus { background: $boost; }
    ProfileForm #error { color: $error; height: auto; max-height: 2; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False, priority=True),
        Binding("ctrl+s", "use", show=False, priority=True),
        Binding("f4", "everywhere", show=False, priority=True),
        Binding("ctrl+n", "new", show=False, priority=True),
    ]

    def __init__(self, lead: Sequence[Message], current: str, label: str) -> None:
        super().__init__()
        self._lead = tuple(lead)
        self._label = label
        self._chosen = current
        self._rows: dict[str, Listed | None] = {"": None}
        self._read: dict[str, Profile] = {}  # as they are on disk
        self._now: dict[str, Profile] = {}  # as they stand in the form
        self._drafts = ProfileDrafts()
        self._keeping = False
        self._writing = asyncio.Lock()  # a draft is not kept after it was dropped
        self._saved: set[str] = set()
        self._warned = False
        self._busy = False

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = Content(f" custom instructions of {self._label} ")
            box.border_subtitle = Content("tab next · ctrl+s use · f4 in all lanes · ctrl+n new · esc leave")
            with Container(id="body"):
                with Vertical(id="edit"):
                    yield OptionList(markup=False, compact=True)
                    yield Static("about me", classes="name", markup=False)
                    yield TextArea(id="about", compact=True, tab_behavior="focus")
                    yield Static("how to answer", classes="name", markup=False)
                    yield TextArea(id="answer", compact=True, tab_behavior="focus")
                with Vertical(id="whole"):
                    yield Static("", id="heading", classes="name", markup=False)
                    with VerticalScroll():
                        yield Static("", id="message", markup=False)
            yield Static("", id="error", markup=False)

    async def on_mount(self) -> None:
        self.query_one(OptionList).focus()
        found = await asyncio.to_thread(listing)
        self._rows |= {row.name: row for row in found}
        self._read = {row.name: row.profile for row in found if row.profile}
        self._now = dict(self._read)
        kept = await asyncio.to_thread(self._drafts.found)
        self._take_up(kept)
        gone = "" if self._chosen in self._rows else self._chosen
        if gone:
            self._chosen = ""
        self._fill()
        if gone:
            self._say(f"there is no profile {gone} any more")
        elif kept:
            self._say("● was typed and not saved: it is here again")

    def _take_up(self, kept: Sequence[tuple[Profile, Profile]]) -> None:
        """Edits that were not saved; where the file is bad now it is mended first."""
        for base, typed in kept:
            row = self._rows.setdefault(base.name, Listed(base.name, base.path, base))
            if row and row.profile and row.profile != typed:
                self._read[base.name], self._now[base.name] = base, typed
        self._rows = dict(sorted(self._rows.items()))

    def on_resize(self, event: events.Resize) -> None:
        """Beside each other where there is room."""
        self.query_one("#body").set_class(event.size.width >= WIDE, "-wide")

    # ---- what is shown

    def _fill(self) -> None:
        """The rows, and the texts of the chosen one."""
        options = self.query_one(OptionList)
        names = list(self._rows)
        with self.prevent(OptionList.OptionHighlighted):
            options.set_options(Option(self._row(name)) for name in names)
            options.highlighted = names.index(self._chosen)
        self._load()

    def _row(self, name: str) -> Content:
        if not name:
            return Content("(none)")
        profile = self._now.get(name)
        if profile is None:
            return columns((name, 24), (Content.styled("cannot be used", "$error"), 0))
        mark = "● " if self._dirty(name) else ""
        return columns((name, 24), (f"{mark}{profile.title}", 0))

    def _dirty(self, name: str) -> bool:
        return self._now.get(name) != self._read.get(name)

    def _load(self) -> None:
        """The texts of the chosen profile into the boxes."""
        profile = self._now.get(self._chosen)
        for area, text in zip(self._areas(), _texts(profile), strict=True):
            with self.prevent(TextArea.Changed):
                area.text = _shown(text)
            area.disabled = profile is None
        row = self._rows[self._chosen]
        self._say(str(row.problem) if row and row.problem else "")
        self._show()

    def _areas(self) -> tuple[TextArea, TextArea]:
        return self.query_one("#about", TextArea), self.query_one("#answer", TextArea)

    def _show(self) -> None:
        """The whole system message."""
        messages = combine(self._lead, self._now.get(self._chosen))
        text = system_text(messages)
        more = sum(message.role != "system" for message in messages)
        after = f" · then {more} message{'s' if more > 1 else ''}" if more else ""
        self.query_one("#heading", Static).update(f"system message · {len(text):,} characters{after}")
        self.query_one("#message", Static).update(Content(safe.text(text) or "(none)"))

    def _say(self, text: str) -> None:
        self.query_one("#error", Static).update(Content(safe.line(text)))

    # ---- what one does

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Another profile."""
        event.stop()
        name = list(self._rows)[event.option_index]
        if name != self._chosen:
            self._chosen, self._warned = name, False
            self._load()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Enter in the list takes it."""
        event.stop()
        self.action_use()

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """The message follows what is typed."""
        event.stop()
        before = self._now.get(self._chosen)
        if before is None:
            return
        about, answer = (
            _kept(area.text, old) for area, old in zip(self._areas(), _texts(self._read[self._chosen]), strict=True)
        )
        self._now[self._chosen] = drafted(before, title=before.title, about_me=about, how_to_answer=answer)
        self._warned = False
        self._say("")
        if not self._keeping:
            self._keeping = True
            self.set_timer(KEEP, self._keep)
        place = list(self._rows).index(self._chosen)
        self.query_one(OptionList).replace_option_prompt_at_index(place, self._row(self._chosen))
        self._show()

    async def _keep(self) -> None:
        """What is typed so far survives a kill."""
        self._keeping = False
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        try:
            async with self._writing:
                for name in [name for name in self._now if self._dirty(name)]:
                    await asyncio.to_thread(self._drafts.keep, self._now[name], time)
        except WorkbenchError as error:
            self._say(str(error))

    def action_new(self) -> None:
        """A profile that is not there yet: asks for its name."""
        from workbench.tui.screens.ask import AskScreen

        self.app.push_screen(AskScreen("name of the new profile"), self._begin)

    def _begin(self, name: str | None) -> None:
        if name is None:
            return
        try:
            made = fresh(name.strip())
        except WorkbenchError as error:
            self._say(str(error))
            return
        if made.name not in self._rows:
            self._rows[made.name] = Listed(made.name, made.path, made)
            self._read[made.name] = self._now[made.name] = made
        self._chosen = made.name
        self._fill()
        if made.name in self._now:
            self._areas()[0].focus()

    def action_use(self) -> None:
        """Save what was edited, and use the chosen profile."""
        self._take(everywhere=False)

    def action_everywhere(self) -> None:
        """The same in all lanes."""
        self._take(everywhere=True)

    def _take(self, *, everywhere: bool) -> None:
        if self._chosen and self._chosen not in self._now:
            self.app.bell()
        elif not self._busy:
            self._busy = True
            self.run_worker(self._save(everywhere), group="save")

    async def _save(self, everywhere: bool) -> None:
        edited = [
            name for name in self._now if self._dirty(name) or (name == self._chosen and not self._now[name].source)
        ]
        name = self._chosen
        try:
            async with self._writing:
                for name in edited:
                    self._read[name] = self._now[name] = await asyncio.to_thread(save, self._now[name])
                    self._saved.add(name)
                    await asyncio.to_thread(self._drafts.drop, self._now[name])
        except ConflictError as error:
            await self._meet(name, error)
        except WorkbenchError as error:
            self._say(str(error))
        else:
            self.dismiss(ProfileChosen(self._chosen, everywhere, frozenset(self._saved)))
        self._busy = False

    async def _meet(self, name: str, error: ConflictError) -> None:
        """Somebody else wrote the file: their other keys are taken, the two texts wait for a second ctrl+s."""
        mine = self._now[name]
        try:
            theirs = await asyncio.to_thread(find, name)
        except WorkbenchError as broken:
            self._say(str(broken))
            return
        self._read[name] = theirs
        self._now[name] = drafted(theirs, title=theirs.title, about_me=mine.about_me, how_to_answer=mine.how_to_answer)
        self._say(f"{name}: {error.what} — ctrl+s again keeps your texts, esc leaves the file as it is")

    async def action_leave(self) -> None:
        """Without a change; what was typed and not saved is said once."""
        edited = [name for name in self._now if self._dirty(name)]
        if edited and not self._warned:
            self._warned = True
            self._say(f"{', '.join(edited)} not saved — esc again gives it up, ctrl+s saves")
            return
        try:
            async with self._writing:
                for name in edited:
                    await asyncio.to_thread(self._drafts.drop, self._now.pop(name))
        except WorkbenchError as error:
            self.notify(safe.text(str(error)), severity="warning", markup=False)
        self.dismiss(None)


def _texts(profile: Profile | None) -> tuple[str, str]:
    return (profile.about_me, profile.how_to_answer) if profile else ("", "")


def _shown(text: str) -> str:
    """A text as it is edited: without the line end that a block in the file has."""
    return text.removesuffix("\n")


def _kept(typed: str, before: str) -> str:
    """What was typed, with that line end again."""
    return typed + "\n" if typed and before.endswith("\n") else typed
