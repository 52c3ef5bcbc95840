"""`workbench history import FILE`: results of other programs, as runs of the history."""

from __future__ import annotations

import argparse
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.cli import output
from workbench.cli.history_ids import open_history
from workbench.errors import Exit

if TYPE_CHECKING:
    from workbench.cli.verbs import Verb


def add_verb(verb: Verb) -> None:
    """The verb and its options."""
    taken = verb("import", "take promptfoo's results in as a run (promptfoo eval -o results.json)", take)
    taken.add_argument("file", metavar="FILE", help="promptfoo's JSON or JSON lines")


def take(options: argparse.Namespace) -> int:
    """Take it in; prints the run's id."""
    from workbench.experiments import importing

    with closing(open_history()) as store:
        found = importing.promptfoo(store, Path(options.file).expanduser())
    if options.json:
        output.print_json(vars(found))
        return Exit.OK
    told = "was taken in before" if found.known else "taken in"
    counts = f"{output.many(found.variants, 'variant')} × {output.many(found.cases, 'case')}"
    output.narrate(f"{output.many(found.trials, 'trial')} {told}: {counts}")
    print(found.run)
    return Exit.OK
