"""The schema: what a good file gives, what a bad one says, and noise."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import PromptError
from workbench.library.lines import places
from workbench.library.prompt import content_hash, parse, short
from workbench.library.reader import FileError
from workbench.library.template import lead

GOOD = """schema = 1
kind = "system"
title = "T"
tags = ["a"]
text = \"\"\"
Be {{mood}}.
title = 3
\"\"\"
colour = "kept"

[variables.mood]
default = "kind"
choices = ["kind", "curt"]

[[examples]]
user = "Hi"
assistant = "Hello"

[sampling]
temperature = 0.2

[[cases]]
message = "x"
checks = [{ type = "contains", value = "y" }]
"""


def make(text: str) -> object:
    return parse(text.encode(), id="x/y", path=Path("/p/x.toml"))


def test_a_good_file() -> None:
    prompt = parse(GOOD.encode(), id="x/y")
    assert (prompt.title, prompt.tags, prompt.sampling) == ("T", ("a",), {"temperature": 0.2})
    assert prompt.variables["mood"].type == "choice"
    assert prompt.extra == {"colour": "kept"}
    assert prompt.cases[0].checks[0]["value"] == "y"
    assert [message.role for message in lead(prompt, {})] == ["system", "user", "assistant"]


@pytest.mark.parametrize(
    ("change", "line", "said"),
    [
        (('title = "T"', "title = 7"), 3, "title must be text, not a number"),
        (('kind = "system"', 'kind = "sistem"'), 2, "one of system, chat, association"),
        (('tags = ["a"]', "tags = [1]"), 4, "list of texts"),
        (("temperature = 0.2", "temperature = -3"), 20, "temperature goes from 0 to 100"),
        (("temperature = 0.2", "temprature = 1"), 20, "did you mean temperature?"),
        (("temperature = 0.2", 'temperature = "0.2"'), 20, "temperature must be a number, not text"),
        (("temperature = 0.2", "logit_bias = { 1 = [2] }"), 20, "logit_bias"),
        (("[variables.mood]", "[variables.'no name']"), 11, "no variable name"),
        (('choices = ["kind", "curt"]', 'choices = ["kind",\n 3]'), 13, "list of texts, and one is a number"),
        (('default = "kind"', "default = 1979-05-27"), 12, "not a date"),
        (('text = """', 'text = """\\{{x}}'), 5, "two braces"),
        (('default = "kind"', 'default = "sad"'), 12, "none of the choices"),
        (('assistant = "Hello"', ""), 15, "assistant is missing"),
        (("schema = 1", "schema = 1 1"), 1, "broken TOML"),
        (('title = "T"', 'title = "T'), 3, "broken TOML"),
        (('message = "x"', "message = true"), 23, "message must be text"),
    ],
)
def test_a_bad_file_names_line_key_and_way_out(change: tuple[str, str], line: int, said: str) -> None:
    with pytest.raises(PromptError) as caught:
        make(GOOD.replace(*change))
    text = str(caught.value)
    assert text.startswith(f"/p/x.toml:{line}"), text
    assert said in text
    assert "\n" not in text


def test_a_near_miss_of_a_key_is_kept_and_warned_of() -> None:
    prompt = parse(GOOD.replace('title = "T"', 'tilte = "T"').encode(), id="x/y")
    assert prompt.extra["tilte"] == "T"
    (warning,) = prompt.warnings
    assert (warning.line, warning.key, warning.serious) == (3, "tilte", False)
    assert "did you mean title?" in str(warning)
    nested = GOOD.replace('default = "kind"', 'defualt = "kind"').replace('name = "', 'nmae = "')
    assert [(found.line, found.key) for found in parse(nested.encode(), id="x").warnings] == [
        (12, "variables.mood.defualt")
    ]


def test_a_missing_key_names_the_one_that_was_meant() -> None:
    with pytest.raises(FileError, match="did you mean text where it says") as caught:
        parse(b'kind = "system"\n\ntetx = "x"\n', id="x")
    assert caught.value.problem.line == 3


def test_the_version_follows_what_the_model_is_given() -> None:
    base = parse(GOOD.encode(), id="a").version
    assert parse(GOOD.replace('title = "T"', 'title = "U"').encode(), id="b").version == base
    assert parse(GOOD.replace("\n", "\r\n").encode(), id="a").version == base
    assert parse(GOOD.replace("Be {{", "Be very {{").encode(), id="a").version != base
    assert parse(GOOD.replace("0.2", "0.3").encode(), id="a").version != base


def test_a_newer_schema_runs_but_is_read_only() -> None:
    assert parse(GOOD.replace("schema = 1", "schema = 2").encode(), id="a").read_only


def test_the_version_is_over_the_meaning_and_not_the_writing() -> None:
    base = parse(GOOD.encode(), id="a").version
    same = GOOD.replace("temperature = 0.2", "temperature = 0.20  # cool").replace('colour = "kept"', "")
    assert parse(same.encode(), id="a").version == base
    assert (
        parse(GOOD.replace('default = "kind"', 'default = "kind"\ndescription = "d"').encode(), id="a").version == base
    )
    assert parse(GOOD.replace('default = "kind"', 'default = "curt"').encode(), id="a").version != base
    # Written down once: a change of the canonical form would rename every version that people have.
    assert content_hash({"kind": "system", "template": "plain", "text": "한 {{x}}\n"}).startswith("04364643c8cb")
    assert short(base) == base[:4]


HOSTILE = {
    "not UTF-8": b"\xff\xfe",
    "UTF-16": 'kind = "system"'.encode("utf-16"),
    "NUL": b"a = 1\x00",
    "open brackets": b"[" * 5000,
    "nested arrays": b"a=" + b"[" * 5000,
    "arrays nested 300 deep": GOOD.encode() + b"\n[other]\na=" + b"[" * 300 + b"]" * 300,
    "tables nested 90 deep": GOOD.encode() + b"\n[x." + b"a." * 45 + b"a]\n" + b"b." * 45 + b"b=1",
    "a key of 20,000 parts": b"a." * 20_000 + b"a=1",
    "a quoted key of 20,000 parts": b"'a' . " * 20_000 + b"a=1",
    "huge": b"x" * 10_000_001,
    "huge and right": b'kind="system"\ntext="' + b"x" * 10_000_000 + b'"',
    "only a BOM": b"\xef\xbb\xbf",
    "a number of 5,000 digits": b"seed=" + b"9" * 5000,
    "a huge float": GOOD.encode() + b"\n[sampling]\ntop_p=1e999",
    "blanks in brackets": b"kind=7\na=[\n[" + b" " * 100_000 + b"1]\n]\n",
    "nothing": b"",
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_hostile_bytes_are_one_short_line(data: bytes) -> None:
    with pytest.raises(PromptError) as caught:
        parse(data, id="x")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_bom_and_crlf_are_fine() -> None:
    prompt = parse(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode(), id="x")
    assert prompt.text == "Be {{mood}}.\ntitle = 3\n"


TOML = [
    "kind",
    "text",
    "system",
    "=",
    "=",
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    '"',
    '"""',
    "'",
    "'''",
    "\n",
    "\n",
    ".",
    ",",
]
TOML += [
    "variables",
    "x",
    "sampling",
    "seed",
    "1",
    "-0.5",
    "true",
    "#",
    "\\",
    "cases",
    "examples",
    "user",
    " ",
    "\r\n",
    "é",
]


@settings(max_examples=300)
@given(st.lists(st.sampled_from(TOML), max_size=60).map("".join))
def test_the_scanner_and_the_reader_take_any_text(text: str) -> None:
    places(text)
    with suppress(PromptError):
        parse(('kind="system"\ntext="x"\n' + text).encode(), id="x")


@settings(max_examples=200)
@given(st.binary(max_size=300))
def test_any_bytes_are_a_prompt_error_or_a_prompt(data: bytes) -> None:
    with suppress(PromptError):
        parse(data, id="x")


@settings(max_examples=200)
@given(st.text(max_size=200), st.sampled_from(["text", "title", "variables", "examples", "cases", "sampling", "kind"]))
def test_noise_in_a_key_is_a_prompt_error_or_a_prompt(value: str, key: str) -> None:
    text = f'kind = "system"\ntext = "x"\n{key} = {value}'
    with suppress(PromptError):
        assert parse(text.encode("utf-8", "surrogatepass"), id="x").kind == "system"
