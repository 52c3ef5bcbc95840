"""Sentences, paragraphs, examples: parts that give the text back, cut where people would cut."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.insight.sentences import examples, paragraphs, sentences

PIECES = st.sampled_from(
    [". ", "! ", "?\n", "\n\n", "。", "다. ", "e.g. ", "1. ", "- ", "# ", "Q: ", "A: ", "Dr. ", " ", "\t", '." ', "…"]
)
TEXTS = st.lists(st.one_of(PIECES, st.text(max_size=6)), max_size=30).map("".join)


@pytest.mark.parametrize("split", [sentences, paragraphs, examples])
@given(text=TEXTS)
def test_parts_joined_are_the_text(split: Callable[[str], list[str]], text: str) -> None:
    parts = split(text)
    assert "".join(parts) == text
    assert all(parts)
    assert all(part.strip() for part in parts) or not text.strip()
    assert all(not part[0].isspace() for part in parts[1:])


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One. Two! Three?", ["One. ", "Two! ", "Three?"]),
        ("Ask Dr. Smith, e.g. about 3.5 m. Then go.", ["Ask Dr. Smith, e.g. about 3.5 m. Then go."]),
        ("See J. Smith. He knows approx. five.", ["See J. Smith. ", "He knows approx. five."]),
        ("한국어로 답하세요. 짧게 쓰세요! 알겠죠?", ["한국어로 답하세요. ", "짧게 쓰세요! ", "알겠죠?"]),
        ("请用中文。不要猜！好吗？", ["请用中文。", "不要猜！", "好吗？"]),
        ("彼は「はい。」と言った。次。", ["彼は「はい。」", "と言った。", "次。"]),
        ('He said "Stop." Then left. "Really?" he asked.', ['He said "Stop." ', "Then left. ", '"Really?" he asked.']),
        ("A line that is\nwrapped here. Next.", ["A line that is\nwrapped here. ", "Next."]),
        ("Rules:\n1. Be brief\n2. Be kind\n\nEnd", ["Rules:\n", "1. Be brief\n", "2. Be kind\n\n", "End"]),
        ("# Title\nText one. Two", ["# Title\n", "Text one. ", "Two"]),
        ("- a\n- b", ["- a\n", "- b"]),
        ("Wait... what? Yes… No", ["Wait... what? ", "Yes… ", "No"]),
        ("", []),
        ("  \n", ["  \n"]),
    ],
)
def test_sentences(text: str, parts: list[str]) -> None:
    assert sentences(text) == parts


def test_paragraphs() -> None:
    assert paragraphs("one\ntwo\n\nthree\n \n\nfour\n") == ["one\ntwo\n\n", "three\n \n\n", "four\n"]


def test_examples_keep_question_and_answer_together() -> None:
    text = "Be brief.\n\nExample 1:\nQ: 1+1\nA: 2\n\nQ: 2+2\nA: 4\nQ: 3+3\nA: 6\n\nInput: x\n\nOutput: y\n\nThe end."
    assert examples(text) == [
        "Be brief.\n\n",
        "Example 1:\n",
        "Q: 1+1\nA: 2\n\n",
        "Q: 2+2\nA: 4\n",
        "Q: 3+3\nA: 6\n\n",
        "Input: x\n\nOutput: y\n\n",
        "The end.",
    ]
