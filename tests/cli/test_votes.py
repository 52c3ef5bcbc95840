"""`workbench votes list|ranking|import|export` on histories made by hand, with names that mean harm."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workbench import paths
from workbench.cli.main import run
from workbench.history.store import Store
from workbench.history.votes import Ballot, cast, issue, take_back

EVIL = "\x1b]52;c;aGk=\x07 \x9b2J ‮"


def call(*argv: str | Path) -> int:
    return run([str(each) for each in argv], app=lambda library: 77, keys=lambda form: 78)


@pytest.fixture
def hundred(tmp_path: Path) -> Path:
    """A hundred votes with a known winner: 70 for new, 25 for old, 5 ties."""
    rows = ["new,old,left"] * 40 + ["old,new,right"] * 30 + ["old,new,left"] * 25 + ["new,old,tie"] * 5
    path = tmp_path / "votes.csv"
    path.write_text("\n".join(["left,right,winner", *rows]))
    return path


def test_a_hundred_votes_with_a_known_winner(hundred: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("votes", "import", hundred) == 0
    assert "100 votes added" in capsys.readouterr().err
    assert call("votes", "ranking", "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["item"], row["votes"], row["wins"], row["ties"]) for row in rows] == [
        ("new", 100, 70, 5),
        ("old", 100, 25, 5),
    ]
    for row in rows:
        assert row["low"] < row["rating"] < row["high"]
    assert rows[0]["low"] > 1000 > rows[1]["high"]
    assert call("votes", "ranking") == 0
    out = capsys.readouterr().out.splitlines()
    assert [line.split()[-1] for line in out] == ["item", "new", "old"]
    assert "●" in out[1]


def test_importing_again_changes_nothing(hundred: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("votes", "import", hundred, "--json") == 0
    first = json.loads(capsys.readouterr().out)  # the ranking, as DESIGN's table has it
    assert call("votes", "import", hundred, "--json") == 0
    told = capsys.readouterr()
    assert json.loads(told.out) == first
    assert "0 votes added, 100 were here already" in told.err
    assert call("votes", "import", hundred, "--voter", "minji") == 0
    assert "100 votes added" in capsys.readouterr().err


def test_a_bad_line_adds_nothing(hundred: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hundred.write_text(hundred.read_text() + "\nnew,old,neither\n")
    assert call("votes", "import", hundred) == 2
    err = capsys.readouterr().err
    assert err == f"workbench: {hundred}:102: winner is 'neither' — left, right, tie or bad\n"
    assert call("votes", "list", "--json") == 0
    assert json.loads(capsys.readouterr().out) == []


def test_an_id_that_is_another_vote_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = tmp_path / "one.csv", tmp_path / "other.csv"
    one.write_text("id,left,right,winner\n1,a,b,left\n")
    other.write_text("id,left,right,winner\n2,a,b,left\n1,a,c,left\n")
    assert call("votes", "import", one) == 0
    assert call("votes", "import", other) == 2
    assert f"{other}: the id 1 is here already with another vote" in capsys.readouterr().err
    assert call("votes", "list", "--json") == 0
    assert len(json.loads(capsys.readouterr().out)) == 1


def test_out_and_in_again(hundred: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call("votes", "import", hundred)
    capsys.readouterr()
    assert call("votes", "ranking", "--json") == 0
    here = json.loads(capsys.readouterr().out)
    file = tmp_path / "out.csv"
    assert call("votes", "export", file) == 0
    assert "100 votes in" in capsys.readouterr().err
    assert call("votes", "export", file) == 2
    assert "--force writes over it" in capsys.readouterr().err
    assert call("votes", "export", file, "--force", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"file": str(file), "votes": 100}
    (paths.data_dir() / "history.db").unlink()
    assert call("votes", "import", file) == 0
    capsys.readouterr()
    assert call("votes", "ranking", "--json") == 0
    assert json.loads(capsys.readouterr().out) == here


def test_the_csv_goes_to_stdout(hundred: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    call("votes", "import", hundred)
    capfdbinary.readouterr()
    assert call("votes", "export") == 0
    assert len(capfdbinary.readouterr().out.splitlines()) == 101


def test_categories(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "votes.csv"
    file.write_text("left,right,winner,tags\n" + "a,b,left,Coding\n" * 3 + 'a,b,right,"korean; coding"\n' * 2)
    call("votes", "import", file)
    capsys.readouterr()
    for tag, votes in (("coding", 5), ("Korean", 2)):
        assert call("votes", "ranking", "--category", tag, "--json") == 0
        rows = json.loads(capsys.readouterr().out)
        assert [(row["votes"], row["note"]) for row in rows] == [(votes, "too few votes")] * 2
    assert call("votes", "list", "--category", "korean") == 0
    assert capsys.readouterr().out.count("#korean") == 2
    assert call("votes", "ranking", "--category", "poems") == 4
    assert "no vote has the tag poems — there are coding, korean" in capsys.readouterr().err


def test_style_control_is_an_option(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`long` wins where it is longer, and only there."""
    rows = [
        f"long,short,{'left' if n % 5 else 'right'},c{n},{300 if n % 5 else 100},{100 if n % 5 else 300}"
        for n in range(60)
    ]
    file = tmp_path / "votes.csv"
    file.write_text("\n".join(["left,right,winner,case,left_length,right_length", *rows]))
    call("votes", "import", file)
    capsys.readouterr()
    assert call("votes", "ranking", "--json") == 0
    plain = json.loads(capsys.readouterr().out)[0]
    assert call("votes", "ranking", "--json", "--style") == 0
    taken = next(row for row in json.loads(capsys.readouterr().out) if row["item"] == "long")
    assert plain["item"] == "long"
    assert plain["low"] > 1000
    assert taken["rating"] < plain["rating"] - 40
    assert taken["low"] < 1000 < taken["high"]
    assert call("votes", "ranking", "--style") == 0
    assert "length +" in capsys.readouterr().out


def test_style_that_is_not_known_is_said(hundred: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call("votes", "import", hundred)
    capsys.readouterr()
    assert call("votes", "ranking", "--style") == 0
    told = capsys.readouterr()
    assert "no style was taken out" in told.err
    assert "length" not in told.out


def test_a_pair_that_was_not_voted_on_stays_sealed(capsys: pytest.CaptureFixture[str]) -> None:
    store = Store(paths.data_dir() / "history.db")
    for number, verdict in enumerate(["", "skip", "left", "right"]):
        made = Ballot(id=f"b{number}", left=f"secret{number}", right="other", left_trial=f"t{number}")
        issue(store, made)
        if verdict:
            told = cast(store, made, verdict)  # type: ignore[arg-type]  # a verdict, from a list of texts
            if number == 2:
                take_back(store, told)
    store.close()
    for argv in (("list",), ("list", "--json"), ("ranking",), ("ranking", "--json"), ("export",)):
        assert call("votes", *argv) == 0
        out = capsys.readouterr().out
        assert "secret3" in out
        assert not [number for number in range(3) if f"secret{number}" in out]


@pytest.mark.parametrize("argv", [("list",), ("list", "--json"), ("ranking",), ("ranking", "--json")])
def test_no_control_code_gets_out(argv: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "votes.csv"
    file.write_text(f"left,right,winner,case,tags\n{EVIL}a,{EVIL}b,left,{EVIL},{EVIL}\n")
    assert call("votes", "import", file) == 0
    assert call("votes", *argv) == 0
    assert not set("".join(capsys.readouterr())) & set("\x1b\x07\x9b‮")


def test_without_votes_it_is_said_how_to_get_some(capsys: pytest.CaptureFixture[str]) -> None:
    for verb in ("list", "ranking"):
        assert call("votes", verb) == 0
        assert "V in the app's lanes" in capsys.readouterr().err
        assert call("votes", verb, "--json") == 0
        assert json.loads(capsys.readouterr().out) == []
    assert call("votes", "list", "--limit", "0") == 2
