"""Edits of people's files: the value changes, every other line stays byte for byte."""

from __future__ import annotations

import random
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import PromptError
from workbench.library.edit import edited, quoted
from workbench.library.lineends import restored, shown

FILE = '''# My prompt
schema=1
kind = 'system'   # kept
"title" = "old"  # a comment
tags = [
  "one", # first
  "two",
]
text = """
Take \\u0061 breath, \\\\{{literal}}
and think about {{topic}}.
한국어 🙂
"""

[variables.topic] # sub
default = "0.20"

[[examples]]
user = "a"
assistant = \'\'\'b
c\'\'\'

[mine]
kept = 0.20
'''


def test_one_line_of_a_block_changes_alone() -> None:
    text = tomllib.loads(FILE)["text"].replace("and think", "then think")
    made = edited(FILE, {("text",): text})
    assert made == FILE.replace("and think", "then think")


@pytest.mark.parametrize(
    ("path", "value", "old", "new"),
    [
        (("title",), "새 title", '"old"', '"새 title"'),
        (("kind",), "chat", "'system'", "'chat'"),
        (("kind",), "it's", "'system'", '"it\'s"'),
        (("tags",), ["one", "two", "three"], '  "two",\n', '  "two",\n  "three",\n'),
        (("tags",), ["two"], '  "one", # first\n', ""),
        (("examples", 0, "assistant"), "b\nd", "b\nc", "b\nd"),
        (("variables", "topic", "default"), "x", '"0.20"', '"x"'),
        (("variables", "topic", "description"), "d", '"0.20"\n', '"0.20"\ndescription = "d"\n'),
        (("mine", "kept"), None, "kept = 0.20\n", ""),
    ],
)
def test_only_the_value_changes(path: tuple[str | int, ...], value: Any, old: str, new: str) -> None:
    made = edited(FILE, {path: value})
    assert [line for line in made.split("\n") if line.strip()] == [
        line for line in FILE.replace(old, new).split("\n") if line.strip()
    ]


def test_what_is_not_there_is_made() -> None:
    changes: dict[tuple[str | int, ...], Any] = {
        ("description",): "d",
        ("sampling", "temperature"): 0.5,
        ("examples", 1, "user"): "u",
        ("examples", 1, "assistant"): "two\nlines",
        ("variables", "name"): {"type": "int", "default": 3},
        ("cases", 0, "message"): "m",
    }
    made = tomllib.loads(edited(FILE, changes))
    assert made["sampling"] == {"temperature": 0.5}
    assert made["examples"][1] == {"user": "u", "assistant": "two\nlines"}
    assert made["variables"]["name"] == {"type": "int", "default": 3}
    assert made["cases"] == [{"message": "m"}]
    assert all(line in edited(FILE, changes).split("\n") for line in FILE.split("\n"))


def test_no_change_is_no_change() -> None:
    assert edited(FILE, {("title",): "old", ("nothing",): None, ("tags",): ["one", "two"]}) == FILE


def test_a_broken_file_is_refused_in_one_line() -> None:
    with pytest.raises(PromptError, match="edit its TOML"):
        edited("title = ", {("title",): "x"})


@given(
    st.text(st.sampled_from("ab\"'\\\n\r\t\x00\x7f한🙂{} "), max_size=30),
    st.sampled_from(["", '"x"', "'x'", '"""\nx"""', "'''x'''"]),
)
def test_any_text_is_quoted_right(value: str, old: str) -> None:
    assert tomllib.loads(f"x = {quoted(value, old)}")["x"] == value


# ---- many files

_TEXTS = ("a", "말 🙂", "tab\there", "back\\slash", 'quo"te', "it's", "two\nlines", "\nled", '"""', "\u2028", "x" * 80)


def _quoted(rng: random.Random, value: str) -> str:
    """One of the ways to write it."""
    ways = [quoted(value), quoted(value, '"""\nx"""'), quoted(value, '"""x"""')]
    if value.isprintable() and "'" not in value:
        ways += [f"'{value}'", f"'''{value}'''", f"'''\n{value}'''"]
    return rng.choice(ways)


def _file(rng: random.Random) -> str:
    """A prompt file as people write them: comments, blank lines, any quoting, tables in any order."""

    def comment() -> str:
        return rng.choice(["", "", "  # 주석 note", "\t#"])

    def pair(key: str, value: str) -> str:
        return f"{rng.choice(['', '', '  '])}{key}{rng.choice([' = ', '=', '  =  '])}{value}{comment()}\n"

    def text() -> str:
        return _quoted(rng, rng.choice(_TEXTS))

    keys = ["title", "description", "text", '"quoted key"', "other", "a.dotted", "a.key2"]
    rng.shuffle(keys)
    made = [rng.choice(["", "# top\n", "\n"]), pair("kind", "'system'")]
    made += [pair(key, text()) + rng.choice(["", "", "\n", "# between\n"]) for key in keys[: rng.randint(1, 7)]]
    made.append(rng.choice(["", pair("tags", '["x", "y"]'), 'tags = [ # t\n  "x",\n  "y" # last\n]\n', "n = 0.20\n"]))
    tables = [
        f"[variables.v]{comment()}\n" + pair("default", text()),
        f"\n[sampling]\n{pair('temperature', '0.70')}",
        "[[examples]]\n" + pair("user", text()) + pair("assistant", text()),
        "[unknown.table]\nz = [1, 2,\n 3]\nd = 1979-05-27T07:32:00Z\ninline = { a = 1, b = 'x' }\n",
    ]
    rng.shuffle(tables)
    made += tables[: rng.randint(0, 4)]
    return "".join(made)


_CHANGES: tuple[tuple[tuple[str | int, ...], Any], ...] = (
    (("title",), "a new title"),
    (("text",), "a new\ntext\n"),
    (("description",), "말 🙂"),
    (("tags",), ["x", "z"]),
    (("variables", "v", "default"), "other"),
    (("sampling", "temperature"), 0.25),
    (("examples", 0, "user"), "asked"),
    (("description",), None),
)


@pytest.mark.parametrize("part", range(10))
def test_five_thousand_files_keep_every_untouched_line(part: int) -> None:
    rng = random.Random(part)
    for _ in range(500):
        text = _file(rng)
        data = text.replace("\n", "\r\n").encode() if rng.random() < 0.3 else text.encode()
        path, value = rng.choice(_CHANGES)
        before = tomllib.loads(shown(data))
        made = restored(data, edited(shown(data), {path: value}))
        after = tomllib.loads(made.decode())
        top = path[0]
        assert {k: v for k, v in after.items() if k != top} == {k: v for k, v in before.items() if k != top}
        kept = [line for line in data.split(b"\n") if line.strip()]
        new = made.split(b"\n")
        # What went is one stretch of lines: the value's own.
        lost = _lost(kept, new)
        assert len(lost) <= len(str(_value(before, path)).split("\n")) + 4, (data, made)


def _value(data: Any, path: tuple[str | int, ...]) -> Any:
    for part in path:
        try:
            data = data[part]
        except (LookupError, TypeError):
            return ""
    return data


def _lost(old: list[bytes], new: list[bytes]) -> list[bytes]:
    left = list(new)
    lost = []
    for line in old:
        if line in left:
            left.remove(line)
        else:
            lost.append(line)
    return lost
