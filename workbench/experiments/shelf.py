"""The experiments that a person can choose from: files of our folders, those that ran from elsewhere; new ones."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from workbench.experiments import places
from workbench.experiments.looking import Look, look
from workbench.experiments.places import EXAMPLES, FOLDER, Entry, Folder, Listing
from workbench.experiments.running.rooms import Rooms
from workbench.history import experiments as history
from workbench.history.store import Store

RAN = "ran"


@dataclass
class Shelf:
    """Lists and reads files; one that did not change is not read again. All of it blocks: keep it off the loop."""

    folders: list[Folder]

    def __post_init__(self) -> None:
        self._listing = Listing(self.folders)
        self._looks: dict[Path, tuple[tuple[int, int], Look]] = {}

    def entries(self, store: Store) -> list[Entry]:
        """Nearest folder first; then files elsewhere that ran; the shipped ones last."""
        found = self._listing.entries()
        known = {os.path.realpath(entry.path) for entry in found}
        elsewhere = [path for text in history.files(store) if (path := Path(text)).is_file()]
        ran = [
            Entry(path.stem, path, Folder(RAN, path.parent))
            for path in elsewhere
            if os.path.realpath(path) not in known
        ]
        shipped = [entry for entry in found if entry.folder.name == EXAMPLES]
        return [*(entry for entry in found if entry.folder.name != EXAMPLES), *ran, *shipped]

    def look(self, path: Path, rooms: Rooms) -> Look:
        """What the file plans, and what is wrong with it. Raises OSError."""
        stat = os.stat(path)
        print_of = (stat.st_mtime_ns, stat.st_size)
        known = self._looks.get(path)
        if known is None or known[0] != print_of or not known[1].runs:
            known = self._looks[path] = (print_of, look(path.read_bytes(), path, rooms.libraries, rooms.find))
        return known[1]

    def home(self) -> Folder:
        """Where new files go."""
        return places.home(self.folders)

    def save_new(self, name: str, text: str) -> Path:
        """A new file of that name. Raises UsageError, StorageError."""
        path = places.place_for(self.home(), name)
        places.make(path, text.encode("utf-8", "replace"))
        return path


def template(title: str) -> str:
    """A file to begin with: two prompts, a case, a check."""
    return _NEW.format(title=title.replace("\\", "").replace('"', "'"))


def place_of(entry: Entry) -> str:
    """A word for where it is, "" for the folder one is in."""
    return "" if entry.folder.name == FOLDER else "example" if entry.folder.name == EXAMPLES else entry.folder.name


_NEW = """\
schema = 1
kind = "experiment"
title = "{title}"
repeats = 1

[[variants]]
label = "plain"
prompt = "system/plain"

[[variants]]
label = "steps"
prompt = "system/step-by-step"

[[cases]]
message = "What is 17 + 25?"
checks = [{{ type = "contains", value = "42" }}]
"""
