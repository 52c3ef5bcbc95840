"""An association as it is tried, and back into its file: only the lines that changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from workbench.errors import UsageError
from workbench.insight.sheet import Line, Sheet
from workbench.library.prompt import parse

SOURCE = """# mine
schema = 1
kind = "association"
title = "Star"  # a title
text = "A {{phrase}} is a"
words = [
  "sun",  # bright
  "actor",
]

[variables.phrase]
default = "star"

[[contexts]]
name = "alone"
text = "star"  # bare

[[contexts]]
name = "galaxy"
text = "star of a galaxy"

[[contexts]]
name = "film"
text = "star of a film"
"""


def sheet(source: str = SOURCE) -> Sheet:
    return Sheet.of(parse(source.encode(), id="association/star"))


def test_nothing_changed_writes_nothing() -> None:
    made = sheet()
    assert not made.changed
    assert made.written(SOURCE) == SOURCE
    assert made.prompts == {
        "alone": "A star is a",
        "galaxy": "A star of a galaxy is a",
        "film": "A star of a film is a",
    }


def test_only_the_changed_lines_are_others() -> None:
    made = sheet().with_word("Milky Way").with_context("sea = star fish").with_context("galaxy = star in a galaxy", 1)
    assert made.changed
    text = made.written(SOURCE)
    gone = set(SOURCE.splitlines()) - set(text.splitlines())
    assert gone == {'text = "star of a galaxy"'}
    again = sheet(text)
    assert again.words == ("sun", "actor", "Milky Way")
    assert [(line.name, line.text) for line in again.contexts][1:] == [
        ("galaxy", "star in a galaxy"),
        ("film", "star of a film"),
        ("sea", "star fish"),
    ]


def test_taken_out_and_put_in() -> None:
    made = sheet().without_context(1).without_word(1).with_context("a new star")
    again = sheet(made.written(SOURCE))
    assert again.words == ("sun",)
    assert [(line.name, line.text) for line in again.contexts] == [
        ("alone", "star"),
        ("film", "star of a film"),
        ("a new star", "a new star"),
    ]
    assert "# bright" in made.written(SOURCE)
    assert "# bare" in made.written(SOURCE)


def test_a_file_without_contexts_gets_some() -> None:
    source = 'schema = 1\nkind = "association"\ntext = "A {{x}}"\n\n[variables.x]\ndefault = "star"\n'
    made = sheet(source)
    assert (made.prompts, made.names) == ({"text": "A star"}, ["text"])
    again = sheet(made.with_context("sea = star fish").with_word("sun").written(source))
    assert (again.contexts, again.words) == ((Line("sea", "star fish", 0),), ("sun",))


def test_the_baseline_goes_with_its_context() -> None:
    made = replace(sheet(), base=2)
    assert made.without_context(0).base == 1
    assert made.without_context(2).base == 0
    assert replace(made, base=0).without_context(2).base == 0


def test_what_makes_no_sense_is_said() -> None:
    wrongs: list[Callable[[], object]] = [
        lambda: sheet().with_word(" "),
        lambda: sheet().with_word("sun"),
        lambda: sheet().with_word("sun", 1),
        lambda: sheet().with_context("film = star"),
        lambda: sheet().with_context("= star"),
        lambda: sheet().with_context(" "),
        lambda: sheet().without_context(0).without_context(0).without_context(0),
    ]
    for wrong in wrongs:
        with pytest.raises(UsageError):
            wrong()
    assert sheet().with_word("sun", 0).words == ("sun", "actor")
    assert sheet().with_context("film = the star", 2).contexts[2] == Line("film", "the star", 2)


def test_a_template_of_its_own_keeps_the_rest(tmp_path: Path) -> None:
    made = sheet().with_word("Milky Way")
    again = sheet(made.composed(SOURCE, "Mine"))
    assert again.prompt.title == "Mine"
    assert again.words == ("sun", "actor", "Milky Way")
    assert again.prompt.variables["phrase"].default == "star"
    assert again.prompts == made.prompts
