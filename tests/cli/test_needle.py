"""`workbench needle`: the lines that programs rely on, the table a person reads, and mistakes said in a line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workbench.cli.main import run

Capture = pytest.CaptureFixture[str]


def call(*argv: str) -> int:
    return run(["needle", *argv], app=lambda library: 77, keys=lambda form: 78)


def test_the_lines(capsys: Capture) -> None:
    assert call("--fills", "96,128", "--depths", "0,100%", "--json") == 0
    *cells, last = map(json.loads, capsys.readouterr().out.splitlines())
    assert [(cell["fill"], cell["depth"]) for cell in cells] == [
        *((96, depth) for depth in (0.0, 1.0, None)),
        *((128, depth) for depth in (0.0, 1.0, None)),
    ]
    for cell in cells:
        assert cell["tokens"] <= cell["fill"]
        assert cell["exact"]
        assert cell["kept"]
        assert (cell["gain"] is None) == (cell["depth"] is None)
        assert (cell["answer"], cell["found"]) == (None, None)
        assert len(cell["ranks"]) == 6
        assert cell["likeliest"] == (max(cell["ranks"]) == 1)
    assert min(cell["gain"] for cell in cells if cell["gain"] is not None) > 5
    summary = last["summary"]
    assert summary["model"] == "SmolLM2-135M-Instruct Q4_1"
    assert summary["fills"] == [96, 128]
    assert summary["depths"] == [0.0, 1.0]
    assert summary["not_scored"] == ""
    assert summary["haystack"] == "filler (en)"
    assert summary["brief"].startswith("found in ")


def test_a_sentence_of_the_prompt_in_a_text_of_ones_own(capsys: Capture, tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("Ships come and go. Gulls cry over the quay.\n", encoding="utf-8")
    own = ("--needle", "The desk closes at six.", "--question", "When does the desk close?", "--expected", "six")
    asked = ("--system", "Be brief. The desk closes at six.", "--haystack", str(text), "--opening", "It closes at")
    assert call(*own, *asked, "--fills", "90", "--ask", "--room", "4") == 0
    out = capsys.readouterr().out
    assert "p of ‘six’ after ‘It closes at’" in out
    head, row = out.splitlines()[2:4]
    assert head.split() == ["tokens", "prompt", "without"]
    assert row.split()[0] == "90"
    assert row.split()[1] in "✓✗"
    assert "○ fell out of the context\n" in out
    assert "found in " in out


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["--fills", "x"], 2, "no list of numbers"),
        (["--fills=-5"], 2, "from 0 up"),
        (["--depths", "150"], 2, "0 to 100"),
        (["--needle", "x"], 2, "three parts"),
        (["--haystack", "/no/such.txt"], 2, "/no/such.txt: cannot be read"),
        (["--room", "0"], 2, "leaves no answer"),
        (["--var", "z"], 2, "NAME=VALUE"),
        (["--model", "no-such-model"], 4, "no-such-model"),
    ],
)
def test_mistakes_before_a_model_is_loaded(capsys: Capture, argv: list[str], code: int, said: str) -> None:
    if argv[0] == "--depths":
        argv = [*argv, "--fills", "96"]
    assert call(*argv) == code
    assert said in capsys.readouterr().err


def test_past_the_limit(capsys: Capture) -> None:
    assert call("--fills", "400", "--context", "256") == 2
    assert "a fill of 400 is past the limit: 208 and 48 for the answer" in capsys.readouterr().err
    assert call("--fills", "400", "--depths", "0", "--context", "256", "--beyond", "--json") == 0
    lost = json.loads(capsys.readouterr().out.splitlines()[0])
    assert not lost["kept"]
    assert lost["forgotten"] > 100
    assert lost["tokens"] <= 208
    assert lost["gain"] == pytest.approx(0.0, abs=0.5)
