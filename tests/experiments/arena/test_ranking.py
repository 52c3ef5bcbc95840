"""Votes to ratings: counts, intervals, categories, style, and how often the truth is inside."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import UsageError
from workbench.experiments.arena.bradley import logistic
from workbench.experiments.arena.ranking import POINTS, by_category, ranking
from workbench.experiments.arena.styles import differences, style_of
from workbench.experiments.arena.votes import Style, Vote, Winner, by_case, separate

votes = st.lists(
    st.builds(
        Vote,
        left=st.sampled_from("ab"),
        right=st.sampled_from("cde"),
        winner=st.sampled_from(["left", "right", "tie", "bad"]),
        case=st.sampled_from(["", "x", "y", "z"]),
        tags=st.sampled_from([(), ("coding",), ("coding", "korean")]),
    ),
    max_size=20,
)


def test_a_hundred_votes_with_a_known_winner() -> None:
    counts: dict[Winner, int] = {"left": 70, "right": 25, "tie": 3, "bad": 2}
    told = [winner for winner, count in counts.items() for _ in range(count)]
    rows = ranking([Vote("new", "old", winner, f"case {n}") for n, winner in enumerate(told)]).rows
    best, last = rows
    assert (best.item, best.votes, best.wins, best.ties, best.bad, best.note) == ("new", 100, 70, 3, 2, "")
    assert (last.item, last.wins) == ("old", 25)
    # 72.5 : 27.5 is 168 points; the prior takes a few of them
    assert 155 < best.rating - last.rating < 169
    assert best.rating + last.rating == pytest.approx(2000)
    assert last.high < 1000 < best.low < best.rating < best.high


def test_both_bad_pulls_together_like_a_tie() -> None:
    def gap(winner: Winner) -> float:
        rows = ranking([Vote("a", "b", "left")] * 6 + [Vote("a", "b", winner)] * 6).rows
        return rows[0].rating - rows[1].rating

    assert gap("bad") == gap("tie") < gap("left")


def test_too_few_votes_are_said() -> None:
    assert {row.note for row in ranking([Vote("a", "b", "left")] * 9).rows} == {"too few votes"}
    assert {row.note for row in ranking([Vote("a", "b", "left")] * 10).rows} == {""}
    assert ranking([]).rows == []


def test_items_that_never_met_are_said() -> None:
    told = [Vote("a", "b", "left"), Vote("b", "c", "left"), Vote("x", "y", "left")] * 10
    assert {row.item: row.note for row in ranking(told).rows if row.note} == {
        "x": "met none of the others",
        "y": "met none of the others",
    }
    assert separate(told) == [{"a", "b", "c"}, {"x", "y"}]


def test_votes_that_all_agree_still_leave_room() -> None:
    best = ranking([Vote("a", "b", "left", f"case {n}") for n in range(12)]).rows[0]
    assert best.low < best.rating - 50
    assert best.high > best.rating + 50


def test_many_votes_on_one_case_are_not_many_cases() -> None:
    counts: dict[Winner, int] = {"left": 13, "right": 7}
    told = [winner for winner, count in counts.items() for _ in range(count)]
    apart = ranking([Vote("a", "b", w, f"case {n}") for n, w in enumerate(told * 10)]).rows[0]
    alike = ranking([Vote("a", "b", w, f"case {n}") for n, w in enumerate(told) for _ in range(10)]).rows[0]
    assert apart.rating == pytest.approx(alike.rating)
    assert alike.high - alike.low > 2 * (apart.high - apart.low)


def test_the_same_seed_gives_the_same_intervals() -> None:
    rng = random.Random(1)
    winners: list[Winner] = ["left", "right", "tie"]
    told = [Vote("a", "b", winner, f"case {case}") for case in range(15) for winner in [rng.choice(winners)] * 4]
    assert ranking(told, seed=3) == ranking(told, seed=3)
    assert ranking(told, seed=3) != ranking(told, seed=4)


def test_categories_have_their_own_ranking() -> None:
    told = [Vote("a", "b", "left", tags=("coding",))] * 12 + [Vote("a", "b", "right", tags=("korean",))] * 15
    found = by_category(told)
    assert list(found) == ["", "coding", "korean"]
    assert [found[tag].rows[0].item for tag in found] == ["b", "a", "b"]
    assert [found[tag].votes for tag in found] == [27, 12, 15]


@given(votes)
def test_counts_add_up_and_intervals_hold_the_rating(told: list[Vote]) -> None:
    found = ranking(told, rounds=20)
    assert sum(row.votes for row in found.rows) == 2 * len(told)
    assert sum(row.wins for row in found.rows) == sum(vote.winner in ("left", "right") for vote in told)
    assert [row.rating for row in found.rows] == sorted((row.rating for row in found.rows), reverse=True)
    assert all(row.low <= row.rating <= row.high for row in found.rows)
    assert sum(map(len, by_case(told))) == len(told)


@given(votes)
def test_sides_do_not_matter(told: list[Vote]) -> None:
    turned: dict[Winner, Winner] = {"left": "right", "right": "left"}
    swapped = [Vote(v.right, v.left, turned.get(v.winner, v.winner), v.case) for v in told]
    one = {row.item: row.rating for row in ranking(told, rounds=0).rows}
    assert {row.item: row.rating for row in ranking(swapped, rounds=0).rows} == pytest.approx(one)


def test_wrong_votes_are_refused() -> None:
    with pytest.raises(UsageError, match="is no winner"):
        Vote("a", "b", "both")  # type: ignore[arg-type]  # what an imported file may hold
    with pytest.raises(UsageError, match="against itself"):
        Vote("a", "a", "left")


# ---- style


def test_the_style_of_a_text() -> None:
    text = "# Title\n\n1. one\n2) two\n- **three**\n\n```\n# no heading\n- no list\n```\nplain __bold__ * no list\n"
    assert style_of(text) == Style(length=len(text), lists=3, headings=1, bold=2)
    assert style_of(text, tokens=31).length == 31
    assert style_of("```\n# open fence to the end") == Style(length=27)


def test_style_differences_are_shares() -> None:
    vote = Vote("a", "b", "left", styles=(Style(300, 4), Style(100, 0, 2)))
    assert differences(vote) == (0.5, 1.0, -1.0, 0.0)
    assert differences(Vote("a", "b", "left")) == (0, 0, 0, 0)


def test_style_control_takes_out_what_length_won() -> None:
    """Equal items; `long` writes longer texts in 4 of 5 votes, and the longer text wins in 80 %."""
    rng = random.Random(8)
    told = []
    for n in range(600):
        longer = rng.random() < 0.8
        styles = (Style(300), Style(100)) if longer else (Style(100), Style(300))
        wins = rng.random() < (0.8 if longer else 0.2)
        told.append(Vote("long", "short", "left" if wins else "right", f"case {n}", styles=styles))
    plain, controlled = ranking(told), ranking(told, control=True)
    assert plain.rows[0].item == "long"
    assert plain.rows[0].low > 1030
    by_name = {row.item: row for row in controlled.rows}
    assert by_name["long"].low < 1000 < by_name["long"].high
    length = controlled.effects[0]
    assert length.style == "length"
    assert length.low < 2 * np.log(4) < length.high  # half the scale apart is worth ln 4
    assert plain.effects == []


# ---- simulation


@pytest.mark.parametrize("alike", [0.0, 1.5])
def test_intervals_hold_the_truth(alike: float) -> None:
    """150 arenas of 4 items, 60 cases, 3 votes each; `alike`: how much a case favours an item. ≥ 95 % less the error of
    600 intervals, ±1.7 points."""
    rng = np.random.default_rng(4)
    held = total = 0
    for _ in range(150):
        truth = rng.normal(0, 0.6, 4)
        truth -= truth.mean()
        told = []
        for case in range(60):
            lean = truth + rng.normal(0, alike, 4)
            for _ in range(3):
                a, b = rng.choice(4, 2, replace=False)
                wins = rng.random() < logistic(lean[a] - lean[b])
                told.append(Vote(f"i{a}", f"i{b}", "left" if wins else "right", str(case)))
        # what a case favours at random flattens the log-odds that votes show (a logistic-normal's mean)
        shown = truth / np.sqrt(1 + 2 * alike**2 / 2.89)
        for row in ranking(told, rounds=60).rows:
            held += row.low <= 1000 + POINTS * shown[int(row.item[1])] <= row.high
            total += 1
    assert held / total > 0.933, held / total
