"""A model's page as a text to read: does it fit, what it is made of, its chat template, all metadata."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from workbench.errors import EngineError
from workbench.inference.remote.address import is_remote

if TYPE_CHECKING:
    from workbench.inference.engine import LoadOptions
    from workbench.models.catalog import Model

CONTEXTS = (4096, 8192, 32_768)
_VERDICT = re.compile(r"tokens each: (fits|tight|too big)\b")
_KINDS = {"fits": "added", "tight": "match", "too big": "removed"}
_JINJA = re.compile(r"\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}", re.DOTALL)


def described(model: Model, lanes: int, options: LoadOptions) -> str:
    """The text; `lanes` are those of the comparison, `options` how the model is loaded.

    Reads the file's header, renders the template in its process.
    """
    from workbench.inference.loading import changed
    from workbench.models.catalog import count
    from workbench.models.page import SAMPLE, page, rendered
    from workbench.models.quantization import line
    from workbench.models.template_known import verdict

    facts = [
        model.name,
        model.path,
        f"{model.architecture}, {count(model.parameters)} parameters, {model.size / 1e6:,.0f} MB, {model.source}",
    ]
    if model.error:
        return "\n".join([*facts[:2], "", f"cannot be used: {model.error}"])
    if is_remote(model.path):
        return "\n".join([*facts[:2], "", *_remote(model)])
    facts += [f"{model.quantization}: {said}"] if (said := line(model.quantization)) else []
    facts += [f"trained on contexts of {model.context_length:,} tokens", f"licence: {model.license or 'not said'}"]
    facts += [f"{model.shards} files"] if model.shards > 1 else []
    if model.projector:
        facts.append(f"projector (mmproj, for images, which are not sent here): {model.projector}")
    try:
        found = page(Path(model.path))
        fits = _fits(model, lanes, options)
    except EngineError as error:
        return "\n".join([*facts, "", f"cannot be read: {error.what}"])
    weights = [f"{each.type:<8} {each.tensors:>5} tensors {each.bytes / 1e6:>10,.1f} MB" for each in found.weights]
    if set_here := changed(options):
        facts.append("loaded with " + ", ".join(f"{name}={value}" for name, value in set_here.items()))
    parts = [*facts, "", f"── does it fit, {lanes} lane{'s' if lanes > 1 else ''}", *fits, "", "── weights", *weights]
    parts += ["", "── chat template"]
    if found.template is None:
        parts.append("none: conversations are written as ChatML")
    else:
        parts.append(f"{found.template.family or 'of no known family'}, sha256 {found.template.sha256[:16]}")
        parts += [f"{'‼' if w.serious else '!'} line {w.line}: {w.what}: {w.text}" for w in found.template.warnings]
        try:
            sample = rendered(found.template.text)
            parts += [verdict(found.template.sha256, sample, SAMPLE), "a sample by it:", sample]
        except EngineError as error:
            parts.append(error.what)
        parts += ["", "── its text", found.template.text]
    metadata = [f"{key} = {value}" for key, value in found.metadata.items()]
    return "\n".join([*parts, "", "── metadata", *metadata])


def marks(shown: str) -> list[tuple[int, int, str]]:
    """What is marked in a page: verdicts, and Jinja in the template's text, statements apart from what is written."""
    head = shown.find("\n── weights\n")
    made = [(found.start(1), found.end(1), _KINDS[found[1]]) for found in _VERDICT.finditer(shown, 0, max(0, head))]
    begin = shown.find("\n── its text\n")
    end = shown.rfind("\n── metadata\n")
    if begin < 0 or end < begin:
        return made
    return made + [
        (found.start(), found.end(), "written" if found[0].startswith("{{") else "statement")
        for found in _JINJA.finditer(shown, begin, end)
    ]


def _remote(model: Model) -> list[str]:
    """What is known of a server's model."""
    from workbench.models.catalog import count

    facts = [f"runs on {model.source}: it takes no memory here, and has no file here to look into or delete"]
    facts += [f"contexts of {model.context_length:,} tokens"] if model.context_length else []
    facts += [f"{count(model.parameters)} parameters"] if model.parameters else []
    facts += [f"{model.quantization}"] if model.quantization else []
    return [*facts, "coupled sampling and strict mode are not offered by servers (docs/scaling-out.md)"]


def _fits(model: Model, lanes: int, options: LoadOptions) -> list[str]:
    from workbench.models.advice import advice, wanted

    rows: list[str] = []
    lines: list[str] = []
    for context in CONTEXTS:
        if context > max(4096, model.context_length):
            break
        wish = wanted(Path(model.path), replace(options, context_length=context, lanes=lanes))
        fit = wish.fit()
        rows.append(f"{context:>6,} tokens each: {fit.verdict:<7} {fit.numbers}")
        lines = lines or advice(wish, fit.available)
    return [*rows, *(f"  to make it fit: {line}" for line in lines)]
