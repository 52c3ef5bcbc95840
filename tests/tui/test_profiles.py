"""Custom instructions in the lanes: picked, written and seen whole before they run, by keyboard alone."""

from __future__ import annotations

import pytest
from textual.widget import Widget
from textual.widgets import OptionList, Static, TextArea

from tests.tui.driving import Driver, opened, recording
from workbench.inference.double import DoubleEngine
from workbench.inference.engine import Generate
from workbench.library import profiles
from workbench.library.profile_drafts import ProfileDrafts
from workbench.tui.screens.ask import AskScreen
from workbench.tui.screens.profile_form import ProfileForm

SIZES = [(80, 24), (120, 40)]


def made(name: str, about: str, answer: str) -> None:
    profiles.save(profiles.drafted(profiles.fresh(name), title=name.title(), about_me=about, how_to_answer=answer))


async def form(app: Driver) -> ProfileForm:
    """The dialog, by its key."""
    await app.press("escape", "o")
    await app.until(lambda: isinstance(app.app.screen, ProfileForm))
    found: object = app.app.screen
    assert isinstance(found, ProfileForm)
    names = set(profiles.names())
    await app.until(lambda: names <= set(found._rows) and found.query_one(OptionList).option_count > len(names))
    return found


async def closed(app: Driver) -> None:
    await app.until(lambda: app.on_top(app.screen))
    await app.pilot.pause()


def whole(dialog: ProfileForm) -> str:
    return str(dialog.query_one("#message", Static).render())


def said(dialog: ProfileForm) -> str:
    return str(dialog.query_one("#error", Static).render())


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_a_first_profile_by_keyboard_alone(size: tuple[int, int]) -> None:
    seen: list[Generate] = []
    async with opened(lambda path: DoubleEngine(path, answer=recording(seen, lambda _: "ok")), size=size) as app:
        dialog = await form(app)
        assert whole(dialog) == "You are a helpful assistant."
        await app.press("ctrl+n")
        await app.until(lambda: isinstance(app.app.screen, AskScreen))
        await app.type("me")
        await app.press("enter")
        await app.until(lambda: app.on_top(dialog) and app.has_focus(dialog.query_one("#about", TextArea)))
        await app.type("I teach")
        await app.press("tab")
        await app.type("in one\nword")
        await app.until(lambda: "in one\nword" in whole(dialog))
        wanted = (
            "You are a helpful assistant.\n\nAbout the person you talk with:\nI teach\n\nHow to answer:\nin one\nword"
        )
        assert whole(dialog) == wanted
        for id in ("#about", "#answer", "#message"):
            field = dialog.query_one(id)
            assert field.region.height >= 2, (id, field.region)
            assert isinstance(field.parent, Widget)
            assert dialog.region.contains_region(field.parent.region)
        assert profiles.names() == []
        await app.press("ctrl+s")
        await closed(app)
        profile = profiles.find("me")
        assert (profile.about_me, profile.how_to_answer) == ("I teach", "in one\nword")
        assert "+me" in app.view(0).head.plain
        assert "+me" not in app.view(1).head.plain
        await app.run()
        assert seen[0].messages[0].content == wanted
        assert [message.role for message in seen[0].messages] == ["system", "user"]
        assert seen[1].messages[0].content != wanted
        session = app.app.session
        assert session is not None
        trial = session.store.trials()[0]
        assert trial["profile"] == profile.label
        assert session.store.version(profile.version) == profile.source


async def test_pick_change_and_take_away() -> None:
    made("me", "I teach.", "Briefly.")
    made("you", "", "Slowly.")
    async with opened() as app:
        dialog = await form(app)
        await app.press("down", "down")
        await app.until(lambda: "Slowly." in whole(dialog))
        await app.press("f4")
        await closed(app)
        assert [lane.profile.name for lane in app.lanes if lane.profile] == ["you", "you"]
        assert all(lane.lead[0].content.endswith("How to answer:\nSlowly.") for lane in app.lanes)
        dialog = await form(app)
        assert dialog.query_one(OptionList).highlighted == 2, "the lane's own is where one starts"
        await app.press("tab", "tab")
        await app.type("Very ")
        await app.until(lambda: "Very Slowly." in whole(dialog))
        await app.press("ctrl+s")
        await closed(app)
        assert all("Very Slowly." in lane.lead[0].content for lane in app.lanes), "it is another in every lane"
        assert len({lane.profile.version for lane in app.lanes if lane.profile}) == 1
        await form(app)
        await app.press("up", "up", "enter")
        await closed(app)
        assert app.lanes[0].profile is None
        assert app.lanes[0].lead[0].content == "You are a helpful assistant."
        assert app.lanes[1].profile


async def test_another_prompt_or_none_keeps_it_and_tokens_count_it() -> None:
    made("me", "I teach at length and with many words.", "")
    async with opened() as app:
        await app.counted()
        before = app.view(0).bar.load.prompt
        await form(app)
        await app.press("down", "enter")
        await closed(app)
        await app.until(lambda: app.view(0).bar.load.prompt > before, "counted")
        session = app.app.session
        assert session is not None
        await app.screen.desk.set_prompt(session, app.lanes[0], "", {})
        assert app.lanes[0].lead[0].content.startswith("About the person")
        await app.screen.desk.set_prompt(session, app.lanes[0], "chat/interview", {})
        assert [message.role for message in app.lanes[0].lead].count("system") == 1
        assert "I teach at length" in app.lanes[0].lead[0].content


async def test_the_draft_keeps_it_and_a_profile_that_is_gone_is_said() -> None:
    made("me", "I teach.", "")
    async with opened() as app:
        await form(app)
        await app.press("down", "enter")
        await closed(app)
        app.screen.save_now()
    async with opened() as app:
        await app.until(lambda: app.lanes[0].profile and app.lanes[0].profile.source, "it survived a restart")
        profiles.find("me").path.unlink()
        session = app.app.session
        assert session is not None
        await app.screen.desk.resolve(session)
        assert "there is no profile" in app.lanes[0].problem
        assert app.lanes[1].problem == ""
        dialog = await form(app)
        assert "there is no profile me any more" in said(dialog)
        await app.press("enter")
        await closed(app)
        assert (app.lanes[0].profile, app.lanes[0].problem) == (None, "")


async def test_what_was_typed_is_not_lost_by_one_escape() -> None:
    made("me", "I teach.", "")
    async with opened() as app:
        dialog = await form(app)
        await app.press("down", "tab")
        await app.type("x")
        await app.press("escape")
        await app.pilot.pause()
        assert app.on_top(dialog)
        assert "me not saved" in said(dialog)
        await app.press("escape")
        await closed(app)
        assert profiles.find("me").about_me == "I teach."
        assert app.lanes[0].profile is None


async def test_a_file_that_changed_meanwhile_is_not_overwritten_at_once() -> None:
    made("me", "I teach.", "Briefly.")
    path = profiles.find("me").path
    async with opened() as app:
        dialog = await form(app)
        await app.press("down", "tab")
        await app.type("Yes: ")
        path.write_text('# theirs\nabout_me = "I learn."\nhow_to_answer = "Briefly."\n')
        await app.press("ctrl+s")
        await app.until(lambda: "changed on disk" in said(dialog))
        assert "I learn." in path.read_text()
        await app.press("ctrl+s")
        await closed(app)
        assert path.read_text() == '# theirs\nabout_me = "Yes: I teach."\nhow_to_answer = "Briefly."\n'


async def test_wrong_names_and_bad_files_are_said() -> None:
    profiles.folder().mkdir(parents=True)
    (profiles.folder() / "bad.toml").write_text("about_me = 3\n")
    async with opened() as app:
        dialog = await form(app)
        await app.press("down")
        await app.until(lambda: "bad.toml:1 about_me" in said(dialog))
        await app.press("enter", "ctrl+s")
        await app.pilot.pause()
        assert app.on_top(dialog), "a bad file cannot be taken"
        await app.press("ctrl+n")
        await app.until(lambda: isinstance(app.app.screen, AskScreen))
        await app.type("a/b")
        await app.press("enter")
        await app.until(lambda: "no name for a profile" in said(dialog))
        await app.press("ctrl+n")
        await app.until(lambda: isinstance(app.app.screen, AskScreen))
        await app.type("new")
        await app.press("enter")
        await app.until(lambda: app.has_focus(dialog.query_one("#about", TextArea)))
        await app.press("ctrl+s")
        await app.until(lambda: "both parts are empty" in said(dialog))
        assert profiles.names() == ["bad"]


async def test_what_was_typed_survives_a_kill() -> None:
    made("me", "I teach.", "")
    async with opened() as app:
        dialog = await form(app)
        await app.press("down", "tab")
        await app.type("Yes: ")
        await app.press("shift+tab", "ctrl+n")
        await app.until(lambda: isinstance(app.app.screen, AskScreen))
        await app.type("fresh")
        await app.press("enter")
        await app.until(lambda: app.has_focus(dialog.query_one("#about", TextArea)))
        await app.type("new")
        await app.until(lambda: len(ProfileDrafts().found()) == 2 and not dialog._keeping, "kept")
    assert profiles.find("me").about_me == "I teach."
    async with opened() as app:
        dialog = await form(app)
        await app.until(lambda: "not saved" in said(dialog))
        assert [typed.about_me for _, typed in ProfileDrafts().found()] == ["new", "Yes: I teach."]
        await app.press("down")
        await app.until(lambda: "new" in whole(dialog))
        await app.press("enter")
        await closed(app)
        assert profiles.find("fresh").about_me == "new"
        assert profiles.find("me").about_me == "Yes: I teach."
        assert ProfileDrafts().found() == []


async def test_what_is_given_up_leaves_nothing() -> None:
    made("me", "I teach.", "")
    async with opened() as app:
        dialog = await form(app)
        await app.press("down", "tab")
        await app.type("x")
        await app.until(lambda: ProfileDrafts().found(), "kept")
        await app.press("escape", "escape")
        await closed(app)
        assert ProfileDrafts().found() == []
        assert not dialog.is_attached
