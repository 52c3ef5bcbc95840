"""The JSON Schema says what the parser says."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench import paths
from workbench.errors import PromptError
from workbench.inference.sampling import SPECS
from workbench.library import jsonschema as ours
from workbench.library import prompt as parser
from workbench.library.reader import Reader

DRAFTS = [jsonschema.Draft7Validator, jsonschema.Draft4Validator]
SCHEMA = ours.schema()
CHECKS = [draft(SCHEMA) for draft in DRAFTS]
FILE = Path(__file__).parents[2] / "docs" / "prompt.schema.json"


def passes(data: Any) -> bool:
    """What the schema says; as draft 7 and as draft 4 it must be the same."""
    said = {check.is_valid(data) for check in CHECKS}
    assert len(said) == 1, "draft 4 and draft 7 part"
    return said.pop()


def loads(text: str) -> bool:
    try:
        parser.parse(text.encode(), id="x")
    except PromptError:
        return False
    return True


def test_it_is_a_schema_and_the_file_in_docs_is_it() -> None:
    for draft in DRAFTS:
        draft.check_schema(SCHEMA)
    wanted = json.dumps(SCHEMA, ensure_ascii=False, indent=1) + "\n"
    assert FILE.read_text(encoding="utf-8") == wanted, "workbench prompts schema > docs/prompt.schema.json"


SHIPPED = sorted(paths.shipped("prompts").rglob("*.toml"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_prompt_passes(path: Path) -> None:
    assert passes(tomllib.loads(path.read_text(encoding="utf-8")))


S = 'kind = "system"\ntext = "x"\n'
C = 'kind = "chat"\n[[messages]]\nrole = "user"\ncontent = "x"\n'
A = 'kind = "association"\ntext = "x {{c}}"\n'
WRONG = {
    "no kind": 'text = "x"',
    "unknown kind": 'kind = "sistem"\ntext = "x"',
    "a system without text": 'kind = "system"',
    "an association without text": 'kind = "association"',
    "a chat without messages": 'kind = "chat"',
    "a chat with no message": 'kind = "chat"\nmessages = []',
    "messages that are no tables": 'kind = "chat"\nmessages = ["x"]',
    "an unknown role": 'kind = "chat"\n[[messages]]\nrole = "tool"\ncontent = "x"',
    "a message without content": 'kind = "chat"\n[[messages]]\nrole = "user"',
    "schema 0": "schema = 0\n" + S,
    "schema as text": 'schema = "1"\n' + S,
    "title as number": "title = 3\n" + S,
    "text as number": 'kind = "system"\ntext = 3',
    "tags as text": 'tags = "a"\n' + S,
    "a tag that is a number": 'tags = ["a", 1]\n' + S,
    "an unknown template": 'template = "mustache"\n' + S,
    "a variable's name with a blank": S + '[variables."a b"]\ndefault = "x"',
    "a variable's name with a digit first": S + "[variables.1a]",
    "a variable's name of 101 letters": S + f"[variables.{'a' * 101}]",
    "a variable that is no table": S + 'variables = { a = "x" }',
    "a variable of an unknown type": S + '[variables.a]\ntype = "text"',
    "a choice without choices": S + '[variables.a]\ntype = "choice"',
    "a choice with no choice": S + '[variables.a]\ntype = "choice"\nchoices = []',
    "a default of another type": S + '[variables.a]\ntype = "int"\ndefault = "3"',
    "a float where an int is": S + '[variables.a]\ntype = "int"\ndefault = 3.5',
    "a number where no type is said": S + "[variables.a]\ndefault = 3",
    "true where a number is": S + '[variables.a]\ntype = "float"\ndefault = true',
    "a number where true or false is": S + '[variables.a]\ntype = "bool"\ndefault = 1',
    "choices as numbers": S + "[variables.a]\nchoices = [1, 2]",
    "a date": S + "[variables.a]\ndefault = 1979-05-27",
    "a pair without an answer": S + '[[examples]]\nuser = "x"',
    "an unknown setting": S + "[sampling]\ntemprature = 1",
    "a setting out of range": S + "[sampling]\ntemperature = -1",
    "a setting as text": S + '[sampling]\ntemperature = "1"',
    "a fraction of a token": S + "[sampling]\ntop_k = 1.5",
    "an empty stop": S + '[sampling]\nstop = ["x", ""]',
    "a bias out of range": S + "[sampling]\nlogit_bias = { 1 = 101 }",
    "cases as a table": S + '[cases]\nmessage = "x"',
    "a message as number": S + "[[cases]]\nmessage = 3",
    "values as text": S + '[[cases]]\nvariables = "x"',
    "checks as texts": S + '[[cases]]\nchecks = ["x"]',
    "words as numbers": A + "words = [1]",
    "a context without text": A + '[[contexts]]\nname = "x"',
}
RIGHT = {
    "the least system": S,
    "the least chat": C,
    "a chat with text too": 'text = "x"\n' + C,
    "an association": A + 'words = ["a"]\n[variables.c]\n[[contexts]]\nname = "n"\ntext = "t"',
    "an empty text": 'kind = "system"\ntext = ""',
    "a later schema": "schema = 7\n" + S,
    "unknown keys": S + 'mine = { a = 1979-05-27 }\n[[cases]]\nnote = 1\n[variables.a]\ncolour = "red"',
    "a Korean variable": S + '[variables."이름"]\ndescription = "x"',
    "a variable of one underscore": S + "[variables._]",
    "all types": S
    + '[variables]\na = { type = "string", default = "x" }\nb = { type = "int", default = 1 }\n'
    + 'c = { type = "float", default = 1 }\nd = { type = "float", default = 0.5 }\n'
    + 'e = { type = "bool", default = false }\nf = { type = "choice", choices = ["x"], default = "x" }\n'
    + 'g = { choices = ["x"], default = "x" }\nh = {}',
    "settings": S
    + '[sampling]\ntemperature = 0\nseed = 4294967295\nstop = "x"\ntop_n_sigma = -1\ngrammar = ""\n'
    + 'logit_bias = { 5 = -100, 6 = 0.5 }\ndry_sequence_breakers = ["\\n", "*"]',
    "a bias as text": S + '[sampling]\nlogit_bias = "5:-100, 6:0.5"',
    "a case": S
    + '[[cases]]\nvariables = { a = 1, b = "x" }\nmessage = "x"\nchecks = [{ type = "contains", value = 3 }]',
    "jinja": 'template = "jinja"\n' + S,
}


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_refused_by_both(text: str) -> None:
    assert not loads(text)
    assert not _valid(text)


@pytest.mark.parametrize("text", RIGHT.values(), ids=RIGHT)
def test_what_is_right_is_refused_by_neither(text: str) -> None:
    assert loads(text)
    assert _valid(text)


def _valid(text: str) -> bool:
    data = tomllib.loads(text)
    return passes(data)


def test_what_the_schema_cannot_say() -> None:
    for text in (
        S + '[variables.a]\nchoices = ["x"]\ndefault = "y"',
        S + '[sampling]\nlogit_bias = "five"',
    ):
        assert _valid(text)
        assert not loads(text)


VALUES = st.one_of(
    st.integers(-200, 200),
    st.sampled_from([0.5, float("inf"), 2**31, 2**32, -(2**31)]),
    st.floats(-200, 200).filter(lambda value: value % 1),  # 3.0 is a whole number to draft 7 and to us, not to draft 4
    st.booleans(),
    st.text("ab", max_size=3),
    st.lists(st.one_of(st.text("ab", max_size=2), st.integers(0, 3)), max_size=70),
    st.dictionaries(st.sampled_from(["0", "7", "12"]), st.floats(-200, 200, allow_nan=False), max_size=3),
)


@settings(max_examples=400)
@given(st.sampled_from(sorted(set(SPECS) - {"logit_bias"})), VALUES)
def test_settings_are_refused_by_both_or_neither(name: str, value: object) -> None:
    text = tomli_w.dumps({"kind": "system", "text": "x", "sampling": {name: value}})
    assert _valid(text) == loads(text)


@settings(max_examples=150)
@given(VALUES.filter(lambda value: not isinstance(value, str)))
def test_a_bias_is_refused_by_both_or_neither(value: object) -> None:
    text = tomli_w.dumps({"kind": "system", "text": "x", "sampling": {"logit_bias": value}})
    assert _valid(text) == loads(text)


@settings(max_examples=200)
@given(
    st.sampled_from([*parser.TYPES, None]),
    st.one_of(st.integers(), st.floats(0.1, 0.9), st.booleans(), st.text("ab", max_size=2), st.just([]), st.none()),
    st.lists(st.sampled_from("ab"), max_size=2, unique=True) | st.none(),
)
def test_variables_are_refused_by_both_or_neither(kind: str | None, default: object, choices: list[str] | None) -> None:
    made = {"type": kind, "default": default, "choices": choices}
    data = {"kind": "system", "text": "x", "variables": {"a": {k: v for k, v in made.items() if v is not None}}}
    text = tomli_w.dumps(data)
    if choices and default is not None and default not in choices:
        assert not loads(text)  # what the schema cannot say
    else:
        assert _valid(text) == loads(text)


def test_every_key_that_the_parser_asks_for_is_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Reader] = []

    def spy(*args: Any) -> Reader:
        made.append(Reader(*args))
        return made[-1]

    monkeypatch.setattr(parser, "Reader", spy)
    full = 'text = "x"\nkind = "chat"\nmessages = [{ role = "user", content = "x" }]\n'
    full += '[variables.a]\n[[examples]]\nuser = "x"\nassistant = "x"\n[sampling]\nseed = 1\n'
    full += '[[cases]]\nchecks = [{}]\n[[contexts]]\nname = "x"\ntext = "x"\n'
    parser.parse(full.encode(), id="x")
    asked = {"/".join(map(str, reader.path)): set(reader.asked) for reader in made[0].readers}
    properties = SCHEMA["properties"]
    assert asked.pop("") == set(properties)
    assert asked.pop("variables/a") == set(
        next(iter(properties["variables"]["patternProperties"].values()))["properties"]
    )
    for path, keys in asked.items():
        name, _, rest = path.partition("/")
        if keys and rest:
            assert keys == set(properties[name]["items"]["properties"]), path
    assert set(properties["sampling"]["properties"]) == set(SPECS)
