"""The state of a comparison: lanes, turns, what is fed, and how events change it."""

from __future__ import annotations

import pytest

from workbench.experiments import draft
from workbench.experiments.conversation import Comparison, Lane
from workbench.experiments.experiment import (
    Instructions,
    ModelLoading,
    ModelWaited,
    TrialAdvanced,
    TrialFinished,
    TrialPlan,
    TrialRecord,
    TrialStarted,
)
from workbench.inference.engine import Finish, Message
from workbench.inference.sampling import Sampling


def lane(uid: int, system: str) -> Lane:
    return Lane(
        uid=uid,
        prompt=f"system/{system}",
        version="3f9c" * 8,
        lead=(Message("system", system),),
        model="M",
        path="/models/m.gguf",
        sampling=Sampling(seed=5),
    )


@pytest.fixture
def two() -> Comparison:
    return Comparison([lane(1, "plain"), lane(2, "steps")])


def end(plan: TrialPlan, text: str, finish: Finish = "stop", error: str | None = None) -> TrialFinished:
    return TrialFinished(
        plan.id,
        TrialRecord(
            variant=plan.variant.label,
            case="",
            repeat=0,
            prompt=plan.variant.prompt,
            version=plan.variant.version,
            model=plan.variant.model,
            sampling={},
            seed=plan.variant.sampling.seed,
            mode=plan.mode,
            text=text,
            finish=finish,
            error=error,
            prompt_tokens=9,
            completion_tokens=3,
            first_token_s=0.2,
            tokens_per_s=40.0,
        ),
    )


def answer(state: Comparison, plans: list[TrialPlan], text: str, finish: Finish = "stop") -> None:
    for plan in plans:
        state.apply(end(plan, f"{text} {plan.variant.label}", finish))


def test_a_turn_goes_to_every_lane_with_its_own_lead(two: Comparison) -> None:
    plans = two.plan_turn("hi", "run1")
    assert [plan.id for plan in plans] == ["run1-A", "run1-B"]
    assert [plan.variant.label for plan in plans] == ["A", "B"]
    assert [plan.variant.lead[0].content for plan in plans] == ["plain", "steps"]
    assert plans[0].messages == (Message("user", "hi"),)
    assert two.busy
    assert not two.plan_turn("again", "run2"), "a lane that runs takes no second turn"


def test_each_lane_keeps_its_own_history(two: Comparison) -> None:
    answer(two, two.plan_turn("one", "r1"), "first")
    plans = two.plan_turn("two", "r2")
    assert [message.content for message in plans[1].messages] == ["one", "first B", "two"]
    assert [message.role for message in plans[1].messages] == ["user", "assistant", "user"]


def test_events_move_a_lane_through_its_phases(two: Comparison) -> None:
    plan = two.plan_turn("hi", "r")[0]
    first = two.lanes[0]
    phases = [first.phase]
    assert len(two.apply(ModelWaited("M", "needs 8 GB"))) == 2
    phases.append(first.phase)
    assert first.note == "needs 8 GB"
    two.apply(ModelLoading("M", 0.5))
    phases.append(first.phase)
    assert (first.progress, first.note) == (0.5, "")
    two.apply(TrialStarted(plan.id, 12, 4))
    phases.append(first.phase)
    assert phases == ["queued", "waiting", "loading", "reading"]
    assert two.apply(ModelLoading("M", 0.9)) == [two.lanes[1]], "a lane that reads is past loading"
    assert two.apply(TrialAdvanced(plan.id, "Hel", 1)) == [first]
    two.apply(TrialAdvanced(plan.id, "lo", 2))
    assert (first.text, first.turns[-1].completion_tokens, first.trial) == ("Hello", 3, "r-A")
    two.apply(end(plan, "Hello"))
    assert (first.busy, first.trial, first.turns[-1].finish) == (False, "", "stop")


def test_stale_events_are_dropped(two: Comparison) -> None:
    plans = two.plan_turn("hi", "r1")
    assert two.clear() == ["r1-A", "r1-B"]
    assert two.apply(TrialAdvanced(plans[0].id, "late", 1)) == []
    assert two.apply(end(plans[0], "late")) == []
    assert two.lanes[0].text == ""


def test_a_cancelled_answer_keeps_its_text_and_is_sent_on(two: Comparison) -> None:
    answer(two, two.plan_turn("one", "r1"), "half", "cancelled")
    assert two.lanes[0].turns[0].finish == "cancelled"
    assert [m.content for m in two.plan_turn("two", "r2")[0].messages] == ["one", "half A", "two"]


def test_a_failed_answer_leaves_no_hole_in_the_next_turn(two: Comparison) -> None:
    for plan in two.plan_turn("one", "r1"):
        two.apply(end(plan, "", "error", "the worker died"))
    assert two.lanes[0].turns[0].error == "the worker died"
    assert [m.content for m in two.plan_turn("two", "r2")[0].messages] == ["two"]


def test_again_takes_the_next_seed_and_the_place_of_the_last_answer(two: Comparison) -> None:
    answer(two, two.plan_turn("one", "r1"), "first")
    answer(two, two.plan_turn("two", "r2"), "second")
    plans = two.plan_again("r3")
    assert [plan.variant.sampling.seed for plan in plans] == [6, 6]
    assert [m.content for m in plans[0].messages] == ["one", "first A", "two"]
    assert len(two.lanes[0].turns) == 2
    answer(two, plans, "third")
    assert [turn.answer for turn in two.lanes[0].turns] == ["first A", "third A"]


def test_again_with_the_same_seed_for_one_lane_only(two: Comparison) -> None:
    answer(two, two.plan_turn("one", "r1"), "first")
    plans = two.plan_again("r2", [two.lanes[1]], next_seed=False)
    assert [(plan.variant.label, plan.variant.sampling.seed) for plan in plans] == [("B", 5)]


def test_the_last_seed_wraps(two: Comparison) -> None:
    two.lanes[0].sampling = Sampling(seed=2**32 - 1)
    answer(two, two.plan_turn("one", "r1"), "first")
    assert two.plan_again("r2")[0].variant.sampling.seed == 0


def test_a_fresh_lane_catches_up_with_the_last_message(two: Comparison) -> None:
    answer(two, two.plan_turn("one", "r1"), "first")
    fresh = two.add(two.lanes[0])
    assert fresh is not None
    assert two.label(fresh) == "B"
    assert not fresh.turns
    plans = two.plan_again("r2", [fresh], next_seed=False)
    assert plans[0].messages == (Message("user", "one"),)


def test_duplicate_takes_the_conversation_but_shares_nothing(two: Comparison) -> None:
    answer(two, two.plan_turn("one", "r1"), "first")
    twin = two.add(two.lanes[0], history=True)
    assert twin is not None
    assert twin.uid not in (1, 2)
    assert twin.history() == two.lanes[0].history()
    answer(two, two.plan_turn("two", "r2", [twin]), "x")
    assert len(two.lanes[0].turns) == 1


def test_two_to_eight_lanes(two: Comparison) -> None:
    assert not two.remove(two.lanes[0])
    while two.add(two.lanes[-1]):
        pass
    assert [two.label(each) for each in two.lanes] == list("ABCDEFGH")
    assert two.remove(two.lanes[3])
    assert len(two.lanes) == 7


def test_move(two: Comparison) -> None:
    first = two.lanes[0]
    assert not two.move(first, -1)
    assert two.move(first, 1)
    assert two.label(first) == "B"


def test_a_changed_lane_keeps_its_history(two: Comparison) -> None:
    answer(two, two.plan_turn("one", "r1"), "first")
    two.set_variant(two.lanes[0], two.variant(two.lanes[1]))
    plan = two.plan_turn("two", "r2")[0]
    assert plan.variant.lead[0].content == "steps"
    assert [m.content for m in plan.messages] == ["one", "first A", "two"]


def test_a_lane_with_a_problem_stays_out(two: Comparison) -> None:
    two.lanes[0].problem = "no such prompt"
    assert [plan.variant.label for plan in two.plan_turn("hi", "r")] == ["B"]


def test_pending_is_what_the_next_run_feeds(two: Comparison) -> None:
    first = two.lanes[0]
    assert first.pending("  ") == first.lead
    assert first.pending("hi") == (*first.lead, Message("user", "hi"))
    answer(two, two.plan_turn("one", "r1"), "first")
    for message in ("two", ""):
        pending = first.pending(message)
        plan = (two.plan_turn(message, "r2", [first]) if message else two.plan_again("r3", [first], next_seed=False))[0]
        assert pending == (*plan.variant.lead, *plan.messages)
        two.apply(end(plan, "x"))


def test_clear_gives_an_empty_draft_its_message_back(two: Comparison) -> None:
    answer(two, two.plan_turn("one", "r1"), "first")
    answer(two, two.plan_turn("two", "r2"), "second")
    two.clear()
    assert (two.draft, two.lanes[0].turns) == ("one", [])


def test_a_broken_run_ends_its_lanes(two: Comparison) -> None:
    two.plan_turn("one", "r1")
    assert len(two.fail_running("pipe broke")) == 2
    assert not two.busy
    assert two.lanes[0].turns[-1].error == "pipe broke"


def test_the_file_brings_everything_back(two: Comparison) -> None:
    answer(two, two.plan_turn("one", "r1"), "first")
    two.plan_turn("two", "r2")
    two.apply(TrialAdvanced("r2-A", "half", 1))
    two.draft, two.mode, two.coupled = "typed\nbut not sent", "strict", False
    two.lanes[0].profile = Instructions("me", "5a" * 32, b"bytes")
    back = draft.load(draft.dump(two))
    assert back is not None
    assert (back.draft, back.mode, back.coupled) == (two.draft, "strict", False)
    assert back.lanes[0].lead == two.lanes[0].lead
    assert back.lanes[0].profile == Instructions("me", "5a" * 32)
    assert back.lanes[1].profile is None
    assert back.lanes[0].history() == two.lanes[0].history()
    assert (back.lanes[0].turns[1].finish, back.lanes[0].text, back.busy) == ("interrupted", "half", False)
    assert back.add(back.lanes[0]) is not None
    assert len({each.uid for each in back.lanes}) == 3


def test_a_lone_surrogate_does_not_lose_the_file(two: Comparison) -> None:
    two.draft = "a\udc80b"
    back = draft.load(draft.dump(two))
    assert back is not None
    assert back.draft == "a?b"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"[]",
        b'{"schema": 2, "lanes": [{}, {}]}',
        b'{"schema": 1, "lanes": []}',
        b'{"schema": 1, "lanes": [{"sampling": 3}, {}]}',
        b'{"schema": 1, "lanes": [{}, {}], "draft": {}}',
        b"[" * 100_000,
    ],
)
def test_a_damaged_file_is_no_comparison(data: bytes) -> None:
    assert draft.load(data) is None


def test_values_out_of_range_become_the_defaults() -> None:
    data = b'{"schema": 1, "lanes": [{"sampling": {"temperature": -5}}, {}]}'
    back = draft.load(data)
    assert back is not None
    assert back.lanes[0].sampling == Sampling()
