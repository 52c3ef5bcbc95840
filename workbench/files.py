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
    there keeps its mode, and its owner where we may set it; one that nobody may write is not written; a new one gets
    `mode`. After a crash at any point the path holds the old bytes or the new ones.
    """
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{secrets.token_hex(8)}.tmp")
    owner: tuple[int, int] | None = None
    try:
        with suppress(FileNotFoundError):
            found = target.stat()
            mode, owner = found.st_mode & 0o7777, (found.st_uid, found.st_gid)
            if not mode & 0o222:
                hint = f"chmod u+w {path}, or save it under another name"
                raise StorageError("the file is read-only", where=str(path), hint=hint)
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            _fill(handle, data, mode, owner)
            if expect is not None and _on_disk(target) != expect:
                raise ConflictError("the file changed on disk meanwhile", where=str(path), hint="compare, then choose")
            os.replace(temporary, target)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
    except OSError as error:
        hint = "free some space, or mend the folder's permissions; the file is as it was"
        raise StorageError(f"cannot write it ({error.strerror})", where=str(path), hint=hint) from error
    _sync_folder(target.parent)


def _fill(handle: int, data: bytes, mode: int, owner: tuple[int, int] | None) -> None:
    """Write, give mode and owner, make durable; closes `handle`."""
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(handle, rest) :]
        if owner is not None:
            with suppress(PermissionError):  # only root may give a file away; its text matters more
                os.fchown(handle, *owner)
        os.fchmod(handle, mode)  # after the owner: changing that clears bits
        os.fsync(handle)
    finally:
        os.close(handle)


def _on_disk(path: Path) -> str:
    try:
        return digest(path.read_bytes())
    except FileNotFoundError:
        return ""


def _sync_folder(folder: Path) -> None:
    """Make the new name durable. The new bytes are in place already: what fails here is no failed write."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
