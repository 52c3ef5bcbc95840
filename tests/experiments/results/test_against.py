"""A run against an earlier one: which variants are the same, and what got worse."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from tests.experiments.results.made import check, trial
from workbench.experiments.results.against import matched, to_json
from workbench.experiments.results.results import Results


def test_what_got_worse_is_named_by_variant_case_and_check() -> None:
    both = [check("contains"), check("regex"), check("contains")]
    fails = [check("contains"), check("regex", 0.0), check("contains")]
    before = [trial("A", f"c{at}", None, checks=both, version="1" * 64) for at in range(12)]
    after = [trial("A", f"c{at}", None, checks=fails if at < 8 else both, version="2" * 64) for at in range(12)]
    found = Results.of(after).worse_than(Results.of(before))
    assert found.worse
    change = found.variants[0]
    assert (change.label, change.before, change.said) == ("A", "A", "worse")
    assert change.found.losses == 8
    assert [case.case for case in change.worse] == [f"c{at}" for at in range(8)]
    assert all(case.newly for case in change.worse)
    assert change.better == ()
    assert [(each.check, each.before, round(each.after or 0, 3)) for each in change.checks] == [("regex", 1.0, 0.333)]
    back = Results.of(before).worse_than(Results.of(after))
    assert (back.worse, back.variants[0].said) == (False, "better")
    assert json.loads(json.dumps(to_json(found)))["variants"][0]["worse"][0]["case"] == "c0"


def test_a_little_is_no_sure_change() -> None:
    before = [trial("A", f"c{at}", 1.0) for at in range(12)]
    after = [trial("A", f"c{at}", float(at > 1)) for at in range(12)]
    found = Results.of(after).worse_than(Results.of(before))
    assert not found.worse
    assert found.variants[0].said == "no sure change"
    assert len(found.variants[0].worse) == 2


def test_a_case_that_is_an_error_now_is_worse_and_one_that_was_broken_off_is_not() -> None:
    before = Results.of([trial("A", "x"), trial("A", "y"), trial("A", "z", None, finish="error")])
    rest = [trial("A", "y"), trial("A", "z", None, finish="error")]
    found = Results.of([trial("A", "x", None, finish="error"), *rest]).worse_than(before)
    assert found.worse
    assert (found.variants[0].said, found.variants[0].broken) == ("worse", ("x",))
    found = Results.of([trial("A", "x", None, finish="interrupted"), *rest]).worse_than(before)
    assert not found.worse
    assert found.variants[0].broken == ()


def test_variants_are_matched_by_what_they_are_then_by_label() -> None:
    def run(*variants: tuple[str, str, str]) -> Results:
        return Results.of(trial(label, prompt=prompt, model=model) for label, prompt, model in variants)

    # the letters moved: the prompt tells
    assert matched(run(("A", "p", "m"), ("B", "q", "m")), run(("A", "q", "m"), ("B", "p", "m"))) == [
        ("B", "A"),
        ("A", "B"),
    ]
    # two versions of one prompt: by label
    assert matched(run(("A", "p", "m"), ("B", "p", "m")), run(("B", "p", "m"), ("A", "p", "m"))) == [
        ("B", "B"),
        ("A", "A"),
    ]
    # another model in the same lane
    assert matched(run(("A", "p", "m")), run(("A", "p", "n"))) == [("A", "A")]
    found = run(("A", "p", "m"), ("C", "r", "m")).worse_than(run(("A", "p", "m"), ("B", "q", "m")))
    assert (found.new, found.gone) == (("C",), ("B",))


def test_cases_that_only_one_has_are_counted_and_not_compared() -> None:
    found = Results.of([trial("A", "x", 0.0), trial("A", "y")]).worse_than(
        Results.of([trial("A", "y"), trial("A", "z"), trial("A", "w")])
    )
    assert (found.new_cases, found.gone_cases) == (1, 2)
    assert found.variants[0].found.cases == 1
    assert found.variants[0].worse == ()


@given(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=1, max_size=20))
def test_nothing_changes_against_itself(scores: list[float]) -> None:
    results = Results.of(trial("A", f"c{at}", score) for at, score in enumerate(scores))
    found = results.worse_than(results)
    assert not found.worse
    assert not found.variants[0].worse + found.variants[0].better
    assert not found.variants[0].checks
