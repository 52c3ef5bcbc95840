"""What a person names on the command line: a prompt that is or was, one of its versions, the library to write to."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from workbench.cli import output
from workbench.errors import NotFoundError, StorageError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workbench.library.library import Libraries, Library, Place
    from workbench.library.timeline import Past
    from workbench.library.versions import Saved


def named(libraries: Libraries, name: str) -> tuple[Library, str]:
    """The library and the id in it; the file may be gone."""
    place = libraries.locate(name)
    if place is not None:
        place = libraries.owner(place)
        return place.library, place.id
    found, id = libraries.named(name)
    return next((library for library in found if library.writable), found[0]), id


def past(libraries: Libraries, name: str) -> tuple[Place, Past, Mapping[str, str]]:
    """Where the prompt is or was, its states, and its labels. Raises NotFoundError."""
    from workbench.library import labels
    from workbench.library.library import Place
    from workbench.library.timeline import Past
    from workbench.library.versions import Versions
    from workbench.library.walk import SUFFIX, may_be_id

    place = libraries.locate(name)
    places = [libraries.owner(place)] if place is not None else []
    if not places:
        found, id = libraries.named(name)
        if may_be_id(id):
            places = [Place(library, id, library.folder / f"{id}{SUFFIX}") for library in found]
    for place in places:
        table, problem = labels.load_or_say(place.library.folder)
        if problem:
            output.narrate(problem)
        named = table.get(place.id, {})
        past = Past(Versions(), place.library.folder, place.id, named)
        if past.rows:
            return place, past, named
    libraries.get(name)
    raise UsageError(f"{name} names one version", hint="leave the @ and what follows out")


def chosen(libraries: Libraries, name: str, past: Past, ref: str, named: Mapping[str, str]) -> tuple[Saved, bytes]:
    """The version that `ref` names, and its bytes. Raises NotFoundError, or UsageError when several begin so."""
    from workbench.files import digest
    from workbench.library.references import wanted
    from workbench.library.timeline import matching
    from workbench.library.versions import Saved

    version = wanted(ref) or named.get(ref, "")
    found = matching(past.rows, version) if version else []
    if len(found) == 1:
        return found[0], past.data(found[0])
    # What only ran, or what is wrong with `ref`.
    prompt = libraries.get(f"{name}@{ref}")
    return Saved(prompt.version, digest(prompt.source), "", "", "", ""), prompt.source


def before(place: Place, past: Past) -> tuple[Saved, bytes]:
    """The newest version whose bytes are not the file's."""
    now = of_file(past).blob if past.present is not None else ""
    for row in past.rows:
        if row.blob and row.blob != now:
            return row, past.data(row)
    raise NotFoundError(f"{place.id} has no earlier version", hint="each save makes one")


def of_file(past: Past) -> Saved:
    """The row of the file as it is."""
    from workbench.files import digest

    blob = digest(past.present or b"")
    return next(row for row in past.rows if row.blob == blob)


def short(row: Saved) -> str:
    """A version as `prompts history` shows it; where there is none, its bytes' hash."""
    return (row.version or row.blob)[:8]


def writable(library: Library) -> None:
    """Raise StorageError when the library is not written to."""
    if not library.writable:
        hint = "copy the prompt to your own library first"
        raise StorageError(f"the {library.name} library is not written to", where=os.fspath(library.folder), hint=hint)
