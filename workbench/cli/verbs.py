"""What the verbs below `prompts` share: how one is made, and the libraries its options name."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from workbench.library.library import Libraries


class Verb(Protocol):
    """Makes the parser of one verb below `prompts`, with --library and --json: `verb(name, help, func)`."""

    def __call__(self, name: str, help: str, func: Any, /) -> argparse.ArgumentParser: ...


def libraries_of(options: argparse.Namespace) -> Libraries:
    """The libraries that the options name."""
    from workbench.library.library import Libraries

    return Libraries.default([Path(folder) for folder in options.library], _ran)


def _ran(version: str) -> bytes | None:
    """The bytes of a prompt version that ran, out of the history of trials. Raises StorageError."""
    from workbench import paths

    path = paths.data_dir() / "history.db"
    if not path.exists():
        return None
    from contextlib import closing

    from workbench.history.store import Store

    with closing(Store(path)) as store:
        return store.version(version)
