"""What a person gives a command: a text that is none is said in a line, whichever command reads it."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from tests.cli.test_compare import call
from workbench.cli import given
from workbench.errors import Exit, UsageError

READERS = [
    ("compare", "--message", "-"),
    ("context", "--message", "-"),
    ("attribute", "--message", "Hello", "--answer", "-"),
    ("needle", "--haystack", "-"),
    ("tokens", "-"),
    ("prompts", "profile", "brief", "--about", "-"),
]


@pytest.mark.parametrize("argv", READERS, ids=[argv[0] for argv in READERS])
def test_bytes_that_are_no_text(
    argv: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"ab\xff")))
    assert call(*argv) == Exit.USAGE
    assert "stdin: not UTF-8 text (byte 2)" in capsys.readouterr().err


def test_a_file_or_stdin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "text"
    file.write_text("별\n")
    assert given.text_of(str(file)) == "별\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("piped 별".encode())))
    assert given.typed("-") == "piped 별"
    assert given.typed("plain") == "plain"
    with pytest.raises(UsageError, match="cannot read it"):
        given.text_of(str(tmp_path))


def test_pairs() -> None:
    assert given.pairs(["a = b=c", "d="], "--var") == [("a", " b=c"), ("d", "")]
    for wrong in ("topic", "=sums"):
        with pytest.raises(UsageError, match="is not NAME=VALUE") as told:
            given.pairs([wrong], "--set", "temperature=0.2")
        assert told.value.hint == "for example --set temperature=0.2"


@pytest.mark.parametrize("number", ["-5", "1.5", "many"])
def test_a_number_that_is_none_is_wrong_usage(number: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        call("context", "--message", "Hi", "--context", number)
    assert ended.value.code == Exit.USAGE
    assert f"'{number}' is no whole number of 0 or more" in capsys.readouterr().err
