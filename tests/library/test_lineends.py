"""What was not edited comes back byte for byte, whatever its line ends."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workbench.library.lineends import restored, shown
from workbench.library.merge import BETWEEN, MINE, THEIRS, merge

LINES = st.lists(st.text(st.sampled_from("ab한🙂 \t\"'\\\r\x0b\u2028\x85"), max_size=4), min_size=1, max_size=12)
FILES = st.builds(
    lambda mark, lines, ends: mark + "".join(a.rstrip("\r") + b for a, b in zip(lines, ends, strict=False)).encode(),
    st.sampled_from([b"", b"\xef\xbb\xbf"]),
    LINES,
    st.lists(st.sampled_from(["\n", "\r\n"]), min_size=12, max_size=12),
)


@given(FILES)
def test_unedited_bytes_come_back(data: bytes) -> None:
    assert restored(data, shown(data)) == data


@given(FILES, st.integers(0, 12), st.sampled_from(["new", "new\nlines", ""]))
def test_an_inserted_line_leaves_the_others(data: bytes, place: int, text: str) -> None:
    lines = shown(data).split("\n")
    at = min(place, len(lines) - 1)
    made = restored(data, "\n".join([*lines[:at], "zz", text, *lines[at:]]))
    assert shown(made) == "\n".join([*lines[:at], "zz", text, *lines[at:]])
    old = data.split(b"\n")
    assert made.split(b"\n")[:at] == old[:at]
    assert at == len(old) - 1 or made.endswith(b"\n".join(old[at + 1 :]))


def test_a_new_line_ends_as_most_do() -> None:
    assert restored(b"a\r\nb\r\nc\n", "a\nX\nb\nc\n") == b"a\r\nX\r\nb\r\nc\n"
    assert restored(b"", "a\nb\n") == b"a\nb\n"
    assert restored(b"a\r\n", "a") == b"a"


@given(LINES, LINES)
def test_one_side_unchanged_gives_the_other(base: list[str], other: list[str]) -> None:
    a, b = "\n".join(base), "\n".join(other)
    assert merge(a, b, a).text == b
    assert merge(a, a, b).text == b
    assert merge(a, b, b).text == b


@given(LINES, LINES, LINES)
def test_nothing_of_either_side_is_lost(base: list[str], mine: list[str], theirs: list[str]) -> None:
    made = merge(*("\n".join(lines) for lines in (base, mine, theirs)))
    left = "\n".join(base).split("\n")
    have = made.text.split("\n")
    for side in (mine, theirs):
        for line in "\n".join(side).split("\n"):
            assert line in have or line in left  # a line of the base may go: the other side took it out
    assert made.conflicts == have.count(MINE) == have.count(BETWEEN) == have.count(THEIRS)


def test_changes_apart_are_both_taken_and_changes_at_one_place_are_shown() -> None:
    base = "title = 1\na\nb\nc\ntext = 2"
    made = merge(base, "title = 9\na\nb\nc\ntext = 2", "title = 1\na\nb\nc\ntext = 7\nend")
    assert made.text == "title = 9\na\nb\nc\ntext = 7\nend"
    assert made.conflicts == 0
    both = merge("a\nx\nb", "a\nmine\nb", "a\ntheirs\nb")
    assert both.conflicts == 1
    assert both.text.split("\n") == ["a", MINE, "mine", BETWEEN, "theirs", THEIRS, "b"]
