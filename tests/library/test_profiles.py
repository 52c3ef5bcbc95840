"""Profiles of custom instructions: read, written, and combined into one system message."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import NotFoundError, PromptError, StorageError, UsageError
from workbench.files import ConflictError
from workbench.inference.engine import Message
from workbench.library import profiles
from workbench.library.profile_drafts import ProfileDrafts
from workbench.library.profiles import Profile, combine, find, fresh, listing, parse, save, text_of
from workbench.library.prompt import parse as parse_prompt
from workbench.library.template import lead

GOOD = (
    b'schema = 1\ntitle = "Me"  # mine\nabout_me = """\nI teach {{maths}}.\n"""\nhow_to_answer = "Briefly."\nmood = 3\n'
)


def made(about: str = "", answer: str = "", name: str = "me") -> Profile:
    return profiles.drafted(fresh(name), title=name, about_me=about, how_to_answer=answer)


def put(data: bytes, name: str = "me") -> Path:
    profiles.folder().mkdir(parents=True, exist_ok=True)
    path = profiles.folder() / f"{name}.toml"
    path.write_bytes(data)
    return path


def test_a_good_file() -> None:
    put(GOOD)
    profile = find("me")
    assert (profile.title, profile.about_me, profile.how_to_answer) == ("Me", "I teach {{maths}}.\n", "Briefly.")
    assert profile.label == f"me@{profile.version[:8]}"
    assert len(profile.version) == 64
    assert find(str(profile.path)) == profile


@pytest.mark.parametrize(
    ("data", "line", "said"),
    [
        (b'about_me = 3\nhow_to_answer = "x"', 1, "about_me must be text, not a number"),
        (b'about_me = "x"\nhow_to_answer = ["x"]', 2, "how_to_answer must be text, not a list"),
        (b'title = true\nabout_me = "x"', 1, "title must be text"),
        (b'schema = 0\nabout_me = "x"', 1, "schema = 0 is unknown"),
        (b'schema = "1"\nabout_me = "x"', 1, "schema must be a number"),
        (b'about_me = "x', 1, "broken TOML"),
        (b'about_me = "\xff"', 1, "not UTF-8"),
        (b'title = "x"\nabuot_me = "x"\n', 2, "did you mean about_me?"),
        (b'about_me = " "\nhow_to_answer = ""\n', 1, "both parts are empty"),
        (b"", 1, "both parts are empty"),
    ],
)
def test_a_bad_file_is_one_line_and_a_row(data: bytes, line: int, said: str) -> None:
    path = put(data)
    with pytest.raises(PromptError) as caught:
        find("me")
    assert str(caught.value).startswith(f"{path}:{line}"), str(caught.value)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    (row,) = listing()
    assert row.profile is None
    assert str(row.problem) == str(caught.value)


def test_a_listing_shows_all_and_a_folder_that_is_not_there_is_empty() -> None:
    assert listing() == []
    put(GOOD, "b")
    put(GOOD, "a b.c")
    put(GOOD, ".hidden")
    put(GOOD, "-odd")
    (profiles.folder() / "note.txt").write_text("no profile")
    (profiles.folder() / "dir.toml").mkdir()
    rows = {row.name: row for row in listing()}
    assert list(rows) == ["-odd", "a b.c", "b", "dir"]
    assert rows["a b.c"].profile
    assert "no name for a profile" in str(rows["-odd"].problem)
    assert "no regular file" in str(rows["dir"].problem)


def test_who_is_not_there_is_said_with_the_nearest() -> None:
    with pytest.raises(NotFoundError, match="--about TEXT"):
        find("teacher")
    put(GOOD, "teacher")
    with pytest.raises(NotFoundError, match=r"did you mean teacher\?"):
        find("techer")
    for name in ("../../etc/passwd", "", "a/b", ".x", "x" * 5000, "a\0b", "nowhere.toml"):
        with pytest.raises(NotFoundError):
            find(name)


@pytest.mark.parametrize("name", ["", "a/b", "..", ".a", "a.", "a@b", "a=b", "a\nb", "x" * 81, "-a", " a"])
def test_names_that_cannot_be_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="no name for a profile"):
        fresh(name)


# ---- writing


def test_a_new_one_is_written_and_read_back() -> None:
    saved = save(made('I "am"\nhere \\ {{x}}.\n', "In Korean: 한국어."))
    assert find("me") == saved
    assert saved.about_me == 'I "am"\nhere \\ {{x}}.\n'
    assert saved.path.stat().st_mode & 0o777 == 0o600
    assert saved.source == saved.path.read_bytes()


def test_a_change_leaves_every_other_line_as_it_is() -> None:
    data = b"\xef\xbb\xbf# who I am\r\n" + GOOD.replace(b"\n", b"\r\n")
    path = put(data)
    profile = find("me")
    save(profiles.drafted(profile, title="Me", about_me=profile.about_me, how_to_answer="At length."))
    assert path.read_bytes() == data.replace(b"Briefly.", b"At length.")
    again = find("me")
    assert save(again) == again, "nothing changed, nothing written"


def test_nobody_is_overwritten() -> None:
    path = put(GOOD)
    profile = find("me")
    path.write_bytes(GOOD.replace(b"Briefly", b"Slowly"))
    with pytest.raises(ConflictError):
        save(profiles.drafted(profile, title="Me", about_me="x", how_to_answer="y"))
    with pytest.raises(ConflictError):
        save(made("a", "b"))
    assert b"Slowly" in path.read_bytes()


def test_a_newer_schema_is_read_and_not_written() -> None:
    put(GOOD.replace(b"schema = 1", b"schema = 2"))
    profile = find("me")
    assert profile.how_to_answer == "Briefly."
    with pytest.raises(StorageError, match="read-only"):
        save(profiles.drafted(profile, title="", about_me="x", how_to_answer=""))


def test_an_empty_one_is_not_saved() -> None:
    with pytest.raises(PromptError, match="both parts are empty"):
        save(made(" ", "\n"))
    assert listing() == []


@settings(max_examples=150)
@given(st.text(max_size=80), st.text(max_size=80))
def test_any_text_comes_back(about: str, answer: str) -> None:
    profile = made(about, answer)
    try:
        data = profiles._new(profile)
        back = parse(data, "me", profile.path)
    except PromptError:
        assert not about.strip() or not answer.strip()
        return
    assert (back.about_me, back.how_to_answer, back.version) == (about, answer, profile.version)


# ---- use


def test_the_version_is_over_what_a_model_is_given() -> None:
    base = parse(GOOD, "me", Path("me.toml")).version
    assert parse(GOOD.replace(b'"Me"', b'"You"'), "you", Path("x.toml")).version == base
    assert parse(GOOD.replace(b"\n", b"\r\n"), "me", Path("me.toml")).version == base
    assert parse(GOOD.replace(b"Briefly", b"Slowly"), "me", Path("me.toml")).version != base
    assert made("a", "b").version != made("b", "a").version
    assert made("a\n").version == made("\na").version


def test_with_a_system_prompt_it_is_one_message() -> None:
    prompt = parse_prompt(b'kind = "system"\ntext = "Be {{how}}."\n[variables.how]\ndefault = "kind"\n', id="x")
    messages = combine(lead(prompt, {}), made("I like {{how}}.", "Briefly."))
    assert messages == (
        Message(
            "system",
            "Be kind.\n\nAbout the person you talk with:\nI like {{how}}.\n\nHow to answer:\nBriefly.",
        ),
    )


def test_with_a_chat_it_goes_into_the_first_system_message() -> None:
    chat = (Message("user", "a"), Message("system", "S"), Message("assistant", "b"), Message("system", "T"))
    messages = combine(chat, made("", "Briefly.\n"))
    assert [message.content for message in messages] == ["a", "S\n\nHow to answer:\nBriefly.", "b", "T"]
    assert profiles.system_text(messages).startswith("S\n")


def test_without_a_prompt_it_stands_alone_and_before() -> None:
    assert combine((), made("I teach.")) == (Message("system", "About the person you talk with:\nI teach."),)
    pair = (Message("user", "a"), Message("assistant", "b"))
    assert combine(pair, made("", "x"))[1:] == pair
    assert combine((Message("system", ""),), made("", "x")) == (Message("system", "How to answer:\nx"),)
    assert profiles.system_text(pair) == ""


def test_none_and_empty_change_nothing() -> None:
    messages = (Message("system", "S\n"), Message("user", "u"))
    assert combine(messages, None) == messages
    assert combine(messages, made(" \n", "")) == messages
    assert combine((), None) == ()


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
def test_both_texts_are_in_it_as_they_are(system: str, about: str, answer: str) -> None:
    (message,) = combine((Message("system", system),), made(about, answer))
    assert message.content.startswith(system.rstrip("\n"))
    assert message.content.endswith(text_of(made(about, answer))) or not text_of(made(about, answer))


def test_unsaved_texts_are_kept_and_dropped() -> None:
    put(GOOD)
    drafts, base = ProfileDrafts(), find("me")
    typed = profiles.drafted(base, title="Me", about_me="한\n{{x}}", how_to_answer="")
    drafts.keep(typed, "2026-01-01T00:00:00.000+00:00")
    drafts.keep(made("", "new", "you"), "2026-01-01T00:00:00.000+00:00")
    (first, second), (fresh_one, texts) = drafts.found()
    assert (first, second, first.source) == (base, typed, base.source)
    assert (fresh_one.source, texts.how_to_answer) == (b"", "new")
    assert listing()[0].name == "me", "drafts are no profiles"
    assert len(listing()) == 1
    for name in ("broken.json", "odd.json"):
        (profiles.folder() / ".drafts" / name).write_text(
            '{"path": "/x/a b@.toml", "base": "", "text": "[]", "time": ""}'
        )
    drafts.drop(typed)
    assert [base.name for base, _ in drafts.found()] == ["you"]


@given(st.binary(max_size=200))
def test_any_bytes_are_a_profile_or_an_error(data: bytes) -> None:
    with suppress(PromptError):
        assert len(parse(data, "me", Path("me.toml")).version) == 64
