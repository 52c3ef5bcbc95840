"""Search over cards: what is found, in what order; typing letter by letter gives what asking at once gives."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workbench.library.index import Card
from workbench.library.search import Searcher, positions

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
    assert ids("foo:bar") == []


def test_spelling_is_forgiven_and_any_script_is_found() -> None:
    assert ids("intreview") == ["chat/interview"]
    assert ids("한국") == ["system/star"]
    assert ids("안녕") == ["system/star"]
    assert ids("broken") == ["system/bad"]
    assert ids("") == [card.id for card in CARDS]


def test_a_limit_cuts_and_the_count_does_not() -> None:
    searcher = Searcher(CARDS, LABELS)
    assert [card.id for card, _ in searcher.find("star", limit=1)] == ["system/star"]
    assert searcher.count == 3
    assert len(searcher.find("kind:system", limit=1)) == 1
    assert searcher.count == 2


@given(st.lists(st.lists(WORDS, max_size=3).map(" ".join), max_size=4))
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
