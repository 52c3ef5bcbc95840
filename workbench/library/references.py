"""`ID@REF`: an earlier version of a prompt, by the beginning of its hash or by a label, wherever its text is kept."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import NotFoundError, StorageError, UsageError
from workbench.library import labels
from workbench.library.prompt import Prompt, parse
from workbench.library.reader import FileError, clipped

if TYPE_CHECKING:
    from workbench.library.library import Library

Ran = Callable[[str], bytes | None]  # a whole version → the bytes of it that ran, None when it never did

_HEX = re.compile(r"[0-9a-f]{4,64}")


def wanted(ref: str) -> str:
    """A REF that is (the beginning of) a version, in lower case; "" when it must be a label."""
    return ref.lower() if _HEX.fullmatch(ref.lower()) else ""


def resolve(
    library: Library, id: str, ref: str, *, path: Path, present: Prompt | None = None, ran: Ran | None = None
) -> Prompt:
    """The version of the prompt that `ref` names, out of the saves, the git log, or (whole hashes) what ran.

    `present` is the file's prompt, None when it is bad or gone. Raises NotFoundError that says what there is,
    UsageError when several versions begin so, FileError when labels.toml or the old text is bad.
    """
    version = wanted(ref)
    if not version:
        version = labels.load(library.folder).get(id, {}).get(unicodedata.normalize("NFC", ref), "")
        if not version:
            raise _nothing(library, id, ref, present)
    if present is not None and present.version.startswith(version):
        return present
    data = find(library, id, version)
    if data is None and ran is not None and len(version) == 64:
        data = ran(version)
    if data is None:
        raise _nothing(library, id, ref, present, version)
    return old(data, library, id, path, version)


def find(library: Library, id: str, version: str) -> bytes | None:
    """The bytes of the one version that begins with `version`, None when there is none. Raises UsageError on several.

    A whole hash is looked for among the saves first; git is asked only when it is not there.
    """
    from workbench.library.versions import Versions

    versions = Versions()
    if len(version) == 64:
        for row in versions.find(library.folder, id, version):
            return versions.data(library.folder, id, row.blob)
    from workbench.library.timeline import Past, matching

    past = Past(versions, library.folder, id)
    # Of namesakes that were deleted, too: every wording stays within reach.
    rows = matching([*past.rows, *versions.find(library.folder, id, version)], version)
    if len(rows) > 1:
        some = ", ".join(sorted((row.version or row.blob)[:12] for row in rows)[:8])
        raise UsageError(f"{len(rows)} versions of {clipped(id)} begin with {version}", hint=f"they are {some}")
    return past.data(rows[0]) if rows else None


def old(data: bytes, library: Library, id: str, path: Path, version: str) -> Prompt:
    """The prompt in old bytes. Its errors name the file, the version, and the line in the old text."""
    try:
        return parse(data, id=id, library=library.name, path=path)
    except FileError as error:
        raise FileError(replace(error.problem, file=f"{path}@{version[:8]}")) from None


def of_gone(libraries: Sequence[Library], id: str, ref: str, ran: Ran | None) -> Prompt | None:
    """A version of a prompt whose file is gone, from the nearest library that knows one; None where none does."""
    # It may be any text with an @ in it: what cannot be looked up is no reference.
    if len(id) > 1000 or not (wanted(ref) or labels.is_name(ref)):
        return None
    for library in libraries:
        with suppress(NotFoundError, FileError, StorageError):
            return resolve(library, id, ref, path=library.folder / f"{id}.toml", ran=ran)
    return None


def _nothing(library: Library, id: str, ref: str, present: Prompt | None, version: str = "") -> NotFoundError:
    known = labels.load(library.folder).get(id, {})
    if version and not wanted(ref):
        what = f"the text of {clipped(id)}@{ref} (version {version[:8]}) is not on this machine"
        return NotFoundError(what, hint="fetch it with git, or let the label name another version")
    hint = f"its present version is {present.version[:8]}" if present else f"`workbench prompts history {id[:80]}`"
    if known:
        hint += f", {labels.said(known)}"
    return NotFoundError(f"{clipped(id)} has no version {clipped(ref)}", hint=hint)
