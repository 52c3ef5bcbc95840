"""promptfoo's results (`promptfoo eval -o results.json`, or .jsonl) as TRIALs.

Version 3 of its summary, and 1 and 2: `results.results[]`, each with `prompt`, `vars`, `response`, `gradingResult`.
A variant is a prompt on a provider; a case is a test: its repeats (`--repeat`) are repeats of one case, for they say
less than as many cases. A wrong assertion is no error, though promptfoo writes its reason under `error` too.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from workbench.errors import UsageError
from workbench.experiments.experiment import LABELS

Table = Mapping[str, Any]
_KINDS: dict[Any, str] = {str: "text", bool: "true or false", float: "a number", dict: "a table", list: "a list"}
_SAMPLING = ("temperature", "top_p", "top_k", "min_p", "max_tokens", "seed")
_ERROR = 2  # `failureReason`: 0 none, 1 an assertion, 2 an error
_MOST = 1e15  # of milliseconds, of tokens
_NAME = 100  # letters of a case's name, of a prompt's


@dataclass(frozen=True)
class Imported:
    """What a file holds. `about` is what it says of itself: title, version, id, time. The trials are in plan order."""

    about: dict[str, Any]
    trials: list[dict[str, Any]]


def read(data: bytes, where: str) -> Imported:
    """The trials of a file. Raises UsageError that names the key that is wrong."""
    top, path, results = _results(data, where)
    found = [_Result(where, f"{path}[{at}]", each) for at, each in enumerate(results)]
    if not found:
        raise UsageError("there are no results in it", where=f"{where}: {path}", hint="was the evaluation ended?")
    settings = dict(_settings(top))
    trials = _trials(found, settings)
    summary = _table(top.get("results")) or top
    about = {
        "title": _table(top.get("config")).get("description"),
        "version": summary.get("version"),
        "id": top.get("evalId"),
        "evaluated": summary.get("timestamp"),
        "promptfoo": _table(top.get("metadata")).get("promptfooVersion"),
    }
    return Imported({name: value for name, value in about.items() if isinstance(value, str | int)}, trials)


def _results(data: bytes, where: str) -> tuple[Table, str, list[Any]]:
    """The document, the key of its results, and them."""
    hint = "a file that `promptfoo eval -o results.json` wrote"
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"byte {error.start} is no UTF-8", where=where, hint=hint) from None
    try:
        top = _loads(text)
    except (ValueError, RecursionError) as error:
        lines = text.splitlines()
        if len(lines) > 1 and (rows := _rows(lines)) is not None:
            return {}, "line", rows
        line = getattr(error, "lineno", 1)
        raise UsageError(f"broken JSON: {getattr(error, 'msg', error)}", where=f"{where}:{line}", hint=hint) from None
    if isinstance(top, dict):
        inner = top.get("results")
        if isinstance(inner, dict) and isinstance(inner.get("results"), list):
            return top, "results.results", inner["results"]
        if isinstance(inner, list):
            return top, "results", inner
        if "vars" in top and "prompt" in top:  # JSON lines of one
            return {}, "line", [top]
    raise UsageError("there is no results.results in it", where=where, hint=hint)


def _loads(text: str) -> Any:
    """JSON; NaN and numbers without end are null, for the history holds none."""
    return json.loads(text, parse_constant=lambda name: None, parse_float=_finite)


def _finite(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None


def _rows(lines: list[str]) -> list[Any] | None:
    """JSON lines, None where they are none."""
    try:
        return [_loads(line) for line in lines if line.strip()]
    except (ValueError, RecursionError):
        return None


@dataclass
class _Result:
    """One of its results: fields by name and kind, or an error that says where."""

    where: str
    path: str
    value: Any

    def __post_init__(self) -> None:
        if not isinstance(self.value, dict):
            raise self.error(self.path, dict, self.value)

    def take(self, key: str, kind: Any, default: Any = None, inside: Table | None = None, path: str = "") -> Any:
        """The value of a key, `default` where it is not there or null. An object's path goes before it."""
        value = (self.value if inside is None else inside).get(key)
        if value is None:
            return default
        wanted = (int, float) if kind is float else kind
        if not isinstance(value, wanted) or (kind is float and isinstance(value, bool)):
            raise self.error(f"{self.path}.{path}{key}", kind, value)
        if kind is float and abs(value) > _MOST:
            raise UsageError("no such number can be", where=f"{self.where}: {self.path}.{path}{key}")
        return value

    def error(self, path: str, kind: Any, value: Any) -> UsageError:
        """That a value is of another kind than it must be."""
        told = "a number" if isinstance(value, int | float) and not isinstance(value, bool) else _KINDS.get(type(value))
        what = f"{_KINDS[kind]} is wanted, found {told or 'null'}"
        return UsageError(what, where=f"{self.where}: {path}", hint="was the file changed by hand?")

    @property
    def lane(self) -> tuple[str, str]:
        """The prompt before its variables were filled, and the provider."""
        prompt = self.take("prompt", dict, {})
        told = [self.take(key, str, "", prompt, "prompt.") for key in ("label", "display", "raw")]
        provider = self.value.get("provider")
        if isinstance(provider, str):  # before version 1 was counted
            return next(filter(None, told), ""), provider
        provider = self.take("provider", dict, {})
        names = [self.take(key, str, "", provider, "provider.") for key in ("label", "id")]
        return next(filter(None, told), ""), next(filter(None, names), "")

    @property
    def test(self) -> dict[str, Any]:
        """What makes its case: the same in every repeat, and on every prompt."""
        test = self.take("testCase", dict, {})
        vars = self.take("vars", dict, {}, test, "testCase.") or self.take("vars", dict, {})
        told = self.take("description", str, self.take("description", str, ""), test, "testCase.")
        return {"description": told, "vars": vars, "assert": test.get("assert")}


def _trials(found: list[_Result], settings: Mapping[str, Table]) -> list[dict[str, Any]]:
    """In the order of tests and prompts, whatever order they ended in."""
    indexed = all(type(each.value.get(key)) is int for each in found for key in ("testIdx", "promptIdx"))
    if indexed:
        found = sorted(found, key=lambda each: (each.value["testIdx"], each.value["promptIdx"]))
    labels: dict[Any, str] = {}
    for key in sorted({each.value["promptIdx"] for each in found}) if indexed else [each.lane for each in found]:
        if key not in labels:
            labels[key] = LABELS[len(labels)] if len(labels) < len(LABELS) else f"V{len(labels) + 1}"
    names: dict[str, str] = {}
    counts: dict[tuple[str, str], int] = {}
    trials = []
    for each in found:
        test = each.test
        key = json.dumps(test, sort_keys=True)
        if key not in names:
            names[key] = _name(test, len(names) + 1, set(names.values()))
        label, case = labels[each.value["promptIdx"] if indexed else each.lane], names[key]
        counts[label, case] = counts.get((label, case), -1) + 1
        trials.append(_trial(each, label, case, counts[label, case], settings))
    return trials


def _name(test: Table, number: int, taken: set[str]) -> str:
    """A case's name: its description, or its variables."""
    told = ", ".join(f"{name}={_text(value)}" for name, value in test["vars"].items())
    name = _short(test["description"] or told or f"case {number}")
    made, count = name, 1
    while made in taken:
        count += 1
        made = f"{name} ({count})"
    return made


def _trial(found: _Result, label: str, case: str, repeat: int, settings: Mapping[str, Table]) -> dict[str, Any]:
    prompt, provider = found.lane
    response = found.take("response", dict, {})
    tokens = found.take("tokenUsage", dict, {}, response, "response.") or found.take("tokenUsage", dict, {})
    error = _error(found, response)
    made, prompted = (int(found.take(key, float, 0, tokens, "tokenUsage.")) for key in ("completion", "prompt"))
    seconds = found.take("latencyMs", float, 0) / 1000
    timed = made and seconds > 0 and not response.get("cached")
    checks = [] if error else list(_checks(found))
    score = found.take("score", float)
    known = settings.get(provider, {})
    return {
        "variant": label,
        "case": case,
        "repeat": repeat,
        "prompt": _short(prompt),
        "version": "",
        "profile": None,
        "model": provider,
        "path": "",
        "sampling": {name: value for name, value in known.items() if name != "seed"},
        "seed": known.get("seed"),
        "mode": "",
        "lead": [],
        "messages": _messages(str(found.take("raw", str, "", found.take("prompt", dict, {}), "prompt."))),
        "values": found.test["vars"],
        "text": "" if error else _text(response.get("output")),
        "finish": "error" if error else "length" if response.get("finishReason") == "length" else "stop",
        "error": error or None,
        "prompt_tokens": prompted,
        "completion_tokens": made,
        "first_token_s": None,
        "tokens_per_s": made / seconds if timed else None,
        "latency_s": seconds or None,
        "checks": checks,
        "passed": bool(found.take("success", bool, False)) if checks else None,
        "score": min(1.0, max(0.0, score)) if checks and score is not None else None,
    }


def _error(found: _Result, response: Table) -> str:
    """Why there is no answer, "" where there is one."""
    reason = found.take("failureReason", float)
    told = found.take("error", str, "") or _text(response.get("error"))
    if reason == _ERROR or (reason is None and told and response.get("output") is None):
        return told or "it failed"
    return ""


def _checks(found: _Result) -> Iterator[dict[str, Any]]:
    """Its assertions' verdicts; none where nothing was asserted."""
    grading = found.take("gradingResult", dict, {})
    parts = found.take("componentResults", list, [], grading, "gradingResult.")
    for at, each in enumerate(parts):
        path = f"gradingResult.componentResults[{at}]"
        if each is None:
            continue
        if not isinstance(each, dict):
            raise found.error(f"{found.path}.{path}", dict, each)
        asserted = found.take("assertion", dict, {}, each, f"{path}.")
        yield {
            "type": found.take("type", str, "assert-set", asserted, f"{path}.assertion."),
            **_verdict(found, each, f"{path}."),
            "weight": max(0.0, found.take("weight", float, 1.0, asserted, f"{path}.assertion.")),
        }
    if grading and not parts and grading.get("reason") != "No assertions":
        yield {"type": "promptfoo", **_verdict(found, grading, "gradingResult."), "weight": 1.0}


def _verdict(found: _Result, table: Table, path: str) -> dict[str, Any]:
    passed = found.take("pass", bool, False, table, path)
    score = found.take("score", float, float(passed), table, path)
    reason = found.take("reason", str, "", table, path)
    return {"passed": passed, "score": min(1.0, max(0.0, score)), "reason": reason, "measured": None}


def _settings(top: Table) -> Iterator[tuple[str, Table]]:
    """Provider → its sampling, as the file's configuration says. Nothing else of it is kept: keys may be there."""
    listed = _table(top.get("config")).get("providers")
    for each in listed if isinstance(listed, list) else []:
        if isinstance(each, dict) and isinstance(each.get("config"), dict):
            found = {
                name: value
                for name in _SAMPLING
                if isinstance(value := each["config"].get(name), int | float) and not isinstance(value, bool)
            }
            for name in ("id", "label"):
                if isinstance(each.get(name), str):
                    yield each[name], found


def _messages(raw: str) -> list[dict[str, str]]:
    """The prompt as it was sent: a chat as JSON, or one message."""
    try:
        chat = json.loads(raw) if raw.lstrip().startswith("[") else None
    except (ValueError, RecursionError):
        chat = None
    if isinstance(chat, list) and chat and all(isinstance(each, dict) and "role" in each for each in chat):
        return [{"role": str(each["role"]), "content": _text(each.get("content"))} for each in chat]
    return [{"role": "user", "content": raw}]


def _table(value: Any) -> Table:
    return value if isinstance(value, dict) else {}


def _short(text: str) -> str:
    """On one line, as a name."""
    text = " ".join(text.split())
    return text if len(text) <= _NAME else f"{text[: _NAME - 1]}…"


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
