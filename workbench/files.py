"""Writing files so that nobody's text is lost: atomic, same mode, links followed, the one read must still be there.

Link resolved → temporary file beside it → fsync → the hash on disk must be the expected one → replace → fsync the
folder.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from contextlib import suppress
from pathlib import Path

from workbench.errors import StorageError


class ConflictError(StorageError):
    """The file on disk is not the one that was read: somebody else wrote it meanwhile."""


def digest(data: bytes) -> str:
    """SHA-256 of a file's bytes, in hex."""
    return hashlib.sha256(data).hexdigest()


def atomic_write(path: Path, data: bytes, *, expect: str | None = None, mode: int = 0o600) -> None:
    """Make `path` hold `data`, or leave it as it was and raise StorageError; ConflictError when it changed.

    `expect` is the digest of the bytes that were read ("" = there was no file; None = do not look). A file that is
    there keeps its mode; a new one gets `mode`. After a crash at any point it holds the old bytes or the new ones.
    """
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        with suppress(FileNotFoundError):
            mode = target.stat().st_mode & 0o7777
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fchmod(file.fileno(), mode)
                os.fsync(file.fileno())
            if expect is not None and _on_disk(target) != expect:
                raise ConflictError("the file changed on disk meanwhile", where=str(path), hint="compare, then choose")
            os.replace(temporary, target)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
        _sync_folder(target.parent)
    except OSError as error:
        hint = "free some space, or mend the folder's permissions; the file is as it was"
        raise StorageError(f"cannot write it ({error.strerror})", where=str(path), hint=hint) from error


def _on_disk(path: Path) -> str:
    try:
        return digest(path.read_bytes())
    except FileNotFoundError:
        return ""


def _sync_folder(folder: Path) -> None:
    """Make the new name durable; a file system that cannot sync a folder does not need it."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)
