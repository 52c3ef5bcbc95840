"""`workbench prompts history|diff|restore|label|commit`: DESIGN's shapes and exit codes, nothing lost, nothing run."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.library.planted import BODY, git, plant, put, repository
from workbench import safe
from workbench.cli import main
from workbench.errors import Exit
from workbench.library.prompt import parse
from workbench.library.versions import Versions

KEYS = {"version", "time", "author", "note", "source", "labels"}


def body(text: str) -> bytes:
    return BODY.format(text).encode()


def version(text: str) -> str:
    return parse(body(text), id="x").version


@pytest.fixture
def lib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A library whose prompt `p` was saved as one, two, three, and stands so."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "lib"
    for text in ("one", "two", "three"):
        put(folder, "p", text)
        Versions().record(folder, "p", body(text), version(text), author="Ada", note=f"note {text}")
    return folder


class Cli:
    def __init__(self, capsys: pytest.CaptureFixture[str], lib: Path) -> None:
        self.capsys, self.lib = capsys, lib

    def __call__(self, *argv: str) -> tuple[int, str, str]:
        # After the verb: what follows may be a list.
        words = ["prompts", argv[0], "--library", str(self.lib), *argv[1:]]
        code = main.run(words, app=lambda _: 0, keys=lambda _: 0)
        captured = self.capsys.readouterr()
        assert safe.is_safe(captured.out)
        assert safe.is_safe(captured.err)
        return code, captured.out, captured.err

    def json(self, *argv: str) -> Any:
        code, out, err = self(*argv, "--json")
        assert code == Exit.OK, err
        return json.loads(out)


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], lib: Path) -> Cli:
    return Cli(capsys, lib)


def test_history(cli: Cli, lib: Path) -> None:
    cli("label", "p", "production", version("two")[:6])
    rows = cli.json("history", "p")
    assert all(set(row) == KEYS | {"blob"} for row in rows)
    assert [(row["version"], row["author"], row["note"], row["source"], row["labels"]) for row in rows] == [
        (version(text), "Ada", f"note {text}", "workbench", ["production"] if text == "two" else [])
        for text in ("three", "two", "one")
    ]
    (lib / "p.toml").write_bytes(b"broken \xff")
    rows = cli.json("history", "p")
    assert (rows[0]["version"], rows[0]["note"], rows[0]["author"]) == (None, "not saved here", "")
    code, out, _ = cli("history", "lib:p")
    lines = out.splitlines()
    assert code == Exit.OK
    assert lines[0].startswith("--------")
    assert re.fullmatch(
        rf"{version('two')[:8]}  \d{{4}}-\d\d-\d\d \d\d:\d\d  Ada  workbench  \[production\] note two", lines[2]
    )
    assert cli("history", "nothing")[0] == Exit.NOT_FOUND
    assert cli("history", "../lib/p")[0] == Exit.NOT_FOUND
    assert cli("history", f"p@{version('two')[:8]}")[0] == Exit.USAGE
    assert cli("history", "system/plain")[0] == Exit.OK


def test_diff(cli: Cli, lib: Path) -> None:
    found = cli.json("diff", "p")
    assert (found["left"]["version"], found["right"]["version"]) == (version("two"), version("three"))
    assert found["left"]["text"] == body("two").decode()
    assert found["unified"].splitlines()[:2] == [f"--- p@{version('two')[:8]}", "+++ p (the file)"]
    assert "-two\n+three\n" in found["unified"]
    assert [(word["side"], word["text"]) for word in found["words"]] == [("left", "two"), ("right", "three")]
    at = found["words"][0]
    assert found["left"]["text"][at["start"] : at["end"]] == "two"

    put(lib, "p", "four, not saved")
    assert cli.json("diff", "p")["left"]["version"] == version("three")
    found = cli.json("diff", "p", version("one")[:6], version("two")[:6])
    assert "-one\n+two\n" in found["unified"]
    code, out, err = cli("diff", "p", version("one")[:6], version("one")[:8])
    assert (code, out) == (Exit.OK, "")
    assert "are the same" in err
    assert cli("diff", "p", "a", "b", "c")[0] == Exit.USAGE
    assert cli("diff", "p", "0000")[0] == Exit.NOT_FOUND
    assert cli("diff", "system/plain")[0] == Exit.NOT_FOUND


def test_what_a_diff_looks_like(cli: Cli, lib: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    put(lib, "p", "A quick\tbrown fox\x1b[2J.\nsame\n" * 1 + "한국어 글\n" + "line\n" * 20 + "end")
    cli("restore", "p", version("three")[:8])
    put(lib, "p", "A slow\tbrown fox\x1b[2J.\nsame\n" * 1 + "한국어 글자\n" + "line\n" * 20 + "end")
    code, out, _ = cli("diff", "p", "--word")
    assert code == Exit.OK
    newest = Versions().log(lib, "p")[1]
    left = newest.blob[:8]
    code, out, _ = cli("diff", "p", left, "--word")
    assert "- A [-quick-]    brown fox␛[2J." in out
    assert "+ A {+slow+}    brown fox␛[2J." in out
    assert "+ 한국어 {+글자+}" in out
    assert out.count("line") == 3
    code, out, _ = cli("diff", "p", left, "--side")
    assert " | " in out
    from wcwidth import wcswidth

    assert max(wcswidth(line) for line in out.splitlines()) <= 60


def test_line_ends_are_a_difference_that_is_seen(cli: Cli, lib: Path) -> None:
    (lib / "p.toml").write_bytes(body("three").replace(b"\n", b"\r\n").removesuffix(b"\r\n"))
    code, out, _ = cli("diff", "p")
    assert code == Exit.OK
    assert "␍" in out
    assert out.endswith("\\ No newline at end of file\n")


def test_restore(cli: Cli, lib: Path) -> None:
    put(lib, "p", "typed elsewhere, never saved")
    done = cli.json("restore", "p", version("one")[:6], "--note", "it was better")
    assert done == {
        "id": "p", "library": "lib", "path": str(lib / "p.toml"), "version": version("one"), "changed": True,
    }  # fmt: skip
    assert (lib / "p.toml").read_bytes() == body("one")
    notes = [row["note"] for row in cli.json("history", "p")]
    assert notes == ["it was better", "as it was on disk", "note three", "note two", "note one"]
    assert cli.json("restore", "p", version("one"))["changed"] is False
    assert cli("restore", "p")[0] == Exit.USAGE
    assert cli("restore", "p", "0000")[0] == Exit.NOT_FOUND
    assert cli("restore", "nothing")[0] == Exit.NOT_FOUND
    code, _, err = cli("restore", "system/plain", version("one")[:6])
    assert code == Exit.USAGE
    assert "not written to" in err


def test_a_deleted_prompt_comes_back_with_history_and_mode(cli: Cli, lib: Path) -> None:
    put(lib, "a/b/c", "deep")
    code, _, err = cli("rm", "a/b/c")
    assert code == Exit.OK, err
    assert not (lib / "a").exists()
    assert "restore" in cli("history", "a/b/c")[2]
    assert cli("diff", "a/b/c")[0] == Exit.NOT_FOUND
    assert cli.json("restore", "a/b/c")["version"] == version("deep")
    assert (lib / "a" / "b" / "c.toml").read_bytes() == body("deep")
    assert (lib / "a" / "b" / "c.toml").stat().st_mode & 0o777 == 0o644
    assert len(cli.json("history", "a/b/c")) == 1
    # Away without our knowing, and brought back as it was two saves before.
    (lib / "p.toml").unlink()
    assert cli.json("restore", "p", version("one")[:6])["changed"] is True
    assert (lib / "p.toml").read_bytes() == body("one")


def test_restore_never_leads_outside(cli: Cli, lib: Path, tmp_path: Path) -> None:
    outside = put(tmp_path, "secret", "one")
    Versions().record(lib, "../secret", b"x", "")
    Versions().deleted(lib, "../gone", b"x", "")
    assert cli("restore", "../gone")[0] == Exit.NOT_FOUND
    assert cli("restore", "../secret", version("one")[:6])[0] == Exit.NOT_FOUND
    assert outside.read_bytes() == body("one")
    assert not (tmp_path / "gone.toml").exists()


def test_labels(cli: Cli, lib: Path) -> None:
    assert cli.json("label", "p") == {"id": "p", "library": "lib", "labels": {}}
    assert cli.json("label", "p", "production")["labels"] == {"production": version("three")}
    assert cli.json("label", "p", "candidate", version("one")[:6])["labels"] == {
        "candidate": version("one"), "production": version("three"),
    }  # fmt: skip
    assert cli.json("label", "p", "production", "candidate")["labels"]["production"] == version("one")
    assert cli.json("show", "p@production")["version"] == version("one")
    _, out, _ = cli("label", "p")
    assert out == f"{version('one')[:8]}  candidate\n{version('one')[:8]}  production\n"
    assert "-one\n+three" in cli.json("diff", "p", "production")["unified"]
    assert cli.json("label", "p", "candidate", "--remove")["labels"] == {"production": version("one")}
    assert cli("label", "p", "candidate", "--remove")[0] == Exit.NOT_FOUND
    assert cli("label", "p", "--remove")[0] == Exit.USAGE
    assert cli("label", "p", "beef")[0] == Exit.USAGE
    assert cli("label", "system/plain", "production")[0] == Exit.USAGE
    assert cli("label", "p", "x", "0000")[0] == Exit.NOT_FOUND
    # A text that nobody saved is kept as it is labelled.
    put(lib, "p", "typed elsewhere")
    cli("label", "p", "mine")
    put(lib, "p", "and over it")
    assert cli.json("show", "p@mine")["text"].strip() == "typed elsewhere"
    (lib / "p.toml").write_text("kind = ")
    assert cli("label", "p", "bad")[0] == Exit.USAGE


def test_labels_in_lists(cli: Cli, lib: Path) -> None:
    cli("label", "p", "production", version("two")[:6])
    cli("label", "p", "candidate")
    row = next(row for row in cli.json("list") if row["id"] == "p")
    assert row["labels"] == ["candidate", "production"]
    assert all(row["id"] != "labels" for row in cli.json("list"))
    assert "labels" in cli.json("search", "p")[0]
    line = next(line for line in cli("list")[1].splitlines() if line.startswith("p "))
    assert "[candidate]" in line
    assert f"[production@{version('two')[:4]}]" in line
    (lib / "labels.toml").write_text("broken")
    code, out, err = cli("list", "--json")
    assert code == Exit.OK
    assert "labels.toml:1" in err
    assert cli("history", "p")[0] == Exit.OK
    assert cli("label", "p", "x")[0] == Exit.USAGE
    code, out, _ = cli("check", "--json")
    assert code == Exit.USAGE
    assert [Path(problem["file"]).name for problem in json.loads(out)] == ["labels.toml"]


def test_commit(cli: Cli, lib: Path) -> None:
    code, _, err = cli("commit", "-m", "x")
    assert code == Exit.USAGE
    assert "no git repository" in err
    repository(lib)
    cli("label", "p", "production")
    done = cli.json("commit", "-m", "first")
    assert (done["branch"], done["files"], done["library"]) == ("main", ["labels.toml", "p.toml"], "lib")
    assert git(lib, "rev-parse", "HEAD").strip() == done["commit"]
    assert git(lib, "status", "--porcelain") == ""
    assert cli.json("commit", "-m", "again")["commit"] is None
    put(lib, "p", "four")
    put(lib, "q", "new")
    code, out, err = cli("commit", "-m", "only q", "lib:q")
    assert (code, out.split()[1:]) == (Exit.OK, ["main", "q.toml"])
    assert "no hook" in err
    assert [row["source"] for row in cli.json("history", "p")][:3] == ["workbench", "git", "workbench"]
    (lib / "q.toml").unlink()
    assert cli.json("commit", "-m", "gone", "q")["files"] == ["q.toml"]
    assert cli("commit", "-m", "x", "system/plain")[0] == Exit.USAGE
    assert cli("commit", "-m", "")[0] == Exit.USAGE


def test_a_version_that_only_ran(cli: Cli, lib: Path) -> None:
    from contextlib import closing

    from workbench import paths
    from workbench.history.store import Store

    with closing(Store(paths.data_dir() / "history.db")) as store:
        store.remember_version(version("ran"), body("ran")).result()
    assert cli.json("show", f"p@{version('ran')}")["text"].strip() == "ran"
    assert "-ran\n" in cli.json("diff", "p", version("ran"))["unified"]
    assert cli("show", f"p@{version('ran')[:12]}")[0] == Exit.NOT_FOUND


def test_nothing_planted_in_a_repository_is_run(cli: Cli, lib: Path, tmp_path: Path) -> None:
    repository(lib)
    git(lib, "add", "-A")
    git(lib, "commit", "-qm", "first", at=1)
    marks = tmp_path / "marks"
    plant(lib, marks)
    put(lib, "p", "four")
    for argv in (
        ["list"], ["search", "p"], ["show", "p"], ["check"], ["history", "p"], ["diff", "p"], ["diff", "p", "--word"],
        ["label", "p", "production"], ["show", f"p@{version('one')[:6]}"], ["restore", "p", version("two")[:6]],
        ["commit", "-m", "by us"], ["history", "p", "--json"],
    ):  # fmt: skip
        code, _, err = cli(*argv)
        assert code == Exit.OK, (argv, err)
        assert list(marks.iterdir()) == [], argv
