"""Diffs as printed: nothing of either text is lost, marks stand where words differ, colours only on a terminal."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench import safe
from workbench.cli import differences

LINES = st.lists(
    st.sampled_from(["", "a", "b b", "c\td", "한국어 글", "{+x+}", "\x1b[2J", "e\r", "f\u2028g"]), max_size=12
)
TEXTS = LINES.map("\n".join)
NAMES = ("left", "right")


@settings(max_examples=60)
@given(TEXTS, TEXTS)
def test_a_unified_diff_holds_both_texts(left: str, right: str) -> None:
    found = differences.unified(NAMES, left, right)
    assert bool(found) == (left != right)
    kept = [line for line in found[2:] if not line.startswith(("@@", "\\"))]
    old = [line[1:] for line in kept if line[:1] in "- "]
    new = [line[1:] for line in kept if line[:1] in "+ "]
    if len(left.split("\n")) < 4 and len(right.split("\n")) < 4 and found:
        assert old == left.removesuffix("\n").split("\n") or (not left and not old)
        assert new == right.removesuffix("\n").split("\n") or (not right and not new)


@pytest.mark.parametrize(
    ("left", "right"), [("a\nb\n", "a\nc"), ("", "x\n"), ("a\r\nb\n", "a\nb\n"), ("한\n" * 9, "한\n")]
)
def test_patch_takes_it(tmp_path: Path, left: str, right: str) -> None:
    (tmp_path / "p").write_bytes(left.encode())
    diff = "".join(f"{line}\n" for line in differences.unified(("a/p", "b/p"), left, right))
    argv = ["git", "-C", str(tmp_path), "apply", "--whitespace=nowarn", "-"]
    subprocess.run(argv, input=diff.encode(), check=True, capture_output=True)
    assert (tmp_path / "p").read_bytes() == right.encode()


@settings(max_examples=60)
@given(TEXTS, TEXTS)
def test_words_are_where_they_are_said_to_be(left: str, right: str) -> None:
    for word in differences.words(left, right):
        text = left if word["side"] == "left" else right
        assert text[word["start"] : word["end"]] == word["text"]


@pytest.mark.parametrize("how", [differences.print_unified, differences.print_words, differences.print_sides])
@pytest.mark.parametrize("colours", [False, True])
def test_nothing_that_a_terminal_obeys_but_our_colours(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, how: object, colours: bool
) -> None:
    assert callable(how)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: colours, raising=False)
    evil = "\x1b]52;c;cHduZWQ=\x07\x9b2J\u202e\x7f"
    how((f"l{evil}", f"r{evil}"), f"same\nold {evil} word\nsame\n", f"same\nnew {evil} word\nsame\n{evil}")
    out = capsys.readouterr().out
    bare = out
    for code in (differences.RED, differences.GREEN, differences.CYAN, "0"):
        bare = bare.replace(f"\x1b[{code}m", "")
    assert safe.is_safe(bare)
    assert (bare != out) == colours


def test_no_colour_where_none_is_wanted(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    differences.print_unified(NAMES, "a", "b")
    assert "\x1b" not in capsys.readouterr().out
