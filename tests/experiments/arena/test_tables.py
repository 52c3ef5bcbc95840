"""Votes as CSV: what goes out comes in as the same ranking; errors name the line; nothing counts twice."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import StorageError, UsageError
from workbench.experiments.arena.entries import clean_tags, votes_of
from workbench.experiments.arena.ranking import ranking
from workbench.experiments.arena.tables import COLUMNS, read, written
from workbench.history.store import Store
from workbench.history.votes import Ballot, add, ballots

names = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), min_size=1, max_size=8)
looks = st.tuples(*[st.integers(0, 3000)] * 4)
rows = st.builds(
    Ballot,
    id=st.just(""),
    left=st.sampled_from(["a", 'pro"mpt, x', "007"]) | names.map(lambda name: f"l{name}"),
    right=st.sampled_from(["b", "한국어\nline"]) | names.map(lambda name: f"r{name}"),
    case=st.sampled_from(["", "one", "two\r\nlines", "=1+1"]) | names,
    styles=st.none() | st.tuples(looks.filter(any), looks),
    voter=st.sampled_from(["", "minji"]),
    source=st.just("import"),
    verdict=st.sampled_from(["left", "right", "tie", "bad"]),
    tags=st.lists(st.sampled_from(["coding", "korean", "two words"]), max_size=2).map(clean_tags),
    voted=st.sampled_from(["2026-01-01T00:00:00.000+00:00", "2026-01-02"]),
)


@settings(max_examples=25)
@given(st.lists(rows, max_size=12))
def test_what_goes_out_comes_in_as_the_same_ranking(told: list[Ballot]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "votes.csv"
        one, other = Store(Path(folder) / "one.db"), Store(Path(folder) / "other.db")
        add(one, [replace(ballot, id=f"b{number}") for number, ballot in enumerate(told)])
        file.write_bytes(written(ballots(one)))
        assert add(other, read(file)) == len(told)
        assert add(other, read(file)) == add(one, read(file)) == 0
        here, there = votes_of(ballots(one)), votes_of(ballots(other))
        assert here == there
        assert written(ballots(other)) == file.read_bytes()
        for control in (False, True):
            assert ranking(here, control=control, rounds=3) == ranking(there, control=control, rounds=3)
        one.close()
        other.close()


def csv(folder: Path, text: str, name: str = "votes.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


def test_the_plain_form_by_hand(tmp_path: Path) -> None:
    path = csv(tmp_path, '﻿Winner, left ,right\r\nLEFT, new , old\r\n\r\ntie,"a ""b""",c\r\n')
    assert [(told.left, told.right, told.verdict) for told in read(path)] == [
        ("new", "old", "left"),
        ('a "b"', "c", "tie"),
    ]


def test_rows_that_are_alike_count_and_a_longer_file_adds_what_is_new(tmp_path: Path) -> None:
    store = Store(tmp_path / "h.db")
    path = csv(tmp_path, "left,right,winner\n" + "new,old,left\n" * 3)
    assert add(store, read(path)) == 3
    assert add(store, read(csv(tmp_path, path.read_text() + "new,old,left\nnew,old,tie\n", "longer.csv"))) == 2
    assert add(store, read(path, voter="minji")) == 3  # another person
    assert len(votes_of(ballots(store))) == 8
    store.close()


HEAD = "left,right,winner,case,left_length\n"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("", 1, "no column left and no column right and no column winner"),
        ("left;right;winner\na;b;left\n", 1, "no column left"),
        (f"{HEAD}a,b,left\na,b,both\n", 3, "winner is 'both' — left, right, tie or bad"),
        (f"{HEAD}a,b\n", 2, "winner is ''"),
        (f"{HEAD}a,a,left\n", 2, "'a' against itself"),
        (f"{HEAD} ,a,left\n", 2, "left is empty"),
        (f'{HEAD}"a\nb",c,left\na,b,nobody\n', 4, "winner is 'nobody'"),
        (f'{HEAD}a,"b"x,left\n', 2, "this is no CSV"),
        (f'{HEAD}a,b,left\na,"b,left\n', 3, "this is no CSV"),
        (f"{HEAD}a,b,left,,-3\n", 2, "left_length is '-3'"),
        (f"{HEAD}a,b,left,,{'9' * 5000}\n", 2, "left_length is"),
    ],
)
def test_errors_name_the_line(tmp_path: Path, text: str, line: int, said: str) -> None:
    path = csv(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert said in str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"cannot read it \(No such file"):
        read(tmp_path / "none.csv")
    path = tmp_path / "latin.csv"
    path.write_bytes(b"left,right,winner\na,b,left\ncaf\xe9,b,left\n")
    with pytest.raises(UsageError, match=r"latin.csv:3: this is no UTF-8"):
        read(path)


def test_a_field_of_a_megabyte_is_taken(tmp_path: Path) -> None:
    (told,) = read(csv(tmp_path, f"left,right,winner,case\na,b\0,left,{'x' * 1_000_000}\n"))
    assert len(told.case) == 1_000_000
    assert told.right == "b\0"


def test_what_is_written_has_the_columns_of_the_guide() -> None:
    made = Ballot(id="b", left="a", right="b", verdict="skip")
    assert written([made]).decode().splitlines() == [",".join(COLUMNS)]


def test_the_guide_s_example_is_right(tmp_path: Path) -> None:
    guide = (Path(__file__).parents[3] / "docs" / "arena.md").read_text(encoding="utf-8")
    told = read(csv(tmp_path, guide.split("```csv\n")[1].split("```")[0]))
    assert [(vote.verdict, vote.case, vote.tags) for vote in told] == [
        ("right", "sums", ("coding",)),
        ("tie", "capitals", ("geography", "korean")),
    ]
    assert all(column in guide for column in COLUMNS[:8])
