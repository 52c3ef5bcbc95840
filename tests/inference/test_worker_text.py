"""Text from tokens: stop strings, whole characters, token texts that join to the input."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workbench.inference.local.text import Stream, split


def _cut(data: bytes, sizes: list[int]) -> list[bytes]:
    pieces: list[bytes] = []
    at = 0
    for size in sizes:
        pieces.append(data[at : at + size])
        at += size
    return [*pieces, data[at:]]


@given(st.text(alphabet="ab🦙é", max_size=20), st.lists(st.integers(0, 5), max_size=12), st.text("ab🦙", max_size=3))
def test_a_stream_gives_the_text_up_to_the_first_stop(text: str, sizes: list[int], stop: str) -> None:
    stream = Stream((stop,) if stop else ())
    out = ""
    for piece in _cut(text.encode(), sizes):
        out += stream.feed(piece)
        assert text.startswith(out)
        if stream.stopped:
            break
    out += stream.end()
    assert out == (text.split(stop)[0] if stop else text)
    assert stream.stopped == bool(stop and stop in text)


def test_only_what_may_begin_a_stop_is_held_back() -> None:
    stream = Stream(("<end>", "\n\n"))
    assert [stream.feed(piece) for piece in (b"a<", b"e", b"x\n", b"b\n", b"\nc")] == ["a", "", "<ex", "\nb", ""]
    assert stream.stopped
    assert stream.end() == ""


def test_of_two_stops_the_earlier_in_the_text_counts() -> None:
    stream = Stream(("cd", "b"))
    assert stream.feed(b"abcd") == "a"


def test_half_a_character_is_held_back_and_replaced_at_the_end() -> None:
    stream = Stream()
    llama = "🦙".encode()
    assert (stream.feed(llama[:2]), stream.feed(llama[2:]), stream.feed(llama[:3])) == ("", "🦙", "")
    assert stream.end() == "\ufffd"


@given(st.text(max_size=20), st.lists(st.integers(0, 6), max_size=12))
def test_token_texts_join_to_the_input(text: str, sizes: list[int]) -> None:
    data = text.encode()
    texts = split(data, _cut(data, sizes))
    assert "".join(texts) == text


@given(st.text(max_size=20), st.lists(st.binary(max_size=4), min_size=1, max_size=12))
def test_token_texts_join_even_when_the_tokens_hold_something_else(text: str, pieces: list[bytes]) -> None:
    assert "".join(split(text.encode(), pieces)) == text


def test_a_token_inside_a_character_is_empty_and_the_last_has_all() -> None:
    llama = "🦙".encode()
    assert split(b"a" + llama + b"b", [b"a", llama[:2], llama[2:] + b"b"]) == ["a", "", "🦙b"]
    assert split(b"hi", [b" hi"]) == ["hi"]
    assert split(b"a\0b", [b"a", b"b"]) == ["a", "\0b"]
