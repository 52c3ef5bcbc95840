"""`workbench history tag|note|rm|prune|export|usage`: what is said of runs, what goes, what leaves, what it takes."""

from __future__ import annotations

import argparse
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from workbench import safe
from workbench.cli import given, output
from workbench.cli.given import whole
from workbench.cli.history_ids import one_run, open_history
from workbench.errors import Exit, UsageError

if TYPE_CHECKING:
    from workbench.cli.verbs import Verb
    from workbench.history.store import Store


def add_verbs(verb: Verb) -> None:
    """The verbs and their options."""
    tagged = verb("tag", "give a run tags, or show them; `kept` keeps it for ever", tag)
    tagged.add_argument("run", help="a run's id, or its beginning")
    tagged.add_argument("tags", nargs="*", metavar="TAG", help="one word each")
    tagged.add_argument("--remove", action="append", default=[], metavar="TAG", help="take a tag away")
    noted = verb("note", "write a run's note, or show it", note)
    noted.add_argument("run", help="a run's id, or its beginning")
    noted.add_argument("text", nargs="?", metavar="TEXT", help='the note (- reads stdin, "" takes it away)')
    gone = verb("rm", "delete runs; says first what points at them", rm)
    gone.add_argument("runs", nargs="+", metavar="RUN", help="a run's id, or its beginning")
    gone.add_argument("--force", action="store_true", help="even what a label, a report or a tag keeps (never votes)")
    old = verb("prune", "delete the oldest runs, never what something points at", prune)
    old.add_argument(
        "--keep-days", type=whole, metavar="N", help="those older go ([history] keep_days in the settings)"
    )
    old.add_argument("--keep-bytes", type=whole, metavar="N", help="the oldest go until it has no more (keep_bytes)")
    old.add_argument("--dry-run", action="store_true", help="only say what would go")
    out = verb("export", "runs as JSON lines, a trial each (all runs when none is named)", export)
    out.add_argument("runs", nargs="*", metavar="RUN", help="a run's id, or its beginning")
    out.add_argument("--search", default="", metavar="WORDS", help="only trials that match, as `history search`")
    out.add_argument("--out", default="-", metavar="FILE", help="a file (stdout)")
    out.add_argument("--force", action="store_true", help="write over a file that is there")
    verb("usage", "what the history takes on disk", usage)
    for each in (gone, old):
        each.add_argument(
            "--library", metavar="DIR", action="append", default=[], help="a library whose labels count too"
        )


def tag(options: argparse.Namespace) -> int:
    """Change tags, then print what is said of the run."""
    from workbench.history import notes

    with closing(open_history()) as store:
        run = one_run(store, options.run)
        if options.tags or options.remove:
            notes.tag(store, run, options.tags, options.remove)
        return _said(store, run, options)


def note(options: argparse.Namespace) -> int:
    """Write the note, then print what is said of the run."""
    from workbench.history import notes

    with closing(open_history()) as store:
        run = one_run(store, options.run)
        if options.text is not None:
            notes.note(store, run, given.typed(options.text))
        return _said(store, run, options)


def _said(store: Store, run: str, options: argparse.Namespace) -> int:
    from workbench.history import notes

    tags, text = notes.tags_of(store, [run]).get(run, []), notes.notes_of(store, [run]).get(run, "")
    if options.json:
        output.print_json({"run": run, "tags": tags, "note": text})
    else:
        print(safe.line(f"{run}  {' '.join(f'#{tag}' for tag in tags)}".rstrip()))
        if text:
            print(safe.text(text))
    return Exit.OK


def _folders(options: argparse.Namespace) -> list[Path]:
    from workbench.library.library import Libraries

    made = Libraries.default([Path(folder) for folder in options.library])
    return [library.folder for library in made.libraries]


def rm(options: argparse.Namespace) -> int:
    """Delete runs."""
    from workbench.experiments.retention import labelled
    from workbench.history import disk, keeping

    with closing(open_history()) as store:
        runs = list(dict.fromkeys(one_run(store, id) for id in options.runs))
        names = {} if options.force else labelled(store, _folders(options))
        for run in runs:  # all or none: what points at one of them is said before any goes
            keeping.check(store, run, names, even=options.force)
        gone = [keeping.delete(store, run, names, even=options.force) for run in runs]
        freed = disk.shrink(store)
    trials, kept = sum(each.trials for each in gone), sum(each.kept for each in gone)
    if options.json:
        output.print_json({"runs": runs, "trials": trials, "kept": kept, "freed": freed})
    else:
        stay = f"; {kept} trials with votes stay" if kept else ""
        print(f"deleted {len(runs)} {'run' if len(runs) == 1 else 'runs'} of {trials} trials{stay}")
    return Exit.OK


def prune(options: argparse.Namespace) -> int:
    """Delete the oldest runs, as the settings or the options say."""
    from workbench import settings
    from workbench.experiments import retention

    kept = settings.load()
    days = kept.keep_days if options.keep_days is None else options.keep_days
    room = kept.keep_bytes if options.keep_bytes is None else options.keep_bytes
    if days <= 0 and room <= 0:
        hint = "--keep-days 90 or --keep-bytes 1000000000, or keep_days under [history] in settings.toml"
        raise UsageError("nothing says what to keep: all runs stay", hint=hint)
    with closing(open_history()) as store:
        folders = _folders(options)
        made, freed = retention.prune(store, folders, keep_days=days, keep_bytes=room, dry=options.dry_run, whole=True)
    if options.json:
        output.print_json({"runs": made.runs, "trials": made.trials, "spared": made.spared, "freed": freed})
    else:
        print(retention.said(made, freed, dry=options.dry_run))
    return Exit.OK


def export(options: argparse.Namespace) -> int:
    """Print or write TRIALs, a line each."""
    from workbench.history import exporting
    from workbench.history.search import Searcher, parse

    query = parse(options.search)
    with closing(open_history()) as store:
        named = list(dict.fromkeys(one_run(store, id) for id in options.runs))
        found = [run for run, _ in Searcher(store).runs(query)]
        runs = [run for run in named if run in set(found)] if named else found[::-1]  # oldest first
        lines = exporting.lines(store, runs, query)
        if options.out == "-":
            for line in lines:
                print(line)
            return Exit.OK
        count = exporting.write(Path(options.out), lines, over=options.force)
    if options.json:
        output.print_json({"file": options.out, "trials": count})
    else:
        output.narrate(f"{count:,} trials in {options.out}")
    return Exit.OK


def usage(options: argparse.Namespace) -> int:
    """Print what the history takes."""
    from workbench.history import disk, index

    with closing(open_history()) as store:
        found = disk.usage(store)
        words = index.file_of(store)
        size = words.stat().st_size if words.exists() else 0
        where = str(store.path)
    if options.json:
        output.print_json({"path": where, "file": found.file, "free": found.free, "index": size, "kinds": found.kinds})
        return Exit.OK
    print(safe.line(f"{where}: {disk.told(found.file)}, of it {disk.told(found.free)} free"))
    print(f"index of words in the cache: {disk.told(size)}")
    for kind, count in found.kinds.items():
        print(safe.line(f"  {kind:<12} {disk.told(count):>10}"))
    return Exit.OK
