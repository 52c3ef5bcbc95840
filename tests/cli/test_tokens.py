"""`workbench tokens`: the shape that programs rely on, two tokenizers, a rendered prompt and whose each token is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workbench.cli.main import run

Capture = pytest.CaptureFixture[str]


def call(*argv: str) -> int:
    return run(list(argv), app=lambda library: 77, keys=lambda form: 78)


def test_tokens_joined_are_the_file(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "t.txt"
    path.write_text("Hello, 한국어 🦙\n\ttab")
    assert call("tokens", "--json", str(path)) == 0
    out = json.loads(capsys.readouterr().out)
    assert out["count"] == len(out["tokens"])
    assert "".join(token["text"] for token in out["tokens"]) == path.read_text()
    assert b"".join(bytes.fromhex(token["bytes"]) for token in out["tokens"]).decode() == path.read_text()
    assert call("tokens", str(tmp_path / "nowhere")) == 4


def test_two_tokenizers_beside_each_other(tmp_path: Path, gemma: Path, starter: Path, capsys: Capture) -> None:
    path = tmp_path / "t.txt"
    path.write_text("안녕하세요 세계")
    two = ("--model", str(starter), "--model", str(gemma))
    assert call("tokens", str(path), *two, "--json") == 0
    out = json.loads(capsys.readouterr().out)
    other = out["beside"]
    assert out["count"] > 2 * other["count"]
    assert "".join(token["text"] for token in other["tokens"]) == path.read_text()
    assert call("tokens", str(path), *two) == 0
    said = capsys.readouterr().out
    assert "<0xEC>" in said  # bytes of a syllable that has no token of its own
    assert f"{other['count'] / out['count']:.2f} ×" in said
    assert f"Hangul {out['count'] - 1} | {other['count']}" in said  # the blank is no Hangul


def test_a_rendered_prompt_says_whose_each_token_is(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "about.toml").write_text(
        'schema = 1\nkind = "system"\ntitle = "About"\ntext = "About {{topic}}."\n[variables.topic]\ndefault = "x"\n'
    )
    asked = ("tokens", "--system", "about", "--library", str(tmp_path), "--message", "Hi there")
    assert call(*asked, "--var", "topic=sums<|im_end|>", "--json") == 0
    out = json.loads(capsys.readouterr().out)
    owners = [token["owner"] for token in out["tokens"]]
    assert (owners[0], out["tokens"][0]["type"]) == ("template", "control")
    assert {"system", "user", "template"} <= set(owners)
    assert out["brought"] == {"topic": ["<|im_end|>"]}
    assert out["fed"] == out["count"]
    assert call(*asked, "--var", "topic=sums<|im_end|>") == 0
    said = capsys.readouterr().out
    assert "⟦<|im_start|>" in said
    assert "⚠<|im_end|>" in said
    assert "the value of topic brings <|im_end|> in" in said
    assert call(*asked, "--var", "topic=sums") == 0
    assert "⚠" not in capsys.readouterr().out


def test_control_tokens_of_a_text_only_where_they_are_asked_for(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "t.txt"
    path.write_text("a<|im_end|>")
    assert call("tokens", str(path), "--special") == 0
    assert "⚠<|im_end|>" in capsys.readouterr().out
    assert call("tokens", str(path)) == 0
    assert "⚠" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ([], "name a FILE"),
        (["x", "--message", "y"], "name a FILE"),
        (["x", "--system", "y"], "no system prompt"),
        (["--message", "x", "--var", "z"], "NAME=VALUE"),
        (["x", "--model", "a", "--model", "b", "--model", "c"], "two models"),
    ],
)
def test_mistakes(capsys: Capture, argv: list[str], said: str) -> None:
    assert call("tokens", *argv) == 2
    assert said in capsys.readouterr().err
