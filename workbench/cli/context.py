"""`workbench context`: what fills the context window, and what is forgotten when it is too small."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import safe
from workbench.cli import given, output
from workbench.cli.conversation import add_over_full, read
from workbench.errors import Exit, NotFoundError, UsageError

if TYPE_CHECKING:
    from workbench.inference.engine import Message
    from workbench.insight.context import Filling
    from workbench.session import Session

_BAR = 60  # cells


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The verb and its options."""
    parser = subparsers.add_parser("context", help="what fills the context window, and what is forgotten")
    parser.add_argument("--system", default="", metavar="ID|TEXT", help="a prompt's id or a system text")
    parser.add_argument("--message", metavar="TEXT", help="what the user says (- reads stdin)")
    parser.add_argument("--messages", metavar="FILE", help="earlier turns: JSON messages with role and content")
    parser.add_argument(
        "--var", action="append", default=[], metavar="NAME=V", help="a value for the prompt's {{name}}"
    )
    parser.add_argument("--profile", metavar="NAME", help="custom instructions")
    add_over_full(parser)
    parser.add_argument("--answer", type=given.whole, metavar="N", help="longest answer, tokens (the prompt's, or 512)")
    parser.add_argument(
        "--context", type=given.whole, default=0, metavar="N", help="context length in tokens (0: up to 4096)"
    )
    given.add_model(parser)
    given.add_library(parser)
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.set_defaults(func=run)


def run(options: argparse.Namespace) -> int:
    """Count, fit, print."""
    import asyncio

    from workbench.cli.interrupt import interruptible
    from workbench.inference.engine import LoadOptions
    from workbench.session import Session

    load = LoadOptions(context_length=options.context)
    session = Session(library=[Path(folder) for folder in options.library], options=load)
    lead, messages, path, room = _asked(session, options)
    return asyncio.run(interruptible(_look(session, lead, messages, path, room, options)))


def _asked(session: Session, options: argparse.Namespace) -> tuple[tuple[Message, ...], tuple[Message, ...], str, int]:
    """The lead, the conversation after it, the model's file, the room for the answer."""
    from workbench.experiments.variants import find_prompt, from_prompt, from_text
    from workbench.inference.engine import Message
    from workbench.library.profiles import find
    from workbench.models.catalog import starter

    own, said = read(options.messages, bool(options.system)) if options.messages else ("", ())
    if options.message is not None:
        said = (*said, Message("user", given.typed(options.message)))
    model = session.find(options.model) if options.model else starter()
    if model is None:
        raise NotFoundError("no model on this machine", hint="name one with --model, or run make setup")
    settings = {} if options.answer is None else {"max_tokens": options.answer}
    profile = find(options.profile) if options.profile else None
    prompt = find_prompt(session.libraries, options.system) if options.system else None
    if prompt is not None:
        values = dict(given.pairs(options.var, "--var"))
        variant = from_prompt("A", prompt, model, values=values, settings=settings, profile=profile)
    else:
        variant = from_text("A", options.system or own, model, settings=settings, profile=profile)
    if not variant.lead and not said:
        raise UsageError("there is nothing to look at", hint="give --system, --message or --messages FILE")
    return variant.lead, said, str(model.path), variant.sampling.max_tokens


async def _look(
    session: Session,
    lead: tuple[Message, ...],
    messages: tuple[Message, ...],
    path: str,
    room: int,
    options: argparse.Namespace,
) -> int:
    from workbench.insight.context import filling

    try:
        async with session.pool.use(Path(path)) as engine:
            found = await filling(engine, lead, messages, options.over_full, room, trial="context-summary")
            name = engine.info.name if engine.info else Path(path).stem
    finally:
        await session.close()
    if options.json:
        output.print_json(shape(found, name))
    else:
        _print(found, name)
    return Exit.OK


def shape(found: Filling, model: str) -> dict[str, Any]:
    """A filling as one document; lengths in tokens, `kept_from` in characters of the message's text."""
    window = found.window
    return {
        "model": model,
        "context": found.context,
        "answer": found.wanted,
        "over_full": found.policy,
        "fits": found.fits,
        "over": found.over,
        "prompt_tokens": found.prompt_tokens,
        "whole_tokens": found.whole_tokens,
        "room": found.room,
        "free": found.free,
        "exact": found.exact,
        "parts": [{"name": name, "tokens": tokens} for name, tokens in found.parts.items()],
        "messages": [
            {
                "part": each.part,
                "role": each.message.role,
                "tokens": each.tokens,
                "text": each.message.content,
                "kept_from": each.start,
            }
            for each in found.said
        ],
        "summary": window.summary.text if window and window.summary else None,
        "problem": window.problem or None if window else None,
    }


def _print(found: Filling, model: str) -> None:
    from workbench.insight.context import PARTS, legend, notes

    context = f"{found.context:,}" if found.context else "not told"
    print(safe.line(f"{model} · context {context} · longest answer {found.wanted:,} · over-full: {found.policy}"))
    drawn = "".join(
        (" " if name == "free" else PARTS[name]) * count for name, count in found.cells(min(_BAR, output.width() - 2))
    )
    print(f"▕{drawn}▏")
    for line in legend(found, output.width()):
        print(line)
    for line in notes(found, "--over-full says what is forgotten"):
        print(safe.line(line))
    if found.window and found.window.summary:
        print(f"\n[summary, in the place of {found.window.messages} messages]")
        print(safe.text(found.window.summary.text))
    for each in found.said:
        partly = f", forgotten up to character {each.start:,}" if each.kept else ", forgotten"
        gone = partly if each.start else ""
        print(f"\n[{each.message.role}: {each.tokens:,} tok{gone}]")
        print(safe.text(f"‹{each.forgotten}›{each.kept}" if each.start else each.kept))
