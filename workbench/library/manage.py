"""Prompt files made, copied, moved and taken away. History and labels go with a prompt; nothing is ever overwritten."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import NotFoundError, StorageError, UsageError
from workbench.files import ConflictError, atomic_write
from workbench.library import labels
from workbench.library.library import Libraries, Library
from workbench.library.prompt import KINDS
from workbench.library.walk import SUFFIX, path_of
from workbench.library.writing import new_mode, version_of

if TYPE_CHECKING:
    from workbench.library.versions import Versions

_BODY = {
    "system": 'text = """\nYou are a helpful assistant.\n"""\n',
    "chat": (
        '[[messages]]\nrole = "system"\ncontent = """\nYou are a helpful assistant.\n"""\n\n'
        '[[messages]]\nrole = "user"\ncontent = """\nHello.\n"""\n'
    ),
    "association": (
        'text = "The {{word}} of"\nwords = ["a galaxy", "a film"]\n\n[variables.word]\ndefault = "star"\n\n'
        '[[contexts]]\nname = "plain"\ntext = "I look at the star of"\n'
    ),
}
_BAD = re.compile(r"[\x00-\x1f\x7f-\x9f\\:@]")


def skeleton(kind: str, title: str) -> str:
    """The text of a new prompt file."""
    from workbench.library.edit import quoted

    said = quoted(title)
    return f'schema = 1\nkind = "{kind}"\ntitle = {said}\ndescription = ""\ntags = []\n{_BODY[kind]}'


def check_id(id: str) -> str:
    """`id` as a new prompt may be called. Raises UsageError that says why not."""
    id = id.strip().removesuffix(SUFFIX).strip("/")
    parts = id.split("/")
    if not id or any(not part.strip() for part in parts):
        raise UsageError("a prompt needs a name", hint="such as system/my-prompt")
    if bad := _BAD.search(id):
        raise UsageError(f"{bad[0]!r} cannot be in a prompt's name", hint="ID@VERSION and LIBRARY:ID use @ and :")
    if any(part.startswith(".") for part in parts):
        raise UsageError("a name that begins with a dot is hidden", hint="leave the dot out")
    if id == labels.FILE.removesuffix(SUFFIX):
        raise UsageError(f"{labels.FILE} holds the labels", hint="choose another name")
    if any(len(os.fsencode(part)) > 240 for part in parts) or len(id) > 900:
        raise UsageError("the name is too long", hint="at most 240 bytes between two slashes")
    return id


class Manager:
    """Works on the files of `libraries`. Synchronous: call it off the interface's loop."""

    def __init__(self, libraries: Libraries, versions: Versions) -> None:
        self.libraries, self.versions = libraries, versions

    def create(self, kind: str, id: str, *, library: str = "", text: str = "") -> Path:
        """A new prompt of `kind`, or with `text`; returns its file. Raises UsageError when the name is taken."""
        id = check_id(id)
        if not text:
            if kind not in KINDS:
                raise UsageError(f"{kind} is no kind", hint=f"one of {', '.join(KINDS)}")
            text = skeleton(kind, id.rsplit("/", 1)[-1].replace("-", " ").capitalize())
        return self._make(self._target(library), id, text.encode(), "new")

    def duplicate(self, id: str, new_id: str, *, library: str = "", to: str = "") -> Path:
        """A copy of `id` under another name; returns its file."""
        source, path = self._found(id, library)
        where = self._target(to) if to or not source.writable else source
        return self._make(where, check_id(new_id), path.read_bytes(), f"copy of {id}")

    def move(self, id: str, new_id: str, *, library: str = "", to: str = "") -> Path:
        """Rename or move `id`; history and labels go with it. Returns its file. Raises UsageError when taken."""
        new_id = check_id(new_id)
        source, path = self._found(id, library)
        _writable(source, path)
        where = self._target(to) if to else source
        target = where.folder / f"{new_id}{SUFFIX}"
        if (where, new_id) == (source, id):
            return path
        _free(target, path, new_id, where)
        self._remember(source, id, path.read_bytes())
        _open_way(target)
        _rename(path, target)
        self.versions.renamed(source.folder, id, where.folder, new_id)
        labels.moved(source.folder, id, where.folder, new_id)
        _prune(path.parent, source.folder)
        return target

    def delete(self, id: str, *, library: str = "") -> None:
        """Take the file away; `restore` brings it back."""
        source, path = self._found(id, library)
        _writable(source, path)
        data = path.read_bytes()
        self.versions.deleted(source.folder, id, data, version_of(data, id))
        try:
            path.unlink()
        except OSError as error:
            self.versions.revived(source.folder, id)
            raise StorageError(f"cannot delete it ({error.strerror})", where=str(path)) from error
        _prune(path.parent, source.folder)

    def restore(self, id: str, *, library: str = "") -> Path:
        """Bring a deleted prompt back as it was; returns its file."""
        for each in self.libraries.libraries:
            if library in ("", each.name) and any(gone.id == id for gone in self.versions.gone(each.folder)):
                path = each.folder / f"{id}{SUFFIX}"
                data = self.versions.bytes_of_gone(each.folder, id)
                _write_new(path, data, id, each)
                self.versions.revived(each.folder, id)
                return path
        raise NotFoundError(f"no deleted prompt is called {id}", hint="`workbench prompts history` knows saved ones")

    def _make(self, library: Library, id: str, data: bytes, note: str) -> Path:
        path = library.folder / f"{id}{SUFFIX}"
        _write_new(path, data, id, library)
        self.versions.record(library.folder, id, data, version_of(data, id), note=note)
        return path

    def _remember(self, library: Library, id: str, data: bytes) -> None:
        self.versions.record(library.folder, id, data, version_of(data, id), note="as it was on disk")

    def _target(self, name: str) -> Library:
        if not name:
            return self.libraries.home()
        for library in self.libraries.libraries:
            if library.name == name:
                _writable(library, library.folder)
                return library
        known = ", ".join(library.name for library in self.libraries.libraries)
        raise NotFoundError(f"there is no library {name}", hint=f"the libraries are {known}")

    def _found(self, id: str, name: str) -> tuple[Library, Path]:
        for library in self.libraries.libraries:
            path = path_of(library.folder, id) if name in ("", library.name) else None
            if path is not None:
                return library, path
        raise NotFoundError(f"there is no prompt {id}", hint="`workbench prompts list` shows what there is")


def _writable(library: Library, path: Path) -> None:
    if not library.writable:
        raise StorageError("the shipped library is not written to", where=str(path), hint="duplicate the prompt first")


def _free(target: Path, source: Path, id: str, library: Library) -> None:
    """Raise UsageError when another file has the name; the same file under another case is no other."""
    if os.path.lexists(target) and not (os.path.exists(target) and os.path.samefile(target, source)):
        raise _taken(target, id, library)


def _taken(path: Path, id: str, library: Library) -> UsageError:
    return UsageError(f"{library.name} has a prompt {id} already", where=str(path), hint="choose another name")


def _write_new(path: Path, data: bytes, id: str, library: Library) -> None:
    _open_way(path)
    try:
        atomic_write(path, data, expect="", mode=new_mode(library.folder))
    except ConflictError:
        raise _taken(path, id, library) from None


def _open_way(path: Path) -> None:
    """The folders above a new file."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"cannot make the folder ({error.strerror})", where=str(path.parent)) from error


def _rename(path: Path, target: Path) -> None:
    """Without overwriting: a hard link under the new name first, for it fails where a name is taken."""
    if path.is_symlink():
        _relink(path, target)
        return
    try:
        if os.path.lexists(target):  # the same file, spelled with other capitals
            os.rename(path, target)
            return
        try:
            os.link(path, target)
        except FileExistsError:
            raise
        except OSError:  # another disk, or one without hard links
            atomic_write(target, path.read_bytes(), expect="", mode=path.stat().st_mode & 0o7777)
        path.unlink()
    except OSError as error:
        raise StorageError(f"cannot move it ({error.strerror})", where=str(path)) from error


def _relink(path: Path, target: Path) -> None:
    """A link that leads to the same file from its new place."""
    real = os.path.realpath(path)
    leads = os.readlink(path)
    try:
        os.symlink(leads if os.path.isabs(leads) else os.path.relpath(real, os.path.realpath(target.parent)), target)
        path.unlink()
    except OSError as error:
        raise StorageError(f"cannot move it ({error.strerror})", where=str(path)) from error


def _prune(folder: Path, root: Path) -> None:
    """Take away folders that a move or a deletion left empty."""
    with suppress(OSError):
        while folder != root and root in folder.parents:
            folder.rmdir()
            folder = folder.parent
