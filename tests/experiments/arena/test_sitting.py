"""A person voting: what may meet, sides that are drawn and sealed, what comes next, what is taken back."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.history.made import add
from workbench.errors import UsageError
from workbench.experiments.arena.entries import clean_tags, entries, item_of, split_tags, told_apart, votes_of
from workbench.experiments.arena.sitting import Pair, Sitting
from workbench.history.store import Store
from workbench.history.votes import Ballot, Verdict, ballots, cast


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "history.db")
    yield made
    made.close()


def trial(prompt: str, text: str = "yes", message: str = "hi", **more: Any) -> dict[str, Any]:
    said = [{"role": "user", "content": message}]
    return {"prompt": prompt, "version": "abcdef0123", "text": text, "messages": said, "temperature": 1, **more}


def sitting(store: Store, *, seed: int = 0, tag: str = "") -> Sitting:
    seeds = count(seed)
    return Sitting(store, entries(store.trials(None, 1000)), tag=tag, seed=lambda: next(seeds))


def drawn(found: Sitting) -> Pair:
    pair = found.advance()
    assert pair is not None
    return pair


# ---- items and cases


def test_an_item_is_prompt_version_model_and_sampling_without_the_seed() -> None:
    told = trial("system/plain", model="SmolLM2 Q4_1", sampling={"temperature": 0.7, "top_k": 20, "seed": 9})
    assert item_of(told) == "system/plain@abcdef01 · SmolLM2 Q4_1 · temperature=0.7 top_k=20"
    assert item_of({**told, "sampling": {"temperature": 0.7, "top_k": 20, "seed": 10}}) == item_of(told)
    for other in ({"version": "b" * 64}, {"model": "x"}, {"sampling": {"temperature": 0.8}}, {"profile": "teacher@1"}):
        assert item_of({**told, **other}) != item_of(told)
    assert "from_the_future=1" in item_of({**told, "sampling": {"from_the_future": 1}})


def test_in_a_list_items_are_named_by_what_tells_them_apart() -> None:
    def item(prompt: str = "p", model: str = "m", **sampling: float) -> str:
        return item_of(trial(prompt, model=model, sampling=sampling))

    cold, warm = item(temperature=0.0, top_k=20), item(temperature=1.5, top_k=20)
    assert told_apart([cold, warm, "imported"]) == {
        cold: "temperature=0",
        warm: "temperature=1.5",
        "imported": "imported",
    }
    other = item("q", temperature=0.0, top_k=20)
    assert told_apart([cold, other]) == {cold: "p@abcdef01", other: "q@abcdef01"}
    more = item(temperature=0.0, top_k=20, min_p=0.2)
    assert told_apart([cold, more]) == {cold: "p@abcdef01", more: "min_p=0.2"}
    assert told_apart([cold]) == {cold: cold}
    assert told_apart([]) == {}


def test_typed_prompts_are_told_apart_by_what_they_say() -> None:
    long = "Answer in one word, whatever they ask of you, and never explain"
    one = item_of({"model": "m", "lead": [{"role": "system", "content": long + " it."}]})
    other = item_of({"model": "m", "lead": [{"role": "system", "content": long + " yourself."}]})
    assert one != other
    assert one.startswith('"Answer in one word, whatever …" #')
    assert item_of({"model": "m"}).startswith("(no prompt) · m · ")


def test_only_answers_that_ended_take_part_and_each_once() -> None:
    told = [{**trial("a"), "id": finish, "finish": finish} for finish in ("stop", "length", "error", "cancelled")]
    told += [{**trial("a"), "id": finish, "finish": finish} for finish in ("interrupted", "running", "stop")]
    assert [entry.trial for entry in entries(told)] == ["stop", "length"]


def test_a_conversation_is_before_its_last_message() -> None:
    said = [("user", "one"), ("assistant", "1"), ("user", "two")]
    messages = [{"role": role, "content": content} for role, content in said]
    (entry,) = entries([{**trial("a"), "messages": messages, "id": "t", "finish": "stop"}])
    assert (entry.message, entry.before) == ("two", (("user", "one"), ("assistant", "1")))
    other = [{**message, "content": "another"} if message["role"] == "assistant" else message for message in messages]
    (same,) = entries([{**trial("b"), "messages": other, "id": "t", "finish": "stop"}])
    assert (same.group, same.case) == (entry.group, entry.case)  # what a lane answered before is its own


def test_tags_are_small_and_once() -> None:
    assert split_tags(" Coding; korean,CODING ,, 한국어 ") == ("coding", "korean", "한국어")
    assert clean_tags(["A  b", "", "a b"]) == ("a b",)


# ---- what meets


def test_only_answers_to_the_same_message_by_different_variants_meet(store: Store) -> None:
    add(store, "r1", trial("a"), trial("b"), trial("a", "again"), trial("c", message="other"))
    found = sitting(store)
    met = set()
    while pair := found.advance():
        met.add(frozenset((pair.left.trial, pair.right.trial)))
        found.vote("tie")
    assert met == {frozenset(("r1-0", "r1-1")), frozenset(("r1-1", "r1-2"))}


def test_named_cases_meet_within_their_run(store: Store) -> None:
    rows = [trial("a", case="x", message="one"), trial("b", case="x", message="wrapped: one")]
    add(store, "r1", *rows, kind="experiment")
    add(store, "r2", trial("c", case="x", message="else"), kind="experiment")
    found = sitting(store)
    pair = drawn(found)
    assert {pair.left.trial, pair.right.trial} == {"r1-0", "r1-1"}
    assert pair.ballot.case == "x"
    found.vote("left")
    assert found.advance() is None


def test_a_pair_is_on_disk_before_it_is_given_out_and_comes_again_with_the_same_sides(store: Store) -> None:
    add(store, "r1", trial("a", "# T\n\n- **x**"), trial("b", "no"))
    pair = drawn(sitting(store, seed=7))
    (told,) = ballots(store)
    assert told.open
    assert (told.left, told.right, told.seed) == (pair.left.item, pair.right.item, 7)
    assert (told.left_trial, told.right_trial) == (pair.left.trial, pair.right.trial)
    assert told.styles is not None
    assert sorted(told.styles) == [(2, 0, 0, 0), (12, 1, 1, 1)]
    for seed in range(8, 28):  # nobody can draw again
        again = drawn(sitting(store, seed=seed))
        assert (again.left.trial, again.right.trial) == (pair.left.trial, pair.right.trial)
    assert len(ballots(store)) == 1


def test_sides_have_nothing_to_do_with_the_order_of_the_lanes(store: Store) -> None:
    for number in range(120):
        add(store, f"r{number:03}", trial("a", message=f"m{number}"), trial("b", message=f"m{number}"))
    found = sitting(store, seed=1)
    first = 0
    for _ in range(120):
        pair = drawn(found)
        first += pair.left.trial.endswith("-0")
        found.vote("tie")
    assert 42 <= first <= 78  # 60 ± 3.3 standard deviations; the seeds are fixed


def test_the_pair_of_which_least_is_known_comes_first(store: Store) -> None:
    rows = [trial(prompt, message=f"m{number}") for number in range(15) for prompt in "abc"]
    add(store, "r1", *rows)
    found = sitting(store)
    for _ in range(30):
        pair = drawn(found)
        found.vote("left" if pair.left.item < pair.right.item else "right")
    met = [frozenset((told.left[0], told.right[0])) for told in ballots(store)]
    assert len({told.case for told in ballots(store)}) == 15  # cases in turn
    assert met.count(frozenset("ac")) < min(met.count(frozenset("ab")), met.count(frozenset("bc")))


def test_a_category_keeps_to_its_cases_and_a_case_keeps_its_tags(store: Store) -> None:
    add(store, "r1", *(trial(prompt, message=f"m{number}") for number in range(3) for prompt in "abc"))
    found = sitting(store)
    pair = drawn(found)
    found.vote("left", ("korean",))
    assert found.tags_of(pair.left) == ("korean",)
    assert found.categories() == ["korean"]
    found.tag = "korean"
    seen = []
    while other := found.advance():
        seen.append(other.ballot.case)
        found.vote("tie", found.tags_of(other.left))
    assert seen == [pair.ballot.case] * 2
    assert len(votes_of(found.ballots, "korean")) == 3
    assert votes_of(found.ballots, "coding") == []


# ---- verdicts


def test_a_vote_is_withdrawn_and_its_pair_stays_away(store: Store) -> None:
    add(store, "r1", trial("a"), trial("b"), trial("c"))
    found = sitting(store)
    pair = drawn(found)
    found.vote("left")
    assert found.counted == 1
    told = found.undo()
    assert told is not None
    assert told.verdict == "withdrawn"
    assert found.counted == 0
    assert found.undo() is None
    seen = set()
    while other := found.advance():
        seen.add(other.ballot.id)
        found.vote("tie")
    assert len(seen) == 2
    assert pair.ballot.id not in seen
    assert len(votes_of(ballots(store))) == 2


def test_a_skip_taken_back_comes_next(store: Store) -> None:
    add(store, "r1", trial("a"), trial("b"), trial("c"))
    found = sitting(store)
    skipped = drawn(found)
    found.vote("skip")
    after = drawn(found)
    assert after.ballot.id != skipped.ballot.id
    found.undo()
    assert drawn(found).ballot.id == skipped.ballot.id
    found.vote("right")
    assert drawn(found).ballot.id == after.ballot.id


def test_another_window_was_faster(store: Store) -> None:
    add(store, "r1", trial("a"), trial("b"), trial("c"))
    found, other = sitting(store), sitting(store)
    shown = drawn(found).ballot
    other.reread()
    assert drawn(other).ballot.id == shown.id
    other.vote("left")
    with pytest.raises(UsageError, match="has a verdict already"):
        found.vote("right")
    found.reread()
    assert drawn(found).ballot.id != shown.id
    assert [told.verdict for told in ballots(store)] == ["left", ""]


def test_nothing_to_vote_on(store: Store) -> None:
    found = sitting(store)
    assert found.advance() is None
    assert not found.met
    with pytest.raises(UsageError, match="no pair"):
        found.vote("left")
    add(store, "r1", trial("a"), trial("a", "else"))
    found = sitting(store)
    assert found.advance() is None
    assert len(found.items) == 1


def test_open_skipped_and_withdrawn_ballots_are_no_votes(store: Store) -> None:
    verdicts: tuple[Verdict, ...] = ("", "reopened", "skip", "withdrawn")
    told = [Ballot(id=str(number), left="a", right="b", verdict=verdict) for number, verdict in enumerate(verdicts)]
    assert votes_of(told) == []
    add(store, "r1", trial("a"), trial("b"))
    shown = drawn(sitting(store))
    assert votes_of(ballots(store)) == []
    cast(store, shown.ballot, "bad")
    assert [vote.winner for vote in votes_of(ballots(store))] == ["bad"]
