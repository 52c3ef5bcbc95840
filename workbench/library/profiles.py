"""Custom instructions: profiles of two parts, "about me" and "how to answer", that join the system message."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from workbench import paths
from workbench.errors import NotFoundError, StorageError, UsageError
from workbench.files import atomic_write, digest
from workbench.inference.engine import Message
from workbench.library.lineends import restored, shown
from workbench.library.prompt import content_hash
from workbench.library.reader import FileError, Problem, Reader, bytes_of, clipped, load

SCHEMA = 1
LAYOUT = 1  # part of every version: a layout that changes makes other versions
ABOUT, ANSWER = "About the person you talk with:", "How to answer:"
_NAME = re.compile(r"\w(?:[\w .-]{0,78}\w)?")


@dataclass(frozen=True, kw_only=True)
class Profile:
    """One profile. `version` is the content hash (64 hex digits) of what a model is given; both parts are literal."""

    name: str
    path: Path
    version: str
    title: str = ""
    about_me: str = ""
    how_to_answer: str = ""
    schema: int = SCHEMA
    source: bytes = field(default=b"", repr=False, compare=False)  # the file's bytes

    @property
    def label(self) -> str:
        """`NAME@hash`, as trials name it."""
        return f"{self.name}@{self.version[:8]}"


@dataclass(frozen=True)
class Listed:
    """A file of the profiles' folder: its profile, or what is wrong with it."""

    name: str
    path: Path
    profile: Profile | None
    problem: Problem | None = None


def folder() -> Path:
    """Where the person's profiles are."""
    return paths.data_dir() / "profiles"


def path_of(name: str) -> Path:
    """The file of a name. Raises UsageError for one that cannot be a file's name on every system."""
    if not _NAME.fullmatch(name):
        hint = "letters, digits, blanks, . _ and -, up to 80; a letter or digit first and last"
        raise UsageError(f"{clipped(name)} is no name for a profile", hint=hint)
    return folder() / f"{name}.toml"


def names() -> list[str]:
    """The names of the profiles that there are."""
    try:
        found = [name for name in os.listdir(folder()) if name.endswith(".toml") and not name.startswith(".")]
    except OSError:
        return []
    return sorted(name.removesuffix(".toml") for name in found)


def listing() -> list[Listed]:
    """Every profile, by name; a file that cannot be used says why."""
    found = []
    for name in names():
        path = folder() / f"{name}.toml"
        try:
            path_of(name)
            found.append(Listed(name, path, _read(name, path)))
        except FileError as error:
            found.append(Listed(name, path, None, error.problem))
        except UsageError as error:
            found.append(Listed(name, path, None, Problem(str(path), None, "", error.what, error.hint)))
    return found


def find(reference: str) -> Profile:
    """The profile of this name, or in this `.toml` file. Raises NotFoundError with the nearest name, or FileError."""
    if reference.endswith(".toml") and os.path.isfile(reference):
        return _read(Path(reference).stem, Path(reference))
    if _NAME.fullmatch(reference) and os.path.isfile(path := path_of(reference)):
        return _read(reference, path)
    import difflib

    known = names()
    near = difflib.get_close_matches(reference[:100], known, 1, 0.5)
    hint = f"did you mean {near[0]}?" if near else f"there is {', '.join(known[:10])}" if known else ""
    hint = hint or "workbench prompts profile NAME --about TEXT --answer TEXT makes one"
    raise NotFoundError(f"there is no profile {clipped(reference)}", hint=hint)


def parse(data: bytes, name: str, path: Path) -> Profile:
    """A profile from a file's bytes. Raises FileError: `FILE:LINE key: what is wrong — what to do`."""
    table, source = load(data, str(path))
    reader = Reader(table, source, str(path))
    schema = reader.take("schema", int, SCHEMA, "a number")
    if schema < 1:
        raise reader.error("schema", f"schema = {clipped(schema)} is unknown", f"schema = {SCHEMA}")
    made = _made(
        Profile(name=name, path=path, version="", schema=schema, source=data),
        reader.text("title", name),
        reader.text("about_me"),
        reader.text("how_to_answer"),
    )
    if not (made.about_me.strip() or made.how_to_answer.strip()):
        slips = reader.misspelled()
        if slips:
            said = f"did you mean {slips[0].hint.removeprefix('did you mean ')}"
            raise reader.error(slips[0].key, "about_me and how_to_answer are missing", said)
        raise reader.error("about_me", "both parts are empty", 'add about_me = "…" or how_to_answer = "…"')
    return made


def drafted(profile: Profile, *, title: str, about_me: str, how_to_answer: str) -> Profile:
    """The profile with other texts, as a save would make it: for what is shown before."""
    # A lone surrogate (a terminal may send one) is no text that a file can hold.
    whole = [text.encode("utf-8", "replace").decode() for text in (title, about_me, how_to_answer)]
    return _made(profile, *whole)


def fresh(name: str) -> Profile:
    """A profile that is not saved yet. Raises UsageError for a wrong name."""
    return _made(Profile(name=name, path=path_of(name), version=""), name, "", "")


def _made(profile: Profile, title: str, about_me: str, how_to_answer: str) -> Profile:
    about, answer = about_me.strip("\n"), how_to_answer.strip("\n")
    meaning = {"kind": "profile", "layout": LAYOUT, "about_me": about, "how_to_answer": answer}
    return replace(profile, title=title, about_me=about_me, how_to_answer=how_to_answer, version=content_hash(meaning))


def _read(name: str, path: Path) -> Profile:
    if not path.is_file():
        raise FileError(Problem(str(path), None, "", "it is no regular file"))
    return parse(bytes_of(path), name, path)


# ---- writing


def save(profile: Profile) -> Profile:
    """Write the profile's texts into its file; comments, other keys and their order stay. Returns it as it is now.

    `profile.source` is what was read (b"" for a new one): raises ConflictError when the file is another now,
    StorageError when it cannot be written, PromptError when it cannot be changed or both parts are empty.
    """
    if profile.schema > SCHEMA:
        hint = f"this workbench writes schema {SCHEMA}: update it, or edit the file elsewhere"
        raise StorageError(f"schema {profile.schema} is newer and read-only here", where=str(profile.path), hint=hint)
    data = _changed(profile) if profile.source else _new(profile)
    made = parse(data, profile.name, profile.path)
    if data != profile.source:
        paths.ensure(profile.path.parent)
        atomic_write(profile.path, data, expect=digest(profile.source) if profile.source else "")
    return made


def _changed(profile: Profile) -> bytes:
    from workbench.library.edit import KeyPath, edited

    before = parse(profile.source, profile.name, profile.path)
    wanted = {"title": profile.title, "about_me": profile.about_me, "how_to_answer": profile.how_to_answer}
    changes: dict[KeyPath, str] = {(key,): text for key, text in wanted.items() if text != getattr(before, key)}
    return restored(profile.source, edited(shown(profile.source), changes)) if changes else profile.source


def _new(profile: Profile) -> bytes:
    from workbench.library.edit import quoted

    lines = [f"schema = {SCHEMA}", f"title = {quoted(profile.title)}"]
    for key, text in (("about_me", profile.about_me), ("how_to_answer", profile.how_to_answer)):
        lines.append(f"{key} = {quoted(text)}")
    return ("\n".join(lines) + "\n").encode()


# ---- use


def text_of(profile: Profile) -> str:
    """The profile as a model is given it: each part that is not empty, under its heading."""
    parts = ((ABOUT, profile.about_me), (ANSWER, profile.how_to_answer))
    return "\n\n".join(f"{heading}\n{text.strip(chr(10))}" for heading, text in parts if text.strip())


def combine(messages: Iterable[Message], profile: Profile | None) -> tuple[Message, ...]:
    """`messages` (a prompt's lead, rendered) with the profile after the text of the first system message.

    Without a system message it becomes one, before all others. There is never a second one, and nothing in the
    profile is a slot.
    """
    made = list(messages)
    added = text_of(profile) if profile is not None else ""
    if not added:
        return tuple(made)
    for at, message in enumerate(made):
        if message.role == "system":
            before = message.content.rstrip("\n")
            made[at] = Message("system", f"{before}\n\n{added}" if before else added)
            return tuple(made)
    return (Message("system", added), *made)


def system_text(messages: Sequence[Message]) -> str:
    """The text of the system message among `messages`, "" when there is none."""
    return next((message.content for message in messages if message.role == "system"), "")
