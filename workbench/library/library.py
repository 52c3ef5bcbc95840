"""Libraries of prompt files, nearest first: a folder's `.toml` files are prompts, an id is the path without `.toml`."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench import paths
from workbench.errors import NotFoundError, PromptError, UsageError
from workbench.library.prompt import MAX_BYTES, Prompt, parse

MAX_FILES = 200_000


@dataclass(frozen=True)
class Library:
    """A folder of prompts; the shipped one is not `writable`."""

    name: str
    folder: Path
    writable: bool = True


@dataclass(frozen=True)
class Entry:
    """A file of a library: its prompt, or what is wrong with it."""

    id: str
    library: str
    path: Path
    prompt: Prompt | None
    error: str | None


class Libraries:
    """Several libraries as one: the nearest that has an id wins; `LIBRARY:ID` names one for certain."""

    def __init__(self, libraries: Sequence[Library]) -> None:
        self.libraries = tuple(libraries)

    @classmethod
    def default(cls, extra: Path | None = None) -> Libraries:
        """`extra` (from --library), ./prompts, the person's, the shipped; each folder once, missing ones left out."""
        if extra is not None and not extra.is_dir():
            raise UsageError("there is no such library folder", where=str(extra), hint="make it, or name another")
        shipped = paths.shipped("prompts")
        wanted = [
            *([Library(extra.resolve().name, extra)] if extra else []),
            Library("project", Path("prompts")),
            Library("mine", paths.data_dir() / "prompts"),
            Library("shipped", shipped, writable=False),
        ]
        found: dict[Path, Library] = {}
        for library in wanted:
            if library.folder.is_dir():
                real = library.folder.resolve()
                if real == shipped.resolve():
                    library = Library("shipped", shipped, writable=False)
                found.setdefault(real, library)
        return cls(list(found.values()))

    def entries(self) -> list[Entry]:
        """Every prompt that an id can reach, by id; those that a nearer library covers are left out."""
        found: dict[str, Entry] = {}
        for library in self.libraries:
            for id, path in _files(library.folder):
                if id not in found:
                    found[id] = _entry(library, id, path)
        return sorted(found.values(), key=lambda entry: entry.id)

    def get(self, reference: str) -> Prompt:
        """The prompt named `ID`, `LIBRARY:ID`, `ID@VERSION` (the beginning of its hash) or by a `.toml` file's path.

        Raises NotFoundError with the nearest id, PromptError when its file is bad.
        """
        name, _, version = reference.partition("@")
        if name.endswith(".toml") and Path(name).is_file():
            prompt = _read(Library("", Path(name).parent), Path(name).stem, Path(name))
        else:
            prompt = self._find(name)
        if version and not prompt.version.startswith(version):
            raise NotFoundError(f"{name} has no version {version}", hint=f"its present one is {prompt.version[:8]}")
        return prompt

    def _find(self, name: str) -> Prompt:
        wanted, colon, rest = name.partition(":")
        for library in self.libraries:
            if colon and library.name != wanted:
                continue
            id = rest if colon else name
            path = library.folder / f"{id}.toml"
            if _inside(library.folder, path) and path.is_file():
                return _read(library, id, path)
        ids = [entry for library in self.libraries for entry, _ in _files(library.folder)]
        near = difflib.get_close_matches(name, ids, 1, 0.5)
        hint = f"did you mean {near[0]}?" if near else "`workbench prompts list` shows what there is"
        raise NotFoundError(f"there is no prompt {name}", hint=hint)


def _inside(folder: Path, path: Path) -> bool:
    """Whether `path` stays in the library, links followed."""
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, ValueError):
        return False


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """(id, path) of the prompt files below `folder`; hidden names and links that lead out are passed over."""
    root = os.fspath(folder)
    stack = [root]
    left = MAX_FILES
    while stack and left > 0:
        try:
            with os.scandir(stack.pop()) as listing:
                items = list(listing)
        except OSError:
            continue
        for item in items:
            if item.name.startswith("."):
                continue
            try:
                if item.is_dir(follow_symlinks=False):
                    stack.append(item.path)
                    continue
                good = item.name.endswith(".toml") and item.is_file()
            except OSError:
                continue
            if good and (not item.is_symlink() or _inside(folder, Path(item.path))):
                left -= 1
                relative = os.path.relpath(item.path, root)[: -len(".toml")]
                yield relative.replace(os.sep, "/"), Path(item.path)


def _entry(library: Library, id: str, path: Path) -> Entry:
    try:
        return Entry(id, library.name, path, _read(library, id, path), None)
    except PromptError as error:
        return Entry(id, library.name, path, None, str(error))


def _read(library: Library, id: str, path: Path) -> Prompt:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise PromptError(f"cannot read it ({error.strerror})", where=str(path)) from None
    return parse(data, id=id, library=library.name, path=path)
