"""The schema: what a good file gives, what a bad one says, and noise."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench import paths, safe
from workbench.errors import PromptError
from workbench.library.library import Libraries, Library
from workbench.library.prompt import parse
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
    assert "did you mean title?" in prompt.warnings[0]


def test_the_version_follows_what_the_model_is_given() -> None:
    base = parse(GOOD.encode(), id="a").version
    assert parse(GOOD.replace('title = "T"', 'title = "U"').encode(), id="b").version == base
    assert parse(GOOD.replace("\n", "\r\n").encode(), id="a").version == base
    assert parse(GOOD.replace("Be {{", "Be very {{").encode(), id="a").version != base
    assert parse(GOOD.replace("0.2", "0.3").encode(), id="a").version != base


def test_a_newer_schema_runs_but_is_read_only() -> None:
    assert parse(GOOD.replace("schema = 1", "schema = 2").encode(), id="a").read_only


HOSTILE = {
    "not UTF-8": b"\xff\xfe",
    "NUL": b"a = 1\x00",
    "open brackets": b"[" * 5000,
    "nested arrays": b"a=" + b"[" * 5000,
    "huge": b"x" * 10_000_001,
    "only a BOM": b"\xef\xbb\xbf",
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_hostile_bytes_are_one_line(data: bytes) -> None:
    with pytest.raises(PromptError) as caught:
        parse(data, id="x")
    assert "\n" not in safe.line(str(caught.value))


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200), st.sampled_from(["text", "title", "variables", "examples", "cases", "sampling", "kind"]))
def test_noise_in_a_key_is_a_prompt_error_or_a_prompt(value: str, key: str) -> None:
    text = f'kind = "system"\ntext = "x"\n{key} = {value}'
    with suppress(PromptError):
        assert parse(text.encode("utf-8", "surrogatepass"), id="x").kind == "system"


def test_the_shipped_library_is_whole() -> None:
    entries = Libraries([Library("shipped", paths.shipped("prompts"), writable=False)]).entries()
    assert [entry.error for entry in entries if entry.error] == []
    kinds = [entry.prompt.kind for entry in entries if entry.prompt]
    assert kinds.count("system") >= 15
    assert kinds.count("association") >= 6
    for entry in entries:
        prompt = entry.prompt
        assert prompt is not None
        assert prompt.title
        assert len(prompt.description) > 40, prompt.id
        assert prompt.warnings == ()
        messages = lead(prompt, {})
        assert messages
        assert all(safe.is_safe(message.content) and "{{" not in message.content for message in messages)
    assert {"system/plain", "system/step-by-step", "system/korean"} <= {entry.id for entry in entries}
