"""`workbench associate`: the shape that programs rely on, and what a person reads."""

from __future__ import annotations

import json

import pytest

from workbench.cli.main import run

Capture = pytest.CaptureFixture[str]


def call(*argv: str) -> int:
    return run(["associate", *argv], app=lambda library: 77, keys=lambda form: 78)


def test_the_shape(capsys: Capture) -> None:
    contexts = ["--context", "alone=star", "--context", "galaxy=star of a galaxy"]
    assert call("A {{phrase}} is a", *contexts, "--word", "planet", "--word", "celebrity", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["model"] == "SmolLM2-135M-Instruct Q4_1"
    assert [context["name"] for context in found["contexts"]] == ["alone", "galaxy"]
    assert found["contexts"][1]["prompt"] == "A star of a galaxy is a"
    for context in found["contexts"]:
        assert [word["word"] for word in context["words"]] == ["planet", "celebrity"]
        assert len(context["next"]) == 20
        assert set(context["next"][0]) == {"text", "id", "p"}
        assert 0 < context["words"][0]["p"] < 1
        assert context["words"][0]["per_token"] == context["words"][0]["logp"] / context["words"][0]["tokens"]
    assert len(found["distance"]) == 2
    assert found["baseline"] == "alone"
    assert found["contexts"][0]["words"][1]["change"] == 0
    assert len(found["contrasts"]) == 1
    assert found["contrasts"][0].startswith("galaxy ")
    assert sum(found["shares"]) == pytest.approx(1)
    assert len(found["points"]) == len(found["contexts"][0]["point"]) == 2


def test_a_template_of_the_library(capsys: Capture) -> None:
    assert call("association/star", "--word", "Milky Way", "--base", "film", "--plot") == 0
    out = capsys.readouterr().out
    assert "Milky Way" in out
    assert "a token" in out
    assert "galaxy makes ‘" in out
    assert "from film)" in out
    assert "◇ film" in out
    assert "◆ galaxy" in out or "galaxy ◆" in out


@pytest.mark.parametrize(
    ("argv", "code", "says"),
    [
        (["association/nothing"], 4, "association/nothing"),
        (["system/plain"], 2, "association template"),
        (["a {{x}}"], 2, "nothing fills"),
        (["a b", "--context", "nothing"], 2, "has no text"),
        (["a b", "--model", "nosuch"], 4, "nosuch"),
        (["association/star", "--base", "sky"], 2, "alone, galaxy"),
    ],
)
def test_what_is_wrong_is_said(argv: list[str], code: int, says: str, capsys: Capture) -> None:
    assert call(*argv) == code
    assert says in capsys.readouterr().err
