"""Search over cards: what is found, in what order; typing letter by letter gives what asking at once gives."""

from __future__ import annotations

import unicodedata
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from workbench.library.index import Card
from workbench.library.library import Entry
from workbench.library.prompt import parse
from workbench.library.search import LEADING, Searcher, positions, search

CARDS = [
    Card(
        "chat/interview", "lib", "/1", kind="chat", title="A job interview", tags=("role-play",), text="Ask about star"
    ),
    Card("system/bad", "lib", "/2", error="system/bad.toml:1: broken", problem="broken TOML"),
    Card(
        "system/star", "mine", "/3", kind="system", title="Star of a film", tags=("short", "한국어"), text="안녕하세요"
    ),
    Card("system/step-by-step", "lib", "/4", kind="system", title="Think", description="a star?", text="step by step"),
]
LABELS = {"system/star": ["production"]}
WORDS = st.sampled_from(
    "star st step interview kind:system tag:short label:pro is:bad library:mine foo:bar 한국 안녕 intreview zzzz a BY "
    ": kind:".split()
)


def _joined(words: list[str]) -> list[str]:
    return [" ".join(words)]


def ids(query: str, limit: int = 500) -> list[str]:
    return [card.id for card, _ in Searcher(CARDS, LABELS).find(query, limit)]


def test_every_word_must_be_there_and_the_best_place_leads() -> None:
    assert ids("star") == ["system/star", "system/step-by-step", "chat/interview"]
    assert ids("star film") == ["system/star"]
    assert ids("STAR Ask") == ["chat/interview"]
    assert ids("star nowhere") == []
    scores = [score for _, score in Searcher(CARDS).find("star")]
    assert scores == sorted(scores, reverse=True)
    assert all(0 < score <= 100 for score in scores)


def test_filters() -> None:
    assert ids("kind:system") == ["system/star", "system/step-by-step"]
    assert ids("kind:s tag:sho") == ["system/star"]
    assert ids("label:production") == ["system/star"]
    assert ids("label:candidate") == []
    assert ids("library:lib star") == ["system/step-by-step", "chat/interview"]
    assert ids("is:bad") == ["system/bad"]
    assert ids("is:good") == []
    assert ids("tag:") == ["chat/interview", "system/star"]
    assert ids("kind:system tag:short label:prod library:mine star") == ["system/star"]
    assert ids("kind:chat label:production") == []
    assert ids("kind:system kind:chat") == []
    assert ids("foo:bar") == []


def test_spelling_is_forgiven_and_any_script_is_found() -> None:
    assert ids("intreview") == ["chat/interview"]
    assert ids("한국") == ["system/star"]
    assert ids("안녕") == ["system/star"]
    assert ids("broken") == ["system/bad"]
    assert ids("") == [card.id for card in CARDS]


def test_a_syllable_is_found_however_it_is_put_together() -> None:
    """File names from a Mac come in parts; what one types does not."""
    parts = unicodedata.normalize("NFD", "인사/café")
    cards = [Card(parts, "lib", "/1", tags=(unicodedata.normalize("NFD", "한국어"),))]
    for query in ("인사", "café", unicodedata.normalize("NFD", "CAFÉ"), "tag:한국"):
        assert [card.id for card, _ in Searcher(cards).find(query)] == [parts]


def test_what_is_pasted_is_found_where_all_of_it_stands() -> None:
    """After the leading words the others are looked for in what is left, as they are spelled."""
    text = "one two three four five six seven eight nine intervening ten"
    cards = [Card("a", "lib", "/1", text=text), Card("b", "lib", "/2", title="Intervening", text=text)]
    assert LEADING == 8
    assert [card.id for card, _ in Searcher(cards).find(text)] == ["b", "a"]
    assert [card.id for card, _ in Searcher(cards).find(f"{text} eleven")] == []
    assert [card.id for card, _ in Searcher(cards).find("intrevening")] == ["b"]
    assert [card.id for card, _ in Searcher(cards).find(text.replace("intervening", "intrevening"))] == []
    assert [card.id for card, _ in Searcher(cards).find("x" * 100_000)] == []


def test_no_word_is_looked_for_once_nothing_is_left() -> None:
    searcher = Searcher(CARDS)
    assert searcher.find(" ".join(["zzzz", "star", "film"])) == []
    assert list(searcher._words) == ["zzzz"]
    assert searcher.count == 0


def test_entries_are_searched_as_cards_are() -> None:
    entries = []
    for id in ("a", "b"):
        prompt = parse(f'kind = "system"\ntext = "all of {id}{id}"\n'.encode(), id=id, library="lib", path=None)
        entries.append(Entry(id, "lib", Path(id), prompt, None))
    assert [entry.id for entry, _ in search(entries, "bb")] == ["b"]
    assert [entry.id for entry, _ in search(entries, "all")] == ["a", "b"]
    assert search([], "all") == []


def test_marks_are_on_the_word_else_on_its_letters_in_turn() -> None:
    assert positions("step", "a step on") == [2, 3, 4, 5]
    assert positions("kind:system by", "step by") == [5, 6]
    assert positions("spt", "a step") == []
    assert positions("stp", "a step") == [2, 3, 5]


def test_a_limit_cuts_and_the_count_does_not() -> None:
    searcher = Searcher(CARDS, LABELS)
    assert [card.id for card, _ in searcher.find("star", limit=1)] == ["system/star"]
    assert searcher.count == 3
    assert len(searcher.find("kind:system", limit=1)) == 1
    assert searcher.count == 2


@given(st.lists(st.lists(WORDS, max_size=3).map(" ".join), max_size=4) | st.lists(WORDS, min_size=9).map(_joined))
def test_typing_gives_what_asking_at_once_gives(queries: list[str]) -> None:
    typed = Searcher(CARDS, LABELS)
    for query in queries:
        for length in range(len(query) + 1):
            assert typed.find(query[:length]) == Searcher(CARDS, LABELS).find(query[:length])
        for length in range(len(query), -1, -1):
            typed.find(query[:length])


@given(st.text(max_size=12), st.text(max_size=30))
def test_marks_stand_in_the_text_on_letters_of_the_query(query: str, text: str) -> None:
    found = positions(query, text)
    assert found == sorted(set(found))
    assert all(0 <= at < len(text) and text[at].lower() in query.lower() for at in found)
