"""Checks that need the answer alone: a table of answers that pass and fail, and properties."""

from __future__ import annotations

import json
import re

import pytest
import tomli_w
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.experiments.checks.helpers import check, verdict
from workbench.experiments.checks import formats, refusal, repetition, scripts, texts
from workbench.experiments.checks.applying import apply
from workbench.experiments.checks.bounded import Bounded
from workbench.experiments.checks.kinds import KINDS
from workbench.experiments.checks.model import Context

HERE = Context()
KOREAN = "서울은 대한민국의 수도이며 인구는 약 천만 명입니다."

# check, answer that passes, answer that fails
TABLE = [
    ('{ type = "equals", value = "42" }', " 42\n", "42."),
    ('{ type = "equals", value = 42 }', "42", "043"),
    ('{ type = "equals", value = "Straße", ignore_case = true }', "STRASSE", "Strase"),
    ('{ type = "contains", value = "42" }', "it is 42.", "it is 4 2"),
    ('{ type = "contains", value = "seoul", ignore_case = true }', "In SEOUL", "in Busan"),
    ('{ type = "icontains", value = "seoul" }', "In SEOUL", "in Busan"),
    ('{ type = "not-contains", value = "42" }', "no number", "it is 42"),
    ('{ type = "contains", value = "42", not = true }', "no number", "it is 42"),
    ('{ type = "not-contains", value = "42", not = true }', "it is 42", "no number"),
    ('{ type = "contains-any", value = ["a1", "b2"] }', "has b2", "has c3"),
    ('{ type = "contains-any", value = "a1, b2" }', "has b2", "has a and b"),
    ('{ type = "icontains-any", value = ["A1"] }', "a1", "b"),
    ('{ type = "contains-all", value = ["a1", 2] }', "2 a1", "a1"),
    ('{ type = "icontains-all", value = ["A", "B"] }', "ab", "a"),
    ('{ type = "contains-all", value = ["a", "b"], threshold = 0.5 }', "a", "c"),
    ('{ type = "starts-with", value = "Result:" }', "\n Result: 1", "The Result: 1"),
    ('{ type = "ends-with", value = "." }', "Yes. \n", "Yes"),
    ('{ type = "regex", value = "(?m)^Result: \\\\d+$" }', "Hm\nResult: 12\nok", "Result: x"),
    ('{ type = "regex", value = "SEOUL", ignore_case = true }', "seoul", "soul"),
    ('{ type = "length", unit = "words", max = 3 }', "one  two\nthree", "one two three four"),
    ('{ type = "length", unit = "characters", min = 2, max = 2 }', " 한글 ", "한"),
    ('{ type = "word-count", value = 2 }', "two words", "three words here"),
    ('{ type = "similarity", value = "The sky is blue." }', "The sky is blue", "Grass is green"),
    ('{ type = "levenshtein", value = "kitten", max = 3 }', "sitting", "sitting on it"),
    ('{ type = "levenshtein", value = "kitten", threshold = 3 }', "sitting", "sitting on it"),
    ('{ type = "is-json" }', '{"a": [1, null, "x"]}\n', "{'a': 1}"),
    ('{ type = "json" }', "12", "NaN"),
    ('{ type = "is-json", fence = true }', '```json\n{"a": 1}\n```', 'Here: ```json\n{"a": 1}\n```'),
    ('{ type = "is-json" }', "[]", "```json\n[]\n```"),
    ('{ type = "json-schema", value = { required = ["a"] } }', '{"a": 1}', '{"b": 1}'),
    ("""{ type = "json-schema", value = '{"type": "array"}' }""", "[1]", "{}"),
    ('{ type = "json-schema", value = { properties = { a = { type = "integer" } } } }', '{"a": 1}', '{"a": "x"}'),
    ('{ type = "contains-json" }', 'Here: {"a": [1]} ok', "no {json} here"),
    ('{ type = "contains-json", value = { required = ["b"] } }', '{"a": 1} and {"b": 2}', '{"a": 1}'),
    ('{ type = "is-toml" }', 'a = 1\n[b]\nc = "x"', "a = "),
    ('{ type = "toml" }', "a = 1", ""),
    ('{ type = "is-yaml" }', "a: 1\nb:\n - x", "Just a sentence."),
    ('{ type = "is-yaml" }', "- a\n- b", "a: [1"),
    ('{ type = "is-xml" }', "<a b='1'><c/>text</a>", "<a><b></a>"),
    ('{ type = "is-python" }', "def f(x):\n    return x + 1", "def f(x) return x"),
    ('{ type = "python", fence = true }', "```python\nprint(1)\n```", "```python\nprint(1\n```"),
    ('{ type = "language", value = "Korean" }', KOREAN, "Seoul is the capital of Korea."),
    ('{ type = "language", value = "ko" }', f"{KOREAN}\n```python\nprint('x' * 100000)\n```", "日本語です"),
    ('{ type = "language", value = "Japanese" }', "日本の首都は東京です。", "中国的首都是北京。"),
    ('{ type = "language", value = "zh" }', "中国的首都是北京。", "日本の首都は東京です。"),
    ('{ type = "language", value = "Cyrillic" }', "Москва — столица России.", "Moscow"),
    ('{ type = "language", value = "Latin", threshold = 0.9 }', "Ça va très bien", "Ça va 서울 서울"),
    ('{ type = "is-refusal" }', "I'm sorry, but I can't help with that.", "Sure! Here is how."),
    ('{ type = "is-refusal", not = true }', "I can't wait to show you.", "I cannot assist with this request."),
    ('{ type = "repetition" }', "Every word here is said once and never again by anyone.", "and so on, " * 40),
    ('{ type = "finish-reason" }', "x", None),
]


@pytest.mark.parametrize(("text", "good", "bad"), TABLE, ids=lambda value: None if value is None else str(value)[:50])
async def test_what_passes_and_what_fails(text: str, good: str, bad: str | None) -> None:
    found = await verdict(text, good)
    assert found.passed, found
    assert found.type == check(text).type
    assert 0 <= found.score <= 1
    if bad is not None:
        found = await verdict(text, bad)
        assert not found.passed, found
        assert found.reason
        assert "\n" not in found.reason


def test_every_kind_that_needs_no_measure_and_no_model_is_in_the_table() -> None:
    tried = {check(text).kind for text, _, _ in TABLE}
    elsewhere = {"latency", "speed", "tokens", "perplexity", "label-probability", "judge"}
    assert tried | elsewhere == set(KINDS)


@pytest.mark.parametrize(
    "said",
    [
        "I’m sorry, but I can’t assist with that.",
        "I cannot provide instructions for that.",
        "I'm unable to help with this request.",
        "As an AI language model, I cannot have opinions.",
        "I must respectfully decline.",
        "I will not write that.",
        "That goes against my guidelines.",
        "죄송합니다만, 그 요청은 도와드릴 수 없습니다.",
        "죄송하지만 해당 내용에 대한 정보는 제공해 드릴 수 없습니다.",
        "요청하신 내용은 들어드릴 수 없습니다.",
        "저는 AI 언어 모델로서 의견을 가질 수 없습니다.",
        "답변 드릴 수 없습니다.",
        "  \n ",
    ],
)
def test_refusals_are_known(said: str) -> None:
    assert refusal.is_refusal({}, said, HERE).score == 1, said


@pytest.mark.parametrize(
    "said",
    [
        "Sure, here is a poem about the sea.",
        "I can't wait to help you with this!",
        "I cannot stress enough how simple this is.",
        "The minister said: no.",
        "Long text first. " * 40 + "I cannot help with that.",
        "서울은 대한민국의 수도입니다.",
        "물론입니다! 도와드리겠습니다.",
        "어렵지 않게 할 수 있습니다.",
    ],
)
def test_answers_are_no_refusals(said: str) -> None:
    assert refusal.is_refusal({}, said, HERE).score == 0, said


ANY = st.text(max_size=200)


@given(ANY, st.text(max_size=20), st.booleans())
def test_contains_is_pythons(answer: str, value: str, ignore: bool) -> None:
    found = texts.contains({"value": value, "ignore_case": ignore}, answer, HERE).score == 1
    assert found == ((value.casefold() in answer.casefold()) if ignore else value in answer)


@given(ANY, st.text(min_size=1, max_size=10), ANY)
def test_begins_ends_and_equals(before: str, value: str, after: str) -> None:
    options = {"value": value}
    assert texts.starts_with(options, value.lstrip() + after, HERE).score == float(
        (value.lstrip() + after).lstrip().startswith(value)
    )
    assert texts.ends_with(options, before + value, HERE).score == float((before + value).rstrip().endswith(value))
    assert texts.equals(options, f" {value}\n", HERE).score == 1


@given(ANY, ANY)
def test_similarity_is_symmetric_and_one_for_the_same(left: str, right: str) -> None:
    there = texts.similarity({"value": left}, right, HERE).score
    assert 0 <= there <= 1
    assert there == pytest.approx(texts.similarity({"value": right}, left, HERE).score)
    assert texts.similarity({"value": left}, left, HERE).score == 1


DATA = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**50), 2**50) | st.floats(allow_nan=False, allow_infinity=False) | ANY,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY, inner, max_size=4),
    max_leaves=12,
)


@given(DATA, st.sampled_from(["", "Here it is:\n", "```json\n"]))
def test_what_json_writes_is_json(data: object, before: str) -> None:
    text = json.dumps(data)
    assert formats.is_json({}, text, HERE).score == 1
    if isinstance(data, dict | list):
        assert formats.contains_json({}, f"{before}{text} and more", HERE).score == 1


TABLES = st.dictionaries(
    st.text("abc한", min_size=1, max_size=5),
    st.integers(-(2**60), 2**60) | st.text(max_size=20).filter(lambda text: not re.search("[\ud800-\udfff]", text)),
    min_size=1,
    max_size=5,
)


@given(TABLES)
def test_what_toml_and_yaml_write_is_theirs(data: dict[str, object]) -> None:
    assert formats.is_toml({}, tomli_w.dumps(data), HERE).score == 1
    assert formats.is_yaml({}, yaml.safe_dump(data, allow_unicode=False), HERE).score == 1


@settings(max_examples=200)
@given(st.text(max_size=300))
def test_no_text_at_all_breaks_a_format(answer: str) -> None:
    for name in ("is_json", "contains_json", "is_toml", "is_yaml", "is_python"):
        found = getattr(formats, name)({"fence": True}, answer, HERE)
        assert found.score in (0, 1)
        assert "\n" not in found.reason


@given(st.text(max_size=300))
def test_scores_stay_between_0_and_1(answer: str) -> None:
    assert 0 <= repetition.repetition({"n": 5}, answer, HERE).score <= 1
    assert refusal.is_refusal({}, answer, HERE).score in (0, 1)
    if any(map(str.isalpha, answer)):
        for language in ("Korean", "Latin", "Japanese", "zh"):
            assert 0 <= scripts.language({"value": language}, answer, HERE).score <= 1


@given(st.text(max_size=60), st.text("abc d", min_size=9, max_size=50).filter(str.strip), st.integers(5, 30))
def test_a_text_that_ends_in_a_loop_is_found(before: str, piece: str, times: int) -> None:
    length, found = repetition.tail(before + piece * times)
    assert length >= len(piece) * times
    assert (before + piece * times).endswith(found * (length // len(found)))
    assert not check_passes(before + piece * times)


def check_passes(answer: str) -> bool:
    found = repetition.repetition({"n": 5}, answer, HERE)
    return found.passed is not False and found.score >= 0.7


def tail_by_hand(text: str) -> int:
    """The longest loop at the end, by trying every period."""
    best = 0
    for period in range(1, min(repetition.PERIOD, len(text) // repetition.TIMES) + 1):
        length = period
        while length < len(text) and text[-1 - length] == text[-1 - length + period]:
            length += 1
        if length >= repetition.TIMES * period and length >= repetition.LEAST:
            best = max(best, length)
    return best


@given(st.text("ab", max_size=60), st.text("ab", max_size=12), st.integers(0, 8))
def test_the_tail_is_the_one_that_trying_every_period_finds(before: str, piece: str, times: int) -> None:
    text = before + piece * times
    assert repetition.tail(text)[0] == tail_by_hand(text)


def test_a_rule_at_the_end_is_no_loop_and_a_long_text_before_one_hides_none() -> None:
    assert repetition.tail("| a | b |\n" + "-" * 80) == (0, "")
    assert repetition.tail("-" * 600)[0] == 600
    words = " ".join(f"word{n}" for n in range(20_000))
    found = repetition.repetition({"n": 5}, words + " stuck here," * 30, HERE)
    assert found.passed is False
    assert found.score > 0.9


def test_a_loop_in_chinese_is_found_by_characters() -> None:
    said = "首都是北京，人口很多。" * 3 + "这是另外一句完全不同的话，没有任何重复的内容。"
    assert repetition.repeated(said, 5) > 0.2
    assert repetition.repeated("中国的首都是北京，日本的城市有东京、大阪和京都，人口众多。", 5) == 0


@settings(max_examples=60)
@given(st.sampled_from([text for text, _, bad in TABLE if bad is not None and "language" not in text]), ANY)
async def test_negation_turns_every_verdict_round(text: str, answer: str) -> None:
    plain = check(text)
    turned = type(plain)(plain.type, plain.kind, plain.options, not plain.negated, plain.weight, plain.threshold)
    here = [one for one in (plain, turned) if KINDS[one.kind].where == "here"]
    found = await apply(here, answer, Context())
    if found:
        assert found[0].passed != found[1].passed
        assert found[0].score + found[1].score == pytest.approx(1)


async def test_all_kinds_run_apart_in_one_process() -> None:
    async with Bounded() as bounded:
        apart = [text for text, _, _ in TABLE if KINDS[check(text).kind].where == "apart"]
        answers = [good for text, good, _ in TABLE if text in apart]
        for text, answer in zip(apart, answers, strict=False):
            (found,) = await apply([check(text)], answer, Context(bounded=bounded))
            assert found.score >= 0
        assert bounded._process is not None
        assert len(apart) > 15
