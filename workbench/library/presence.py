"""Whether another workbench has this library open too: a lock that ends with its process, however that ends."""

from __future__ import annotations

import os
from pathlib import Path

from workbench import paths
from workbench.errors import StorageError
from workbench.files import digest


class Presence:
    """Says that we have `folder` open, and hears who else has. `leave` when it is closed."""

    def __init__(self, folder: Path, locks: Path | None = None) -> None:
        self._file = (
            locks or paths.data_dir() / "locks"
        ) / f"{digest(os.fsencode(os.path.realpath(folder)))[:32]}.lock"
        self._handle: int | None = None

    def enter(self) -> int | None:
        """Take the lock. Returns None, or the process id of the workbench that has it (0 when unknown)."""
        import fcntl

        try:
            paths.ensure(self._file.parent)
            handle = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except (OSError, StorageError):
            return None  # no place for locks: what is written is still compared with what is on disk
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            said = os.read(handle, 20)
            os.close(handle)
            return int(said) if said.strip().isdigit() else 0
        except OSError:  # a file system without locks
            os.close(handle)
            return None
        os.ftruncate(handle, 0)
        os.write(handle, str(os.getpid()).encode())
        self._handle = handle
        return None

    def leave(self) -> None:
        """Give the lock back. Idempotent."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
