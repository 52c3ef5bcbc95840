"""`workbench prompts history|diff|restore|label|commit`: what a prompt was before, and which version has a label."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from workbench import safe
from workbench.cli import naming, output
from workbench.cli.verbs import Verb, libraries_of
from workbench.errors import Exit, NotFoundError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workbench.library.library import Libraries, Place
    from workbench.library.timeline import Past
    from workbench.library.versions import Saved

ID = "ID, LIBRARY:ID or a .toml file"
REF = "a label, or the beginning of a version as `prompts history` shows it"


def add(verb: Verb) -> None:
    """Add the verbs."""
    verb("history", "saves and git commits of a prompt, newest first", history).add_argument("id", help=ID)
    one = verb("diff", "what changed: since the version before, since a version, between two", diff)
    one.add_argument("id", help=ID)
    one.add_argument("ref", nargs="*", metavar="REF", help=f"{REF}; up to two")
    shown = one.add_mutually_exclusive_group()
    shown.add_argument("--word", action="store_true", help="mark the words that differ: [-old-] {+new+}")
    shown.add_argument("--side", action="store_true", help="side by side")
    one = verb("restore", "write an earlier version back, or bring a deleted prompt back", restore)
    one.add_argument("id", help=ID)
    one.add_argument("ref", nargs="?", default="", metavar="REF", help=f"{REF}; of a deleted prompt the last one")
    one.add_argument("--note", default="", metavar="TEXT", help="kept with the save")
    one = verb("label", "list the labels of a prompt, set or move one, remove one", label)
    one.add_argument("id", help=ID)
    one.add_argument("name", nargs="?", default="", metavar="NAME", help="production, candidate or a name of your own")
    one.add_argument("ref", nargs="?", default="", metavar="REF", help=f"{REF}; the file as it is when left out")
    one.add_argument("--remove", action="store_true", help="take the label away")
    one = verb("commit", "commit changed prompt files and labels.toml with git; runs no hooks and no filters", commit)
    one.add_argument("id", nargs="*", help="these prompts only")
    one.add_argument("-m", "--message", required=True, metavar="MESSAGE")


def history(options: argparse.Namespace) -> int:
    """Print every save and commit.

    --json: [{"version" (null: no valid prompt), "time", "author", "note", "source", "labels", "blob"}], newest first.
    """
    place, past, _ = naming.past(libraries_of(options), options.id)
    if options.json:
        output.print_json([_row(row) for row in past.rows])
        return Exit.OK
    from datetime import datetime

    wide = min(16, max((output.cells(safe.line(row.author)) for row in past.rows), default=0))
    for row in past.rows:
        when = datetime.fromisoformat(row.time).astimezone().strftime("%Y-%m-%d %H:%M")
        author = output.pad(output.clip(safe.line(row.author), wide), wide)
        said = " ".join([*(f"[{name}]" for name in row.labels), row.note])
        line = f"{row.version[:8] or '--------'}  {when}  {author}  {row.source:<9}  {safe.line(said)}"
        print(output.clip(line, output.width()).rstrip())
    if past.present is None:
        output.narrate(f"the file is gone; `workbench prompts restore {place.id}` brings it back")
    elif not past.rows:
        output.narrate("no versions yet")
    return Exit.OK


def _row(row: Saved) -> dict[str, Any]:
    return {
        "version": row.version or None,
        "time": row.time,
        "author": row.author,
        "note": row.note,
        "source": row.source,
        "labels": list(row.labels),
        "blob": row.blob or None,
    }


def diff(options: argparse.Namespace) -> int:
    """Print what changed from the left to the right.

    No REF: the newest version that is not the file's, and the file. One REF: that and the file. Two: these two.
    --json: {"left", "right": {"name", "version", "blob", "text"}, "unified", "words": [{"side", "start", "end",
    "text"}]}; "words" are places (in characters) in the texts.
    """
    from workbench.cli import differences

    if len(options.ref) > 2:
        raise UsageError("diff compares two", hint="give at most two REFs")
    libraries = libraries_of(options)
    place, past, named = naming.past(libraries, options.id)
    chosen = [naming.chosen(libraries, options.id, past, ref, named) for ref in options.ref]
    if not chosen:
        chosen = [naming.before(place, past)]
    if len(chosen) == 1:
        if past.present is None:
            raise NotFoundError(f"the file of {place.id} is gone", hint=f"`workbench prompts restore {place.id}`")
        chosen.append((naming.of_file(past), past.present))
    (left, old), (right, new) = chosen
    names = (f"{place.id}@{naming.short(left)}", f"{place.id}@{naming.short(right)}")
    if len(options.ref) < 2:
        names = (names[0], f"{place.id} (the file)")
    texts = old.decode("utf-8", "replace"), new.decode("utf-8", "replace")
    if options.json:
        unified = differences.unified(names, *texts)
        sides = [
            {"name": name, "version": row.version or None, "blob": row.blob, "text": text}
            for name, row, text in zip(names, (left, right), texts, strict=True)
        ]
        output.print_json(
            {
                "left": sides[0],
                "right": sides[1],
                "unified": "".join(f"{line}\n" for line in unified),
                "words": differences.words(*texts),
            }
        )
    elif texts[0] == texts[1]:
        output.narrate(f"{names[0]} and {names[1]} are the same")
    elif options.side:
        differences.print_sides(names, *texts)
    elif options.word:
        differences.print_words(names, *texts)
    else:
        differences.print_unified(names, *texts)
    return Exit.OK


def restore(options: argparse.Namespace) -> int:
    """Write the bytes of an earlier version back, as a new save; nothing that stood there is lost.

    --json: {"id", "library", "path", "version" (null: no valid prompt), "changed"}.
    """
    from workbench.library.restoring import bring_back
    from workbench.library.writing import version_of

    libraries = libraries_of(options)
    place, past, named = naming.past(libraries, options.id)
    naming.writable(place.library)
    if options.ref:
        data = naming.chosen(libraries, options.id, past, options.ref, named)[1]
    elif past.present is not None:
        raise UsageError("restore needs a version", hint=f"`workbench prompts history {place.id}` shows them")
    else:
        data = past.last()
    version = version_of(data, place.id)
    changed = bring_back(place, past, data, options.note or f"restored {version[:8] or 'an earlier text'}")
    if options.json:
        output.print_json(
            {
                "id": place.id,
                "library": place.library.name,
                "path": str(place.path),
                "version": version or None,
                "changed": changed,
            }
        )
    else:
        said = "is now" if changed else "is already"
        print(safe.line(f"{place.id} {said} {version[:8] or 'as it was (no valid prompt)'}"))
    return Exit.OK


def label(options: argparse.Namespace) -> int:
    """List, set, move or remove labels.

    --json: {"id", "library", "labels": {NAME: VERSION}} as they are afterwards.
    """
    from workbench.library import labels

    libraries = libraries_of(options)
    place, past, named = naming.past(libraries, options.id)
    if not place.library.name:
        raise UsageError("the file lies in no library, where labels are kept", hint="--library DIR names one")
    folder = place.library.folder
    if options.remove:
        if not options.name:
            raise UsageError("which label?", hint=labels.said(dict(named)))
        naming.writable(place.library)
        was = labels.remove(folder, place.id, options.name)
        output.narrate(f"{options.name} of {place.id} was {was[:8]}")
    elif options.name:
        labels.check_name(options.name)
        naming.writable(place.library)
        version = _to_label(libraries, options, place, past, named)
        before = labels.set_label(folder, place.id, options.name, version)
        moved = f" (was {before[:8]})" if before and before != version else ""
        output.narrate(f"{options.name} of {place.id} is {version[:8]}{moved}")
    now = labels.load(folder).get(place.id, {})
    if options.json:
        output.print_json({"id": place.id, "library": place.library.name, "labels": now})
    elif not options.name:
        for name, version in now.items():
            print(safe.line(f"{version[:8]}  {name}"))
        if not now:
            output.narrate(f"{place.id} has no labels")
    return Exit.OK


def _to_label(
    libraries: Libraries, options: argparse.Namespace, place: Place, past: Past, named: Mapping[str, str]
) -> str:
    """The whole hash of the version to label; the file's own text is kept first, for a label must lead to a text."""
    if options.ref:
        version = naming.chosen(libraries, options.id, past, options.ref, named)[0].version
    else:
        version = libraries.get(options.id).version
        past.keep(f"labelled {options.name}")
    if not version:
        raise UsageError("that text is no valid prompt, and has no version", hint="`workbench prompts check`")
    return version


def commit(options: argparse.Namespace) -> int:
    """Commit the library's changed prompt files and labels.toml. No hook of the repository runs, and no filter.

    --json: {"commit" (null: nothing had changed), "branch", "files", "library"}.
    """
    from workbench.library.committing import commit

    libraries = libraries_of(options)
    places = [naming.named(libraries, name) for name in options.id]
    writable = [library for library in libraries.libraries if library.writable]
    if not places and not writable:
        raise UsageError("there is no library to commit but the shipped one", hint="--library DIR names one")
    library = places[0][0] if places else writable[0]
    if any(other != library for other, _ in places):
        raise UsageError("the prompts lie in several libraries", hint="one commit for each")
    naming.writable(library)
    made = commit(library.folder, [id for _, id in places], options.message)
    if options.json:
        output.print_json(
            {
                "commit": made.commit or None,
                "branch": made.branch,
                "files": list(made.files),
                "library": library.name,
            }
        )
    elif not made.commit:
        output.narrate(f"nothing has changed in {library.folder}")
    else:
        print(safe.line(f"{made.commit[:12]}  {made.branch}"))
        for name in made.files:
            print(safe.line(f"  {name}"))
        output.narrate("committed as the bytes are: no hook and no filter was run")
    return Exit.OK
