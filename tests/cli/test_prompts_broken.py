"""Five hundred broken files of all kinds: each a row in the list and a line `file:line key problem hint`."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from workbench.cli import main
from workbench.errors import Exit, PromptError
from workbench.library.prompt import parse

GOOD = """\
schema = 1
kind = "chat"
title = "제목"
tags = ["a", "b"]
template = "plain"

[[messages]]
role = "system"
content = \"\"\"
Be {{tone}} about {{n}}.
\"\"\"

[variables.tone]
choices = ["kind", "terse"]
default = "kind"

[variables.n]
type = "int"
default = 3

[sampling]
temperature = 0.7
stop = ["END"]

[[cases]]
name = "one"
variables = { n = 4 }
message = "Hi"
checks = [{ type = "contains", value = "42" }]
"""
SWAPS = [
    *(("schema = 1", wrong) for wrong in ("schema = 0", 'schema = "1"', "schema = -5", "schema = 1.5", "schema = []")),
    *(('kind = "chat"', wrong) for wrong in ('kind = "chta"', "kind = 3", "", 'kind = ["chat"]', "kind = true")),
    *(('title = "제목"', wrong) for wrong in ("title = 3", "title = []", 'title = "', "title = 2026-01-01")),
    *(('tags = ["a", "b"]', wrong) for wrong in ('tags = "a"', "tags = [1]", 'tags = ["a"', "tags = {}")),
    *(('"plain"', wrong) for wrong in ('"mustache"', "1", "plain")),
    *(('role = "system"', wrong) for wrong in ('role = "sys"', "role = 1", "", 'role = "system')),
    *(("[[messages]]", wrong) for wrong in ("[messages]", "[[messages]", "[[examples]]", "[[messages.x]]")),
    *(("[variables.tone]", wrong) for wrong in ("[variables.to-ne]", "[variables.3]", "[variables.n]", "[variables]")),
    *(('default = "kind"', wrong) for wrong in ('default = "rude"', "default = 1", "default = []")),
    *(('type = "int"', wrong) for wrong in ('type = "integer"', "type = int", 'type = "choice"', 'type = "bool"')),
    *(
        ("temperature = 0.7", wrong)
        for wrong in ('temperature = "hot"', "temperature = -1", "temprature = 1", "top_k = 1.5")
    ),
    *(('stop = ["END"]', wrong) for wrong in ("stop = 3", "stop = [1]", "stop = nan")),
    *(("variables = { n = 4 }", wrong) for wrong in ("variables = 3", "variables = { n = 4", "variables = []")),
    *(
        ('checks = [{ type = "contains", value = "42" }]', wrong)
        for wrong in ("checks = 1", 'checks = ["a"]', "checks = [{]")
    ),
]


def is_broken(data: bytes) -> bool:
    try:
        parse(data, id="x")
    except PromptError:
        return True
    return False


def broken(rng: random.Random) -> bytes:
    """A file that is none: a wrong value, a cut, bytes that are no text, noise, or several of them."""
    while True:
        data = GOOD.encode()
        for _ in range(rng.randint(1, 3)):
            how = rng.randrange(6)
            at = rng.randrange(len(data) or 1)
            if how <= 1:
                old, new = rng.choice(SWAPS)
                data = data.replace(old.encode(), new.encode(), 1)
            elif how == 2:
                data = data[:at]
            elif how == 3:
                data = data[:at] + bytes(rng.randrange(256) for _ in range(rng.randint(1, 4))) + data[at:]
            elif how == 4:
                data = (
                    data[:at] + rng.choice([b'"', b"[", b"]", b"=", b"\x00", b"'''", b'"""', b"\r", b"{"]) + data[at:]
                )
            else:
                lines = data.split(b"\n")
                rng.shuffle(lines)
                data = b"\n".join(lines)
        if is_broken(data):
            return data


def test_five_hundred_broken_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rng = random.Random(20261123)
    folder = tmp_path / "lib"
    folder.mkdir()
    (folder / "good.toml").write_text(GOOD)
    for number in range(500):
        (folder / f"{number:03}.toml").write_bytes(broken(rng))

    def run(*argv: str) -> tuple[int, str, str]:
        code = main.run(["prompts", *argv, "--library", str(folder)], app=lambda _: 0, keys=lambda _: 0)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    code, out, err = run("check", "--json")
    found = {Path(problem["file"]).stem: problem for problem in json.loads(out)}
    assert code == Exit.USAGE
    assert len(found) == 500
    assert "good" not in found
    assert "Traceback" not in err
    for problem in found.values():
        assert problem["problem"]
        assert "\n" not in problem["problem"] + (problem["hint"] or "")
        assert problem["line"] is None or problem["line"] >= 1
    assert sum(problem["line"] is not None for problem in found.values()) > 450

    code, out, _ = run("check")
    assert len(out.splitlines()) >= 500
    assert all(line.startswith(str(folder)) for line in out.splitlines())

    code, out, _ = run("list", "--json")
    rows = {row["id"]: row for row in json.loads(out)}
    assert code == Exit.OK
    assert all(rows[f"{number:03}"]["error"] for number in range(500))
    assert rows["good"]["error"] is None


def test_a_check_that_is_none_is_told_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (
        'kind = "system"\ntext = "x"\n[[cases]]\nmessage = "m"\nchecks = [\n  { type = "contians", value = "x" },\n]\n'
    )
    (tmp_path / "odd.toml").write_text(text)
    code = main.run(["prompts", "check", "odd", "--library", str(tmp_path)], app=lambda _: 0, keys=lambda _: 0)
    said = capsys.readouterr().out
    assert code == Exit.USAGE
    assert "odd.toml:6 cases.checks.type" in said
    assert "did you mean contains?" in said
