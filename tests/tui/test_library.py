"""The library screen by keyboard: find, change, save, diff, label, compare, restore; nothing typed is lost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.library.planted import git, plant, repository
from tests.tui.driving import Driver, opened
from workbench import paths
from workbench.library import labels
from workbench.library.drafts import Drafts
from workbench.tui.screens.ask import AskScreen
from workbench.tui.screens.choice import ChoiceScreen
from workbench.tui.screens.conflict import ConflictScreen
from workbench.tui.screens.library import LibraryScreen
from workbench.tui.screens.variables_form import VariablesForm
from workbench.tui.screens.versions import VersionsScreen

ONE = """\
# mine
schema = 1
kind = "system"
title = "Bank"  # why
text = "Explain {{what}}."

[variables.what]
default = "a bank"
"""


def put(folder: Path, id: str, text: str = ONE) -> Path:
    path = folder / f"{id}.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


class Shelf(Driver):
    """The driver, in the library."""

    @property
    def library(self) -> LibraryScreen:
        found = self.app.screen_stack[1]
        assert isinstance(found, LibraryScreen)
        return found

    @property
    def ids(self) -> list[str]:
        return [card.id for card in self.library.found]

    @property
    def version(self) -> str:
        """Of what stands in the editor."""
        checked = self.library.file.checked
        assert checked is not None
        assert checked.prompt is not None
        return checked.prompt.version

    @property
    def head(self) -> str:
        return self.library.file.head.plain

    @property
    def middle(self) -> str:
        return self.library.file.middle.plain

    async def shows(self, id: str) -> None:
        """Until that prompt is in the editor, and looked through."""
        await self.until(lambda: self.library.file.working and self.library.file.working.id == id, f"{id} shown")
        await self.until(lambda: self.library.file.checked is not None, "checked")

    async def find(self, query: str, id: str) -> None:
        if not self.has_focus(self.library.cards):
            await self.press("escape")
        await self.press("slash")
        self.library.query_line.value = ""
        await self.type(query)
        await self.shows(id)

    async def answer(self, text: str) -> None:
        """Into a one-line dialog."""
        await self.until(lambda: isinstance(self.app.screen, AskScreen), "asked")
        await self.press(*["backspace"] * 60)
        await self.type(text)
        await self.press("enter")
        await self.until(lambda: not isinstance(self.app.screen, AskScreen), "answered")

    async def versions(self) -> VersionsScreen:
        await self.press("f4")
        await self.until(lambda: isinstance(self.app.screen, VersionsScreen), "versions")
        screen = self.app.screen
        assert isinstance(screen, VersionsScreen)
        await self.until(lambda: screen._past is not None, "read")
        await self.until(lambda: screen.pane.text, "shown")
        return screen


@asynccontextmanager
async def shelf(folder: Path, *, size: tuple[int, int] = (120, 40)) -> AsyncIterator[Shelf]:
    """The app in the library screen; `folder` is the nearest library."""
    async with opened(size=size, library=folder) as driver:
        here = Shelf(driver.app, driver.pilot)
        await here.press("f2")
        await here.until(lambda: len(here.app.screen_stack) > 1 and here.library.shelf.cards, "cards")
        await here.until(lambda: all(card.known for card in here.library.shelf.cards), "read")
        await here.until(lambda: here.library.file.checked is not None or not here.ids, "first one")
        yield here


async def test_the_whole_round(tmp_path: Path) -> None:
    """Find one among many, change, save, see the difference, label, compare with the one before, restore."""
    for number in range(300):
        put(tmp_path, f"team/p{number}", ONE.replace("Bank", f"Number {number}"))
    path = put(tmp_path, "money/bank")
    async with shelf(tmp_path) as here:
        await here.find("money bank explain", "money/bank")
        old = here.version
        assert here.library.file.preview.text == "── system\nExplain a bank."
        await here.press("enter")
        assert here.has_focus(here.library.file.editor)
        here.library.file.editor.move_cursor((4, 8))
        await here.type("Briefly: ")
        await here.until(lambda: "Briefly: Explain a bank." in here.library.file.preview.text, "preview follows")
        assert "● unsaved" in here.head
        await here.press("ctrl+s")
        await here.until(lambda: "saved money/bank" in here.notices, "saved")
        assert path.read_text() == ONE.replace('"Explain', '"Briefly: Explain')
        assert "unsaved" not in here.head
        new = here.version
        assert new != old

        versions = await here.versions()
        assert [row.version for row in versions._rows] == [new, old]
        await here.press("b")
        await here.answer("production")
        await here.until(lambda: versions._rows[0].labels == ("production",), "labelled")
        assert labels.load(tmp_path) == {"money/bank": {"production": new}}
        await here.until(lambda: '+ text = "Briefly: Explain' in versions.pane.text, "what the save changed")
        await here.press("down", "d")
        await here.until(lambda: "Briefly" in versions.pane.text and "→ the present text" in versions.head.plain)
        await here.press("x", "up")
        await here.until(lambda: '+ text = "Briefly: Explain' in versions.pane.text, "any two")
        await here.press("down", "c")
        await here.until(lambda: isinstance(here.app.screen, VariablesForm), "values asked, once for both")
        await here.press("enter")
        await here.until(lambda: {lane.version for lane in here.lanes[:2]} == {old, new}, "both beside each other")
        assert [lane.lead[0].content for lane in here.lanes[:2]] == ["Explain a bank.", "Briefly: Explain a bank."]

        await here.press("f2")
        await here.until(lambda: here.on_top(here.library), "back")
        versions = await here.versions()
        await here.press("down", "r")
        await here.until(lambda: path.read_text() == ONE, "restored")
        await here.until(lambda: "production@" in here.head, "the label names the other version")
        versions = await here.versions()
        assert [row.version for row in versions._rows] == [old, new, old]


async def test_lanes_follow_what_is_saved(tmp_path: Path) -> None:
    put(tmp_path, "a")
    async with shelf(tmp_path) as here:
        await here.find("bank library:test", "a")
        await here.press("f5")
        await here.until(lambda: isinstance(here.app.screen, VariablesForm), "values asked")
        await here.press("enter")
        lane = here.screen.lane
        await here.until(lambda: lane.prompt == "a", "in the lane")
        before = lane.version
        await here.press("f2")
        await here.until(lambda: here.on_top(here.library), "back")
        here.library.file.editor.insert("Briefly: ", (4, 8))
        await here.press("ctrl+s", "f2")
        await here.until(lambda: lane.version != before, "the lane has the new version")
        assert lane.lead[0].content == "Briefly: Explain a bank."


async def test_problems_stand_at_their_line_as_one_types(tmp_path: Path) -> None:
    put(tmp_path, "a")
    async with shelf(tmp_path) as here:
        await here.find("bank library:test", "a")
        await here.press("enter")
        editor = here.library.file.editor
        editor.move_cursor((4, 16))
        await here.type("{{who}}")
        await here.until(lambda: "who" in here.middle and "line 5" in here.middle, "an unknown name")
        assert editor._marks == {5: True}
        await here.press("ctrl+z")
        await here.until(lambda: "no problems" in here.middle, "mended")
        editor.move_cursor((2, 0))
        await here.type("x")
        await here.until(lambda: "line 3" in here.middle and "xkind" in here.middle, "what kind is missing")
        editor.move_cursor((0, 0))
        await here.press("ctrl+g")
        assert editor.cursor_location[0] == 2
        await here.press("ctrl+s")
        await here.until(lambda: "with errors: it does not run" in here.notices, "kept all the same, and said")


async def test_a_bad_file_is_a_row_and_can_be_mended(tmp_path: Path) -> None:
    put(tmp_path, "bad", 'kind = "system\n')
    (tmp_path / "latin.toml").write_bytes(b'title = "\xe9"\n')
    async with shelf(tmp_path) as here:
        await here.find("is:bad library:" + here.library.shelf.session.libraries.libraries[0].name, "bad")
        assert here.ids == ["bad", "latin"]
        assert "✗ line 1" in here.middle
        await here.press("down")
        await here.until(lambda: "not UTF-8" in here.middle, "what is wrong with the other")
        assert here.library.file.editor.read_only
        await here.type("x")
        await here.press("backspace", "up")
        await here.shows("bad")
        await here.press("enter", "end")
        await here.type('"')
        await here.press("enter")
        await here.type('text = "x"')
        await here.until(lambda: "no problems" in here.middle, "mended")
        await here.press("ctrl+s")
        await here.until(lambda: "saved bad@" in here.notices, "saved")


async def test_the_shipped_library_is_copied_by_a_save(tmp_path: Path) -> None:
    async with shelf(tmp_path) as here:
        await here.find("system/plain", "system/plain")
        assert "a save makes your copy" in here.head
        await here.press("enter", "ctrl+end")
        await here.type("# mine")
        await here.press("ctrl+s")
        await here.until(lambda: "your copy" in here.notices, "copied")
        assert (tmp_path / "system/plain.toml").read_text().endswith("# mine")
        assert "mine" not in (paths.shipped("prompts") / "system/plain.toml").read_text()
        await here.until(
            lambda: here.library.card and here.library.card.library == tmp_path.name, "the row is the copy"
        )
        assert "makes your copy" not in here.head


async def test_unsaved_typing_survives_a_kill(tmp_path: Path) -> None:
    path = put(tmp_path, "a")
    async with shelf(tmp_path) as here:
        await here.find("bank library:test", "a")
        await here.press("enter")
        await here.type("# lost?")
        await here.until(lambda: Drafts().find(path), "kept")
        await here.until(lambda: (draft := Drafts().find(path)) and "# lost?" in draft.text, "all of it")
    assert path.read_text() == ONE
    async with shelf(tmp_path) as here:
        await here.find("bank library:test", "a")
        assert here.library.file.editor.text.startswith("# lost?")
        assert "● unsaved since" in here.head
        await here.press("escape", "escape", "R")
        await here.until(lambda: here.library.file.editor.text == ONE, "given up")
        assert Drafts().find(path) is None
        versions = await here.versions()
        assert any("# lost?" in versions._text(row) for row in versions._rows), (
            "what was typed is a version all the same"
        )


@pytest.mark.parametrize(
    ("key", "left"),
    [("k", "# MINE" + ONE[6:]), ("t", ONE + "# theirs\n"), ("m", "# MINE" + ONE[6:] + "# theirs\n")],
    ids=["mine", "theirs", "merge"],
)
async def test_a_change_by_another_program_is_no_ones_loss(tmp_path: Path, key: str, left: str) -> None:
    path = put(tmp_path, "a")
    async with shelf(tmp_path) as here:
        await here.find("bank library:test", "a")
        here.library._tick_timer.pause()
        await here.press("enter")
        here.library.file.editor.replace("# MINE", (0, 0), (0, 6))
        await here.until(lambda: here.library.file.working and here.library.file.working.changed, "typed")
        path.write_text(ONE + "# theirs\n")
        await here.press("ctrl+s")
        await here.until(lambda: isinstance(here.app.screen, ConflictScreen), "asked")
        await here.press(key)
        await here.until(lambda: isinstance(here.app.screen, LibraryScreen), "answered")
        if key == "m":
            await here.until(lambda: "# theirs" in here.library.file.editor.text, "both in the editor")
            await here.press("ctrl+s")
        await here.until(lambda: path.read_text() == left, "written")
        await here.until(lambda: here.library.file.editor.text == left, "shown")
        versions = await here.versions()
        texts = [versions._text(row) for row in versions._rows]
        assert ONE + "# theirs\n" in texts
        assert any(text.startswith("# MINE") for text in texts)


async def test_what_another_program_writes_is_shown(tmp_path: Path) -> None:
    path = put(tmp_path, "a")
    async with shelf(tmp_path) as here:
        await here.find("bank library:test", "a")
        path.write_text(ONE.replace("Explain", "Describe"))
        await here.until(lambda: "Describe" in here.library.file.editor.text, "read again")
        await here.press("enter")
        await here.type("# x")
        path.write_text(ONE)
        await here.until(lambda: "changed on disk" in here.head, "said")
        path.unlink()
        await here.until(lambda: "gone from the disk" in here.head, "said")
        put(tmp_path, "b")
        await here.until(lambda: any(card.id == "b" for card in here.library.shelf.cards), "a new row")
        assert here.library.file.editor.text.startswith("# x")
    async with shelf(tmp_path) as here:
        await here.find("is:bad library:test", "a")
        assert "the file is gone" in here.middle or "no problems" in here.middle
        assert here.library.file.editor.text.startswith("# x")
        await here.press("ctrl+s")
        await here.until(lambda: path.exists(), "written anew")
        assert path.read_text().startswith("# x")


async def test_new_copy_move_delete_and_back(tmp_path: Path) -> None:
    put(tmp_path, "a")
    labels.set_label(tmp_path, "a", "production", "1" * 64)
    async with shelf(tmp_path) as here:
        await here.find("bank library:test", "a")
        await here.press("escape", "n")
        await here.until(lambda: isinstance(here.app.screen, ChoiceScreen), "kind")
        await here.press("down", "enter")
        await here.answer("chat/new one")
        await here.shows("chat/new one")
        assert 'kind = "chat"' in here.library.file.editor.text
        assert here.has_focus(here.library.file.editor)

        await here.find("bank library:test", "a")
        await here.press("escape", "D")
        await here.answer("b")
        await here.shows("b")
        await here.find("bank library:test", "a")
        await here.press("escape", "m")
        await here.answer("새 이름/a")
        await here.shows("새 이름/a")
        assert not (tmp_path / "a.toml").exists()
        assert labels.load(tmp_path) == {"새 이름/a": {"production": "1" * 64}}
        await here.until(lambda: here.has_focus(here.library.cards), "in the list")
        await here.press("X")
        await here.until(lambda: not (tmp_path / "새 이름/a.toml").exists(), "deleted")
        await here.until(lambda: "새 이름/a" not in here.ids, "no row")
        await here.press("u")
        await here.until(lambda: isinstance(here.app.screen, ChoiceScreen), "which")
        await here.press("enter")
        await here.shows("새 이름/a")
        assert (tmp_path / "새 이름/a.toml").read_text() == ONE


async def test_a_form_for_those_who_want_no_toml(tmp_path: Path) -> None:
    from textual.widgets import Button, Input

    path = put(tmp_path, "a", ONE.replace("\n", "\r\n"))
    async with shelf(tmp_path) as here:
        await here.find("bank library:test", "a")
        await here.press("f6")
        await here.until(lambda: here.library.query("PromptForm Input"), "form")
        title = here.library.query("PromptForm Input").first(Input)
        await here.until(lambda: here.has_focus(title), "in the first line")
        assert title.value == "Bank"
        title.action_end()
        await here.type(" 2")
        await here.until(lambda: 'title = "Bank 2"  # why' in here.library.file.editor.text, "in the text")
        add = next(b for b in here.library.query(Button) if "example" in str(b.label))
        add.focus()
        await here.press("enter")
        await here.until(lambda: "[[examples]]" in here.library.file.editor.text, "an example")
        await here.press("ctrl+s")
        await here.until(lambda: "saved a@" in here.notices, "saved")
    data = path.read_bytes()
    assert data.startswith(ONE.replace("Bank", "Bank 2").replace("\n", "\r\n").encode().rstrip())
    assert data.count(b"\n") == data.count(b"\r\n")


async def test_the_rendered_prompt_is_counted(tmp_path: Path) -> None:
    put(tmp_path, "a")
    async with shelf(tmp_path) as here:
        await here.find("bank library:test", "a")
        await here.until(lambda: " tok · " in here.middle, "counted")
        before = here.middle
        await here.press("enter")
        here.library.file.editor.move_cursor((4, 8))
        await here.type("a few more words ")
        await here.until(lambda: " tok · " in here.middle and here.middle != before, "counted again")


async def test_a_second_instance_is_said(tmp_path: Path) -> None:
    from workbench.library.presence import Presence

    put(tmp_path, "a")
    other = Presence(tmp_path)
    assert other.enter() is None
    async with shelf(tmp_path) as here:
        await here.until(lambda: "another workbench" in here.notices, "warned")
    other.leave()
    mine = Presence(tmp_path)
    assert mine.enter() is None, "the lock went with the screen"
    mine.leave()


async def test_nothing_planted_in_a_repository_is_run(tmp_path: Path) -> None:
    """Opened, listed, searched, diffed, labelled, saved, restored: none of the repository's own commands."""
    lib, marks = tmp_path / "lib", tmp_path / "marks"
    repository(lib)
    put(lib, "a")
    git(lib, "add", "-A")
    git(lib, "commit", "-qm", "first", at=1)
    plant(lib, marks)
    async with shelf(lib) as here:
        await here.find("bank library:lib", "a")
        versions = await here.versions()
        assert [row.source for row in versions._rows] == ["git"]
        await here.press("escape")
        await here.until(lambda: here.on_top(here.library), "back")
        await here.press("enter")
        await here.type("# x")
        await here.press("enter", "ctrl+s")
        await here.until(lambda: "saved a@" in here.notices, "saved")
        versions = await here.versions()
        await here.until(lambda: "+ # x" in versions.pane.text, "the difference")
        await here.press("s")
        await here.until(lambda: not here.on_top(versions), "side by side")
        await here.press("escape")
        await here.until(lambda: here.on_top(versions), "back")
        await here.press("b")
        await here.answer("production")
        await here.until(lambda: labels.load(lib), "labelled")
        await here.press("down", "r")
        await here.until(lambda: (lib / "a.toml").read_text() == ONE, "restored")
    assert list(marks.iterdir()) == []
