"""Cards of all prompts, kept in the cache folder, so that a library of any size is listed without reading its files.

A card is as good as its file's size, times, inode: a change of these, or a file written in the same moment as it was
read, is read again. What the cache says is never a person's data: a wrong or missing cache is made anew.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from workbench import __version__, paths
from workbench.files import digest
from workbench.library.library import Entry, Libraries, Library, read_entry
from workbench.library.walk import Found, files

SCHEMA = 1
MOST = 20_000  # characters of a text that are kept for searching
RACY = 2_000_000_000  # nanoseconds: as git does, a file this fresh may change again within its own time stamp
NEVER = (0, 0, 0, 0)  # the stamp of no file: its card is not trusted


class Card(msgspec.Struct, gc=False):
    """What a list shows of a prompt. `error` is one line ("" when it is fine); `known` is False until it was read."""

    id: str
    library: str
    path: str
    kind: str = ""
    title: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    version: str = ""
    text: str = ""
    error: str = ""
    problem: str = ""
    line: int | None = None
    known: bool = True


class _Kept(msgspec.Struct, array_like=True, gc=False):
    stamp: tuple[int, int, int, int]  # size, mtime, ctime (ns), inode
    card: Card


class _File(msgspec.Struct):
    made_by: str
    kept: dict[str, _Kept]


def card_of(entry: Entry) -> Card:
    """An entry as a card."""
    prompt = entry.prompt
    if prompt is None:
        problem = entry.problem
        said = problem.problem if problem else entry.error or ""
        line = problem.line if problem else None
        return Card(entry.id, entry.library, str(entry.path), error=entry.error or said, problem=said, line=line)
    text = prompt.text or "\n".join(turn.content for turn in prompt.messages)
    return Card(
        entry.id,
        entry.library,
        str(entry.path),
        kind=prompt.kind,
        title=prompt.title,
        description=prompt.description[:MOST],
        tags=prompt.tags,
        version=prompt.version,
        text=text[:MOST],
    )


class Index:
    """The cards of `libraries`, nearest first; `cache` is the folder they are kept in. Not for two threads at once."""

    def __init__(self, libraries: Libraries, cache: Path | None = None) -> None:
        self._libraries = libraries
        self._folder = cache or paths.cache_dir() / "index"
        self._kept: dict[str, dict[str, _Kept]] = {}  # library folder -> path -> card

    def names(self) -> list[Card]:
        """Every prompt that an id can reach, by id, as it was when last read; no file is read. `known` says which."""

        def known(library: Library) -> Iterable[Card]:
            kept = self._remembered(library)
            for found in files(library.folder):
                old = kept.get(found.path)
                yield old.card if old else Card(found.id, library.name, found.path, known=False)

        return self._nearest((library, known(library)) for library in self._libraries.libraries)

    def refresh(self, progress: Callable[[int, int], None] | None = None, first: Sequence[str] = ()) -> list[Card]:
        """The same, after reading what changed; ids of `first` are read first. `progress` hears how far it is."""
        changed: list[tuple[Library, Found, tuple[int, int, int, int]]] = []
        fresh: dict[str, dict[str, _Kept]] = {}
        for library in self._libraries.libraries:
            kept, here = self._remembered(library), fresh.setdefault(str(library.folder), {})
            for found in files(library.folder):
                stamp = _stamp(found.path)
                old = kept.get(found.path)
                if old is not None and old.stamp == stamp != NEVER:
                    here[found.path] = old
                else:
                    changed.append((library, found, stamp))
        wanted = set(first)
        changed.sort(key=lambda item: item[1].id not in wanted)
        for done, (library, found, stamp) in enumerate(changed):
            card = card_of(read_entry(library, found))
            # Written in the moment it was read, a later write may leave the same stamp. An error at no line may be
            # the disk's, and pass.
            doubtful = time.time_ns() - max(stamp[1], stamp[2]) < RACY or (card.error and card.line is None)
            fresh[str(library.folder)][found.path] = _Kept(NEVER if doubtful else stamp, card)
            if progress is not None and done % 200 == 0:
                progress(done, len(changed))
        for library in self._libraries.libraries:
            folder = str(library.folder)
            if fresh[folder] != self._kept.get(folder):
                self._kept[folder] = fresh[folder]
                self._save(library)
        return self._nearest(
            (library, (kept.card for kept in fresh[str(library.folder)].values()))
            for library in self._libraries.libraries
        )

    @staticmethod
    def _nearest(cards: Iterable[tuple[Library, Iterable[Card]]]) -> list[Card]:
        """Of each id the card of the nearest library, by id."""
        nearest: dict[str, Card] = {}
        for library, here in cards:
            for card in here:
                if card.id not in nearest:
                    renamed = card.library != library.name
                    nearest[card.id] = msgspec.structs.replace(card, library=library.name) if renamed else card
        return [nearest[id] for id in sorted(nearest)]

    # ---- the cache

    def _remembered(self, library: Library) -> dict[str, _Kept]:
        folder = str(library.folder)
        if folder not in self._kept:
            self._kept[folder] = self._load(library)
        return self._kept[folder]

    def _file(self, library: Library) -> Path:
        # The path as it is named counts too: cards hold it.
        name = os.fsencode(os.path.realpath(library.folder)) + b"\0" + os.fsencode(library.folder)
        return self._folder / f"{digest(name)[:32]}.cards"

    def _load(self, library: Library) -> dict[str, _Kept]:
        try:
            read = msgspec.msgpack.decode(self._file(library).read_bytes(), type=_File)
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return {}
        return read.kept if read.made_by == _MADE_BY else {}

    def _save(self, library: Library) -> None:
        """Written beside and put in place, without waiting for the disk: it can be made again."""
        file = self._file(library)
        # A card whose path is no UTF-8 cannot be kept; that one file is read each time.
        kept = {path: card for path, card in self._kept[str(library.folder)].items() if _is_text(path)}
        temporary = file.with_suffix(f".{os.getpid()}-{threading.get_ident()}.tmp")
        with suppress(OSError, UnicodeEncodeError):
            made = msgspec.msgpack.encode(_File(_MADE_BY, kept))
            os.makedirs(self._folder, mode=0o700, exist_ok=True)
            try:
                with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
                    out.write(made)
                os.replace(temporary, file)
            except OSError:
                temporary.unlink(missing_ok=True)


_MADE_BY = f"{SCHEMA} {__version__} {','.join(Card.__struct_fields__)}"


def _stamp(path: str) -> tuple[int, int, int, int]:
    try:
        found = os.stat(path)
    except OSError:
        return NEVER
    return (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
