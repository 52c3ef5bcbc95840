"""`workbench models settings`: how a model is loaded, seen and changed."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from workbench import safe
from workbench.cli import output
from workbench.errors import Exit, UsageError


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The verb."""
    setting = verbs.add_parser("settings", help="how a model is loaded: context, threads, GPU layers, cache types, …")
    setting.add_argument("model", help="a name, a part of one, or a path")
    setting.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="change one; may be repeated")
    setting.add_argument("--reset", action="store_true", help="all as the defaults are, before any --set")
    setting.add_argument("--json", action="store_true", help="one JSON document on stdout")
    setting.set_defaults(func=settings)


def settings(options: argparse.Namespace) -> int:
    """Print the load settings, after changing those that are named."""
    import msgspec

    from workbench.inference.loading import SPECS, make
    from workbench.models import loading
    from workbench.models.advice import wanted
    from workbench.models.catalog import find
    from workbench.session import Session

    path = Path(find(options.model).path)
    session = Session()
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
