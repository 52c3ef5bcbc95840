"""The prompt files below a folder: what is there, and what is passed over and why. Nothing outside is ever read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SUFFIX = ".toml"
LABELS = "labels.toml"  # at a library's root it holds the labels, and is no prompt
MAX_FILES = 200_000


@dataclass(frozen=True)
class Found:
    """A file's id (path without `.toml`, `/` between folders), its path, and why it cannot be read ("" when it can)."""

    id: str
    path: str
    problem: str = ""


def files(folder: Path) -> Iterator[Found]:
    """Prompt files below `folder`. Hidden names are left out; links to folders are not followed, and said."""
    root = os.fspath(folder)
    real = os.path.realpath(root)
    stack = [(root, "")]
    left = MAX_FILES
    while stack:
        here, prefix = stack.pop()
        try:
            with os.scandir(here) as listing:
                items = list(listing)
        except OSError as error:
            yield Found(prefix or ".", here, f"cannot read the folder ({error.strerror})")
            continue
        for item in items:
            if item.name.startswith("."):
                continue
            id = prefix + item.name
            if id == LABELS:
                continue
            if item.is_symlink():
                found = _link(item, id, real)
            elif _is(item, folder=True):
                stack.append((item.path, id + "/"))
                continue
            elif item.name.endswith(SUFFIX):
                found = Found(id[: -len(SUFFIX)], item.path, "" if _is(item) else "it is no regular file")
            else:
                continue
            if found is None:
                continue
            if left == 0:
                yield Found("…", root, f"more than {MAX_FILES:,} files: the rest is not listed")
                return
            left -= 1
            yield found


def _is(item: os.DirEntry[str], *, folder: bool = False) -> bool:
    try:
        return item.is_dir(follow_symlinks=False) if folder else item.is_file()
    except OSError:
        return False


def _link(item: os.DirEntry[str], id: str, real: str) -> Found | None:
    """What a link is worth: a prompt when it stays inside and ends at a file."""
    target = os.path.realpath(item.path)
    if not item.name.endswith(SUFFIX):
        if os.path.isdir(target):
            return Found(id, item.path, "a link to a folder, not followed; --library DIR opens it")
        return None
    id = id[: -len(SUFFIX)]
    if not is_inside(real, target):
        return Found(id, item.path, "a link that leads out of the library is not followed")
    if not os.path.isfile(target):
        return Found(id, item.path, "a link that leads to no file")
    return Found(id, item.path)


def is_inside(folder: str, path: str) -> bool:
    """Whether the real path `path` lies below the real path `folder`."""
    return path.startswith(folder.rstrip(os.sep) + os.sep)


def may_be_id(id: str) -> bool:
    """Whether a prompt of a library may have this id: it leads nowhere outside, and to nothing hidden."""
    parts = id.split("/")
    return len(id) <= 1000 and id + SUFFIX != LABELS and not any(not part or part[0] in ".\0" for part in parts)


def path_of(folder: Path, id: str) -> Path | None:
    """The file of an id, None when the library has none: never one outside, hidden, or under another spelling."""
    if not may_be_id(id):
        return None
    path = os.path.join(os.fspath(folder), id + SUFFIX)
    try:
        target = os.path.realpath(path)
    except (OSError, ValueError):
        return None
    # isfile is False, and never raises, for a name that is too long or holds a NUL.
    return Path(path) if is_inside(os.path.realpath(folder), target) and os.path.isfile(target) else None
