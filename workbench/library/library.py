"""Libraries of prompt files, nearest first: a folder's `.toml` files are prompts, an id is the path without `.toml`."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from workbench import paths
from workbench.errors import NotFoundError, PromptError, UsageError
from workbench.library.prompt import Prompt, parse
from workbench.library.reader import FileError, Problem, bytes_of, clipped
from workbench.library.walk import SUFFIX, Found, files, is_inside, path_of


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


@dataclass(frozen=True)
class Place:
    """Where a prompt's file is; the library has no name when the file was named by its path."""

    library: Library
    id: str
    path: Path


class Libraries:
    """Several libraries as one: the nearest that has an id wins; `LIBRARY:ID` names one for certain."""

    def __init__(self, libraries: Sequence[Library], ran: Callable[[str], bytes | None] | None = None) -> None:
        """`ran` gives the bytes of a version (its whole hash) out of the history of trials, None when it never ran."""
        self.libraries = _named_apart(libraries)
        self.ran = ran

    @classmethod
    def default(
        cls, extra: Path | Sequence[Path] | None = None, ran: Callable[[str], bytes | None] | None = None
    ) -> Libraries:
        """`extra` (from --library), ./prompts, the person's, the shipped; each folder once, missing ones left out."""
        extra = [extra] if isinstance(extra, Path) else extra or []
        for folder in extra:
            if not os.path.isdir(folder):
                raise UsageError("there is no such library folder", where=str(folder), hint="make it, or name another")
        shipped = Library("shipped", paths.shipped("prompts"), writable=False)
        wanted = [
            Library("project", Path("prompts")),
            Library("mine", paths.data_dir() / "prompts"),
            shipped,
        ]
        named = [(os.path.basename(os.path.realpath(folder)).replace(":", "-") or "root", folder) for folder in extra]
        wanted = [*(Library(name, folder) for name, folder in named), *wanted]
        found: dict[str, Library] = {}
        last = os.path.realpath(shipped.folder)
        for library in wanted:
            real = os.path.realpath(library.folder)
            if real == last and library is not shipped:
                # The checkout's own ./prompts is the shipped library: farthest, unless --library puts it first.
                if library.folder not in extra:
                    continue
                library = shipped
            if os.path.isdir(real):
                found.setdefault(real, library)
        return cls(list(found.values()), ran)

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
                    found[file.id] = read_entry(library, file)
        return sorted(found.values(), key=lambda entry: entry.id)

    def get(self, reference: str) -> Prompt:
        """The prompt named `ID`, `LIBRARY:ID` or by a `.toml` file's path; with `@REF` one of its versions.

        REF is a label, or the beginning of a version's hash (4 hex digits or more). Raises NotFoundError with the
        nearest id or what versions there are, UsageError when several begin so, PromptError when its file is bad.
        """
        place = self.locate(reference)
        if place is not None:
            return _read(place.library, place.id, place.path)
        name, at, ref = reference.rpartition("@")
        place = self.locate(name) if at else None
        if place is not None:
            return self._version(place, ref)
        if at and ref and name:
            from workbench.library.references import of_gone

            named, id = self.named(name)
            gone = of_gone(named, id, ref, self.ran)
            if gone is not None:
                return gone
        raise self._missing(name or reference)

    def locate(self, name: str) -> Place | None:
        """Where `ID`, `LIBRARY:ID` or a `.toml` file's path leads; None when no file is there."""
        if name.endswith(SUFFIX) and os.path.isfile(name):
            return Place(Library("", Path(name).parent), Path(name).stem, Path(name))
        named, id = self.named(name)
        for library in named:
            path = path_of(library.folder, id)
            if path is not None:
                return Place(library, id, path)
        return None

    def named(self, name: str) -> tuple[Sequence[Library], str]:
        """The libraries that `name` may mean, nearest first, and the id in them."""
        wanted, colon, rest = name.partition(":")
        found = [library for library in self.libraries if colon and library.name == wanted]
        return (found, rest) if found else (self.libraries, name)

    def owner(self, place: Place) -> Place:
        """The same file as the prompt of the library it lies in: a path's history is that of the id it has there."""
        real = os.path.realpath(place.path)
        for library in () if place.library.name else self.libraries:
            folder = os.path.realpath(library.folder)
            if is_inside(folder, real):
                id = os.path.relpath(real, folder).removesuffix(SUFFIX)
                return Place(library, id, place.path)
        return place

    def _version(self, place: Place, ref: str) -> Prompt:
        try:
            present = _read(place.library, place.id, place.path)
        except PromptError:
            present = None
        # As a rule it is the present one: then neither SQLite nor git is asked.
        if present is not None and len(ref) >= 4 and present.version.startswith(ref.lower()):
            return present
        from workbench.library.references import resolve

        home = self.owner(place)
        found = resolve(home.library, home.id, ref, path=place.path, present=present, ran=self.ran)
        return replace(found, id=place.id, library=place.library.name)

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


def read_entry(library: Library, file: Found) -> Entry:
    """A file as an entry: its prompt, or what is wrong with it."""
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
    return parse(bytes_of(path), id=id, library=library.name, path=path)
