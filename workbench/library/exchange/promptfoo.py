"""promptfoo YAML: prompts, tests with vars and asserts (our cases and checks), a provider's config (our sampling)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workbench.errors import PromptError
from workbench.library.exchange import messages as chat
from workbench.library.exchange import parts
from workbench.library.exchange.slots import RefusedError, convert, from_jinja, ours, to_jinja
from workbench.library.exchange.yamls import dump, load
from workbench.library.reader import clipped

if TYPE_CHECKING:
    from workbench.library.prompt import Prompt

MESSAGE = "message"  # the variable that holds a case's message
_ASSERTS = {"is-json": "json-schema"}
_SAME = (
    *("contains", "icontains", "contains-all", "contains-any", "icontains-all", "icontains-any", "equals"),
    *("regex", "starts-with", "json-schema", "levenshtein", "contains-json", "is-json", "is-xml", "is-refusal"),
    "llm-rubric",
)
_RUN = {"javascript", "python", "ruby", "webhook"}
_NUMBERS = ("threshold", "weight")
_ELSEWHERE = ("file://", "exec:", "http://", "https://")
_FILES = (".txt", ".json", ".js", ".py", ".yaml", ".md")


def read(source: parts.Source) -> list[parts.Draft]:
    """A prompt for each entry of `prompts`; the tests go with each."""
    data = _data(source)
    if not isinstance(data, dict) or not isinstance(data.get("prompts"), (list, str)):
        raise source.error("a promptfoo file has prompts", "prompts")
    listed = data["prompts"] if isinstance(data["prompts"], list) else [data["prompts"]]
    several = len(listed) > 1
    return [_draft(source, data, each, number if several else 0) for number, each in enumerate(listed, 1)]


def _data(source: parts.Source) -> Any:
    """YAML, or JSON (indented by tabs it is no YAML)."""
    if source.path.suffix.lower() == ".json":
        try:
            return json.loads(source.text)
        except (ValueError, RecursionError) as error:
            where = f"{source.path}:{getattr(error, 'lineno', 1)}"
            raise PromptError(f"broken JSON: {str(getattr(error, 'msg', error))[:80]}", where=where) from None
    return load(source.text, source)


def _draft(source: parts.Source, data: Mapping[Any, Any], entry: Any, number: int) -> parts.Draft:
    label = entry.get("label") or entry.get("id") if isinstance(entry, dict) else ""
    stem = source.path.stem.removesuffix(".promptfoo")
    making = parts.Incoming(source, f"{stem}-{number}" if number else stem, from_jinja)
    making.head["title"] = str(label or "")
    if isinstance(data.get("description"), str):
        making.head["description"] = data["description"]
    raw = entry.get("raw") if isinstance(entry, dict) else entry
    if not isinstance(raw, str):
        return parts.Draft(
            making.id, {}, [], source.error("a prompt without a text", hint="put its text into the file")
        )
    if raw.strip().startswith(_ELSEWHERE) or ("\n" not in raw and raw.strip().endswith(_FILES)):
        what = f"the file {clipped(raw)} is not followed"
        return parts.Draft(making.id, {}, [], source.error(what, raw, "put its text into this one"))
    if isinstance(entry, dict):
        making.leave(entry, {}, ("label", "id", "raw"))
    turns = _turns(raw, making)
    _sampling(data.get("providers"), making)
    known = ("prompts", "description", "providers", "tests", "defaultTest")
    making.leave(data, {}, known)
    message = _asks(turns)
    tests = data.get("tests")
    values, checks = _default_test(making, data.get("defaultTest"), message)
    if isinstance(tests, list):
        made = [_case(making, test, n, values.get(MESSAGE, "") if message else None) for n, test in enumerate(tests, 1)]
        making.cases = [case for case in made if case]
    elif tests is not None:
        making.dropped.append("tests: files are not followed, and code is not run")
    for case in making.cases if checks else ():
        case["checks"] = [*case.get("checks", []), *checks]
    if checks and not making.cases:
        making.dropped.append("defaultTest.assert: there are no tests that it is for")
    draft = making.draft(turns[:-1] if message else turns)
    slots = draft.table.get("variables", {})
    for case in draft.table.get("cases", []):
        gone = [name for name in case["variables"] if name not in slots]
        case["variables"] = {name: value for name, value in case["variables"].items() if name in slots}
        draft.dropped += [f"{case['name']}: the variable {name}, which the texts do not use" for name in gone]
    return draft


def _turns(raw: str, making: parts.Incoming) -> parts.Messages:
    """A chat in JSON or YAML, or one user message."""
    text = raw.strip()
    if text.startswith(("[", "- role")):
        try:
            data = json.loads(text) if text.startswith("[") else load(text, making.source)
        except (ValueError, RecursionError, PromptError):
            data = None  # a text that only begins like a chat
        if isinstance(data, list) and data and all(isinstance(each, dict) and "role" in each for each in data):
            return chat.plain(data, making)
    return [{"role": "user", "content": raw}]


def _asks(turns: parts.Messages) -> bool:
    """Whether the last turn is the message of a case: `{{ message }}` and nothing else."""
    return (
        len(turns) > 1 and turns[-1]["role"] == "user" and turns[-1]["content"].replace(" ", "") == f"{{{{{MESSAGE}}}}}"
    )


def _sampling(providers: Any, making: parts.Incoming) -> None:
    listed = providers if isinstance(providers, list) else [providers] if providers is not None else []
    configs = [each["config"] for each in listed if isinstance(each, dict) and isinstance(each.get("config"), dict)]
    for name, value in configs[0].items() if configs else ():
        making.setting(str(name), value)
    if listed:
        making.dropped.append("providers: a model is chosen when it runs")
    if len(configs) > 1:
        making.dropped.append("providers: the config of the first one is taken")


def _default_test(making: parts.Incoming, data: Any, message: bool) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """What goes for all tests: variables, which become defaults, and checks."""
    if data is None:
        return {}, []
    if not isinstance(data, dict):
        making.dropped.append("defaultTest: files are not followed, and code is not run")
        return {}, []
    making.leave({f"defaultTest.{key}": None for key in data}, {}, ("defaultTest.vars", "defaultTest.assert"))
    values = _values(making, "defaultTest", data.get("vars"))
    given = {str(name): value for name, value in data["vars"].items()} if values else {}
    for name, value in values.items():
        if name != MESSAGE or not message:
            making.default(name, value if isinstance(given[name], str) else given[name])
    return values, _checks(making, "defaultTest", data.get("assert"))


def _case(making: parts.Incoming, test: Any, number: int, message: str | None) -> dict[str, Any] | None:
    """`message` is what a case asks when it says nothing; None: its cases ask nothing."""
    if not isinstance(test, dict):
        making.dropped.append(f"test {number}: files are not followed, and code is not run")
        return None
    name = str(test.get("description") or f"case {number}")
    values = _values(making, name, test.get("vars"))
    case: dict[str, Any] = {"name": name, "variables": values}
    if message is not None:
        case["message"] = values.pop(MESSAGE, message)
    if kept := _checks(making, name, test.get("assert")):
        case["checks"] = kept
    making.leave({f"{name}: {key}": None for key in test if key not in ("description", "vars", "assert")}, {}, ())
    return case


def _values(making: parts.Incoming, name: str, given: Any) -> dict[str, str]:
    """Values of variables, as texts."""
    if given is not None and not isinstance(given, dict):
        making.dropped.append(f"{name}: vars: files are not followed, and code is not run")
    values: dict[str, str] = {}
    for key, value in given.items() if isinstance(given, dict) else ():
        if isinstance(value, str) and value.startswith("file://"):
            making.dropped.append(f"{name}: {key}: files are not followed")
        elif isinstance(value, bool):
            values[str(key)] = str(value).lower()
        elif isinstance(value, (str, int, float)):
            values[str(key)] = _literal(making, f"{name}: {key}", str(value))
        else:
            making.dropped.append(f"{name}: {key}: no text, number or true/false")
    return values


def _literal(making: parts.Incoming, name: str, text: str) -> str:
    """A value, which promptfoo fills in too: braces that it was to show are braces; what it would fill in stays."""
    try:
        found = from_jinja(text)
    except RefusedError:
        found = [(text, True)]
    if any(is_slot for _, is_slot in found):
        making.dropped.append(f"{name}: what stands in braces is text now, and is not filled in")
        return text
    return "".join(part for part, _ in found)


def _template(making: parts.Incoming, name: str, text: str) -> str:
    """A check's text: `{{ name }}` is the case's variable here too; what is more than that is a text, and told."""
    try:
        return ours(from_jinja(text))
    except RefusedError:
        making.dropped.append(f"{name}: what stands in braces is text now, and is not filled in")
        return text


def _checks(making: parts.Incoming, name: str, asserts: Any) -> list[dict[str, Any]]:
    if asserts is not None and not isinstance(asserts, list):
        making.dropped.append(f"{name}: assert: it is no list")
    made = [_check(making, name, each) for each in asserts] if isinstance(asserts, list) else []
    return [check for check in made if check]


def _check(making: parts.Incoming, name: str, data: Any) -> dict[str, Any] | None:
    """An assert as a check. Code is never carried."""
    kind = str(data.get("type")) if isinstance(data, dict) else ""
    bare = kind.removeprefix("not-")
    value = data.get("value") if isinstance(data, dict) else None
    if bare in _RUN or (isinstance(value, str) and value.startswith("file://")):
        making.dropped.append(f"{name}: the assert {kind}: code is not carried, and was not run")
        return None
    mine = _ASSERTS.get(bare, bare) if value is not None else bare
    if mine not in _SAME:
        making.dropped.append(f"{name}: the assert {clipped(kind)}: no check like it")
        return None
    check: dict[str, Any] = {"type": mine}
    if kind.startswith("not-"):
        check["not"] = True
    if isinstance(value, dict):
        check["value"] = json.dumps(value, ensure_ascii=False)
    elif isinstance(value, str):
        check["value"] = _template(making, f"{name}: the assert {kind}", value)
    elif isinstance(value, list) and not all(isinstance(each, (str, int, float)) for each in value):
        making.dropped.append(f"{name}: the assert {kind}: its values are no texts or numbers")
        return None
    elif isinstance(value, list):
        each_of = f"{name}: the assert {kind}"
        check["value"] = [_template(making, each_of, each) if isinstance(each, str) else each for each in value]
    elif value is not None:
        check["value"] = value
    for key in data:
        if key in _NUMBERS and isinstance(data[key], (int, float)):
            check[key] = data[key]
        elif key not in ("type", "value"):
            making.dropped.append(f"{name}: the assert {kind}: {clipped(str(key)).strip(chr(34))}")
    return check


def write(prompt: Prompt) -> parts.Exported:
    """`NAME.yaml`: one prompt as a JSON chat, our cases as its tests."""
    messages, dropped = parts.outgoing(prompt)
    slots = parts.used(prompt)
    asks = any(case.message for case in prompt.cases)
    if asks and MESSAGE in slots:
        dropped.append(f"the cases' messages: the prompt has a variable {MESSAGE}")
        asks = False
    turns = [{"role": m["role"], "content": convert(m["content"], to_jinja)} for m in messages]
    turns += [{"role": "user", "content": f"{{{{ {MESSAGE} }}}}"}] if asks else []
    made: dict[str, Any] = {"description": prompt.description} if prompt.description else {}
    raw = json.dumps(turns, ensure_ascii=False, indent=1)
    made["prompts"] = [{"label": prompt.title or prompt.id, "raw": raw}]
    provider: dict[str, Any] = {"id": "openai:chat:local"}
    if prompt.sampling:
        provider["config"] = {k: list(v) if isinstance(v, tuple) else v for k, v in prompt.sampling.items()}
    made["providers"] = [provider]
    if default := {name: _shown(slot.default) for name, slot in slots.items() if slot.default is not None}:
        made["defaultTest"] = {"vars": default}
    made["tests"] = [_test(case, asks) for case in prompt.cases]
    dropped.append("providers: the id is a placeholder, put your own")
    dropped += parts.left_out(prompt, "title", "description", "sampling", "cases", "variables")
    described = [n for n, slot in slots.items() if slot.description or slot.choices or slot.type != "string"]
    dropped += [f"variables.{name}: its type, description and choices" for name in described]
    return parts.Exported({parts.name_of(prompt, ".yaml"): dump(made)}, dropped)


def _test(case: Any, asks: bool) -> dict[str, Any]:
    made: dict[str, Any] = {"description": case.name, "vars": {n: _shown(v) for n, v in case.variables.items()}}
    if asks:
        made["vars"][MESSAGE] = _shown(case.message)
    if case.checks:
        made["assert"] = [_assert(check) for check in case.checks]
    return made


def _assert(check: Mapping[str, Any]) -> dict[str, Any]:
    kind = {"json-schema": "is-json"}.get(str(check.get("type")), str(check.get("type")))
    made: dict[str, Any] = {"type": f"not-{kind}" if check.get("not") else kind}
    return {**made, **{key: _written(value) for key, value in check.items() if key not in ("type", "not")}}


def _written(value: Any) -> Any:
    """A check's value: its slots are the case's variables there too."""
    if isinstance(value, list):
        return [_written(each) for each in value]
    return convert(value, to_jinja) if isinstance(value, str) else value


def _shown(value: Any) -> Any:
    """A value whose braces promptfoo shows, and does not fill in."""
    if isinstance(value, list):
        return [_shown(each) for each in value]
    return to_jinja([(value, False)]) if isinstance(value, str) else value
