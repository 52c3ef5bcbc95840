"""`workbench associate`: which words a context makes likelier."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from workbench import safe
from workbench.bars import bar
from workbench.cli import given, output
from workbench.errors import Exit, NotFoundError, PromptError, UsageError

if TYPE_CHECKING:
    from workbench.insight.association import Association
    from workbench.models.catalog import Model
    from workbench.session import Session

_PLOT_ROWS = 20


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
    parser.add_argument("--base", metavar="NAME", help="the context that changes are measured against (the first)")
    parser.add_argument("--plot", action="store_true", help="draw contexts and words on a plane too")
    given.add_model(parser)
    given.add_library(parser)
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
    if options.base is not None and options.base not in prompts:
        raise UsageError(f"no context is called {options.base}", hint=f"one of {', '.join(prompts)}")
    model = session.find(options.model) if options.model else starter()
    if model is None:
        raise NotFoundError("no model on this machine", hint="name one with --model, or run make setup")
    return asyncio.run(interruptible(_associate(session, model, prompts, words, options)))


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
    session: Session, model: Model, prompts: dict[str, str], words: list[str], options: argparse.Namespace
) -> int:
    from workbench.insight.association import measure

    try:
        async with session.pool.use(Path(model.path)) as engine:
            found = await measure(engine, prompts, list(dict.fromkeys(words)))
    finally:
        await session.close()
    base = list(prompts).index(options.base) if options.base is not None else 0
    if options.json:
        output.print_json({"model": model.name, **_json(found, base)})
    else:
        _print(found, base, model.name)
        if options.plot:
            _plot(found, base)
    return Exit.OK


def _json(found: Association, base: int) -> dict[str, object]:
    import math

    from workbench.insight.association import contrasts
    from workbench.insight.biplot import biplot

    plane = biplot([[word.logp for word in context.words] for context in found.contexts])
    return {
        "contexts": [
            {
                "name": each.name,
                "prompt": each.prompt,
                "next": [{"text": token.text, "id": token.id, "p": math.exp(token.logprob)} for token in each.next],
                "words": [
                    {
                        "word": word.word,
                        "p": word.p,
                        "logp": word.logp,
                        "tokens": word.tokens,
                        "per_token": word.per_token,
                        "change": found.change(place, at, base),
                    }
                    for at, word in enumerate(each.words)
                ],
                "point": list(plane.contexts[place]),
            }
            for place, each in enumerate(found.contexts)
        ],
        "distance": [list(row) for row in found.distance],
        "baseline": found.contexts[base].name,
        "contrasts": contrasts(found, base),
        "points": [list(point) for point in plane.words],
        "shares": list(plane.shares),
    }


def _print(found: Association, base: int, model: str) -> None:
    import math

    from workbench.insight.association import contrasts, times

    for place, each in enumerate(found.contexts):
        apart = "" if place == base else f"  ({found.distance[base][place]:.2f} from {found.contexts[base].name})"
        print(output.clip(safe.line(f"── {each.name}{apart}: {each.prompt}"), output.width()))
        nearest = "  ".join(f"{token.text.strip() or '␣'} {math.exp(token.logprob):.0%}" for token in each.next[:8])
        print(output.clip(safe.line(f"   next: {nearest}"), output.width()))
        most = max((word.p for word in each.words), default=0.0) or 1.0
        for at, word in enumerate(each.words):
            nats = found.change(place, at, base)
            change = "" if place == base else f"  {times(abs(nats))} {'likelier' if nats > 0 else 'less'}"
            own = f"{word.p:>9.2e}  {math.exp(word.per_token):>8.2e} a token" if word.tokens > 1 else f"{word.p:>9.2e}"
            print(safe.line(f"   {output.pad(word.word, 14)} {bar(word.p / most, 20)} {own}{change}"))
    for line in contrasts(found, base):
        print(safe.line(line))
    print(safe.line(model))


def _plot(found: Association, base: int) -> None:
    from workbench.insight.plane import drawn, legend

    made = drawn(found, base, output.width(), _PLOT_ROWS, output.cells)
    print("\n".join(line.rstrip() for line in made.plain))
    print(safe.line(legend(found, made)))
