"""A prompt file being edited: opened with its draft, saved as a new version, never over somebody else's change."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from workbench import paths
from workbench.errors import NotFoundError, PromptError, StorageError
from workbench.files import ConflictError, atomic_write, digest
from workbench.library.drafts import Drafts
from workbench.library.library import Libraries, Library
from workbench.library.lineends import restored, shown
from workbench.library.merge import Merged, merge
from workbench.library.prompt import SCHEMA, Prompt, parse
from workbench.library.reader import MAX_BYTES, FileError, Problem
from workbench.library.walk import is_inside, path_of

if TYPE_CHECKING:
    from workbench.library.versions import Versions


class Conflict(ConflictError):
    """Somebody else wrote the file since it was read. `theirs` are its bytes now, None when it is gone."""

    def __init__(self, path: Path, theirs: bytes | None) -> None:
        what = "the file changed on disk" if theirs is not None else "the file is gone from the disk"
        super().__init__(what, where=str(path), hint="keep mine, take theirs, or merge")
        self.theirs = theirs


@dataclass(kw_only=True)
class Working:
    """A file as it is edited: `base` are the bytes that were read, `text` what stands in the editor (LF line ends).

    `drafted` says when an unsaved edit that was found was typed (UTC, ISO 8601; "" when there was none).
    """

    library: Library
    id: str
    path: Path
    base: bytes
    text: str
    drafted: str = ""

    @property
    def data(self) -> bytes:
        """What a save would write."""
        return restored(self.base, self.text)

    @property
    def changed(self) -> bool:
        """Whether there is something to save."""
        return not self.base or self.text != shown(self.base)


@dataclass(frozen=True)
class Saved:
    """What a save made: where it stands now, and its version ("" when the text is no valid prompt)."""

    library: Library
    path: Path
    version: str
    copied: bool  # from a library that is not written to


class Writer:
    """Opens and saves prompt files. Synchronous: call it off the interface's loop."""

    def __init__(self, libraries: Libraries, versions: Versions, drafts: Drafts | None = None) -> None:
        self.libraries, self.versions, self.drafts = libraries, versions, drafts or Drafts()

    def open(self, id: str, library: str = "") -> Working:
        """The file of `id` (in the nearest library that has it, or in `library`), with the draft of it if there is one.

        Raises NotFoundError, or FileError when it is no text.
        """
        for each in self.libraries.libraries:
            path = path_of(each.folder, id) if library in ("", each.name) else None
            if path is not None:
                working = Working(library=each, id=id, path=path, base=_read(path), text="")
                break
        else:
            return self._gone(id, library)
        if len(working.base) > MAX_BYTES:
            raise FileError(Problem(str(path), None, "", "it is too large to be edited here", "open it in an editor"))
        try:
            working.text = shown(working.base)
        except UnicodeDecodeError:
            raise FileError(Problem(str(path), None, "", "not UTF-8 text", "save it as UTF-8")) from None
        draft = self.drafts.find(path)
        if draft is not None and draft.text != working.text:
            working.base, working.text, working.drafted = draft.base_bytes, draft.text, draft.time
        return working

    def _gone(self, id: str, library: str) -> Working:
        """The unsaved edit of a file that is no more: a save writes it anew. Raises NotFoundError."""
        for each in self.libraries.libraries:
            path = each.folder / f"{id}.toml"
            draft = self.drafts.find(path) if library in ("", each.name) else None
            if draft is not None:
                return Working(library=each, id=id, path=path, base=b"", text=draft.text, drafted=draft.time)
        raise NotFoundError(f"there is no prompt {id}", hint="it may have been moved or deleted meanwhile")

    def keep(self, working: Working) -> None:
        """Keep the unsaved edit, or drop it when there is none. Raises StorageError."""
        if working.changed:
            working.drafted = now()
            self.drafts.keep(working.path, working.base, working.text, working.drafted)
        elif working.drafted:
            self.drafts.drop(working.path)
            working.drafted = ""

    def revert(self, working: Working) -> None:
        """Give the unsaved edit up: the text is the file's again."""
        working.base = _read(working.path)
        working.text, working.drafted = shown(working.base), ""
        self.drafts.drop(working.path)

    def save(self, working: Working, note: str = "") -> Saved:
        """Write it, as a version. A prompt of a library that is not written to becomes a copy in the nearest that is.

        Raises Conflict, or StorageError; the draft then stays.
        """
        _refuse_newer(working)
        data, copied = working.data, not working.library.writable
        library, path, expect = working.library, working.path, digest(working.base) if working.base else ""
        if copied:
            library = self.libraries.home()
            path, expect = library.folder / f"{working.id}.toml", ""
        elif working.base:
            self._remember(working, working.base, "as it was on disk")
        try:
            paths.ensure(path.parent)
            atomic_write(path, data, expect=expect, mode=new_mode(library.folder))
        except ConflictError:
            raise Conflict(path, _read_if_there(path)) from None
        if copied and working.base:
            before, origin = version_of(working.base, working.id), f"as it is in {working.library.name}"
            self.versions.record(library.folder, working.id, working.base, before, note=origin)
        self.drafts.drop(working.path)
        working.library, working.path, working.base, working.drafted = library, path, data, ""
        working.text = shown(data)
        return Saved(library, path, self._remember(working, data, note), copied)

    def note(self, working: Working, note: str) -> None:
        """A note on the prompt as it was read, without a change of it. Raises StorageError."""
        version = version_of(working.base, working.id)
        self.versions.remark(working.library.folder, working.id, working.base, version, note)

    def _remember(self, working: Working, data: bytes, note: str) -> str:
        version = version_of(data, working.id)
        self.versions.record(working.library.folder, working.id, data, version, note=note)
        return version

    # ---- a change by others

    def seen(self, working: Working) -> bytes | None:
        """The bytes on disk now, None when the file is gone; `base` when nobody wrote it."""
        return _read_if_there(working.path)

    def take(self, working: Working, theirs: bytes) -> None:
        """Go on from their bytes. An edit that is given up is kept as a version."""
        if working.changed:
            self._remember(working, working.base, "as it was on disk")
            self._remember(working, working.data, "set aside for a change on disk")
        self._remember(working, theirs, "changed by another program")
        working.base, working.text = theirs, shown(theirs)
        self.drafts.drop(working.path)
        working.drafted = ""

    def keep_mine(self, working: Working, theirs: bytes | None) -> None:
        """Let the next save replace their bytes, which are kept as a version."""
        text = working.text
        if theirs is not None:
            self._remember(working, theirs, "changed by another program, then replaced")
        working.base, working.text = theirs or b"", text
        self.keep(working)

    def merged(self, working: Working, theirs: bytes) -> Merged:
        """Put both changes into the editor's text, conflicts marked; the next save replaces their bytes."""
        made = merge(shown(working.base) if working.base else "", working.text, shown(theirs))
        self._remember(working, theirs, "changed by another program, then merged")
        working.base, working.text = theirs, made.text
        self.keep(working)
        return made


def now() -> str:
    """UTC as ISO 8601, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def new_mode(folder: Path) -> int:
    """The mode of a file made in `folder`: private below the person's own data, else as other programs make them."""
    return 0o600 if is_inside(os.path.realpath(paths.data_dir()), os.path.realpath(folder)) else 0o644


def version_of(data: bytes, id: str) -> str:
    """The content hash of a file's bytes, "" when they are no valid prompt."""
    try:
        return parse(data, id=id).version
    except PromptError:
        return ""


def parsed(working: Working) -> Prompt:
    """The prompt as it stands in the editor. Raises FileError with the line in the edited text."""
    return parse(working.data, id=working.id, library=working.library.name, path=working.path)


def _refuse_newer(working: Working) -> None:
    try:
        prompt = parse(working.base, id=working.id) if working.base else None
    except PromptError:
        return
    if prompt is not None and prompt.read_only:
        hint = f"this workbench writes schema {SCHEMA}: update it, or edit the file elsewhere"
        raise StorageError(f"schema {prompt.schema} is newer and read-only here", where=str(working.path), hint=hint)


def _read(path: Path) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        said = f"cannot read it ({error.strerror})"
        raise FileError(Problem(str(path), None, "", said, "see its permissions")) from None


def _read_if_there(path: Path) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read(MAX_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise StorageError(f"cannot read it ({error.strerror})", where=str(path)) from error
