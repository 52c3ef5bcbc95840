"""Labels of versions (`production`, `candidate`, own names), in a file beside the prompts so that they are reviewed."""

from __future__ import annotations

import os
import re
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from workbench import paths
from workbench.errors import NotFoundError, StorageError, UsageError
from workbench.files import ConflictError, atomic_write, digest
from workbench.library.lines import line_of
from workbench.library.reader import MAX_BYTES, FileError, Problem, clipped, noun
from workbench.library.reader import load as load_toml
from workbench.library.walk import LABELS, is_inside

FILE = LABELS
WAIT = 5.0  # seconds another process may hold the lock
Labels = dict[str, dict[str, str]]  # id -> label -> version (64 hex digits)

_NAME = re.compile(r"\w[\w.-]{0,63}")
_HEX = re.compile(r"[0-9a-fA-F]{4,64}")
_VERSION = re.compile(r"[0-9a-f]{64}")


def load(folder: Path) -> Labels:
    """The labels of the library in `folder`: id → label → version. Raises FileError that names the line."""
    return _checked(_read(folder), str(folder / FILE))


def load_or_say(folder: Path) -> tuple[Labels, str]:
    """The labels and "", or none and the line that says why: what merely shows them goes on without."""
    try:
        return load(folder), ""
    except FileError as error:
        return {}, str(error)


def problems_of(folder: Path) -> list[Problem]:
    """What is wrong with the labels of the library in `folder`."""
    try:
        load(folder)
    except FileError as error:
        return [error.problem]
    return []


def of_all(folders: Iterable[tuple[str, Path]]) -> tuple[dict[tuple[str, str], dict[str, str]], list[str]]:
    """The labels of several libraries (name, folder): (name, id) → label → version; and what is wrong with the rest."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    problems = []
    for name, folder in folders:
        table, problem = load_or_say(folder)
        found.update(((name, id), labels) for id, labels in table.items())
        if problem:
            problems.append(problem)
    return found, problems


def is_name(text: str) -> bool:
    """Whether a label may be called so."""
    name = unicodedata.normalize("NFC", text)
    return bool(_NAME.fullmatch(name)) and not _HEX.fullmatch(name)


def check_name(name: str) -> str:
    """`name` as a label may be called (NFC). Raises UsageError that says why not."""
    name = unicodedata.normalize("NFC", name)
    if not _NAME.fullmatch(name):
        raise UsageError(f"{clipped(name)} is no label", hint="letters, digits, - _ and . up to 64, such as production")
    if _HEX.fullmatch(name):
        raise UsageError(f"{clipped(name)} could be a version as well as a label", hint="choose another name")
    return name


def set_label(folder: Path, id: str, label: str, version: str) -> str | None:
    """Let `label` of the prompt `id` name `version` (64 hex digits); returns the version that it named before.

    Raises UsageError for a bad name, StorageError when the file cannot be written.
    """
    label = check_name(label)
    if not _VERSION.fullmatch(version):
        raise UsageError(f"{clipped(version)} is no version", hint="a label names a whole content hash")
    before: list[str | None] = []

    def work(table: Labels) -> None:
        before[:] = [table.get(id, {}).get(label)]
        table.setdefault(id, {})[label] = version

    _change(folder, work)
    return before[0]


def remove(folder: Path, id: str, label: str) -> str:
    """Take the label away; returns the version that it named. Raises NotFoundError."""
    label = unicodedata.normalize("NFC", label)
    before: list[str] = []

    def work(table: Labels) -> None:
        if label not in table.get(id, {}):
            raise NotFoundError(f"{clipped(id)} has no label {clipped(label)}", hint=said(table.get(id, {})))
        before[:] = [table[id].pop(label)]

    _change(folder, work)
    return before[0]


def moved(folder: Path, id: str, new_folder: Path, new_id: str) -> None:
    """Labels go with a prompt that gets another id, or another library. Raises StorageError."""
    if not load(folder).get(id):
        return
    taken: dict[str, str] = {}

    def take(table: Labels) -> None:
        taken.clear()
        taken.update(table.pop(id, {}))

    def give(table: Labels) -> None:
        table[new_id] = dict(taken)

    def both(table: Labels) -> None:
        take(table)
        give(table)

    if os.path.realpath(folder) == os.path.realpath(new_folder):
        _change(folder, both)
        return
    taken.update(load(folder)[id])
    _change(new_folder, give)  # first there, then away here: a crash between the two loses nothing
    _change(folder, take)


def said(labels: dict[str, str]) -> str:
    """A prompt's labels in one line, for hints."""
    return f"its labels are {', '.join(sorted(labels))[:200]}" if labels else "it has no labels"


def _change(folder: Path, work: Callable[[Labels], object]) -> None:
    """Read, change, write: under a lock against our like, and again when another program wrote meanwhile."""
    if os.path.realpath(folder) == os.path.realpath(paths.shipped("prompts")):
        hint = "copy the prompt to your own library first"
        raise StorageError("the shipped library is not written to", where=str(folder / FILE), hint=hint)
    import tomli_w

    with _locked(folder):
        for _ in range(20):
            data = _read(folder)
            table = _checked(data, str(folder / FILE))
            work(table)
            kept = {id: dict(sorted(table[id].items())) for id in sorted(table) if table[id]}
            try:
                made = tomli_w.dumps(kept).encode()
            except UnicodeEncodeError:
                raise UsageError("a label needs a prompt whose name is UTF-8", hint="rename the prompt first") from None
            if made == data:
                return
            try:
                atomic_write(folder / FILE, made, expect=digest(data) if data is not None else "", mode=_mode(folder))
            except ConflictError:
                continue
            return
    raise StorageError("another program keeps writing the labels", where=str(folder / FILE), hint="try again")


def _mode(folder: Path) -> int:
    """Of a new file: private below the person's own data, else as other programs make them."""
    return 0o600 if is_inside(os.path.realpath(paths.data_dir()), os.path.realpath(folder)) else 0o644


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the lock on the folder itself: no file of ours lies about. Where there are no locks, go on without."""
    import fcntl

    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise StorageError(f"cannot open the library ({error.strerror})", where=str(folder)) from error
    try:
        end = time.monotonic() + WAIT
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > end:
                    hint = "another program holds them: try again"
                    raise StorageError("the labels are locked", where=str(folder / FILE), hint=hint) from None
                time.sleep(0.01)
            except OSError:
                break
            else:
                break
        yield
    finally:
        os.close(handle)


def _read(folder: Path) -> bytes | None:
    """The file's bytes, None when there is none; never those of a file outside the library."""
    path = os.path.join(os.fspath(folder), FILE)
    if not os.path.lexists(path):
        return None
    target = os.path.realpath(path)
    if not is_inside(os.path.realpath(folder), target):
        raise FileError(Problem(path, None, "", "a link that leads out of the library is not followed"))
    if not os.path.isfile(target):
        raise FileError(Problem(path, None, "", "it is no regular file"))
    try:
        with open(target, "rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        said = f"cannot read it ({error.strerror})"
        raise FileError(Problem(path, None, "", said, "see its permissions")) from None


def _checked(data: bytes | None, file: str) -> Labels:
    if data is None:
        return {}
    table, source = load_toml(data, file)

    made: Labels = {}
    for id, labels in table.items():
        if not isinstance(labels, dict):
            hint = f'["{id[:60]}"], then label = "VERSION"'
            raise _wrong(file, source, (id,), f"must be a table, not {noun(labels)}", hint)
        made[id] = {}
        for label, version in labels.items():
            try:
                name = check_name(label)
            except UsageError as error:
                raise _wrong(file, source, (id, label), error.what, error.hint) from None
            if not isinstance(version, str) or not _VERSION.fullmatch(version):
                shown = clipped(version) if isinstance(version, str) else noun(version)
                hint = "64 hex digits; `workbench prompts label` writes them"
                raise _wrong(file, source, (id, label), f"a label names a version, not {shown}", hint)
            made[id][name] = version
    return made


def _wrong(file: str, source: str, path: tuple[str, ...], problem: str, hint: str) -> FileError:
    return FileError(Problem(file, line_of(source, path), ".".join(path)[:120], problem, hint))
