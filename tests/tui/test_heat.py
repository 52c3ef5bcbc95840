"""Heat without a screen: marks that say what the shade says, and the places of tokens on lines."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from workbench.inference.engine import TokenLogprob
from workbench.tui.heat import gain, heat, lay_out, visible

TEXT = st.text(st.sampled_from("ab 한🌊e\u0301\n\t."), max_size=12)


@given(texts=st.lists(TEXT, max_size=40), width=st.integers(2, 30))
def test_every_token_has_its_place_and_none_is_cut(texts: list[str], width: int) -> None:
    shown = [visible(text) for text in texts]
    places = lay_out(shown, width)
    said: dict[int, str] = {}
    for place in places:
        said[place.token] = said.get(place.token, "") + place.text
        assert place.column + cell_len(place.text) <= max(width, 2)
    assert [said.get(token, "") for token in range(len(shown))] == shown
    order = [(place.line, place.column) for place in places]
    assert order == sorted(order)
    assert len({at for place, at in zip(places, order, strict=True) if cell_len(place.text)}) == len(
        [place for place in places if cell_len(place.text)]
    )
    assert [place.token for place in places if place.first] == list(range(len(shown)))


def test_words_stay_whole_where_they_can() -> None:
    places = lay_out([" the", " un", "believ", "able"], 16)
    assert [(place.line, place.column) for place in places] == [(0, 0), (1, 0), (1, 3), (1, 9)]
    assert [place.line for place in lay_out(["a⏎", "b"], 10)] == [0, 1]


def test_marks_say_what_the_shade_says() -> None:
    def at(p: float, entropy: float | None = None, rank: int | None = None) -> TokenLogprob:
        return TokenLogprob(1, " so", math.log(p), (), entropy, rank)

    found = [heat(at(p), "probability") for p in (1.0, 0.85, 0.5, 0.04, 0.001)]
    assert [(each.mark, each.level) for each in found] == [("9", 0), ("8", 0), ("5", 1), ("0", 3), ("0", 4)]
    found = [heat(at(0.5, bits * math.log(2)), "entropy") for bits in (0.1, 2.2, 12)]
    assert [(each.mark, each.level) for each in found] == [("0", 0), ("2", 2), ("+", 4)]
    found = [heat(at(0.5, None, rank), "rank") for rank in (1, 4, 431)]
    assert [(each.mark, each.level) for each in found] == [("1", 0), ("4", 2), ("+", 4)]
    assert heat(at(0.5), "entropy").mark == heat(at(0.5), "rank").mark == "?"  # a server that does not tell
    changes = [gain(" so", bits * math.log(2)) for bits in (3.1, -2.2, 0.2, 40)]
    assert [(each.mark, each.tone) for each in changes] == [("+3", "hot"), ("−2", "cold"), ("", "hot"), ("+9", "hot")]


def test_what_cannot_be_seen_is_shown() -> None:
    assert [visible(text) for text in ("", "a\n", "\t", "\x1b[0m", "\u202e")] == ["▯", "a⏎", "→", "␛[0m", "⟨U+202E⟩"]
