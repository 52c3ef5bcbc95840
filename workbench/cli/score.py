"""`workbench score`: how likely a text is after a prompt, token by token; two trials: each after the other's prompt."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import safe
from workbench.cli import output, reading
from workbench.cli.given import whole
from workbench.errors import Exit, NotFoundError, UsageError

if TYPE_CHECKING:
    from workbench.insight.crossing import Crossed, Crossing
    from workbench.insight.reading import Reading, Subject
    from workbench.session import Session


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The verb and its options."""
    parser = subparsers.add_parser("score", help="how likely an answer is, after its own prompt or another's")
    parser.add_argument("trials", nargs="*", metavar="TRIAL", help="a trial; two: each answer after the other's prompt")
    parser.add_argument("--prompt", metavar="TEXT|FILE", help="a raw text (or a file of it) instead of a trial")
    parser.add_argument("--continuation", metavar="TEXT|FILE", help="what is scored after --prompt")
    parser.add_argument("--model", metavar="NAME|PATH", help="the model for --prompt (the starter when left out)")
    parser.add_argument("--top", type=whole, default=5, metavar="K", help="likeliest tokens beside each (5)")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.set_defaults(func=run)


def run(options: argparse.Namespace) -> int:
    """Read and print."""
    from workbench.session import Session

    top = reading.top_of(options.top)
    typed = options.prompt is not None or options.continuation is not None
    if typed == bool(options.trials) or len(options.trials) > 2:
        hint = "such as workbench score TRIAL, or --prompt 'The sky is' --continuation ' blue'"
        raise UsageError("score takes one trial or two, or --prompt and --continuation", hint=hint)
    if options.trials and options.model:
        raise UsageError("--model goes with --prompt", hint="a trial is read by the model that made it")
    session = Session()
    subjects = [_typed(session, options)] if typed else reading.subjects(session, options.trials)
    if len(subjects) == 2:
        from workbench.insight.crossing import cross

        return reading.settled(
            session,
            lambda: cross(session.pool.use, *subjects, top=top),
            lambda found: _cross_json(found) if options.json else _print_cross(found),
        )
    return reading.settled(
        session,
        lambda: _read(session, subjects[0], top),
        lambda found: _json(found) if options.json else _print(found),
    )


def _typed(session: Session, options: argparse.Namespace) -> Subject:
    from workbench.insight.reading import Subject
    from workbench.models.catalog import starter

    if not options.prompt or not options.continuation:
        raise UsageError("--prompt and --continuation go together", hint="both with some text")
    model = session.find(options.model) if options.model else starter()
    if model is None:
        raise NotFoundError("no model on this machine", hint="name one with --model, or run make setup")
    text, prompt = _text(options.continuation), _text(options.prompt)
    return Subject(model.name, model.name, str(model.path), text, prompt=prompt)


def _text(given: str) -> str:
    """A text as typed, or the contents of the file that it names."""
    if "\n" in given or len(given) > 4096 or not os.path.isfile(given):
        return given
    try:
        return Path(given).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read it ({error})", where=given) from error


async def _read(session: Session, subject: Subject, top: int) -> Reading:
    from workbench.insight.reading import read

    async with session.pool.use(Path(subject.path)) as engine:
        return await read(engine, subject, top=top)


def _json(found: Reading) -> int:
    output.print_json(reading.reading_json(found))
    return Exit.OK


def _print(found: Reading) -> int:
    """A token a line: its text, probability, rank, entropy; then the sums."""
    from workbench.insight.divergence import quoted, share
    from workbench.insight.reading import bits

    for note in reading.notes(found):
        output.narrate(f"note: {note}")
    print(f"   {'token':<24} {'p':>8} {'bits':>7} {'rank':>7} {'entropy':>8}")
    for token in found.tokens:
        text = output.pad(output.clip(safe.line(quoted(token.text, token.id)), 24), 24)
        rank = "—" if token.rank is None else f"{token.rank:,}"
        entropy = "—" if token.entropy is None else f"{bits(token.entropy):.2f}"
        print(f"   {text} {share(token.logprob):>8} {bits(-token.logprob):>7.2f} {rank:>7} {entropy:>8}")
    sums = f"{len(found.tokens)} tokens · log-probability {found.logp:.3f} · {found.bits_per_token:.3f} bits a token"
    print(f"{sums} · perplexity {found.perplexity:.3f} · {safe.line(found.subject.model)}")
    return Exit.OK


def _cross_json(found: Crossing) -> int:
    sides = {"left": _crossed_json(found.left), "right": _crossed_json(found.right)}
    output.print_json({"same_model": found.same_model, **sides})
    return Exit.OK


def _crossed_json(each: Crossed) -> dict[str, Any]:
    from workbench.insight.crossing import perplexity
    from workbench.insight.reading import bits

    count = len(each.own.tokens)
    return {
        "own": reading.reading_json(each.own),
        "other": reading.reading_json(each.other),
        "own_logp": each.own_logp,
        "other_logp": each.other_logp,
        "gain_bits": bits(each.gain),
        "gain_bits_per_token": bits(each.per_token),
        "own_perplexity": perplexity(each.own_logp, count),
        "other_perplexity": perplexity(each.other_logp, count),
        "pieces": [
            {"text": piece.text, "own": piece.own, "other": piece.other, "gain_bits": bits(piece.gain)}
            for piece in each.pieces
        ],
    }


def _print_cross(found: Crossing) -> int:
    from workbench.insight.crossing import sentences
    from workbench.insight.divergence import quoted, share
    from workbench.insight.reading import bits

    for note in reading.notes(found.left.own, found.right.own):
        output.narrate(f"note: {note}")
    for line in sentences(found):
        print(safe.line(line))
    for each in (found.left, found.right):
        print(safe.line(f"── {each.own.subject.name}: the pieces that gain or lose the most, in bits"))
        for piece in each.telling[:12]:
            text = output.pad(output.clip(safe.line(quoted(piece.text, piece.id)), 24), 24)
            print(f"   {text} {bits(piece.gain):>+7.1f}   {share(piece.own):>8} against {share(piece.other):>8}")
    return Exit.OK
