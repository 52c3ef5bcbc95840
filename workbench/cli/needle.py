"""`workbench needle`: a fact at growing depth in longer and longer texts, and whether the model still finds it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import safe
from workbench.cli import given, output, talk
from workbench.errors import EngineError, Exit, NotFoundError, UsageError

if TYPE_CHECKING:
    from workbench.inference.engine import Engine
    from workbench.insight.haystack import Haystack
    from workbench.insight.needle import Cell, Needle, Probe
    from workbench.models.catalog import Model
    from workbench.session import Session

_CELL = 9  # columns of a cell


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The verb and its options."""
    parser = subparsers.add_parser("needle", help="what a model still finds of a fact, at growing depth and length")
    given.add_model(parser)
    parser.add_argument("--fills", metavar="N,N", default="", help="prompts' lengths in tokens (256 and up, doubled)")
    parser.add_argument("--depths", metavar="%,%", default="0,25,50,75,100", help="where the fact stands in the text")
    parser.add_argument("--needle", metavar="TEXT", help="the fact; a sentence of --system stays where it is")
    parser.add_argument("--question", metavar="TEXT", help="… the question for it")
    parser.add_argument("--expected", metavar="TEXT", help="… what the answer has to say")
    parser.add_argument("--opening", metavar="TEXT", help="… how that answer begins, before what is expected")
    parser.add_argument(
        "--haystack", metavar="FILE", help="a text to put it into (- reads stdin); else made-up sentences"
    )
    parser.add_argument("--language", choices=("en", "ko"), default="en", help="of made-up sentences and fact (en)")
    parser.add_argument("--system", default="", metavar="ID|TEXT", help="a prompt's id or a system text before it all")
    parser.add_argument(
        "--var", action="append", default=[], metavar="NAME=V", help="a value for the prompt's {{name}}"
    )
    parser.add_argument("--ask", action="store_true", help="generate too, greedy: is it in the answer?")
    parser.add_argument("--room", type=given.whole, default=48, metavar="N", help="tokens free for the answer (48)")
    parser.add_argument("--beyond", action="store_true", help="longer than the context too: the beginning falls out")
    parser.add_argument(
        "--context", type=given.whole, default=0, metavar="N", help="context length in tokens (0: up to 4096)"
    )
    given.add_library(parser)
    parser.add_argument("--json", action="store_true", help="JSON lines: a cell each, then the summary")
    parser.set_defaults(func=run)


def run(options: argparse.Namespace) -> int:
    """Probe and print, a row as soon as it is measured."""
    import asyncio

    from workbench.cli.interrupt import interruptible
    from workbench.inference.engine import LoadOptions
    from workbench.insight.needle import Probe
    from workbench.insight.needle_words import depths, fills
    from workbench.models.catalog import starter
    from workbench.session import Session

    load = LoadOptions(context_length=options.context)
    session = Session(library=[Path(folder) for folder in options.library], options=load)
    if options.room < 1:
        raise UsageError(f"--room {options.room} leaves no answer", hint="at least 1 token")
    probe = Probe(
        needle=_needle(options),
        lead=talk.lead_of(session, options),
        fills=fills(options.fills),
        depths=depths(options.depths),
        haystack=_haystack(options),
        room=options.room,
        beyond=options.beyond,
    )
    model = session.find(options.model) if options.model else starter()
    if model is None:
        raise NotFoundError("no model on this machine", hint="name one with --model, or run make setup")
    return asyncio.run(interruptible(_probe(session, model, probe, options)))


def _needle(options: argparse.Namespace) -> Needle:
    from workbench.insight.needle import NEEDLES, Needle

    own = (options.needle, options.question, options.expected)
    if not any(own):
        return NEEDLES[options.language]
    if not all(own):
        raise UsageError("a needle of your own has three parts", hint="--needle TEXT --question TEXT --expected TEXT")
    return Needle(*own, options.opening or "")


def _haystack(options: argparse.Namespace) -> Haystack:
    from workbench.insight.haystack import Haystack, from_file

    if not options.haystack:
        return Haystack(language=options.language)
    if options.haystack == "-":
        return Haystack(given.text_of("-"), name="stdin")
    return from_file(Path(options.haystack))


async def _probe(session: Session, model: Model, probe: Probe, options: argparse.Namespace) -> int:
    from workbench.insight import needle as probing

    cells: list[Cell] = []
    try:
        async with session.pool.use(Path(model.path)) as engine:
            probe = await probing.settled(engine, probe)
            reason = await probing.unscored(engine)
            if reason and not options.ask:
                raise EngineError(f"it cannot score: {reason}", hint="--ask has it answer instead")
            if reason:
                output.narrate(f"not scored: {reason}")
            if not options.json:
                _head(model.name, probe, scored=not reason)
            of_row = len(probe.columns) + 1
            async for cell in probing.probed(engine, probe, score=not reason, ask=options.ask):
                cells.append(cell)
                _narrate(len(cells), len(probe.fills) * of_row)
                if len(cells) % of_row == 0:
                    _row(cells[-of_row:], probe, as_json=options.json)
            _narrate(0, 0)
            if options.json:
                output.print_json(
                    {"summary": {"model": model.name, **_summary(engine, probe, cells, reason)}}, lines=True
                )
            else:
                _foot(probe, cells)
    finally:
        _narrate(0, 0)
        await session.close()
    return Exit.OK


def _narrate(done: int, of: int) -> None:
    """How far it is, on a terminal; nothing at the end."""
    if sys.stderr.isatty():
        said = f"\r{done} of {of} cells" if of else "\r\x1b[K"
        print(said, end="", file=sys.stderr, flush=True)


def _head(name: str, probe: Probe, *, scored: bool) -> None:
    needle, columns = probe.needle, output.width()
    print(output.clip(safe.line(f"{name} · {needle.fact} — {needle.question}"), columns))
    how = f"p of ‘{needle.expected}’" + (f" after ‘{needle.opening}’" if needle.opening else "")
    print(output.clip(safe.line(how if scored else "asked, not scored"), columns))
    names = ["prompt"] if probe.in_lead else [f"{100 * depth:g} %" for depth in probe.columns]
    heads = "".join(f"{name:>{_CELL}}" for name in [*names, *(["without"] if scored else [])])
    print(f"{'tokens':>8}{heads}", flush=True)


def _row(cells: Sequence[Cell], probe: Probe, *, as_json: bool) -> None:
    """A fill's cells, all measured."""
    from workbench.insight.needle import lines_of
    from workbench.insight.needle_words import chance, told

    fill = cells[0].spot.fill
    bare, row = lines_of(cells, fill)
    if as_json:
        for cell in (*row, *([bare] if bare else [])):
            output.print_json(_json(cell, bare), lines=True)
    else:
        made = "".join(f"{told(cell):>{_CELL}}" for cell in row)
        last = f"{chance(bare.p):>{_CELL}}" if bare is not None and bare.p is not None else ""
        print(f"{fill:>8,}{made}{last}", flush=True)


def _json(cell: Cell, bare: Cell | None) -> dict[str, Any]:
    spot = cell.spot
    return {
        "fill": spot.fill,
        "depth": spot.depth,
        "tokens": spot.tokens,
        "exact": spot.exact,
        "at": spot.at if spot.depth is not None else None,
        "kept": spot.kept,
        "forgotten": spot.forgotten,
        "special": list(spot.special),
        "logp": cell.logp,
        "p": cell.p,
        "per_token": cell.per_token,
        "ranks": [token.rank for token in cell.scored],
        "likeliest": cell.first,
        "gain": cell.gain(bare) if spot.depth is not None else None,
        "answer": cell.answer,
        "found": cell.found if cell.answer is not None else None,
    }


def _summary(engine: Engine, probe: Probe, cells: Sequence[Cell], reason: str) -> dict[str, Any]:
    from workbench.insight.needle_words import brief

    needle = probe.needle
    return {
        "context_length": engine.info.context_length if engine.info else 0,
        "room": probe.room,
        "needle": needle.fact,
        "question": needle.question,
        "expected": needle.expected,
        "opening": needle.opening,
        "in_prompt": probe.in_lead,
        "haystack": probe.haystack.name,
        "fills": list(probe.fills),
        "depths": list(probe.columns),
        "not_scored": reason,
        "brief": brief(probe, cells),
    }


def _foot(probe: Probe, cells: Sequence[Cell]) -> None:
    from workbench.insight.needle_words import SIGNS, brief, where

    columns = output.width()
    print(output.clip(safe.line(SIGNS), columns))
    print(output.clip(safe.line(brief(probe, cells)), columns))
    if special := sorted({name for cell in cells for name in cell.spot.special}):
        output.narrate(f"the texts bring control tokens in: {' '.join(special)}")
    for cell in cells:
        if cell.answer is not None and not cell.found and cell.spot.depth is not None:
            print(output.clip(safe.line(f"{where(probe, cell)}: {cell.answer}"), columns))
