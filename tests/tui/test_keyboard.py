"""A paste is one text, whatever is in it and however it is cut."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from textual.events import Key, Paste

from workbench.tui.keyboard import PasteFilter, SafeParser

PIECES = st.sampled_from(["\x1b", "[", "20", "1~", "[200~", "]0;x\x07", "a", "é", "\r", "\x9b"])


def events(chunks: list[str]) -> list[object]:
    parser = SafeParser()
    return [event for chunk in chunks for event in parser.feed(chunk)]


@given(st.lists(PIECES).map("".join).filter(lambda text: "\x1b[201~" not in text), st.lists(st.integers(0, 60)))
def test_a_paste_is_one_text_however_it_is_cut(text: str, cuts: list[int]) -> None:
    data = f"a\x1b[200~{text}\x1b[201~b"
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    made = events([data[a:b] for a, b in pairwise(places) if a != b])
    assert isinstance(made[0], Key)
    assert isinstance(made[-1], Key)
    pasted = [event.text for event in made if isinstance(event, Paste)]
    assert pasted == [text.replace("\x1b", "␛")]
    assert len(made) == 2 + len(pasted)


def test_keys_pass_at_once_and_unchanged() -> None:
    made = PasteFilter()
    assert [made.feed(key) for key in ("\x1b", "[", "A", "\x1b[", "200", "x", "\x1b[15~")] == [
        "\x1b",
        "[",
        "A",
        "\x1b[",
        "200",
        "x",
        "\x1b[15~",
    ]
