"""`workbench diverge TRIAL TRIAL`: the first token at which two answers part, and what was likely there."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING

from workbench import safe
from workbench.bars import bar
from workbench.cli import output, reading
from workbench.cli.given import whole
from workbench.errors import Exit

if TYPE_CHECKING:
    from workbench.inference.engine import TokenLogprob
    from workbench.insight.divergence import Divergence
    from workbench.insight.reading import Reading

SHOWN = 10  # candidates that are printed, of those that are known


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The verb and its options."""
    parser = subparsers.add_parser("diverge", help="where two answers part, and what was likely there")
    parser.add_argument("trials", nargs=2, metavar="TRIAL", help="a trial's id, or its beginning")
    parser.add_argument("--top", type=whole, default=20, metavar="K", help="likeliest tokens beside each (20)")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.set_defaults(func=run)


def run(options: argparse.Namespace) -> int:
    """Read both and print; 0 wherever they part."""
    from workbench.insight.divergence import diverge
    from workbench.session import Session

    top = reading.top_of(options.top)
    session = Session()
    left, right = reading.subjects(session, options.trials)
    return reading.settled(
        session,
        lambda: diverge(session.pool.use, left, right, top=top),
        lambda found: _json(found) if options.json else _print(found),
    )


def _json(found: Divergence) -> int:
    parts = None
    if found.parting is not None:
        parts = {
            "left": found.parting.left,
            "right": found.parting.right,
            "character": found.parting.character,
            "by_text": found.parting.by_text,
            "left_gave": found.left_gave,
            "right_gave": found.right_gave,
        }
    output.print_json(
        {
            "same": found.parting is None,
            "same_prompt": found.same_prompt,
            "same_model": found.same_model,
            "parts": parts,
            "left": reading.reading_json(found.left),
            "right": reading.reading_json(found.right),
        }
    )
    return Exit.OK


def _print(found: Divergence) -> int:
    from workbench.insight.divergence import sentences

    for note in reading.notes(found.left, found.right):
        output.narrate(f"note: {note}")
    for line in sentences(found):
        print(safe.line(line))
    if found.parting is not None:
        _print_place(found.left, found.parting.left, found.choice(True), found.left_gave)
        _print_place(found.right, found.parting.right, found.choice(False), found.right_gave)
    return Exit.OK


def _print_place(side: Reading, at: int, other: TokenLogprob | None, given: float | None) -> None:
    """The candidates at a token of `side`, its choice and the other's marked."""
    from workbench.insight.divergence import candidates, quoted, share
    from workbench.insight.reading import bits

    if at >= len(side.tokens):
        return
    token = side.tokens[at]
    before = "".join(each.text for each in side.said[:at])
    entropy = "not offered" if token.entropy is None else f"{bits(token.entropy):.2f} bits"
    print(output.clip(safe.line(f"── {side.subject.name}: …{before[-40:]}  (entropy {entropy})"), output.width()))
    for each in candidates(token, other, SHOWN, given=given):
        shown = output.pad(safe.line(quoted(each.text, each.id)), 18)
        rank = "" if each.rank is None else f", rank {each.rank}"
        mark = f"◀ chosen{rank}" if each.chosen else "◁ the other’s" if each.others else ""
        print(f"   {shown} {bar(math.exp(each.logprob), 20)} {share(each.logprob):>8}  {mark}".rstrip())
