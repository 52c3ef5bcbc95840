"""Commits of a library by plumbing: only its files, the index left clean, what is staged left alone, states refused."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.library.planted import git, plant, put, repository
from workbench.errors import NotFoundError, StorageError, UsageError
from workbench.library import labels
from workbench.library.committing import changed, commit


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return repository(tmp_path / "repo")


def status(root: Path) -> list[str]:
    return git(root, "status", "--porcelain", "-uall", "-z").split("\0")[:-1]


def names(root: Path, *words: str) -> list[str]:
    return git(root, "-c", "core.quotePath=false", "show", "--name-status", "--format=", *words).split("\n")[:-1]


def test_the_first_commit_and_the_next(root: Path) -> None:
    lib = root / "my prompts"
    put(lib, "a/한글", "one")
    put(lib, "b", "one")
    labels.set_label(lib, "b", "production", "1" * 64)
    (lib / "notes.txt").write_text("not a prompt")
    put(lib, ".hidden/x", "no")
    made = commit(lib, [], "First\n\nWith a body — 설명")
    assert made.files == ("a/한글.toml", "b.toml", "labels.toml")
    assert made.branch == "main"
    assert git(root, "rev-parse", "HEAD").strip() == made.commit
    assert git(root, "log", "--format=%an <%ae>|%B").strip() == "Ada <ada@example.org>|First\n\nWith a body — 설명"
    assert status(root) == ["?? my prompts/.hidden/x.toml", "?? my prompts/notes.txt"]
    assert commit(lib, [], "again").files == ()

    put(lib, "b", "two")
    (lib / "a" / "한글.toml").unlink()
    assert [(change.name, change.data is None) for change in changed(lib)] == [("a/한글.toml", True), ("b.toml", False)]
    commit(lib, [], "second")
    assert names(root) == ["D\tmy prompts/a/한글.toml", "M\tmy prompts/b.toml"]
    assert git(root, "rev-list", "--count", "HEAD").strip() == "2"
    assert status(root) == ["?? my prompts/.hidden/x.toml", "?? my prompts/notes.txt"]
    assert git(root, "reflog", "-1", "--format=%gs").strip() == "commit: second"
    git(root, "fsck", "--strict")


def test_only_the_prompts_named_and_the_labels(root: Path) -> None:
    for id in ("a", "b", "c"):
        put(root, id, "one")
    commit(root, [], "all")
    for id in ("a", "b"):
        put(root, id, "two")
    labels.set_label(root, "a", "production", "1" * 64)
    assert commit(root, ["a"], "one of them").files == ("a.toml", "labels.toml")
    assert status(root) == [" M b.toml"]
    assert commit(root, ["c"], "nothing").files == ()
    with pytest.raises(NotFoundError, match="no prompt d"):
        commit(root, ["d"], "x")


def test_what_else_is_staged_or_changed_stays_so(root: Path) -> None:
    put(root, "lib/p", "one")
    (root / "code.py").write_text("1")
    (root / "other.py").write_text("1")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "all")
    (root / "code.py").write_text("2")
    git(root, "add", "code.py")
    (root / "other.py").write_text("2")
    put(root, "lib/p", "two")
    put(root, "lib/q", "new")
    commit(root / "lib", [], "prompts")
    assert status(root) == ["M  code.py", " M other.py"]
    assert names(root) == ["M\tlib/p.toml", "A\tlib/q.toml"]


def test_bytes_modes_and_links_go_in_as_they_are(root: Path) -> None:
    path = put(root, "p", "one\r\ntwo")
    path.chmod(0o755)
    (root / "link.toml").symlink_to("p.toml")
    (root / "out.toml").symlink_to("/etc/passwd")
    data = path.read_bytes()
    commit(root, [], "x")
    listed = git(root, "ls-tree", "HEAD").split()
    assert [listed[0], listed[4]] == ["120000", "100755"]
    assert subprocess.run(["git", "-C", root, "cat-file", "blob", "HEAD:p.toml"], capture_output=True).stdout == data
    assert git(root, "cat-file", "blob", "HEAD:link.toml") == "p.toml"
    assert status(root) == ["?? out.toml"]


def test_ignored_files_and_other_repositories_are_left_out(root: Path) -> None:
    (root / ".gitignore").write_text("drafts/\n*.local.toml\n")
    put(root, "drafts/p", "one")
    put(root, "x.local", "one")
    put(root, "ok", "one")
    for name in (":(top)x", "*", "a\nb", ":!ok"):
        put(root, name, "one")
    put(repository(root / "nested"), "deep/p", "one")
    assert [change.name for change in changed(root)] == ["*.toml", ":!ok.toml", ":(top)x.toml", "a\nb.toml", "ok.toml"]
    assert len(commit(root, [], "odd names").files) == 5
    assert status(root) == ["?? .gitignore", "?? nested/"]


def test_a_checkout_with_crlf_is_no_change(root: Path) -> None:
    path = put(root, "p", "one")
    commit(root, [], "x")
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert changed(root) == []


def test_hashes_by_sha256(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main", "--object-format=sha256", "repo")
    root = tmp_path / "repo"
    git(root, "config", "user.name", "Ada")
    git(root, "config", "user.email", "a@b")
    put(root, "p", "one")
    put(root, "q", "one")
    commit(root, [], "x")
    (root / "q.toml").unlink()
    assert len(commit(root, [], "y").commit) == 64
    assert changed(root) == []
    assert status(root) == []


def test_states_that_are_refused(root: Path, tmp_path: Path) -> None:
    put(root, "p", "one")
    with pytest.raises(UsageError, match="message"):
        commit(root, [], " \n")
    commit(root, [], "x")
    put(root, "p", "two")
    (root / ".git" / "MERGE_HEAD").write_text("")
    with pytest.raises(UsageError, match="a merge is going on"):
        commit(root, [], "x")
    (root / ".git" / "MERGE_HEAD").unlink()
    (root / ".git" / "rebase-merge").mkdir()
    with pytest.raises(UsageError, match="a rebase is going on"):
        commit(root, [], "x")
    (root / ".git" / "rebase-merge").rmdir()
    git(root, "switch", "-q", "--detach")
    with pytest.raises(UsageError, match="no branch"):
        commit(root, [], "x")
    git(root, "switch", "-q", "main")
    (root / ".git" / "index.lock").write_text("")
    with pytest.raises(StorageError, match="index") as caught:
        commit(root, [], "x")
    assert "\n" not in str(caught.value)
    assert git(root, "rev-list", "--count", "HEAD").strip() == "1"
    outside = tmp_path / "outside"
    outside.mkdir()
    with pytest.raises(UsageError, match="no git repository"):
        commit(outside, [], "x")


def test_who_commits(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(root, "p", "one")
    git(root, "config", "--unset", "user.email")
    with pytest.raises(UsageError, match=r"user\.email is not set"):
        commit(root, [], "x")
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "Bob")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "bob@example.org")
    commit(root, [], "x")
    assert git(root, "log", "--format=%an <%ae> %cn").strip() == "Bob <bob@example.org> Bob"


def test_nothing_planted_is_run_by_a_commit(root: Path, tmp_path: Path) -> None:
    put(root, "p", "one")
    commit(root, [], "x")
    marks = tmp_path / "marks"
    plant(root, marks)
    put(root, "p", "two")
    put(root, "q", "new")
    made = commit(root, [], "y")
    assert made.files == ("p.toml", "q.toml")
    assert list(marks.iterdir()) == []
    assert (root / ".git" / "refs" / "heads" / "main").read_text().strip() == made.commit


def test_a_worktree_of_its_own_branch(root: Path, tmp_path: Path) -> None:
    put(root, "p", "one")
    commit(root, [], "x")
    git(root, "worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    put(tmp_path / "side", "p", "two")
    assert commit(tmp_path / "side", [], "y").branch == "side"
    assert status(tmp_path / "side") == status(root) == []
    assert os.path.isfile(tmp_path / "side" / ".git")
