"""Answers, patterns and schemas that are meant to do harm: a reason, in time, and the next check works."""

from __future__ import annotations

import asyncio
import re

import pytest

from tests.experiments.checks.helpers import check, verdict
from workbench.experiments.checks.applying import apply
from workbench.experiments.checks.bounded import Bounded
from workbench.experiments.checks.kinds import KINDS
from workbench.experiments.checks.model import Context

LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
    + "]><l>&j;</l>"
)
ALIASES = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10)
)

BOMBS = [
    ('{ type = "regex", value = "^(a+)+$" }', "a" * 40 + "!", "processor time"),
    ('{ type = "regex", value = "(a|aa)+$" }', "a" * 100 + "b", "processor time"),
    ('{ type = "not-regex", value = "^(a+)+$" }', "a" * 40 + "!", "processor time"),
    ('{ type = "json-schema", value = { pattern = "^(a+)+$" } }', '"' + "a" * 40 + '!"', "processor time"),
    ('{ type = "json-schema", value = { "$ref" = "http://127.0.0.1:9/x" } }', "{}", "is not in it"),
    ('{ type = "json-schema", value = { "$ref" = "file:///etc/passwd" } }', "{}", "is not in it"),
    ('{ type = "json-schema", value = { "$ref" = "#" } }', "{}", "too deep"),
    ('{ type = "is-json" }', "[" * 500_000, "nested too deep"),
    ('{ type = "is-json" }', "9" * 100_000, "integer string conversion"),
    ('{ type = "is-json" }', '{"a": "\x00"}', "Invalid control character"),
    ('{ type = "contains-json" }', "{" * 500_000, "no JSON"),
    ('{ type = "is-yaml" }', ALIASES, "too large"),
    ('{ type = "is-yaml" }', "[" * 100_000, "too large"),
    ('{ type = "is-yaml" }', '!!python/object/apply:os.system ["true"]', "no YAML"),
    ('{ type = "is-xml" }', LAUGHS, "its entities are not read"),
    ('{ type = "is-xml" }', '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>', "its entities"),
    ('{ type = "is-xml" }', "<a>\x00</a>", "no XML"),
    ('{ type = "is-python" }', "(" * 100_000, "no Python"),
    ('{ type = "is-python" }', "-" * 200_000 + "1", ""),
    ('{ type = "is-python" }', "x = 1\x00", "null bytes"),
    ('{ type = "is-toml" }', "a = " + "[" * 100_000, "no TOML"),
    ('{ type = "is-toml" }', ".".join("a" * 30_000) + " = 1\n", "processor time"),
]


@pytest.mark.parametrize(("text", "answer", "reason"), BOMBS, ids=[f"{each[0]} {each[1][:12]!r}" for each in BOMBS])
async def test_a_bomb_fails_its_check_with_a_reason(text: str, answer: str, reason: str) -> None:
    async with Bounded(seconds=0.7 if reason == "processor time" else 5) as bounded:
        found, after = await apply([check(text), check('{ type = "is-json" }')], answer, Context(bounded=bounded))
        assert not found.passed
        assert reason in found.reason, found
        assert found.reason
        (fine,) = await apply([check('{ type = "is-json" }')], "[1]", Context(bounded=bounded))
        assert fine.passed
    assert after.type == "is-json"


ODD = {
    "one megabyte": "word and more. " * 70_000,
    "one word of a megabyte": "a" * 1_000_000,
    "nul": "a\x00b",
    "lone surrogates": "\ud800 \udfff",
    "nothing": "",
    "blanks": " \n\t ",
    "right to left": "\u202eabc\u2066",
    "control codes": "\x1b[31mred\x07",
}
PURE = [kind for kind in KINDS.values() if kind.where != "engine"]


@pytest.mark.parametrize("name", ODD)
async def test_every_check_takes_every_answer(name: str) -> None:
    async with Bounded(seconds=5) as bounded:
        context = Context(
            variables={"expected": "x"}, bounded=bounded, completion_tokens=3, first_token_s=0.1, tokens_per_s=9.0
        )
        checks = [check(kind.example) for kind in PURE]
        found = await apply(checks, ODD[name], context)
    assert len(found) == len(PURE)
    for each in found:
        assert 0 <= each.score <= 1
        assert each.reason
        assert len(each.reason) <= 402
        assert "the check broke" not in each.reason, each


async def test_checks_of_several_trials_share_the_process() -> None:
    async with Bounded() as bounded:
        checks = [check('{ type = "is-json" }'), check('{ type = "regex", value = "1" }')]
        context = Context(bounded=bounded)
        found = await asyncio.gather(*(apply(checks, f"[{n}]", context) for n in range(40)))
    assert all(pair[0].passed for pair in found)
    assert [pair[1].passed for pair in found] == ["1" in str(n) for n in range(40)]


async def test_a_cancelled_check_leaves_no_reply_behind() -> None:
    async with Bounded(seconds=5) as bounded:
        task = asyncio.create_task(bounded.run("regex", {"value": "^(a+)+$"}, "a" * 40 + "!"))
        while bounded._process is None:  # noqa: ASYNC110  # until it has begun; there is nothing to be told by
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await bounded.run("is-json", {}, "[1]")).score == 1


async def test_the_process_ends_with_its_owner() -> None:
    async with Bounded() as bounded:
        await bounded.run("is-json", {}, "[1]")
        process = bounded._process
        assert process is not None
    assert process.returncode is not None


async def test_a_value_in_a_pattern_is_taken_literally() -> None:
    variables = {"expected": "3.5 (about)"}
    text = '{ type = "regex", value = "^{{expected}}$" }'
    assert (await verdict(text, "3.5 (about)", variables=variables)).passed
    assert not (await verdict(text, "3x5 (about)", variables=variables)).passed


async def test_a_reason_is_one_line() -> None:
    found = await verdict('{ type = "equals", value = "x" }', "several\nlines\r\nof\ttext " * 50)
    assert not re.search(r"[\n\r\t]", found.reason)
