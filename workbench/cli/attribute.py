"""`workbench attribute`: which parts of a prompt an answer hangs on."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import safe
from workbench.bars import bar
from workbench.cli import given, output, talk
from workbench.errors import Exit, NotFoundError, StorageError, UsageError

if TYPE_CHECKING:
    from workbench.inference.engine import Message
    from workbench.insight.attribution import Attribution, By, Weight
    from workbench.session import Session

_BY = ("sentence", "paragraph", "example", "message")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The verb and its options."""
    parser = subparsers.add_parser("attribute", help="which parts of a prompt an answer hangs on")
    parser.add_argument("trial", nargs="?", metavar="TRIAL", help="a trial of the history: its prompt, its answer")
    talk.add_options(parser, system="instead: a prompt's id or a system text", message="… what the user says")
    parser.add_argument("--answer", metavar="TEXT", help="… and the answer to weigh (- reads stdin)")
    parser.add_argument("--by", choices=_BY, default="sentence", help="what is left out at a time (sentence)")
    parser.add_argument("--with-message", action="store_true", help="leave out parts of the last message too")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="only hide each from the answer: near figures (≈) in a fraction of the time",
    )
    parser.add_argument(
        "--exact",
        type=given.whole,
        metavar="K",
        help="a quick look, then the K heaviest left out for exact figures",
    )
    parser.add_argument("--model", metavar="NAME|PATH", help="the model (the trial's, or the starter)")
    given.add_library(parser)
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.set_defaults(func=run)


def run(options: argparse.Namespace) -> int:
    """Weigh and print."""
    import asyncio

    from workbench.cli.interrupt import interruptible
    from workbench.session import Session

    if options.exact is not None and options.exact < 0:
        raise UsageError(f"--exact {options.exact} makes no sense", hint="0 is a quick look alone")
    session = Session(library=[Path(folder) for folder in options.library])
    if options.trial:
        messages, answer, path = _stored(session, options)
    else:
        messages, answer, path = _typed(session, options)
    return asyncio.run(interruptible(_attribute(session, messages, answer, path, options)))


def _stored(session: Session, options: argparse.Namespace) -> tuple[tuple[Message, ...], str, str]:
    """A trial's messages, answer and model."""
    from workbench.cli.history_ids import one_trial
    from workbench.insight.reading import of_trial

    if options.system or options.message is not None or options.answer is not None:
        raise UsageError("a trial brings its prompt and its answer", hint="leave --system, --message, --answer out")
    store = session.store
    if session.problem:
        raise StorageError(session.problem)
    subject = of_trial(one_trial(store, options.trial))
    path = str(session.find(options.model).path) if options.model else subject.path
    return subject.messages, subject.text, path


def _typed(session: Session, options: argparse.Namespace) -> tuple[tuple[Message, ...], str, str]:
    """The same, as typed."""
    from workbench.models.catalog import starter

    if options.message is None or options.answer is None:
        raise UsageError("name a TRIAL, or give --message and --answer", hint="`workbench history list` shows trials")
    messages = talk.typed(session, options)
    model = session.find(options.model) if options.model else starter()
    if model is None:
        raise NotFoundError("no model on this machine", hint="name one with --model, or run make setup")
    answer = given.typed(options.answer)
    return messages, answer, str(model.path)


async def _attribute(
    session: Session, messages: tuple[Message, ...], answer: str, path: str, options: argparse.Namespace
) -> int:
    from workbench.insight.attribution import attribute, units_of

    by: By = options.by
    units = units_of(messages, by, message=options.with_message)

    def told(so_far: Attribution) -> None:
        if sys.stderr.isatty():
            done = f"{so_far.exact} of {len(units)} left out" if so_far.exact else f"{len(so_far.measured)} looked at"
            print(f"\r{done}", end="", file=sys.stderr, flush=True)

    quick = options.quick or options.exact is not None
    exact = (options.exact or 0) if quick else None
    try:
        async with session.pool.use(Path(path)) as engine:
            found = await attribute(engine, messages, answer, units, told, quick=quick, exact=exact)
            name = engine.info.name if engine.info else Path(path).stem
    finally:
        if sys.stderr.isatty():
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
        await session.close()
    if found.note:
        output.narrate(f"{found.note}; each was left out")
    if options.json:
        output.print_json(shape(found, name, by))
    else:
        _print(found, name, by)
    return Exit.OK


def shape(found: Attribution, model: str, by: str) -> dict[str, Any]:
    """An attribution as one document: log-probabilities in nats, spans in characters of a message's content."""
    ranks = {id(weight): rank for rank, weight in enumerate(found.measured, 1)}
    return {
        "model": model,
        "by": by,
        "prompt_tokens": found.prompt_tokens,
        "answer": {
            "logp": found.logp,
            "tokens": [{"id": token.id, "text": token.text, "logp": token.logprob} for token in found.answer],
        },
        "units": [
            {
                "role": weight.unit.role,
                "text": weight.unit.text,
                "spans": [{"message": one.message, "start": one.start, "end": one.end} for one in weight.unit.spans],
                "nats": weight.nats,
                "bits": weight.bits,
                "per_token": found.per_token(weight),
                "tokens": weight.tokens,
                "rank": ranks[id(weight)],
                "quick": weight.quick,
                "words": list(weight.words),
            }
            for weight in found.weights
            if weight
        ],
    }


def _print(found: Attribution, model: str, by: str) -> None:
    columns = output.width()
    print(safe.line(f"{model} · {found.prompt_tokens:,} prompt tokens · answer of {len(found.answer):,}, one {by} out"))
    if any(weight.quick for weight in found.measured):
        print("≈ hidden from the answer, not left out: near figures (--exact K measures the K heaviest)")
    print(f"{'nats':>8} {'a token':>8} {'costs':>6}")
    most = max((abs(weight.nats) for weight in found.measured), default=0.0) or 1.0
    for weight in found.measured:
        print(output.clip(safe.line(_row(found, weight, most)), columns))


def _row(found: Attribution, weight: Weight, most: float) -> str:
    nats = f"{'≈' if weight.quick else ''}{weight.nats:+.2f}"
    figures = f"{nats:>8} {found.per_token(weight):>+8.3f} {weight.tokens:>6}"
    return f"{figures}  {bar(abs(weight.nats) / most, 10)} {weight.unit.role}: {weight.unit.brief}"
