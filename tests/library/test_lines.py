"""The line of every key, against TOML as people write it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest

from workbench.library.lines import LongKeyError, line_of, places

SOURCE = '''\
# title = "no"
"quoted key" = 1            # line 2
a.b . "c" = "x = 1"
text = """
[not.a.table]
key = 1 \\"""
"""                         # line 7
raw = \'\'\'
[[neither]]''\'\'\'
list = [                    # line 10
  ["x"],
  "[y]",  # [z]
  { in = 1, out = { deep = "d" } },
]
[table]                     # line 15
key = 1
[ "dotted" . table ]
key = 2
[[many]]
key = "first"               # line 20
[many.below]
key = 3
[[many]]
key = "second"
[[many.inner]]              # line 25
key = 4
empty = {}
after = 5
'''
LINES = {
    ("quoted key",): 2,
    ("a", "b", "c"): 3,
    ("text",): 4,
    ("raw",): 8,
    ("list",): 10,
    ("list", 0, 0): 11,
    ("list", 1): 12,
    ("list", 2, "in"): 13,
    ("list", 2, "out", "deep"): 13,
    ("table",): 15,
    ("table", "key"): 16,
    ("dotted", "table"): 17,
    ("dotted", "table", "key"): 18,
    ("many",): 19,
    ("many", 0): 19,
    ("many", 0, "key"): 20,
    ("many", 0, "below", "key"): 22,
    ("many", 1, "key"): 24,
    ("many", 1, "inner", 0, "key"): 26,
    ("many", 1, "inner", 0, "empty"): 27,
    ("many", 1, "inner", 0, "after"): 28,
}


@pytest.mark.parametrize(("path", "line"), LINES.items())
def test_the_line_of_a_key(path: tuple[str | int, ...], line: int) -> None:
    assert line_of(SOURCE, path) == line
    assert line_of(SOURCE.replace("\n", "\r\n"), path) == line


def _paths(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        yield (*path, key)
        if isinstance(item, dict | list):
            yield from _paths(item, (*path, key))


def test_every_place_that_tomllib_has_is_found_and_no_other() -> None:
    assert set(places(SOURCE)) == set(_paths(tomllib.loads(SOURCE)))


def test_a_key_that_is_not_there_has_the_line_of_its_table() -> None:
    assert line_of(SOURCE, ("many", 1, "nowhere")) == 23
    assert line_of(SOURCE, ("nowhere",)) == 1


def test_a_key_of_very_many_parts_is_refused() -> None:
    with pytest.raises(LongKeyError) as caught:
        places("x = 1\n" + "a." * 100 + "a = 1")
    assert caught.value.line == 2
    places("x = '" + "a." * 100 + "'  # " + "a." * 100)
