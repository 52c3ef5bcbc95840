"""What a prompt was, in one list: saves here and commits in git, newest first, with the labels that name them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from workbench.errors import NotFoundError, StorageError
from workbench.files import digest
from workbench.library import git, labels
from workbench.library.library import Library
from workbench.library.reader import MAX_BYTES
from workbench.library.versions import Saved, Versions
from workbench.library.walk import path_of
from workbench.library.writing import version_of

UNSAVED = "not saved here"  # the note of the row for a file that another program wrote


def timeline(versions: Versions, library: Library, id: str) -> list[Saved]:
    """Every state of the prompt that is known, newest first; of a deleted one too.

    The file's present bytes, when they were never saved nor committed, are the first row, noted UNSAVED. Raises
    StorageError, or FileError when labels.toml is bad.
    """
    return Past(versions, library.folder, id, labels.load(library.folder).get(id, {})).rows


def matching(rows: Iterable[Saved], prefix: str) -> list[Saved]:
    """Rows whose version begins with `prefix` (hex, lower case), else those whose blob does; a version once, newest."""
    rows = list(rows)
    found = [row for row in rows if row.version.startswith(prefix)]
    found = found or [row for row in rows if row.blob.startswith(prefix)]
    return list({row.version or row.blob: row for row in reversed(found)}.values())[::-1]


class Past:
    """A prompt's states, with their bytes. Reads everything when it is made.

    `named` are the prompt's labels: label → version. `present` are the file's bytes, None when there is no file.
    """

    def __init__(self, versions: Versions, folder: Path, id: str, named: Mapping[str, str] | None = None) -> None:
        self.versions, self._folder, self._id = versions, folder, id
        self.path = path_of(folder, id) or folder / f"{id}.toml"
        self.present = _read(self.path)
        self._texts: dict[str, bytes] = {}
        self._kept = True
        saves = versions.log(folder, id)
        rows = sorted([*saves, *self._commits()], key=_when, reverse=True)
        if self.present is not None:
            blob = digest(self.present)
            self._texts[blob] = self.present
            if all(row.blob != blob for row in rows):
                self._kept = False
                parent = rows[0].blob if rows else ""
                rows.insert(0, Saved(version_of(self.present, id), blob, parent, self._changed(), "", UNSAVED))
        self.rows = [replace(row, labels=_labels(row.version, named or {})) for row in rows]

    def data(self, row: Saved) -> bytes:
        """The exact bytes of a row. Raises NotFoundError when git does not have them here."""
        if row.blob in self._texts:
            return self._texts[row.blob]
        if not row.blob:
            raise NotFoundError(f"the text of that commit of {self._id} is not in this clone")
        return self.versions.data(self._folder, self._id, row.blob)

    def last(self) -> bytes:
        """What the prompt was before its file went. Raises NotFoundError."""
        if any(gone.id == self._id for gone in self.versions.gone(self._folder)):
            return self.versions.bytes_of_gone(self._folder, self._id)
        if not self.rows:
            raise NotFoundError(f"there never was a prompt {self._id} here", where=str(self._folder))
        return self.data(self.rows[0])

    def keep(self, note: str) -> None:
        """Save the file's present bytes, if they were never saved nor committed."""
        if self.present is not None and not self._kept:
            self.versions.record(self._folder, self._id, self.present, self.rows[0].version, note=note)
            self._kept = True

    def _commits(self) -> list[Saved]:
        repo = git.find(self.path.parent if self.path.parent.is_dir() else self._folder)
        if repo is None:
            return []
        # A link's history is that of the file it leads to.
        commits = git.log(repo, Path(os.path.realpath(self.path)))
        texts = git.texts(repo, [commit.blob for commit in commits])
        known: dict[str, tuple[str, str]] = {}
        for name, data in texts.items():
            known[name] = (version_of(data, self._id), digest(data))
            self._texts[known[name][1]] = data
        rows: list[Saved] = []
        parent = ""
        for commit in reversed(commits):
            version, blob = known.get(commit.blob, ("", ""))
            rows.append(Saved(version, blob, parent, commit.time, commit.author, commit.note, "git"))
            parent = blob
        return rows[::-1]

    def _changed(self) -> str:
        try:
            seconds = os.stat(self.path).st_mtime
        except OSError:
            seconds = 0.0
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _when(row: Saved) -> str:
    """A row's place in time. Git counts whole seconds: a commit comes after the saves of its second."""
    return row.time.replace(".000+", ".999+") if row.source == "git" else row.time


def _labels(version: str, named: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(sorted(label for label, names in named.items() if version and names == version))


def _read(path: Path) -> bytes | None:
    if not os.path.isfile(path):
        return None
    try:
        with open(path, "rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise StorageError(f"cannot read it ({error.strerror})", where=str(path)) from error
