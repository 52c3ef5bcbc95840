"""Runs as JSON lines, a TRIAL each, written as they are read: a history of any size takes no more memory."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from workbench import safe
from workbench.errors import StorageError, UsageError
from workbench.history.search import Query, Searcher, trial_rows
from workbench.history.store import Store

PAGE = 200  # trials read at once
EVERY = Query()


def line(trial: dict[str, Any]) -> str:
    """A TRIAL as one line of JSON: what a terminal or a reader of lines could take amiss is escaped."""
    text = json.dumps(trial, ensure_ascii=False)
    return text if safe.line(text) == text else "".join(map(_escaped, text))


def _escaped(character: str) -> str:
    return character if safe.line(character) == character else json.dumps(character)[1:-1]


def lines(store: Store, runs: Sequence[str], query: Query = EVERY) -> Iterator[str]:
    """The lines of these runs' trials (those that match), in order. Raises StorageError."""
    searcher = Searcher(store)
    for run in runs:
        ids = searcher.trials(run, query)
        for at in range(0, len(ids), PAGE):
            for trial in trial_rows(store, ids[at : at + PAGE]):
                yield line(trial)


def write(
    path: Path,
    made: Iterator[str],
    *,
    over: bool = False,
    mode: int = 0o600,
    tell: Callable[[int], object] | None = None,
) -> int:
    """Write the lines to a file, whole or not at all; returns how many. `over` replaces one that is there.

    Raises UsageError when a file is there, StorageError when it cannot be written.
    """
    if not over and os.path.lexists(path):
        raise UsageError("there is a file already", where=str(path), hint="name another, or --force")

    def opened(name: str, flags: int) -> int:
        return os.open(name, flags, mode)

    temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
    count = 0
    try:
        with open(temporary, "x", encoding="utf-8", opener=opened) as out:
            for text in made:
                out.write(text + "\n")
                count += 1
                if tell and count % PAGE == 0:
                    tell(count)
            out.flush()
            os.fsync(out.fileno())
        os.replace(temporary, path)
    except OSError as error:
        hint = "free some space, or name another folder"
        raise StorageError(f"cannot write it ({error.strerror})", where=str(path), hint=hint) from error
    finally:
        with suppress(OSError):
            temporary.unlink()
    return count
