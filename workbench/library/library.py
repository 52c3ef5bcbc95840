"""Libraries of prompt files, nearest first: a folder's `.toml` files are prompts, an id is the path without `.toml`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from workbench import paths
from workbench.errors import NotFoundError, PromptError, UsageError
from workbench.library.prompt import Prompt, parse
from workbench.library.reader import MAX_BYTES, FileError, Problem, clipped
from workbench.library.walk import SUFFIX, Found, files, path_of


@dataclass(frozen=True)
class Library:
    """A folder of prompts; the shipped one is not `writable`."""

    name: str
    folder: Path
    writable: bool = True


@dataclass(frozen=True)
class Entry:
    """A file of a library: its prompt, or what is wrong with it (`error` is the one line of `problem`)."""

    id: str
    library: str
    path: Path
    prompt: Prompt | None
    error: str | None
    problem: Problem | None = None


class Libraries:
    """Several libraries as one: the nearest that has an id wins; `LIBRARY:ID` names one for certain."""

    def __init__(self, libraries: Sequence[Library]) -> None:
        self.libraries = _named_apart(libraries)

    @classmethod
    def default(cls, extra: Path | None = None) -> Libraries:
        """`extra` (from --library), ./prompts, the person's, the shipped; each folder once, missing ones left out."""
        if extra is not None and not os.path.isdir(extra):
            raise UsageError("there is no such library folder", where=str(extra), hint="make it, or name another")
        shipped = Library("shipped", paths.shipped("prompts"), writable=False)
        wanted = [
            Library("project", Path("prompts")),
            Library("mine", paths.data_dir() / "prompts"),
            shipped,
        ]
        if extra is not None:
            name = os.path.basename(os.path.realpath(extra)).replace(":", "-") or "root"
            wanted.insert(0, Library(name, extra))
        found: dict[str, Library] = {}
        last = os.path.realpath(shipped.folder)
        for library in wanted:
            real = os.path.realpath(library.folder)
            if real == last and library is not shipped:
                # The checkout's own ./prompts is the shipped library: farthest, unless --library puts it first.
                if library.folder != extra:
                    continue
                library = shipped
            if os.path.isdir(real):
                found.setdefault(real, library)
        return cls(list(found.values()))

    def home(self) -> Library:
        """The library that new prompts go to: the nearest that is written to; the person's is made when there is none.

        Raises StorageError.
        """
        for library in self.libraries:
            if library.writable:
                return library
        mine = Library("mine", paths.ensure(paths.data_dir() / "prompts"))
        self.libraries = _named_apart([mine, *self.libraries])
        return mine

    def entries(self) -> list[Entry]:
        """Every prompt that an id can reach, by id; those that a nearer library covers are left out."""
        found: dict[str, Entry] = {}
        for library in self.libraries:
            for file in files(library.folder):
                if file.id not in found:
                    found[file.id] = _entry(library, file)
        return sorted(found.values(), key=lambda entry: entry.id)

    def get(self, reference: str) -> Prompt:
        """The prompt named `ID`, `LIBRARY:ID`, `ID@VERSION` (the beginning of its hash) or by a `.toml` file's path.

        Raises NotFoundError with the nearest id, PromptError when its file is bad.
        """
        name, version = reference, ""
        prompt = self._by_path(name) or self._by_id(name)
        if prompt is None and "@" in reference:
            name, _, version = reference.rpartition("@")
            prompt = self._by_path(name) or self._by_id(name)
        if prompt is None:
            raise self._missing(name)
        if name != reference and (not version or not prompt.version.startswith(version.lower())):
            hint = f"its present version is {prompt.version[:8]}"
            raise NotFoundError(f"{clipped(name)} has no version {clipped(version)}", hint=hint)
        return prompt

    @staticmethod
    def _by_path(name: str) -> Prompt | None:
        if not name.endswith(SUFFIX) or not os.path.isfile(name):
            return None
        return _read(Library("", Path(name).parent), Path(name).stem, Path(name))

    def _by_id(self, name: str) -> Prompt | None:
        wanted, colon, rest = name.partition(":")
        named = [library for library in self.libraries if colon and library.name == wanted]
        id = rest if named else name
        for library in named or self.libraries:
            path = path_of(library.folder, id)
            if path is not None:
                return _read(library, id, path)
        return None

    def _missing(self, name: str) -> NotFoundError:
        import difflib

        hint = "`workbench prompts list` shows what there is"
        if len(name) <= 200:
            wanted, colon, rest = name.partition(":")
            known = [library.name for library in self.libraries]
            if colon and rest and wanted not in known and "/" not in wanted:
                hint = f"the libraries are {', '.join(known)}"
            ids = {file.id for library in self.libraries for file in files(library.folder)}
            near = difflib.get_close_matches(rest if wanted in known else name, sorted(ids), 1, 0.5)
            if near:
                hint = f"did you mean {near[0]}?"
        return NotFoundError(f"there is no prompt {name if len(name) <= 80 else clipped(name, 80)}", hint=hint)


def _named_apart(libraries: Sequence[Library]) -> tuple[Library, ...]:
    """No two of one name: `LIBRARY:ID` must name one for certain. Of two, the later keeps its name."""
    taken: set[str] = set()
    made: list[Library] = []
    for library in reversed(libraries):
        name, number = library.name, 2
        while name in taken:
            name, number = f"{library.name}-{number}", number + 1
        taken.add(name)
        made.append(library if name == library.name else replace(library, name=name))
    return tuple(reversed(made))


def _entry(library: Library, file: Found) -> Entry:
    path = Path(file.path)
    problem = Problem(str(path), None, "", file.problem)
    try:
        if not file.problem:
            return Entry(file.id, library.name, path, _read(library, file.id, path), None)
    except FileError as error:
        problem = error.problem
    except PromptError as error:
        problem = Problem(str(path), None, "", error.what, error.hint)
    return Entry(file.id, library.name, path, None, str(problem), problem)


def _read(library: Library, id: str, path: Path) -> Prompt:
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        said = f"cannot read it ({error.strerror})"
        raise FileError(Problem(str(path), None, "", said, "see its permissions")) from None
    return parse(data, id=id, library=library.name, path=path)
