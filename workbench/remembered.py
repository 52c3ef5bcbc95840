"""Small figures kept from one start to the next, in one JSON file of the cache, the newest last.

What stands in it is never more than a hint: whatever is wrong with the file, there is none. No method raises; each
reads the disk.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.files import atomic_write

LIMIT = 200  # figures remembered; the oldest goes first
_MAX_BYTES = 1_000_000


class Remembered:
    """Whole numbers by name."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, key: str) -> int:
        """The number of that name, 0 for none."""
        return self._read().get(key, 0)

    def put(self, key: str, value: int) -> None:
        """Keep it as the newest; nothing is written when it is there already."""
        kept = self._read()
        if kept.pop(key, None) == value:
            return
        kept[key] = value
        with suppress(OSError, WorkbenchError):  # a cache that cannot be written stops nobody
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            newest = dict(list(kept.items())[-LIMIT:])
            atomic_write(self._path, json.dumps(newest, indent=0).encode() + b"\n")

    def _read(self) -> dict[str, int]:
        try:
            with self._path.open("rb") as file:
                found = json.loads(file.read(_MAX_BYTES))
        except (OSError, ValueError, RecursionError):
            return {}
        if not isinstance(found, dict):
            return {}
        return {key: value for key, value in found.items() if type(value) is int}
