"""`workbench associate`: which words a context makes likelier."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from workbench import safe
from workbench.bars import bar
from workbench.cli import output
from workbench.errors import Exit, NotFoundError, PromptError, UsageError

if TYPE_CHECKING:
    from workbench.insight.association import Association
    from workbench.models.catalog import Model
    from workbench.session import Session


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The verb and its options."""
    parser = subparsers.add_parser("associate", help="which words a context makes likelier")
    parser.add_argument("template", metavar="TEMPLATE|TEXT", help="an association's id, or a text with a {{slot}}")
    parser.add_argument(
        "--word", action="append", default=[], metavar="W", help="measure this word too; may be repeated"
    )
    parser.add_argument(
        "--context", action="append", default=[], metavar="NAME=TEXT", help="fill the slot with TEXT too"
    )
    parser.add_argument("--model", metavar="NAME|PATH", help="the model (the starter when left out)")
    parser.add_argument(
        "--library", action="append", default=[], metavar="DIR", help="a prompt library before all others"
    )
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.set_defaults(func=run)


def run(options: argparse.Namespace) -> int:
    """Measure and print."""
    import asyncio

    from workbench.cli.interrupt import interruptible
    from workbench.models.catalog import starter
    from workbench.session import Session

    session = Session(library=[Path(folder) for folder in options.library])
    prompts, words = _asked(session, options)
    model = session.find(options.model) if options.model else starter()
    if model is None:
        raise NotFoundError("no model on this machine", hint="name one with --model, or run make setup")
    return asyncio.run(interruptible(_associate(session, model, prompts, words, as_json=options.json)))


def _asked(session: Session, options: argparse.Namespace) -> tuple[dict[str, str], list[str]]:
    """The prompts by the contexts' names, and the words."""
    from workbench.insight.filling import contexts_of, filled

    given = {}
    for pair in options.context:
        name, equals, text = pair.partition("=")
        if not equals or not name:
            raise UsageError(f"--context {pair} has no text", hint='such as --context galaxy="star of a galaxy"')
        given[name] = text
    try:
        prompt = session.libraries.get(options.template)
    except NotFoundError:
        if "/" in options.template and " " not in options.template:
            raise
        return filled(options.template, given), list(options.word)
    if prompt.kind != "association":
        raise PromptError(f"{prompt.id} is a {prompt.kind} prompt", hint="take an association template, or a text")
    return contexts_of(prompt, given), [*prompt.words, *options.word]


async def _associate(
    session: Session, model: Model, prompts: dict[str, str], words: list[str], *, as_json: bool
) -> int:
    from workbench.insight.association import measure

    try:
        async with session.pool.use(Path(model.path)) as engine:
            found = await measure(engine, prompts, list(dict.fromkeys(words)))
    finally:
        await session.close()
    if as_json:
        output.print_json({"model": model.name, **_json(found)})
    else:
        _print(found, model.name)
    return Exit.OK


def _json(found: Association) -> dict[str, object]:
    import math

    return {
        "contexts": [
            {
                "name": each.name,
                "prompt": each.prompt,
                "next": [{"text": token.text, "id": token.id, "p": math.exp(token.logprob)} for token in each.next],
                "words": [
                    {"word": word.word, "p": word.p, "logp": word.logp, "tokens": word.tokens} for word in each.words
                ],
            }
            for each in found.contexts
        ],
        "distance": [list(row) for row in found.distance],
    }


def _print(found: Association, model: str) -> None:
    import math

    from workbench.insight.association import contrasts

    base = found.contexts[0]
    for place, each in enumerate(found.contexts):
        apart = "" if not place else f"  ({found.distance[0][place]:.2f} from {base.name})"
        print(output.clip(safe.line(f"── {each.name}{apart}: {each.prompt}"), output.width()))
        nearest = "  ".join(f"{token.text.strip() or '␣'} {math.exp(token.logprob):.0%}" for token in each.next[:8])
        print(output.clip(safe.line(f"   next: {nearest}"), output.width()))
        most = max((word.p for word in each.words), default=0.0) or 1.0
        for word, before in zip(each.words, base.words, strict=True):
            ratio = math.exp(max(-50.0, min(50.0, word.logp - before.logp)))
            change = "" if not place else f"  × {ratio:,.2f}"
            print(safe.line(f"   {output.pad(word.word, 14)} {bar(word.p / most, 20)} {word.p:>9.2e}{change}"))
    for line in contrasts(found):
        print(safe.line(line))
    print(safe.line(model))
