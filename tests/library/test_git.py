"""Git read by plumbing: renames, merges, odd names, no repository; and nothing that a repository plants is run."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.library.planted import BODY, git, plant, put, repository
from workbench.errors import StorageError
from workbench.library import git as plumbing
from workbench.library.git import find, log, texts


def committed(root: Path, id: str, text: str, at: int, message: str = "") -> Path:
    path = put(root, id, text)
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", message or text, at=at)
    return path


def test_a_files_commits_newest_first_through_a_rename(tmp_path: Path) -> None:
    root = repository(tmp_path / "repo")
    long = "\n".join(f"line {n}" for n in range(20))
    committed(root, "lib/old", long, 1, "first\n\nwith a body")
    committed(root, "lib/other", "not this one", 2)
    committed(root, "lib/old", f"{long}\nmore", 3, "second")
    git(root, "mv", "lib/old.toml", "lib/한 글.toml")
    git(root, "commit", "-q", "-m", "moved", at=4)
    repo = find(root / "lib")
    assert repo is not None
    rows = log(repo, root / "lib" / "한 글.toml")
    assert [(row.note, row.author, row.time) for row in rows] == [
        ("moved", "Ada", "2026-01-01T00:04:00.000+00:00"),
        ("second", "Ada", "2026-01-01T00:03:00.000+00:00"),
        ("first", "Ada", "2026-01-01T00:01:00.000+00:00"),
    ]
    found = texts(repo, [row.blob for row in rows])
    assert [found[row.blob].decode() for row in rows] == [BODY.format(f"{long}\nmore")] * 2 + [BODY.format(long)]


def test_a_file_that_is_gone_keeps_its_log(tmp_path: Path) -> None:
    root = repository(tmp_path)
    committed(root, "p", "one", 1).unlink()
    git(root, "commit", "-q", "-am", "away", at=2)
    repo = find(root)
    assert repo is not None
    assert [row.note for row in log(repo, root / "p.toml")] == ["one"]


def test_a_merge_is_a_row_only_where_it_made_a_text(tmp_path: Path) -> None:
    root = repository(tmp_path)
    committed(root, "p", "base", 1)
    git(root, "switch", "-q", "-c", "side")
    committed(root, "p", "theirs", 2)
    git(root, "switch", "-q", "main")
    committed(root, "q", "else", 3)
    git(root, "merge", "-q", "-m", "plain merge", "side", at=4)
    git(root, "switch", "-q", "-c", "again")
    committed(root, "p", "left", 5)
    git(root, "switch", "-q", "main")
    committed(root, "p", "right", 6)
    with pytest.raises(Exception, match="returned non-zero"):
        git(root, "merge", "-q", "again")
    committed(root, "p", "both", 7, "merged by hand")
    repo = find(root)
    assert repo is not None
    rows = log(repo, root / "p.toml")
    assert [row.note for row in rows] == ["merged by hand", "right", "left", "theirs", "base"]
    assert texts(repo, [rows[0].blob])[rows[0].blob].decode() == BODY.format("both")


@pytest.mark.parametrize("name", ['a\'b "c" $HOME', "*", ":(top)x", "-n", "x\ny", "tab\there", "[a]", "\\", "한글"])
def test_any_name(tmp_path: Path, name: str) -> None:
    root = repository(tmp_path)
    committed(root, name, "one", 1)
    committed(root, "other", "two", 2)
    repo = find(root)
    assert repo is not None
    assert [row.note for row in log(repo, root / f"{name}.toml")] == ["one"]


def test_where_there_is_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "p", "one")
    assert find(tmp_path) is None
    root = repository(tmp_path)
    repo = find(root)
    assert repo is not None
    assert log(repo, root / "p.toml") == []
    assert texts(repo, []) == {}
    assert texts(repo, ["0" * 40]) == {}
    (tmp_path / "broken" / ".git").mkdir(parents=True)
    assert find(tmp_path / "broken") is None
    monkeypatch.setenv("PATH", ".:relative")
    assert find(root) is None


def test_the_variables_of_a_hook_lead_nowhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = repository(tmp_path / "mine")
    committed(root, "p", "one", 1)
    other = repository(tmp_path / "other")
    for name in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE", "GIT_TRACE"):
        monkeypatch.setenv(name, str(other / ".git" / "x"))
    repo = find(root)
    assert repo is not None
    assert [row.note for row in log(repo, root / "p.toml")] == ["one"]
    assert not (other / ".git" / "x").exists()


def test_a_git_that_hangs_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = repository(tmp_path / "repo")
    slow = tmp_path / "git"
    slow.write_text("#!/bin/sh\nexec sleep 30\n")
    slow.chmod(0o755)
    monkeypatch.setattr(plumbing, "SECONDS", 0.1)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(StorageError, match="took more than"):
        find(root)


def test_a_repository_too_large_for_renames_still_has_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = repository(tmp_path / "repo")
    committed(root, "p", "one", 1)
    slow = tmp_path / "git"
    slow.write_text(f'#!/bin/sh\ncase "$*" in *--follow*) exec sleep 30;; esac\nexec {shutil.which("git")} "$@"\n')
    slow.chmod(0o755)
    monkeypatch.setattr(plumbing, "RENAMES", 0.1)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    repo = find(root)
    assert repo is not None
    assert [row.note for row in log(repo, root / "p.toml")] == ["one"]


def test_a_time_that_no_calendar_has(tmp_path: Path) -> None:
    root = repository(tmp_path)
    committed(root, "p", "one", 1)
    tree = git(root, "write-tree").strip()
    when = "99999999999999999 +0000"
    body = f"tree {tree}\nauthor \x1b[31mMallory <m> {when}\ncommitter x <x> {when}\n\nx\n"
    (root / "raw").write_text(body)
    made = git(root, "hash-object", "-t", "commit", "-w", "--literally", "raw").strip()
    git(root, "update-ref", "refs/heads/main", made)
    repo = find(root)
    assert repo is not None
    (row,) = log(repo, root / "p.toml")
    assert row.time.startswith("1970-01-01")


def test_nothing_planted_is_run_by_reading(tmp_path: Path) -> None:
    root, marks = repository(tmp_path / "repo"), tmp_path / "marks"
    committed(root, "p", "one", 1)
    committed(root, "p", "two", 2)
    plant(root, marks)
    missing = git(root, "-c", "core.worktree=", "-c", "core.fsmonitor=false", "rev-parse", "HEAD~1:p.toml").strip()
    for mark in marks.iterdir():
        mark.unlink()
    repo = find(root)
    assert repo is not None
    rows = log(repo, root / "p.toml")
    assert [row.note for row in rows] == ["two", "one"]
    assert len(texts(repo, [row.blob for row in rows])) == 2
    # A blob that a partial clone would fetch, by the planted transport.
    (root / ".git" / "objects" / missing[:2] / missing[2:]).unlink()
    assert [row.note for row in log(repo, root / "p.toml")] == ["two", "one"]
    assert list(texts(repo, [row.blob for row in rows])) == [rows[0].blob]
    assert list(marks.iterdir()) == []


def test_the_planted_settings_do_run_in_a_careless_git(tmp_path: Path) -> None:
    root, marks = repository(tmp_path / "repo"), tmp_path / "marks"
    committed(root, "p", "one", 1)
    plant(root, marks)
    put(root, "p", "two")
    import subprocess

    subprocess.run(["git", "-C", root, "--work-tree", root, "add", "p.toml"], capture_output=True, check=False)
    subprocess.run(["git", "-C", root, "--work-tree", root, "log", "-p"], capture_output=True, check=False)
    assert {mark.name for mark in marks.iterdir()} & {"fsmonitor", "clean", "process", "hook-post-index-change"}
