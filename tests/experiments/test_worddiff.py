"""Word-level differences."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workbench.experiments.worddiff import diff


def marked(left: str, right: str) -> tuple[list[str], list[str]]:
    found = diff(left, right)
    return [left[a:b] for a, b in found.left], [right[a:b] for a, b in found.right]


def test_one_word_changed() -> None:
    assert marked("the quick brown fox jumps", "the quick red fox jumps") == (["brown"], ["red"])


def test_words_added_and_removed() -> None:
    assert marked("I think the answer is 42.", "the answer is surely 42.") == (["I think"], ["surely"])


def test_blanks_alone_are_no_difference() -> None:
    found = diff("a  b\nc", "a b c")
    assert (found.left, found.right, found.same) == ((), (), 1.0)


def test_small_islands_are_folded() -> None:
    assert marked("alpha a beta", "gamma a delta") == (["alpha a beta"], ["gamma a delta"])


def test_chinese_is_compared_by_character_and_korean_by_word() -> None:
    assert marked("我喜欢吃苹果", "我喜欢吃香蕉") == (["苹果"], ["香蕉"])
    assert marked("나는 사과를 먹는다", "나는 배를 먹는다") == (["사과를"], ["배를"])


def test_empty_and_equal() -> None:
    assert diff("", "").same == 1.0
    assert marked("", "new text") == ([], ["new text"])
    assert marked("same", "same") == ([], [])


def test_texts_too_long_are_marked_whole_and_said() -> None:
    found = diff("start " + "a " * 40_000, "start " + "b " * 40_000)
    assert not found.complete
    assert found.left == ((6, 6 + 79_999),)


@given(st.text("ab ,\n", max_size=60), st.text("ab ,\n", max_size=60))
def test_what_is_not_marked_is_the_same_on_both_sides(left: str, right: str) -> None:
    def rest(text: str, spans: tuple[tuple[int, int], ...]) -> list[str]:
        kept = "".join(char if not any(a <= at < b for a, b in spans) else " " for at, char in enumerate(text))
        import re

        return re.findall(r"\w+|[^\w\s]", kept)

    found = diff(left, right)
    assert rest(left, found.left) == rest(right, found.right)
    assert 0 <= found.same <= 1
