"""Earlier bytes written back over a prompt's file, or where it was: as a new save, nothing that stood there lost."""

from __future__ import annotations

import os

from workbench.errors import PromptError, StorageError
from workbench.files import atomic_write, digest
from workbench.library.library import Place
from workbench.library.prompt import SCHEMA, parse
from workbench.library.timeline import Past
from workbench.library.walk import is_inside
from workbench.library.writing import new_mode, version_of


def bring_back(place: Place, past: Past, data: bytes, note: str = "") -> bool:
    """Let the file hold `data`; False when it does already. A deleted prompt's history goes on.

    Raises ConflictError when the file changed since `past` was read, StorageError when it cannot be written.
    """
    if past.present == data:
        return False
    folder = place.library.folder
    if not place.library.writable or not is_inside(os.path.realpath(folder), os.path.realpath(place.path)):
        hint = "copy the prompt to your own library first"
        raise StorageError("the file is not one of a library that is written to", where=str(place.path), hint=hint)
    _refuse_newer(place, past.present)
    past.keep("as it was on disk")
    try:
        place.path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"cannot make the folder ({error.strerror})", where=str(place.path.parent)) from error
    expect = "" if past.present is None else digest(past.present)
    atomic_write(place.path, data, expect=expect, mode=new_mode(folder))
    past.versions.revived(folder, place.id)
    past.versions.record(folder, place.id, data, version_of(data, place.id), note=note)
    return True


def _refuse_newer(place: Place, present: bytes | None) -> None:
    try:
        newer = present is not None and parse(present, id=place.id).read_only
    except PromptError:
        return
    if newer:
        hint = f"this workbench writes schema {SCHEMA}: update it, or edit the file elsewhere"
        raise StorageError("its schema is newer, and read-only here", where=str(place.path), hint=hint)
