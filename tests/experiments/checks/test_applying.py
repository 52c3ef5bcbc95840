"""Checks applied to a trial: templates, measures, weights, others' checks, and what a broken one does."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.experiments.checks.helpers import check, verdict
from workbench.errors import PromptError
from workbench.experiments.checks import own, texts
from workbench.experiments.checks.applying import Result, apply, context_of, needs_engine, result, rows, verdicts_of
from workbench.experiments.checks.filling import asked
from workbench.experiments.checks.model import Context, Options, Outcome, Verdict
from workbench.experiments.experiment import TrialRecord

MEASURED: dict[str, Any] = {
    "prompt_tokens": 100,
    "completion_tokens": 40,
    "first_token_s": 0.5,
    "tokens_per_s": 20.0,
}


@pytest.mark.parametrize(
    ("text", "passes", "measured"),
    [
        ('{ type = "latency", max = 2.5 }', True, 2.5),
        ('{ type = "latency", max = 2.4 }', False, 2.5),
        ('{ type = "latency", of = "first-token", max = 0.5 }', True, 0.5),
        ('{ type = "latency", of = "first-token", max = 0.4 }', False, 0.5),
        ('{ type = "speed", min = 20 }', True, 20),
        ('{ type = "speed", min = 21 }', False, 20),
        ('{ type = "not-speed", min = 21 }', True, 20),
        ('{ type = "tokens", max = 40 }', True, 40),
        ('{ type = "tokens", of = "prompt", min = 101 }', False, 100),
        ('{ type = "tokens", of = "total", min = 140, max = 140 }', True, 140),
        ('{ type = "length", unit = "tokens", max = 40 }', True, 40),
        ('{ type = "length", unit = "tokens", max = 39 }', False, 40),
    ],
)
async def test_measures(text: str, passes: bool, measured: float) -> None:
    found = await verdict(text, "x", **MEASURED)
    assert (found.passed, found.measured) == (passes, measured)


@pytest.mark.parametrize("negated", ["", "not-"])
@pytest.mark.parametrize("rest", ['latency", max = 1', 'speed", max = 1', 'tokens", max = 1', 'perplexity", max = 2'])
async def test_what_was_not_measured_fails_negated_or_not(rest: str, negated: str) -> None:
    found = await verdict(f'{{ type = "{negated}{rest} }}', "x")
    assert not found.passed
    assert found.score == 0
    assert "not" in found.reason or "none" in found.reason


@pytest.mark.parametrize("finish", ["error", "cancelled", "interrupted"])
async def test_a_trial_that_broke_fails_every_check(finish: Any) -> None:
    checks = [check('{ type = "not-contains", value = "x" }'), check('{ type = "is-json" }')]
    found = await apply(checks, "", Context(finish=finish, error="no memory"))
    assert [each.passed for each in found] == [False, False]
    assert found[0].reason == f"the trial ended by {finish}: no memory"


async def test_a_check_that_raises_fails_its_trial_and_not_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(options: Options, answer: str, context: Context) -> Outcome:
        raise ZeroDivisionError("of all things\nhere")

    monkeypatch.setattr(texts, "contains", broken)
    checks = [check('{ type = "not-contains", value = "x" }'), check('{ type = "equals", value = "a" }')]
    first, second = await apply(checks, "a", Context())
    assert not first.passed
    assert first.reason == "the check broke: ZeroDivisionError: of all things here"
    assert second.passed


async def test_templates_are_filled_in_one_pass() -> None:
    variables = {"expected": "{{other}}", "other": "no", "yes": True, "n": 3}
    assert (await verdict('{ type = "equals", value = "{{expected}}" }', "{{other}}", variables=variables)).passed
    assert (await verdict('{ type = "equals", value = "{{yes}} {{ n }}" }', "true 3", variables=variables)).passed
    assert (await verdict('{ type = "contains-all", value = ["{{n}}", "b"] }', "3 b", variables=variables)).passed
    found = await verdict('{ type = "not-equals", value = "{{expcted}}" }', "x", variables=variables)
    assert not found.passed
    assert found.reason == "{{expcted}} is no variable of the case — did you mean {{expected}}?"
    assert asked(check('{ type = "contains-any", value = ["{{a}}", "{{b}} {{a}}"] }')) == {"a", "b"}


@given(st.text(max_size=50), st.text(max_size=20))
def test_no_value_is_scanned_again(value: str, rest: str) -> None:
    from workbench.experiments.checks.filling import fill

    assert fill("{{a}}|{{b}}", {"a": value, "b": rest}) == f"{value}|{rest}"


def made(score: float, passed: bool, weight: float = 1.0) -> Verdict:
    return Verdict(type="x", passed=passed, score=score, reason="r", weight=weight)


@pytest.mark.parametrize(
    ("verdicts", "threshold", "wanted"),
    [
        ([], None, Result(None, None)),
        ([made(0, False, 0)], None, Result(None, None)),
        ([made(1, True), made(0, False, 0)], None, Result(True, 1)),
        ([made(1, True), made(0, False)], None, Result(False, 0.5)),
        ([made(1, True, 3), made(0, False, 1)], None, Result(False, 0.75)),
        ([made(1, True, 3), made(0, False, 1)], 0.75, Result(True, 0.75)),
        ([made(1, True, 3), made(0, False, 1)], 0.76, Result(False, 0.75)),
        ([made(0.8, True), made(0.6, True)], 0.9, Result(False, 0.7)),
    ],
)
def test_the_trials_result(verdicts: list[Verdict], threshold: float | None, wanted: Result) -> None:
    found = result(verdicts, threshold)
    assert found.passed == wanted.passed
    assert found.score == (None if wanted.score is None else pytest.approx(wanted.score))


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans(), st.floats(0, 100)), max_size=10))
def test_a_result_is_within_its_checks(parts: list[tuple[float, bool, float]]) -> None:
    verdicts = [made(*part) for part in parts]
    found = result(verdicts)
    scores = [each.score for each in verdicts if each.weight > 0]
    if found.score is None:
        assert not scores
    else:
        assert min(scores) - 1e-9 <= found.score <= max(scores) + 1e-9
        assert found.passed == all(each.passed for each in verdicts if each.weight > 0)


def install(folder: Path, name: str, code: str) -> None:
    """A package as pip would leave it: a module and its entry points."""
    folder.mkdir(exist_ok=True)
    module = f"own_checks_{name.replace('-', '_')}"
    (folder / f"{module}.py").write_text(code)
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[workbench.checks]\n{name} = {module}:check\n")


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed packages."""
    folder = tmp_path / "site"
    monkeypatch.setattr(own, "_installed", lambda: [str(folder)])
    monkeypatch.syspath_prepend(str(folder))
    own.load.cache_clear()
    return folder


@pytest.mark.parametrize(
    ("code", "answer", "passes", "score", "reason"),
    [
        ("def check(answer, options):\n    return answer == options['value']", "v", True, 1, ""),
        ("def check(answer, options):\n    return answer == options['value']", "w", False, 0, ""),
        ("def check(answer, options):\n    return 0.25, 'a\\nquarter'", "v", False, 0.25, "a quarter"),
        ("async def check(answer, options):\n    return True, 'well'", "v", True, 1, "well"),
        ("def check(answer, options):\n    return 7", "v", False, 0, "it gave 7"),
        ("def check(answer, options):\n    return None", "v", False, 0, "it gave None"),
        ("def check(answer, options):\n    raise KeyError('x')", "v", False, 0, "the check broke: KeyError: 'x'"),
        ("check = 3", "v", False, 0, "is no function"),
        ("import nothing_like_it", "v", False, 0, "does not load: No module named"),
    ],
)
async def test_checks_of_installed_packages(
    packages: Path, code: str, answer: str, passes: bool, score: float, reason: str
) -> None:
    name = f"case-{abs(hash(code))}"
    install(packages, name, code)
    found = await verdict(f'{{ type = "{name}", value = "{{{{v}}}}" }}', answer, variables={"v": "v"})
    assert (found.passed, found.score, found.type) == (passes, score, name)
    assert reason in found.reason


async def test_a_package_may_be_negated_weighed_and_is_not_loaded_to_be_read(packages: Path) -> None:
    install(packages, "house-style", "def check(answer, options):\n    return 0.4")
    read = check('{ type = "not-house-style", weight = 2, threshold = 0.5 }')
    assert (read.kind, read.negated, read.weight, read.threshold) == ("", True, 2, 0.5)
    assert "own_checks_house_style" not in sys.modules
    (found,) = await apply([read], "x", Context())
    assert found.passed
    assert found.score == pytest.approx(0.6)


def test_what_only_lies_in_the_current_folder_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "planted-check", "raise SystemExit('it was run')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(PromptError, match="no type of check"):
        check('{ type = "planted-check" }')
    assert "planted-check" not in own.names()


def test_who_needs_an_engine() -> None:
    assert needs_engine([check('{ type = "is-json" }'), check('{ type = "judge" }')])
    assert not needs_engine([check('{ type = "is-json" }')])


@pytest.mark.parametrize("code", ["def check(a, o):\n    raise SystemExit(3)", "async def check(a, o):\n    exit()"])
async def test_a_check_that_exits_ends_its_trial_and_not_the_run(packages: Path, code: str) -> None:
    name = f"exits-{len(code)}"
    install(packages, name, code)
    found = await verdict(f'{{ type = "{name}" }}', "x")
    assert (found.passed, found.reason) == (False, "it called exit")


async def test_a_check_that_does_not_end_is_given_up(packages: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(packages, "waits", "import asyncio\nasync def check(a, o):\n    await asyncio.Event().wait()")
    monkeypatch.setattr(own, "SECONDS", 0.0)
    found = await verdict('{ type = "waits" }', "x")
    assert (found.passed, found.reason) == (False, "it ran longer than 0 s")


async def test_checks_are_applied_again_to_a_stored_trial() -> None:
    record = TrialRecord(
        variant="A",
        case="one",
        repeat=0,
        prompt="system/plain",
        version="v",
        model="m",
        sampling={},
        seed=1,
        mode="fast",
        text="It is 42.",
        finish="stop",
        error=None,
        prompt_tokens=20,
        completion_tokens=6,
        first_token_s=0.25,
        tokens_per_s=12.0,
    )
    checks = [check('{ type = "contains", value = "{{sum}}" }'), check('{ type = "latency", max = 0.75, weight = 2 }')]
    found = await apply(checks, record.text, context_of(record, (), {"sum": 42}))
    assert [each.passed for each in found] == [True, True]
    stored = json.loads(json.dumps(rows(found)))
    assert set(stored[0]) >= {"type", "passed", "score", "reason"}
    assert verdicts_of([{**row, "later": 1} for row in stored]) == found
    again = await apply(checks, record.text, context_of(record, (), {"sum": 42}))
    assert again == found
