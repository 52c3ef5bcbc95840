"""Where experiment files are: beside each prompt library, and in the current folder; found by name, made, copied."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from workbench import paths
from workbench.errors import StorageError, UsageError
from workbench.experiments.files import KIND
from workbench.files import ConflictError, atomic_write
from workbench.library.reader import MAX_BYTES, FileError, Problem, load
from workbench.library.walk import SUFFIX, files

FOLDER = "experiments"
EXAMPLES = "examples"
MOST = 5000  # files that are looked at
_SAYS = re.compile(rb"""^\s*kind\s*=\s*["']experiment["']""", re.MULTILINE)
_NAME = re.compile(r"[^\w.-]+")


@dataclass(frozen=True)
class Folder:
    """A folder of experiment files; `flat`: only those right in it count. The shipped one is not `writable`."""

    name: str
    path: Path
    writable: bool = True
    flat: bool = False


@dataclass(frozen=True)
class Entry:
    """An experiment's file. `name` is what `workbench run` takes; `problem` why it cannot be read (untrusted texts)."""

    name: str
    path: Path
    folder: Folder
    title: str = ""
    tags: tuple[str, ...] = ()
    problem: Problem | None = None


def folders(libraries: Sequence[Path] = ()) -> list[Folder]:
    """Nearest first: beside each of `libraries` (of --library), ./experiments, here, the person's, the shipped one."""
    shipped = paths.shipped(FOLDER)
    wanted = [Folder(f"{path.resolve().parent.name}/{FOLDER}", path.resolve().parent / FOLDER) for path in libraries]
    wanted.append(Folder(FOLDER, Path(FOLDER)))
    wanted.append(Folder("here", Path(), flat=True))
    wanted.append(Folder("mine", paths.data_dir() / FOLDER))
    found: dict[str, Folder] = {}
    last = os.path.realpath(shipped)
    for folder in wanted:
        real = os.path.realpath(folder.path)
        if real != last:  # the checkout's own ./experiments is the shipped one
            found.setdefault(real, folder)
    return [*found.values(), Folder(EXAMPLES, shipped, writable=False)]


def home(known: Sequence[Folder]) -> Folder:
    """Where a new file goes: ./experiments where it or ./prompts is there, else the person's folder."""
    for folder in known:
        if folder.name == FOLDER and (folder.path.is_dir() or _is_project()):
            return folder
    return next(folder for folder in known if folder.name == "mine")


def _is_project() -> bool:
    here = os.path.realpath("prompts")
    return os.path.isdir(here) and here != os.path.realpath(paths.shipped("prompts"))


def named(name: str, known: Sequence[Folder]) -> Path:
    """The file that a person names: a path, or a name in one of the folders, nearest first. It may not be there."""
    path = Path(name).expanduser()
    if path.exists() or path.is_absolute() or name.endswith(SUFFIX):
        return path
    places = (folder.path / f"{name}{SUFFIX}" for folder in known)
    return next((place for place in places if place.is_file()), path)


@dataclass
class Listing:
    """Lists the files; one that did not change is not read again. Blocks: keep it off the loop."""

    known: Sequence[Folder]
    _read: dict[str, tuple[tuple[int, int], Entry | None]] = field(default_factory=dict)

    def entries(self) -> list[Entry]:
        """Every experiment file, folder by folder, by name. A file hidden by a nearer one of its name is there too."""
        made: list[Entry] = []
        left = MOST
        for folder in self.known:
            here: list[Entry] = []
            for name, path in _below(folder):
                left -= 1
                if left < 0:
                    break
                if (entry := self._entry(name, path, folder)) is not None:
                    here.append(entry)
            made += sorted(here, key=lambda entry: entry.name)
        return made

    def _entry(self, name: str, path: str, folder: Folder) -> Entry | None:
        try:
            stat = os.stat(path)
        except OSError:
            return None
        print_of = (stat.st_mtime_ns, stat.st_size)
        known = self._read.get(path)
        if known is None or known[0] != print_of:
            known = self._read[path] = (print_of, _card(name, Path(path), folder))
        return known[1]


def _below(folder: Folder) -> list[tuple[str, str]]:
    if folder.flat:
        with suppress(OSError), os.scandir(folder.path) as items:
            return [(each.name[: -len(SUFFIX)], each.path) for each in items if each.name.endswith(SUFFIX)]
        return []
    if not folder.path.is_dir():
        return []
    return [(found.id, found.path) for found in files(folder.path) if not found.problem]


def _card(name: str, path: Path, folder: Folder) -> Entry | None:
    """The file's title; None for a TOML file that does not say that it is an experiment (its cases, as a rule)."""
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        problem = Problem(str(path), None, "", f"cannot read it ({error.strerror})", "see its permissions")
        return None if folder.flat else Entry(name, path, folder, problem=problem)
    if not _SAYS.search(data):
        return None
    try:
        table, _ = load(data, str(path))
    except FileError as error:
        return Entry(name, path, folder, problem=error.problem)
    if table.get("kind") != KIND:
        return None
    title, tags = table.get("title"), table.get("tags")
    told = tuple(str(tag) for tag in tags) if isinstance(tags, list) else ()
    return Entry(name, path, folder, title if isinstance(title, str) else "", told)


# ---- making files


def slug(text: str) -> str:
    """A file's name out of a text: `What is 17 + 25?` → `what-is-17-25`; letters of any script stay."""
    return "-".join(part for part in _NAME.sub("-", text.lower()).replace(".", "-").split("-") if part)[:40].strip("-")


def place_for(folder: Folder, name: str) -> Path:
    """Where a new file of that name stands. Raises UsageError for a name that is none, or taken."""
    wanted = name.strip().removesuffix(SUFFIX)
    parts = wanted.split("/")
    if not wanted or any(part in ("", ".", "..") or not part.isprintable() or len(part) > 100 for part in parts):
        raise UsageError(f"{name.strip()[:60]!r} is no name for a file", hint="such as wording, or sums/wording")
    path = folder.path / f"{wanted}{SUFFIX}"
    if os.path.lexists(path):
        raise UsageError("there is one of that name", where=str(path), hint="take another name")
    return path


def make(path: Path, data: bytes) -> None:
    """Write a new file, with the folders above it. Raises StorageError, UsageError when it is there by now."""
    paths.ensure(path.parent)
    try:
        atomic_write(path, data, expect="", mode=0o644)
    except ConflictError:
        raise UsageError("there is one of that name", where=str(path), hint="take another name") from None


def copy_cases(source: Path, case_file: str, target: Path) -> None:
    """Take the case file of the experiment at `source` along to `target`'s folder, unless one of its name is there.

    Raises StorageError; UsageError when it is not beside the source.
    """
    there = target.parent / case_file
    if not case_file or Path(case_file).is_absolute() or there.exists():
        return
    if ".." in Path(case_file).parts:
        raise UsageError(
            f"the cases {case_file} lie outside of its folder", where=str(source), hint="copy them by hand"
        )
    try:
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source.parent / case_file, there)
    except OSError as error:
        raise StorageError(f"the cases cannot be copied ({error.strerror})", where=str(there)) from error
