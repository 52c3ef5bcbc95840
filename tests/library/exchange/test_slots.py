"""What is written for another program means the same to that program's own engine."""

from __future__ import annotations

import string

import minijinja
from hypothesis import assume, given
from hypothesis import strategies as st

from workbench.errors import PromptError
from workbench.library.exchange.slots import convert, from_jinja, ours, to_dollar, to_jinja
from workbench.library.template import pieces

SPECIAL = "{ } {{ }} {{{ {% %} {# #} {{' {% raw %} {{ x | upper }} \\ $ $x ${x} $$ ' 한국어 🙂".split(" ")
LITERALS = st.text(st.characters(codec="utf-8", exclude_characters="\r\x00"), max_size=12) | st.sampled_from(SPECIAL)
VALUES = {"topic": "{{ tone }} $tone {% x", "tone": "안녕"}
TEXTS = st.lists(LITERALS, max_size=4).map("".join)


@st.composite
def found(draw: st.DrawFn) -> list[tuple[str, bool]]:
    """Pieces as a reader gives them: no two literals side by side, none empty."""
    made: list[tuple[str, bool]] = []
    for _ in range(draw(st.integers(0, 4))):
        made += [(draw(TEXTS), False), (draw(st.sampled_from(list(VALUES))), True)]
    made.append((draw(TEXTS), False))
    return [(text, is_slot) for text, is_slot in made if text]


def template(parts: list[tuple[str, bool]]) -> str:
    try:
        return ours(parts)
    except PromptError:  # our own syntax cannot write it
        assume(False)
        raise


def filled(text: str) -> str:
    return "".join(VALUES[part] if is_slot else part for part, is_slot in pieces(text))


@given(found())
def test_ours_says_what_the_pieces_say(parts: list[tuple[str, bool]]) -> None:
    assert filled(template(parts)) == "".join(VALUES[part] if is_slot else part for part, is_slot in parts)


@given(found())
def test_jinja(parts: list[tuple[str, bool]]) -> None:
    text = template(parts)
    made = convert(text, to_jinja)
    assert minijinja.Environment(keep_trailing_newline=True).render_str(made, **VALUES) == filled(text)
    assert from_jinja(made) == parts


@given(found())
def test_dollar(parts: list[tuple[str, bool]]) -> None:
    text = template(parts)
    assert string.Template(convert(text, to_dollar)).substitute(VALUES) == filled(text)
