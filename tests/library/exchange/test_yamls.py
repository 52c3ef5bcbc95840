"""Foreign YAML: bounded before anything is built, plain values as YAML 1.2 has them, errors at their line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import PromptError
from workbench.library.exchange import yamls
from workbench.library.exchange.parts import Source


def load(text: str) -> Any:
    return yamls.load(text, Source(Path("x.yaml"), text))


def bomb(item: str) -> str:
    """Nine levels that each name the one before nine times: 9^9 values."""
    lines = ["a: &a {k0: 1, k1: 1, k2: 1}"]
    lines += [f"{chr(98 + n)}: &{chr(98 + n)} {item.format(','.join(['*' + chr(97 + n)] * 9))}" for n in range(9)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    "text",
    [
        bomb("[{}]"),
        bomb("{{<<: [{}]}}"),  # merges expand while the data is built
        "a: &a [*a]",
        "a: &a {b: *a}",
        "a: " + "[" * 100 + "]" * 100,
    ],
    ids=["aliases", "merges", "itself", "itself in a table", "deep"],
)
def test_too_large(text: str) -> None:
    with pytest.raises(PromptError, match="too large"):
        load(text)


def test_too_many_or_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yamls, "NODES", 1000)
    with pytest.raises(PromptError, match="at most 1,000 values"):
        load("- {a: b}\n" * 400)
    monkeypatch.setattr(yamls, "LARGEST", 10)
    with pytest.raises(PromptError, match="at most 10 characters"):
        load("a: " + "x" * 10)


def test_aliases_and_merges_that_people_write() -> None:
    assert load("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: *a") == {
        "a": {"x": 1, "y": 2},
        "b": {"x": 1, "y": 3},
        "c": {"x": 1, "y": 2},
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12:30", "12:30"),
        (":".join(["1"] * 50_000), ":".join(["1"] * 50_000)),
        ("no", "no"),
        ("on", "on"),
        ("true", True),
        ("False", False),
        ("2024-01-02", "2024-01-02"),
        ("007", "007"),
        ("0", 0),
        ("-12", -12),
        ("0x1f", 31),
        ("0o17", 15),
        ("1_000", "1_000"),
        ("0.5", 0.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("1.2.3", "1.2.3"),
        ("~", None),
        ("null", None),
        ("=", "="),
    ],
)
def test_plain_values(text: str, value: Any) -> None:
    found = load(f"a: {text}")["a"]
    assert found == value
    assert type(found) is type(value)


def test_the_line_of_an_error() -> None:
    with pytest.raises(PromptError, match=r"x\.yaml:2: broken YAML"):
        load("a: 1\nb: : :\n")
    source = Source(Path("x.md"), "---\na: 1\nb: : :\n---\ntext")
    with pytest.raises(PromptError, match=r"x\.md:3: broken YAML"):
        yamls.front(source)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("---\na: |\n  x\n---\nbody\n", ({"a": "x\n"}, "body\n")),
        ("---\n---\nbody", ({}, "body")),
        ("---\na: 1\n---", ({"a": 1}, "")),
        ("---\nno end\n", ({}, "---\nno end\n")),
        ("body\n---\na: 1\n---\n", ({}, "body\n---\na: 1\n---\n")),
    ],
)
def test_front_matter(text: str, found: tuple[dict[str, Any], str]) -> None:
    assert yamls.front(Source(Path("x"), text)) == found


TEXTS = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=20),
    st.sampled_from(
        ["1e5", "0o17", "yes", "12:30", "007", "<<", "=", "~", "", "a\nb", " a\n", "한국어\n둘", "1.", ".5"]
    ),
)


@given(st.dictionaries(TEXTS, TEXTS | st.integers() | st.booleans() | st.floats(allow_nan=False) | st.none()))
def test_what_is_written_is_read(data: dict[str, Any]) -> None:
    assert load(yamls.dump(data)) == data


@given(st.dictionaries(TEXTS, TEXTS))
def test_texts_stay_texts_for_yaml_1_1(data: dict[str, Any]) -> None:
    import yaml

    assert yaml.safe_load(yamls.dump(data)) == data
