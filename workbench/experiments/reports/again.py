"""What is needed to run a run again: files' bytes, models, settings, cases, seeds, versions of the programs."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePath
from typing import Any

from workbench import safe
from workbench.experiments.results.identity import differing

CASES = 2000  # whose messages are written out; the experiment's own file has them all
LETTERS = 4_000_000  # of those messages, in all
_NO_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Versions = Callable[[str], tuple[str, bytes] | None]  # a hash, or its beginning → the whole hash and the file's bytes
Sums = Callable[[str], str]  # a model's path → its file's sha256, "" where it is not known


def gather(
    trials: Iterable[Mapping[str, Any]],
    variants: int,
    *,
    run: str = "",
    meta: Mapping[str, Any] | None = None,
    versions: Versions = lambda version: None,
    sums: Sums = lambda path: "",
) -> dict[str, Any]:
    """All of it, as JSON: `experiment` (the file's text), `made_with`, `variants`, `versions`, `cases` with their seeds.

    Reads trials until it has met all `variants` and CASES cases. `left_out` says how many cases' messages are not here.
    """
    meta = meta or {}
    seen: dict[str, dict[str, Any]] = {}
    cases: dict[str, dict[str, Any]] = {}
    letters = 0
    for trial in trials:
        label, name = str(trial.get("variant") or ""), str(trial.get("case") or "")
        if label not in seen:
            seen[label] = _variant(trial, sums)
        case = cases.get(name)
        if case is None:
            if len(cases) >= CASES or letters > LETTERS:
                if len(seen) >= variants:
                    break
                continue
            case = cases[name] = {"case": name, "messages": trial.get("messages") or [], "seeds": []}
            letters += sum(len(str(message.get("content", ""))) for message in case["messages"])
        if trial.get("seed") not in case["seeds"]:
            case["seeds"].append(trial.get("seed"))
    return {
        "run": run,
        "experiment": meta.get("source") or None,
        "file": meta.get("file") or None,
        "made_with": {name: meta[name] for name in ("workbench", "llama_cpp_python") if meta.get(name)},
        "variants": list(seen.values()),
        "versions": _bytes(seen.values(), versions),
        "cases": list(cases.values()),
    }


def _variant(trial: Mapping[str, Any], sums: Sums) -> dict[str, Any]:
    path = str(trial.get("path") or "")
    return {
        "label": trial.get("variant") or "",
        "prompt": trial.get("prompt") or "",
        "version": trial.get("version") or "",
        "profile": trial.get("profile"),
        "model": {
            "name": trial.get("model") or "",
            "file": PurePath(path).name,
            "size": trial.get("model_size"),
            "sha256": sums(path) or None if path else None,
        },
        "load": trial.get("load") or {},
        "sampling": differing(trial.get("sampling") or {}),
        "mode": trial.get("mode"),
        "coupled": trial.get("coupled"),
        "lead": trial.get("lead") or [],
    }


def _bytes(variants: Iterable[Mapping[str, Any]], versions: Versions) -> dict[str, Any]:
    """hash → the file's text, or `{"base64": …}` where it is no text."""
    found: dict[str, Any] = {}
    for variant in variants:
        for version in (variant["version"], str(variant["profile"] or "").rpartition("@")[2]):
            known = versions(version) if version else None
            if known is not None:
                try:
                    found[known[0]] = known[1].decode()
                except UnicodeDecodeError:
                    found[known[0]] = {"base64": base64.b64encode(known[1]).decode()}
    return found


def to_text(data: Any, indent: int | None = 1) -> str:
    """As JSON in which nothing can harm a terminal, a page or XML, and which gives every byte back."""
    text = json.dumps(data, ensure_ascii=False, indent=indent)
    if safe.is_safe(text) and not _NO_XML.search(text):
        return text
    return "".join(character if _plain(character) else json.dumps(character)[1:-1] for character in text)


def _plain(character: str) -> bool:
    return character == "\n" or (safe.is_safe(character) and not _NO_XML.match(character))


def xml_safe(text: str) -> str:
    """Untrusted text as XML 1.0 can hold it: control codes as pictures, what is still no character as U+FFFD."""
    return _NO_XML.sub("\ufffd", safe.text(text))
