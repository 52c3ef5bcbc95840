"""`workbench score`: a text after a prompt, a trial, two trials crossed; the shapes, and what is refused."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from tests.cli.test_diverge import Capture, call, compared


def test_a_text_after_a_prompt(capsys: Capture, tmp_path: Path) -> None:
    assert call("score", "--prompt", "The capital of France is", "--continuation", " Paris.", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["model"] == "SmolLM2-135M-Instruct Q4_1"
    assert [token["text"] for token in found["tokens"]] == [" Paris", "."]
    assert found["logp"] == pytest.approx(sum(token["logprob"] for token in found["tokens"]))
    assert found["bits_per_token"] == pytest.approx(-found["logp"] / math.log(2) / 2)
    assert found["perplexity"] == pytest.approx(2 ** found["bits_per_token"])
    assert all(len(token["top"]) == 5 for token in found["tokens"])
    file = tmp_path / "prompt.txt"
    file.write_text("The capital of France is")
    assert call("score", "--prompt", str(file), "--continuation", " Paris.") == 0
    page = capsys.readouterr().out
    assert "‘ Paris’" in page
    assert f"perplexity {found['perplexity']:.3f}" in page


def test_one_trial_and_two(capsys: Capture) -> None:
    one, two = compared(capsys)
    assert call("score", one["id"], "--json") == 0
    alone = json.loads(capsys.readouterr().out)
    assert (alone["trial"], alone["text"]) == (one["id"], one["text"])
    assert call("score", one["id"], two["id"], "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["same_model"]
    assert found["left"]["own"]["logp"] == pytest.approx(alone["logp"], abs=1e-6)
    for side, other in (("left", "right"), ("right", "left")):
        each = found[side]
        assert each["own"]["prompt"] == found[other]["other"]["prompt"]
        assert each["gain_bits"] == pytest.approx(sum(piece["gain_bits"] for piece in each["pieces"]))
        assert each["own_perplexity"] < each["other_perplexity"]  # greedy after its own prompt
    assert call("score", one["id"], two["id"]) == 0
    page = capsys.readouterr().out
    assert "A’s answer is" in page
    assert "── B: the pieces" in page


def test_what_is_wrong_is_said(capsys: Capture) -> None:
    for argv, code, says in (
        ((), 2, "one trial or two"),
        (("a", "b", "c"), 2, "one trial or two"),
        (("a", "--prompt", "b"), 2, "one trial or two"),
        (("a", "--model", "b"), 2, "--model goes with --prompt"),
        (("--prompt", "b"), 2, "go together"),
        (("--prompt", "b", "--continuation", "c", "--model", "nosuch"), 4, "nosuch"),
        (("nosuch",), 4, "nosuch"),
    ):
        assert call("score", *argv) == code
        assert says in capsys.readouterr().err
