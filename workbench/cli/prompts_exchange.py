"""`workbench prompts import|export`: prompts of other programs, both ways."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import safe
from workbench.cli import output
from workbench.cli.verbs import Verb, libraries_of
from workbench.errors import Exit, UsageError, WorkbenchError

if TYPE_CHECKING:
    from workbench.library.exchange.parts import Draft, Exported
    from workbench.library.manage import Manager

_FORMATS = "messages, promptfoo, llm, dotprompt, prompty, fabric or markdown"


def add(verb: Verb) -> None:
    """Add the verbs."""
    made = verb("import", "take prompts of another program into a library", import_)
    made.add_argument("path", metavar="FILE", help="a file, or a folder of fabric patterns")
    made.add_argument("--from", dest="format", default="", metavar="FORMAT", help=f"{_FORMATS}; else by its name")
    made.add_argument("--id", default="", help="what the prompt is called; of several the folder they go to")
    made.add_argument("--to", metavar="LIBRARY", default="", help="the library they go to (else the nearest)")
    made.add_argument("--force", action="store_true", help="as a new version, where a prompt is called so already")
    made = verb("export", "write prompts for another program", export)
    made.add_argument("id", nargs="+", help="ID, ID@VERSION or ID@LABEL")
    made.add_argument("--to", dest="format", required=True, metavar="FORMAT", help=_FORMATS)
    made.add_argument("--output", metavar="PATH", help="a folder, or a file for one (else stdout)")
    made.add_argument("--force", action="store_true", help="write over files that are there")


def import_(options: argparse.Namespace) -> int:
    """Make a prompt of each that is in the file."""
    from workbench.library.exchange import import_file
    from workbench.library.manage import Manager
    from workbench.library.versions import Versions

    found = import_file(Path(options.path), options.format)
    manager = Manager(libraries_of(options), Versions())
    made: list[dict[str, Any]] = []
    taken: set[str] = set()
    errors = list(found.refused)
    for draft in found.drafts:
        id = draft.id
        if options.id:
            id = options.id if len(found.drafts) + len(found.refused) == 1 else f"{options.id}/{draft.id}"
        try:
            if id in taken:
                raise UsageError(f"two of them would be called {id}", hint="import them one by one, with --id")
            taken.add(id)
            made.append(_put(manager, draft, id, options))
        except WorkbenchError as error:
            errors.append(str(error))
    for line in found.dropped:
        output.narrate(f"left out: {line}")
    if options.json:
        output.print_json({"imported": made, "dropped": found.dropped, "errors": errors})
    else:
        for row in made:
            print(safe.line(f"{row['id']}@{row['version'][:8]}  {row['path']}"))
        for line in errors:
            output.narrate(line)
    return Exit.USAGE if errors else Exit.OK


def _put(manager: Manager, draft: Draft, id: str, options: argparse.Namespace) -> dict[str, Any]:
    """A new prompt file; with --force a new version of one that is there."""
    from workbench.library.compose import compose
    from workbench.library.manage import check_id
    from workbench.library.walk import path_of
    from workbench.library.writing import Writer, version_of

    id, text = check_id(id), compose(draft.table)
    home = next((each for each in manager.libraries.libraries if each.name == options.to), None)
    if not options.to:
        home = manager.libraries.home()
    path = path_of(home.folder, id) if home else None
    if home and home.writable and path is not None and options.force:
        writer = Writer(manager.libraries, manager.versions)
        working = writer.open(id, home.name)
        if working.drafted:  # a save would take it away
            hint = f"`workbench prompts edit {id}` saves it; or another --id"
            raise UsageError(f"{id} has an unsaved edit", where=str(working.path), hint=hint)
        working.text = text
        path = writer.save(working, f"imported from {Path(options.path).name}").path
    else:
        try:
            path = manager.create(str(draft.table["kind"]), id, library=options.to, text=text)
        except UsageError as error:
            hint = "another --id, or --force for a new version" if path is not None else error.hint
            raise UsageError(error.what, where=error.where, hint=hint) from None
    return {"id": id, "path": str(path), "version": version_of(text.encode(), id)}


def export(options: argparse.Namespace) -> int:
    """Print one file, or write several."""
    from workbench.library.exchange import export_prompt

    libraries = libraries_of(options)
    files: dict[str, str] = {}
    dropped: list[str] = []
    for id in options.id:
        made: Exported = export_prompt(libraries.get(id), options.format)
        for name in made.files:
            if name in files:
                raise UsageError(f"two of them would be called {name}", hint="export them one by one")
        files.update(made.files)
        dropped += [f"{id}: {line}" for line in made.dropped]
    for line in dropped:
        output.narrate(f"left out: {line}")
    if options.output:
        _write(files, Path(options.output), force=options.force)
    if options.json:
        rows = [{"name": name, "text": text} for name, text in files.items()]
        output.print_json({"files": rows, "dropped": dropped})
    elif not options.output:
        if len(files) > 1:
            raise UsageError(f"these are {len(files)} files", hint="--output FOLDER")
        print(safe.text(next(iter(files.values()))), end="")
    return Exit.OK


def _write(files: dict[str, str], target: Path, *, force: bool) -> None:
    """Into a folder; one file may have a name of its own."""
    from workbench.files import ConflictError, atomic_write

    one = len(files) == 1 and not target.is_dir() and target.suffix
    paths = {target if one else target / name: text for name, text in files.items()}
    for path, text in paths.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            atomic_write(path, text.encode(), expect=None if force else "", mode=0o644)
        except ConflictError:
            raise UsageError("there is a file already", where=str(path), hint="--force writes over it") from None
        except OSError as error:
            raise UsageError(f"cannot make the folder ({error.strerror})", where=str(path.parent)) from error
        output.narrate(str(path))
