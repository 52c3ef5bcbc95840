"""A comparison made into an experiment: the file says what the lanes are."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.experiments.compose import of_comparison
from workbench.experiments.conversation import Comparison, Exchange, Lane
from workbench.experiments.experiment import Instructions
from workbench.experiments.files import parse
from workbench.inference.engine import Message
from workbench.inference.sampling import make


def test_lanes_are_variants_and_messages_cases() -> None:
    one = Lane(
        uid=1,
        prompt="system/plain",
        pin="production",
        model="starter",
        values={"topic": "sums"},
        profile=Instructions("teacher", "v"),
        sampling=make({"temperature": 0.2, "seed": 9, "stop": ["\n", "END"], "logit_bias": {5: -1.5}}),
        turns=[Exchange(message="What is 17 + 25?"), Exchange(message='Say it "again"\nslowly')],
    )
    two = Lane(uid=2, lead=(Message("system", "Be terse.\nVery."),), model="gemma", turns=[Exchange(message="Hi")])
    comparison = Comparison([one, two])
    comparison.draft, comparison.mode, comparison.coupled = "A draft", "strict", False
    found = parse(of_comparison(comparison, "Two lanes").encode())
    assert (found.title, found.seed, found.repeats, found.mode, found.coupled) == ("Two lanes", 9, 3, "strict", False)
    first, second = found.variants
    assert (first.label, first.prompt, first.model, first.profile) == (
        "A",
        "system/plain@production",
        "starter",
        "teacher",
    )
    assert first.sampling == {"temperature": 0.2, "stop": ("\n", "END"), "logit_bias": {5: -1.5}}
    assert first.variables == {"topic": "sums"}
    assert (second.label, second.prompt, second.model) == ("B", "Be terse.\nVery.", "gemma")
    assert [case.message for case in found.cases()] == ["What is 17 + 25?", 'Say it "again"\nslowly', "Hi", "A draft"]
    assert found.warnings == ()
    assert found.extra == {}


def test_an_empty_comparison_is_a_file_to_begin_with() -> None:
    found = parse(of_comparison(Comparison([Lane(uid=1), Lane(uid=2)])).encode())
    assert [variant.label for variant in found.variants] == ["A", "B"]
    assert len(found.cases()) == 1


def test_the_example_of_a_check_is_taken_by_removing_its_marks() -> None:
    text = of_comparison(Comparison([Lane(uid=1), Lane(uid=2)]))
    assert parse(text.encode()).checks == ()
    head, marked = text.rsplit("# [[checks]]", 1)
    (check,) = parse((head + "[[checks]]" + marked.replace("# ", "")).encode()).checks
    assert (check.type, check.options["value"]) == ("contains", "42")


TEXT = st.text(max_size=40)


@settings(max_examples=150)
@given(st.lists(st.tuples(TEXT, TEXT, TEXT), min_size=1, max_size=4))
def test_any_text_comes_back(lanes: list[tuple[str, str, str]]) -> None:
    made = [
        Lane(uid=n, lead=(Message("system", system),), values={"a": value}, turns=[Exchange(message=message)])
        for n, (system, value, message) in enumerate(lanes)
    ]
    found = parse(of_comparison(Comparison(made)).encode())

    def whole(text: str) -> str:
        return text.replace("\r\n", "\n")  # tomllib reads line ends as LF

    assert [whole(variant.prompt) for variant in found.variants] == [whole(system) for system, _, _ in lanes]
    assert [variant.variables["a"] for variant in found.variants] == [value for _, value, _ in lanes]
