"""Reading checks: what is wrong is said with file, line, key and the way out."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests.experiments.checks.helpers import check
from workbench import paths
from workbench.errors import PromptError
from workbench.experiments.checks.kinds import KINDS, NAMES
from workbench.experiments.checks.model import Kind
from workbench.experiments.checks.reading import of_case, problems_of, read, read_all
from workbench.library.prompt import parse
from workbench.library.reader import FileError, Reader

WRONG = [
    ("{ value = 3 }", "check.type", "type is missing", ""),
    ('{ typ = "contains", value = "x" }', "check.typ", "type is missing", "did you mean type"),
    ('{ type = 3, value = "x" }', "check.type", "must be text, not a number", ""),
    ('{ type = "contain", value = "x" }', "check.type", "no type of check", "did you mean contains?"),
    ('{ type = "icontain", value = "x" }', "check.type", "no type of check", "icontains"),
    ('{ type = "zzzzz" }', "check.type", "no type of check", "one of equals"),
    ('{ type = "contains" }', "check.value", "value is missing", "the text"),
    ('{ type = "contains", valeu = "x" }', "check.valeu", "value is missing", "did you mean value"),
    ('{ type = "contains", value = ["x"] }', "check.value", "must be text, not a list", ""),
    ('{ type = "contains", value = true }', "check.value", "must be text, not true/false", ""),
    ('{ type = "contains-all", value = [] }', "check.value", "one at least", ""),
    ('{ type = "contains-all", value = [[1]] }', "check.value", "a list of texts", ""),
    ('{ type = "contains", value = "x", not = "yes" }', "check.not", "must be true or false", ""),
    ('{ type = "contains", value = "x", ignore_case = 1 }', "check.ignore_case", "true or false, not a number", ""),
    ('{ type = "contains", value = "x", weight = -1 }', "check.weight", "out of range", "from 0"),
    ('{ type = "contains", value = "x", weight = "2" }', "check.weight", "must be a number, not text", ""),
    ('{ type = "contains", value = "x", weight = nan }', "check.weight", "out of range", ""),
    ('{ type = "contains", value = "x", threshold = 0.5 }', "check.threshold", "it has no threshold", ""),
    ('{ type = "similarity", value = "x", threshold = 80 }', "check.threshold", "out of range", "from 0 to 1"),
    ('{ type = "regex", value = "(" }', "check.value", "no pattern: missing )", "single quotes"),
    ('{ type = "length", unit = "words" }', "check.type", "needs min or max or value", "such as"),
    ('{ type = "length", unit = "lines", max = 3 }', "check.unit", 'one of words, characters, tokens, not "lines"', ""),
    ('{ type = "length", min = 5, max = 3 }', "check.min", "min = 5 is over max = 3", ""),
    ('{ type = "latency" }', "check.type", "needs min or max", ""),
    ('{ type = "json-schema" }', "check.value", "value is missing", "JSON Schema"),
    ('{ type = "json-schema", value = "{" }', "check.value", "is no JSON", ""),
    ('{ type = "json-schema", value = { type = "strin" } }', "check.value", "value.type is no JSON Schema", ""),
    ('{ type = "json-schema", value = 3 }', "check.value", "must be a JSON Schema, not a number", ""),
    ('{ type = "language", value = "Koraen" }', "check.value", "no language", "did you mean Korean?"),
    ('{ type = "language", value = "English" }', "check.value", "shares its script", 'value = "Latin"'),
    ('{ type = "label-probability", labels = ["A", "B"] }', "check.labels", "none of the labels", "add it"),
    ('{ type = "finish-reason", value = "done" }', "check.value", "one of stop, length", ""),
]


@pytest.mark.parametrize(("text", "key", "what", "hint"), WRONG, ids=[each[0] for each in WRONG])
def test_what_is_wrong_is_said(text: str, key: str, what: str, hint: str) -> None:
    with pytest.raises(FileError) as caught:
        check(text)
    problem = caught.value.problem
    assert problem.file == "file.toml"
    assert problem.line == 1
    assert problem.key == key
    assert what in problem.problem
    assert hint in problem.hint


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_example_is_right(kind: Kind) -> None:
    assert check(kind.example).kind == kind.name


def test_aliases_and_negation() -> None:
    assert set(NAMES.values()) == set(KINDS)
    found = check('{ type = "not-llm-rubric", value = "polite" }')
    assert (found.kind, found.type, found.negated) == ("judge", "not-llm-rubric", True)


def test_keys_of_others_are_kept_and_near_ones_are_told() -> None:
    source = 'check = { type = "contains", value = "x", ignorecase = true, mine = 3 }'
    reader = Reader(tomllib.loads(source)["check"], source, "f.toml", ("check",))
    assert read(reader).options["ignore_case"] is False
    (told,) = reader.misspelled()
    assert told.hint == "did you mean ignore_case?"
    assert not told.serious
    assert reader.left == {"ignorecase": True, "mine": 3}


def test_too_many_checks_are_refused() -> None:
    readers = [Reader({"type": "is-json"}, "", "f.toml", ("checks", at)) for at in range(201)]
    with pytest.raises(FileError, match="more than 200 checks"):
        read_all(readers)


def test_the_checks_of_a_prompts_cases() -> None:
    text = (
        'kind = "system"\ntext = "x"\n\n[[cases]]\nmessage = "m"\nchecks = [\n  { type = "contains", value = "4" },\n'
        '  { type = "contians", value = "4" },\n  { type = "regex", value = "(" },\n]\n'
    )
    prompt = parse(text.encode(), id="x")
    found = problems_of(prompt)
    assert [(problem.line, problem.key) for problem in found] == [(8, "cases.checks.type"), (9, "cases.checks.value")]
    with pytest.raises(PromptError, match=r"x:8 cases\.checks\.type"):
        of_case(prompt, 0)


SHIPPED = sorted(paths.shipped("prompts").rglob("*.toml"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_checks_of_the_shipped_prompts_are_right(path: Path) -> None:
    prompt = parse(path.read_bytes(), id=path.stem, path=path)
    assert problems_of(prompt) == []
    assert all(len(of_case(prompt, at)) == len(case.checks) for at, case in enumerate(prompt.cases))
