"""`workbench models settings|tune`: how a model is loaded, seen and changed; the fastest way measured."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from workbench import safe
from workbench.cli import output
from workbench.errors import Exit, UsageError

if TYPE_CHECKING:
    from workbench.session import Session


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The verb."""
    setting = verbs.add_parser("settings", help="how a model is loaded: context, threads, GPU layers, cache types, …")
    setting.add_argument("model", help="a name, a part of one, or a path")
    setting.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="change one; may be repeated")
    setting.add_argument("--reset", action="store_true", help="all as the defaults are, before any --set")
    setting.add_argument("--json", action="store_true", help="one JSON document on stdout")
    setting.set_defaults(func=settings)
    tuning = verbs.add_parser("tune", help="measure which threads (or GPU layers) and batch are the fastest")
    tuning.add_argument("model", help="a name, a part of one, or a path")
    tuning.add_argument("--apply", action="store_true", help="keep the proposal as the model's load settings")
    tuning.add_argument("--json", action="store_true", help="one JSON document on stdout")
    tuning.set_defaults(func=tune)


def settings(options: argparse.Namespace) -> int:
    """Print the load settings, after changing those that are named."""
    import msgspec

    from workbench.inference.loading import SPECS, make
    from workbench.models import loading
    from workbench.models.advice import wanted
    from workbench.models.remote import refuse
    from workbench.session import Session

    session = Session()
    model = session.find(options.model)
    refuse(model, "load here")
    path = Path(model.path)
    base = session.load_base
    chosen = base if options.reset else session.load_options(path)
    values = {}
    for pair in options.set:
        name, equals, value = pair.partition("=")
        if not equals:
            raise UsageError(f"--set {pair} has no value", hint="such as --set threads=4")
        values[name.strip()] = value.strip()
    chosen = make(values, chosen)
    if options.set or options.reset:
        loading.remember(path, chosen, base)
    fit = wanted(path, chosen).fit()
    if options.json:
        output.print_json({"path": str(path), "settings": msgspec.to_builtins(chosen), "fit": asdict(fit)})
        return Exit.OK
    for name, spec in SPECS.items():
        value = getattr(chosen, name)
        shown = ", ".join(f"{each:g}" for each in value) if isinstance(value, tuple) else str(value)
        mark = "*" if value != getattr(base, name) else " "
        print(output.clip(safe.line(f"{mark} {name:<16} {shown:<10} {spec.help}"), output.width()))
    print(f"{fit.verdict}: {fit.numbers}, all lanes full")
    return Exit.OK


def tune(options: argparse.Namespace) -> int:
    """Measure, print the speeds and the proposal; what was measured is printed after Ctrl+C too."""
    import asyncio

    from workbench.cli.interrupt import interruptible
    from workbench.models.remote import refuse
    from workbench.session import Session

    session = Session()
    model = session.find(options.model)
    refuse(model, "tune")
    return asyncio.run(interruptible(_tune(session, Path(model.path), apply=options.apply, as_json=options.json)))


async def _tune(session: Session, path: Path, *, apply: bool, as_json: bool) -> int:
    from workbench.inference.loading import changed
    from workbench.models import loading, tuning

    present = session.load_options(path)
    points: list[tuning.Point] = []
    try:
        async for found in tuning.tune(path, present, session.engine):
            if isinstance(found, tuning.Trying):
                output.narrate(f"{found.name} = {found.value}: measuring ({found.at} of {found.count})")
            else:
                points.append(found)
    finally:
        proposed = tuning.proposal(points, present)
        kept = apply and proposed != present
        if kept:
            loading.remember(path, proposed, session.load_base)
        new = changed(proposed, present)
        if as_json:
            shown = [{key: value for key, value in asdict(point).items() if key != "options"} for point in points]
            output.print_json({"path": str(path), "points": shown, "proposal": new, "applied": kept})
        elif points:
            print("\n".join(tuning.plot(points, output.width())))
            said = ", ".join(f"{name} = {value}" for name, value in new.items()) or "stay as it is"
            tail = "" if not new else " (kept)" if kept else " (--apply keeps it)"
            if new and not tuning.confirmed(points):
                tail += ", not yet measured beside the present settings"
            print(f"proposal: {said}{tail}")
    return Exit.OK if any(not point.error for point in points) else Exit.ENGINE
