"""What is needed to run a run again: files' bytes, models, settings, cases, seeds, versions of the programs."""

from __future__ import annotations

import base64
import json
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import PurePath
from typing import Any

from workbench import paths, safe
from workbench.experiments.results.identity import differing

CASES = 2000  # whose messages are written out; the experiment's own file has them all
LETTERS = 4_000_000  # of those messages, in all
_NO_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Versions = Callable[[str], tuple[str, bytes] | None]  # a hash, or its beginning → the whole hash and the file's bytes
Sums = Callable[[str, int | None], str]  # a model's path, its size then → its file's sha256, "" where it is not known


def gather(
    trials: Iterable[Mapping[str, Any]],
    variants: int,
    cases: int,
    *,
    run: str = "",
    meta: Mapping[str, Any] | None = None,
    versions: Versions = lambda version: None,
    sums: Sums = lambda path, size: "",
) -> dict[str, Any]:
    """All of it, as JSON: `command`, `replay`, `experiment` (the file's text), `case_file`, `made_with`, `variants`,
    `judges` (name → version), `versions` (their bytes), `cases` with their seeds.

    The run has so many `variants` and `cases`. Reads trials until it has met all variants and CASES cases; `left_out`
    says how many cases' messages are not here.
    """
    meta = meta or {}
    first = ""
    seen: dict[str, dict[str, Any]] = {}
    found: dict[str, dict[str, Any]] = {}
    letters = 0
    for trial in trials:
        first = first or str(trial.get("id") or "")
        label, name = str(trial.get("variant") or ""), str(trial.get("case") or "")
        if label not in seen:
            seen[label] = _variant(trial, sums)
        case = found.get(name)
        if case is None:
            if len(found) >= CASES or letters > LETTERS:
                if len(seen) >= variants:
                    break
                continue
            case = found[name] = {"case": name, "messages": trial.get("messages") or [], "seeds": []}
            letters += sum(len(str(message.get("content", ""))) for message in case["messages"])
        if trial.get("seed") not in case["seeds"]:
            case["seeds"].append(trial.get("seed"))
    return {
        "run": run,
        "command": command(meta),
        "replay": f"workbench history replay {first}" if first and not meta.get("imported") else "",
        "experiment": meta.get("source") or None,
        "file": PurePath(str(meta["file"])).name if meta.get("file") else None,
        "case_file": _case_file(meta, versions),
        "imported": meta.get("imported"),
        "made_with": {name: meta[name] for name in ("workbench", "llama_cpp_python") if meta.get(name)},
        "variants": list(seen.values()),
        "judges": meta.get("judges") or {},
        "versions": _bytes([*_named(seen.values()), *(meta.get("judges") or {}).values()], versions),
        "cases": list(found.values()),
        "left_out": cases - len(found),
    }


def command(meta: Mapping[str, Any]) -> str:
    """The line that runs it again, "" for what was no experiment of ours. A shell takes it as it stands."""
    parts = ["workbench", "run"]
    if prompts := meta.get("prompts"):
        parts += [word for prompt in prompts for word in ("--prompt", str(prompt))]
        parts += ["--model", str(meta["model"])] if meta.get("model") else []
    elif meta.get("file"):
        file = PurePath(str(meta["file"]))
        parts.append(file.stem if file.parent == paths.shipped("experiments").resolve() else file.name)
    else:
        return ""
    return shlex.join([*parts, *(["--limit", str(meta["limit"])] if meta.get("limited") else [])])


def _case_file(meta: Mapping[str, Any], versions: Versions) -> dict[str, Any] | None:
    """`{"name", "sha256", "text"}`; text None where the file was too large to keep."""
    named = meta.get("case_file")
    if not named:
        return None
    known = versions(str(named["sha256"]))
    return {**named, "text": _text(known[1]) if known else None}


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
            "sha256": sums(path, trial.get("model_size")) or None if path else None,
        },
        "load": trial.get("load") or {},
        "sampling": differing(trial.get("sampling") or {}),
        "mode": trial.get("mode"),
        "coupled": trial.get("coupled"),
        "lead": trial.get("lead") or [],
    }


def _named(variants: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The versions that the variants name: of their prompts and profiles."""
    for variant in variants:
        yield variant["version"]
        yield str(variant["profile"] or "").rpartition("@")[2]


def _bytes(named: Iterable[str], versions: Versions) -> dict[str, Any]:
    """hash → the file's text, or `{"base64": …}` where it is no text."""
    found: dict[str, Any] = {}
    for version in named:
        known = versions(str(version)) if version else None
        if known is not None:
            found[known[0]] = _text(known[1])
    return found


def _text(data: bytes) -> Any:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


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
