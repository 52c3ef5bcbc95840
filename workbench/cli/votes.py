"""`workbench votes list|ranking|import|export`: blind votes and what they come to. Voting itself is in the app (V)."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import safe
from workbench.cli import output
from workbench.cli.given import whole
from workbench.cli.history_ids import open_history
from workbench.errors import Exit, NotFoundError, UsageError

if TYPE_CHECKING:
    from workbench.experiments.arena.ranking import Effect, Ranked
    from workbench.history.votes import Ballot

_BAR = 24  # columns


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The verb and its own verbs."""
    parser = subparsers.add_parser("votes", help="blind votes: list, rank, import, export")
    verbs = parser.add_subparsers(dest="verb", required=True)
    listing = verbs.add_parser("list", help="votes, newest first")
    listing.add_argument("--limit", type=whole, default=30, metavar="N", help="how many (30)")
    listing.set_defaults(func=list_votes)
    ranked = verbs.add_parser("ranking", help="the items by rating, best first, with 95 %% ranges")
    ranked.set_defaults(func=ranking)
    incoming = verbs.add_parser("import", help="add votes from a CSV file: columns left, right, winner")
    incoming.add_argument("file", metavar="FILE.csv", help="winner is left, right, tie or bad; see docs/arena.md")
    incoming.add_argument("--voter", default="", metavar="NAME", help="who voted, for rows that do not say")
    incoming.set_defaults(func=import_votes)
    out = verbs.add_parser("export", help="the votes as CSV, to be imported elsewhere")
    out.add_argument("file", metavar="FILE.csv", nargs="?", default="-", help="a file (stdout)")
    out.add_argument("--force", action="store_true", help="write over a file that is there")
    out.set_defaults(func=export)
    for verb in (listing, ranked, incoming, out):
        verb.add_argument("--json", action="store_true", help="one JSON document on stdout")
    for verb in (listing, ranked, out):
        verb.add_argument("--category", default="", metavar="TAG", help="only votes with this tag")
    for verb in (ranked, incoming):
        verb.add_argument("--style", action="store_true", help="take out length, lists, headings and bold")


def _votes(category: str = "") -> list[Ballot]:
    """The votes that stand, of the category. Raises NotFoundError where there is no such category."""
    from workbench.experiments.arena.entries import clean_tags
    from workbench.history.votes import ballots

    with closing(open_history()) as store:
        told = [ballot for ballot in ballots(store) if ballot.counts]
    if not category:
        return told
    wanted = next(iter(clean_tags([category])), "")
    found = [ballot for ballot in told if wanted in ballot.tags]
    if not found:
        known = sorted({tag for ballot in told for tag in ballot.tags})
        hint = f"there are {', '.join(known[:20])}" if known else "e in the arena gives a case tags"
        raise NotFoundError(f"no vote has the tag {category}", hint=hint)
    return found


def list_votes(options: argparse.Namespace) -> int:
    """Print votes. Pairs that were shown and not voted on stay sealed."""
    if options.limit < 1:
        raise UsageError(f"--limit {options.limit} is too small", hint="take 1 or more")
    told = sorted(_votes(options.category), key=lambda ballot: ballot.voted, reverse=True)[: options.limit]
    if options.json:
        output.print_json([_shown(ballot) for ballot in told])
        return Exit.OK
    if not told:
        output.narrate("no votes yet — V in the app's lanes (Esc, then V), or `workbench votes import FILE.csv`")
    for ballot in told:
        mark = {"left": ">", "right": "<", "tie": "=", "bad": "×"}[ballot.verdict]
        tags = f"  #{' #'.join(ballot.tags)}" if ballot.tags else ""
        line = f"{ballot.voted[:16].replace('T', ' ')}  {ballot.left} {mark} {ballot.right}  {ballot.case}{tags}"
        print(output.clip(safe.line(line), output.width()))
    return Exit.OK


def _shown(ballot: Ballot) -> dict[str, Any]:
    return {
        "id": ballot.id,
        "time": ballot.voted,
        "left": ballot.left,
        "right": ballot.right,
        "winner": ballot.verdict,
        "case": ballot.case,
        "tags": list(ballot.tags),
        "voter": ballot.voter,
        "left_trial": ballot.left_trial or None,
        "right_trial": ballot.right_trial or None,
        "source": ballot.source,
    }


def ranking(options: argparse.Namespace) -> int:
    """Print the ranking."""
    return _print_ranking(_votes(options.category), options)


def _print_ranking(told: Sequence[Ballot], options: argparse.Namespace) -> int:
    from workbench.experiments.arena.entries import votes_of
    from workbench.experiments.arena.ranking import ranking as ranked

    votes = votes_of(told)
    found = ranked(votes, control=options.style)
    if options.json:
        output.print_json([asdict(row) for row in found.rows])
        return Exit.OK
    if not found.rows:
        output.narrate("no votes yet — V in the app's lanes (Esc, then V), or `workbench votes import FILE.csv`")
        return Exit.OK
    for line in _table(found.rows):  # where there is no terminal names stand whole, for who reads a log
        print(output.clip(safe.line(line), output.width()) if output.on_terminal() else safe.line(line))
    if options.style and any(vote.styles for vote in votes):
        print(_effects(found.effects))
    elif options.style:
        output.narrate("the votes do not say how the texts looked: no style was taken out")
    counts = f"{output.many(found.votes, 'vote')} on {output.many(found.cases, 'case')}"
    output.narrate(f"{counts}; ranges are 95 %; 1000 is the middle, 400 points are odds of ten to one")
    return Exit.OK


def _table(rows: Sequence[Ranked]) -> list[str]:
    from workbench.bars import span
    from workbench.experiments.arena.entries import told_apart

    names = {row.item: row.item for row in rows}
    if output.on_terminal():
        names = told_apart(list(names))
    low, high = min(row.low for row in rows), max(row.high for row in rows)
    lines = [f"{'rating':>6} {'low':>6} {'high':>6}  {'':<{_BAR}} {'votes':>6} {'wins':>5}  item"]
    for row in rows:
        bar = span(row.low, row.rating, row.high, low, high, _BAR)
        note = f"  ({row.note})" if row.note else ""
        numbers = f"{row.rating:>6.0f} {row.low:>6.0f} {row.high:>6.0f}  {bar} {row.votes:>6} {row.wins:>5}"
        lines.append(f"{numbers}  {names[row.item]}{note}")
    return lines


def _effects(effects: Sequence[Effect]) -> str:
    """What each look is worth."""
    return "all of it against none is worth, in points: " + " · ".join(effect.says for effect in effects)


def import_votes(options: argparse.Namespace) -> int:
    """Add the votes of a CSV file, all or none; with --json print the ranking as it is then."""
    from workbench.experiments.arena import tables
    from workbench.history import votes

    path = Path(options.file)
    told = tables.read(path, voter=options.voter.strip())
    with closing(open_history()) as store:
        try:
            added = votes.add(store, told)
        except UsageError as error:
            raise UsageError(error.what, where=str(path), hint=error.hint) from error
    here = len(told) - added
    output.narrate(f"{output.many(added, 'vote')} added" + (f", {here:,} were here already" if here else ""))
    return _print_ranking(_votes(), options)


def export(options: argparse.Namespace) -> int:
    """The votes as CSV; with --json as `votes list` prints them."""
    from workbench.experiments.arena import tables

    told = _votes(options.category)
    if options.file != "-":
        _write(Path(options.file), tables.written(told), force=options.force)
        output.narrate(f"{output.many(len(told), 'vote')} in {options.file}")
        if options.json:
            output.print_json({"file": options.file, "votes": len(told)})
    elif options.json:
        output.print_json([_shown(ballot) for ballot in told])
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(tables.written(told))
    return Exit.OK


def _write(path: Path, data: bytes, *, force: bool) -> None:
    from workbench.files import ConflictError, atomic_write

    try:
        atomic_write(path, data, expect=None if force else "", mode=0o644)
    except ConflictError as error:
        raise UsageError("there is a file of that name", where=str(path), hint="--force writes over it") from error
