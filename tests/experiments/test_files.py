"""Experiment files: what is read, what is wrong and said, and a plan that is the same each time."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import NotFoundError, PromptError, UsageError
from workbench.experiments.files import Experiment, of_prompts, open_experiment, parse
from workbench.experiments.grid import Grid, PlannedVariant, expanded, label_of
from workbench.experiments.jsonschema import schema
from workbench.experiments.plan import Plan, seed_of, values_for
from workbench.inference.engine import Message
from workbench.library import prompt as prompts
from workbench.library.reader import FileError
from workbench.library.template import lead

SCHEMA = schema()
FILE = Path(__file__).parents[2] / "docs" / "experiment.schema.json"
FULL = """
schema = 1
kind = "experiment"
title = "Which wording"
description = "plain or step by step"
tags = ["maths"]
model = "starter"
repeats = 3
seed = 7
mode = "strict"
coupled = false
stop = "decided"
delta = 0.2
baseline = "plain"
threshold = 0.5
message = "Sum {{a}} and {{b}}."

[sampling]
max_tokens = 32

[[variants]]
label = "plain"
prompt = "system/plain"

[[variants]]
prompt = "system/step-by-step"
variables = { topic = "sums" }
profile = "teacher"

[budget]
time = 3600
tokens = 100_000
trials = 500

[[checks]]
type = "contains"
value = "{{sum}}"

[[cases]]
name = "small"
variables = { a = 1, b = 2, sum = 3 }
tags = ["easy"]

[[cases]]
message = "And 2 + 2?"
messages = [{ role = "user", content = "Hi" }, { role = "assistant", content = "Hello" }]
variables = { sum = 4 }
checks = [{ type = "length", max = 5 }]
"""
LEAST = 'kind = "experiment"\nmessage = "Hi"\n'


def load(text: str, path: Path | None = None) -> Experiment:
    return parse(text.encode(), path)


def test_everything_is_read() -> None:
    found = load(FULL)
    plain, steps = found.variants
    assert (plain.label, plain.prompt, plain.model, plain.sampling) == (
        "plain",
        "system/plain",
        "starter",
        {"max_tokens": 32},
    )
    assert (steps.label, steps.variables, steps.profile) == ("A", {"topic": "sums"}, "teacher")
    assert (found.repeats, found.seed, found.mode, found.coupled) == (3, 7, "strict", False)
    assert (found.stop, found.delta, found.baseline, found.threshold, found.shuffle) == (
        "decided",
        0.2,
        "plain",
        0.5,
        True,
    )
    assert (found.budget.time, found.budget.tokens, found.budget.trials) == (3600, 100_000, 500)
    small, second = found.cases()
    assert (small.name, small.message, small.tags) == ("small", "Sum 1 and 2.", ("easy",))
    assert second.name == "case 2"
    assert second.messages == (Message("user", "Hi"), Message("assistant", "Hello"), Message("user", "And 2 + 2?"))
    assert [check.kind for check in (*found.checks, *second.checks)] == ["contains", "length"]
    assert found.warnings == ()
    jsonschema.Draft7Validator(SCHEMA).validate(tomllib.loads(FULL))


def test_the_least_one() -> None:
    found = load(LEAST)
    assert [variant.label for variant in found.variants] == ["A"]
    (case,) = found.cases()
    assert case.messages == (Message("user", "Hi"),)


def test_a_newer_schema_runs_and_is_not_to_be_edited() -> None:
    found = load("schema = 9\nnew = true\n" + LEAST)
    assert found.read_only
    assert found.extra == {"new": True}


def test_keys_of_others_are_kept_and_near_ones_told() -> None:
    found = load(LEAST + "repeat = 3\nmine = 1\n[budget]\ntokns = 5\n")
    assert found.extra == {"repeat": 3, "mine": 1}
    assert {(told.line, told.hint) for told in found.warnings} == {
        (3, "did you mean repeats?"),
        (6, "did you mean tokens?"),
    }


V = LEAST + "[[variants]]\n"
C = 'kind = "experiment"\n[[cases]]\n'
# text, line, key, what, hint; whether the JSON Schema refuses it too
WRONG: list[tuple[str, int, str, str, str, bool]] = [
    ('message = "x"', 1, "kind", "kind is missing", 'add kind = "…"', True),
    ('kin = "experiment"\nmessage = "x"', 1, "kin", "kind is missing", "did you mean kind", True),
    ('kind = "system"\ntext = "x"', 1, "kind", "is unknown", "a prompt is no experiment", True),
    ('kind = "experiment"', 1, "cases", "needs [[cases]]", "file.csv", True),
    (LEAST + "schema = 0", 3, "schema", "unknown", "schema = 1", True),
    (LEAST + 'repeats = "3"', 3, "repeats", "must be a whole number, not text", "", True),
    (LEAST + "repeats = 0", 3, "repeats", "out of range", "from 1 to 10,000", True),
    (LEAST + "seed = -1", 3, "seed", "out of range", "", True),
    (LEAST + "seed = 4294967296", 3, "seed", "out of range", "", True),
    (LEAST + 'mode = "quick"', 3, "mode", "unknown", "fast or strict", True),
    (LEAST + 'stop = "early"', 3, "stop", "unknown", "never or decided", True),
    (LEAST + 'stop = "decided"', 3, "stop", "one variant", "add [[variants]]", False),
    (LEAST + "threshold = 1.5", 3, "threshold", "no share", "from 0 to 1", True),
    (LEAST + "delta = 0", 3, "delta", "never reached", "", False),
    (LEAST + "coupled = 1", 3, "coupled", "must be true or false", "", True),
    (LEAST + 'baseline = "B"', 3, "baseline", "no variant", "one of A", False),
    (LEAST + "[budget]\ntime = 0", 4, "budget.time", "out of range", "more than 0", False),
    (LEAST + '[budget]\ntime = "1h"', 4, "budget.time", "must be a number, not text", "", True),
    (LEAST + "[budget]\ntokens = 1.5", 4, "budget.tokens", "must be a whole number", "", True),
    (LEAST + "[sampling]\ntemprature = 1", 4, "sampling.temprature", "no sampler", "did you mean temperature?", True),
    (LEAST + "[sampling]\nseed = 1", 4, "sampling.seed", "no seed of its own", "at the top", True),
    (V + "sampling = { seed = 3 }", 4, "variants.sampling.seed", "no seed of its own", "", True),
    (V + "label = 3", 4, "variants.label", "must be text", "", True),
    (V + f'label = "{"x" * 41}"', 4, "variants.label", "too long", "up to 40", True),
    (V + 'label = "a"\n[[variants]]\nlabel = "a"', 4, "variants.label", "two variants are called", "", False),
    (V + "prompt = ['x']", 4, "variants.prompt", "must be text, not a list", "", True),
    (LEAST + "variants = 3", 3, "variants", "must be tables", "", True),
    (LEAST + "[grid]\ntemperature = 0.5", 4, "grid.temperature", "a list of values", "temperature = [0.5]", True),
    (LEAST + "[grid]\ntemperature = []", 4, "grid.temperature", "a list of values", "at least one", True),
    (LEAST + "[grid]\ntemperature = [0.5, -1]", 4, "grid.temperature", "out of range", "from 0 to 100", True),
    (LEAST + "[grid]\ntemperature = [1, 1]", 4, "grid.temperature", "a value twice", "", True),
    (LEAST + "[grid]\ntemprature = [1]", 4, "grid.temprature", "no sampler setting", "did you mean temperature?", True),
    (LEAST + "[grid]\nmodel = ['x']", 4, "grid.model", "no sampler setting", "did you mean models?", True),
    (LEAST + "[grid]\nmodels = [3]", 4, "grid.models", "a list of texts", "", True),
    (LEAST + f"[grid]\ntop_k = {[1] * 20_000}", 4, "grid.top_k", "20,000 values", "at most 1,000", True),
    (LEAST + "[grid]\nseed = [1, 2]", 4, "grid.seed", "no axis", "repeats = 3", True),
    (
        LEAST + f"[grid]\ntop_k = {list(range(40))}\nmin_keep = {list(range(1, 41))}",
        3,
        "grid",
        "1,600 points",
        "1,000",
        False,
    ),
    (
        V + "sampling = { top_k = 3 }\n[grid]\ntop_k = [1, 2]",
        4,
        "variants.sampling.top_k",
        "both",
        "one of them",
        False,
    ),
    (C + "message = 3", 3, "cases.message", "must be text", "", True),
    (C + 'message = "x"\nvariables = { a = [1] }', 4, "cases.variables.a", "must be text, a number", "", True),
    (C + 'messages = [{ role = "tool", content = "x" }]', 3, "cases.messages.role", "unknown", "user or", True),
    (C + 'checks = [{ type = "contian", value = "x" }]', 3, "cases.checks.type", "no type", "contains?", False),
    (C + 'checks = [{ type = "contains" }]', 3, "cases.checks.value", "missing", "", True),
    (C + 'checks = [{ type = "not-length", value = "x" }]', 3, "cases.checks.value", "must be a number", "", True),
    (
        C + 'checks = [{ type = "equals", value = "x", threshold = 1 }]',
        3,
        "cases.checks.threshold",
        "no threshold",
        "",
        True,
    ),
    (
        'kind = "experiment"\nmessage = "{{b}}"\n[[cases]]\nvariables = { a = 1 }',
        4,
        "cases.variables",
        "no variable",
        "",
        False,
    ),
    (LEAST + "[[checks]]\nvalue = 3", 3, "checks.type", "type is missing", "", True),
    (LEAST + "[columns]\nname = 'id'", 3, "columns", "goes with a case file", "file.csv", False),
    ('kind = "experiment"\ncases = "x.xlsx"', 2, "cases", "no format of cases", ".csv", True),
    ('kind = "experiment"\ncases = 3', 2, "cases", "must be tables", "", True),
    ('kind = "experiment"\ncases = "x.csv"\ndelimiter = ";;"', 3, "delimiter", "no separator", "", True),
    ('kind = "experiment"\ncases = "x.csv"\n[columns]\nname = 3', 4, "columns.name", "must be text", "", True),
    (LEAST + "x = ", 3, "", "broken TOML", "", False),
]


@pytest.mark.parametrize(
    ("text", "line", "key", "what", "hint", "refused"), WRONG, ids=[each[0][:80] for each in WRONG]
)
def test_what_is_wrong_is_said(text: str, line: int, key: str, what: str, hint: str, refused: bool) -> None:
    with pytest.raises(FileError) as caught:
        load(text, Path("exp.toml"))
    problem = caught.value.problem
    assert (problem.file, problem.line, problem.key) == ("exp.toml", line, key), problem
    assert what in problem.problem
    assert hint in problem.hint
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    assert {draft(SCHEMA).is_valid(data) for draft in DRAFTS} == {not refused}


DRAFTS = (jsonschema.Draft7Validator, jsonschema.Draft4Validator)


def test_it_is_a_schema_and_the_file_in_docs_is_it() -> None:
    for draft in DRAFTS:
        draft.check_schema(SCHEMA)
    assert FILE.read_text(encoding="utf-8") == json.dumps(SCHEMA, ensure_ascii=False, indent=1) + "\n"


@settings(max_examples=150)
@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_are_an_experiment_or_an_error_of_one_line(data: bytes) -> None:
    said = ""
    try:
        parse(data)
    except PromptError as error:
        said = str(error)
    assert "\n" not in said


def test_labels_count_as_columns_do() -> None:
    wanted = {0: "A", 25: "Z", 26: "AA", 27: "AB", 51: "AZ", 52: "BA", 701: "ZZ", 702: "AAA"}
    assert {index: label_of(index) for index in wanted} == wanted
    assert len({label_of(index) for index in range(5000)}) == 5000


def test_a_grid_multiplies_and_labels_stay_apart() -> None:
    text = (
        V
        + 'label = "short"\nprompt = "p"\n[[variants]]\nprompt = "q"\n[grid]\ntemperature = [0, 1]\nmodels = ["m", "n"]'
    )
    found = load(text).variants
    assert [variant.label for variant in found] == ["short.1", "short.2", "short.3", "short.4", "A", "B", "C", "D"]
    assert [(variant.prompt, variant.model, variant.sampling["temperature"]) for variant in found[:4]] == [
        ("p", "m", 0),
        ("p", "n", 0),
        ("p", "m", 1),
        ("p", "n", 1),
    ]
    assert found[1].point == {"temperature": 0, "model": "n"}
    many = load(LEAST + f"[grid]\ntop_k = {list(range(30))}").variants
    assert [variant.label for variant in many[24:28]] == ["Y", "Z", "AA", "AB"]
    given_letter = load(V + '[[variants]]\nlabel = "A"').variants
    assert [variant.label for variant in given_letter] == ["B", "A"]


@given(
    st.lists(st.sampled_from(["", "", "A", "C", "x", "AA"]), min_size=1, max_size=6).filter(
        lambda labels: all(labels.count(label) == 1 for label in labels if label)
    ),
    st.lists(st.integers(1, 4), max_size=3),
)
def test_labels_are_always_distinct(labels: list[str], sizes: list[int]) -> None:
    grid = Grid({name: list(range(size)) for name, size in zip(("top_k", "min_keep", "mirostat"), sizes, strict=False)})
    found = expanded([PlannedVariant(label) for label in labels], grid)
    assert len(found) == len(labels) * grid.size
    assert len({variant.label for variant in found}) == len(found)


def plan(text: str) -> Plan:
    found = load(text)
    return Plan(found, found.cases())


def test_the_plan_is_the_same_each_time_and_pairs_the_variants() -> None:
    one, again = plan(FULL), plan(FULL)
    assert len(one) == 12
    assert list(one) == list(again)
    assert [one[at] for at in range(len(one))] == list(one)
    assert one[3:5] == list(one)[3:5]
    assert [trial.variant.label for trial in one[:4]] == ["plain", "A", "plain", "A"]
    assert [trial.repeat for trial in one[:6]] == [0, 0, 1, 1, 2, 2]
    for trial, other in zip(one[::2], one[1::2], strict=True):
        assert (trial.seed, trial.case, trial.repeat) == (other.seed, other.case, other.repeat)
    assert len({trial.seed for trial in one}) == 6
    with pytest.raises(IndexError):
        one[12]


def test_other_seeds_other_dice() -> None:
    assert not {trial.seed for trial in plan(FULL)} & {
        trial.seed for trial in plan(FULL.replace("seed = 7", "seed = 8"))
    }


def test_a_case_keeps_its_seeds_when_others_come_and_more_repeats_are_asked_for() -> None:
    def seeds(text: str) -> dict[tuple[str, int], int]:
        return {(trial.case.message, trial.repeat): trial.seed for trial in plan(text)}

    before = seeds('kind = "experiment"\nrepeats = 2\n[[cases]]\nmessage = "b"\n')
    after = seeds('kind = "experiment"\nrepeats = 4\n[[cases]]\nmessage = "a"\n[[cases]]\nmessage = "b"\n')
    assert before.items() <= after.items()


def test_cases_that_are_the_same_are_told_apart() -> None:
    found = plan(
        'kind = "experiment"\n' + '[[cases]]\nmessage = "b"\n' * 2 + '[[cases]]\nname = "n"\nmessage = "x"\n' * 3
    )
    assert [trial.case.name for trial in found] == ["case 1", "case 2", "n", "n #2", "n #3"]
    assert len({trial.seed for trial in found}) == 5
    assert len({trial.case.key for trial in found}) == 5


@given(st.integers(0, 2**32 - 1), st.text(max_size=20), st.integers(2, 200))
def test_repeats_never_share_a_seed(seed: int, key: str, repeats: int) -> None:
    found = [seed_of(seed, key, repeat) for repeat in range(repeats)]
    assert len(set(found)) == repeats
    assert all(0 <= each < 2**32 for each in found)


def test_shuffled_is_every_case_once_and_the_same_each_time() -> None:
    cases = "".join(f'[[cases]]\nmessage = "{n}"\n' for n in range(50))
    text = 'kind = "experiment"\nshuffle = true\n' + cases
    order = [trial.case_index for trial in plan(text)]
    assert sorted(order) == list(range(50))
    assert order != list(range(50))
    assert order == [trial.case_index for trial in plan(text)]
    assert [trial.case.message for trial in plan(text)] == [str(index) for index in order]


def test_a_prompts_own_cases_are_an_experiment() -> None:
    text = (
        'kind = "system"\ntext = "{{a}}"\n[variables.a]\n[[cases]]\nname = "one"\nmessage = "m"\n'
        'variables = { a = "x" }\n'
        'checks = [{ type = "contains", value = "{{a}}" }]\n[[cases]]\nmessage = "n"\nvariables = { a = "y" }\n'
    )
    prompt = prompts.parse(text.encode(), id="system/x")
    found = of_prompts([prompt], "starter", repeats=2)
    assert [(case.name, case.message, len(case.checks)) for case in found.cases()] == [
        ("one", "m", 1),
        ("case 2", "n", 0),
    ]
    (variant,) = found.variants
    assert (variant.label, variant.prompt, variant.model) == ("A", "system/x", "starter")
    assert len(Plan(found, found.cases())) == 4
    with pytest.raises(UsageError, match="has no cases"):
        of_prompts([prompts.parse(b'kind = "system"\ntext = "x"', id="y")])


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        open_experiment(tmp_path / "none.toml")
    with pytest.raises(UsageError, match="cannot be read"):
        open_experiment(tmp_path)
    path = tmp_path / "e.toml"
    path.write_text('kind = "experiment"\ncases = "gone.csv"\n')
    with pytest.raises(NotFoundError, match=r"gone\.csv"):
        open_experiment(path).cases()


def test_a_prompt_is_given_its_own_variables_and_checks_all_of_them() -> None:
    text = (
        'kind = "system"\ntext = "{{a}} {{n}} {{d}}"\n[variables.a]\n[variables.n]\ntype = "int"\n[variables.d]\n'
        'default = "x"\n'
    )
    prompt = prompts.parse(text.encode(), id="system/x")
    head = 'kind = "experiment"\nvariables = { n = 1, a = "variant" }\n[[cases]]\nmessage = "m"\n'
    (trial,) = plan(head + "variables = { a = 3, sum = 42, n = 5 }\n")
    own, known = values_for(prompt, trial)
    assert own == {"a": "3", "n": 5}
    assert known == {"a": 3, "n": 5, "d": "x", "sum": 42}
    assert lead(prompt, own)[0].content == "3 5 x"
    assert values_for(None, trial) == ({}, {"a": 3, "sum": 42, "n": 5})
