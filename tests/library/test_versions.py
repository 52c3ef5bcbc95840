"""Saves: newest first, exact bytes, renamed, deleted and revived; two processes and a full or broken file."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from workbench.errors import NotFoundError, StorageError
from workbench.files import digest
from workbench.library.versions import Saved, Versions


@pytest.fixture
def versions(tmp_path: Path) -> Versions:
    return Versions(tmp_path / "data" / "versions.db")


def hashed(text: str) -> str:
    return digest(f"meaning of {text}".encode())


def save(versions: Versions, folder: Path, id: str, *texts: str) -> list[Saved]:
    return [versions.record(folder, id, text.encode(), hashed(text), author="me") for text in texts]


def test_saves_are_newest_first_with_parent_time_author_and_note(tmp_path: Path, versions: Versions) -> None:
    first = versions.record(tmp_path, "a/b", b"one", hashed("one"), author="Ada", note="the first")
    second = versions.record(tmp_path, "a/b", b"two", hashed("two"), author="Bob")
    assert versions.log(tmp_path, "a/b") == [second, first]
    assert (first.parent, first.author, first.note, first.source) == ("", "Ada", "the first", "workbench")
    assert second.parent == first.blob == digest(b"one")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", first.time)
    assert versions.data(tmp_path, "a/b", first.blob) == b"one"
    with pytest.raises(NotFoundError, match="no saved text"):
        versions.data(tmp_path, "a/b", "0" * 64)


def test_the_same_bytes_again_are_no_save_but_going_back_is(tmp_path: Path, versions: Versions) -> None:
    one, again, two, back = save(versions, tmp_path, "p", "one", "one", "two", "one")
    assert again == one
    assert [row.blob for row in versions.log(tmp_path, "p")] == [back.blob, two.blob, one.blob]
    with sqlite3.connect(versions.path) as db:
        assert db.execute("SELECT count(*) FROM blobs").fetchone() == (2,)


def test_any_bytes_and_any_name_are_kept(tmp_path: Path, versions: Versions) -> None:
    data = bytes(range(256)) * 10
    for id in ("한글 이름", "a'b\"c", "odd\udcff", "x" * 900):
        made = versions.record(tmp_path / "folder\udce9", id, data, "", note="\ud800 note")
        assert made.version == ""
        assert versions.data(tmp_path, id, made.blob) == data
        assert versions.log(tmp_path / "folder\udce9", id) == [made]


def test_found_by_the_beginning_of_a_version_or_of_the_bytes_hash(tmp_path: Path, versions: Versions) -> None:
    one, two = save(versions, tmp_path, "p", "one", "two")
    save(versions, tmp_path, "other", "three")
    assert versions.find(tmp_path, "p", one.version[:8].upper()) == [one]
    assert versions.find(tmp_path, "p", two.blob[:12]) == [two]
    assert versions.find(tmp_path, "p", hashed("three")) == []
    assert versions.find(tmp_path, "p", "%") == []


def test_a_folder_is_the_same_by_a_link(tmp_path: Path, versions: Versions) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    save(versions, tmp_path / "real", "p", "one")
    assert len(versions.log(tmp_path / "link", "p")) == 1


def test_history_follows_a_rename_and_the_old_id_begins_anew(tmp_path: Path, versions: Versions) -> None:
    one, two = save(versions, tmp_path, "old", "one", "two")
    versions.renamed(tmp_path, "old", tmp_path / "elsewhere", "new")
    assert versions.log(tmp_path / "elsewhere", "new") == [two, one]
    assert versions.log(tmp_path, "old") == []
    (three,) = save(versions, tmp_path, "old", "three")
    assert versions.log(tmp_path, "old") == [three]
    assert three.parent == ""
    # Over an id whose file vanished unseen: that one's history ends, ours goes on.
    versions.renamed(tmp_path, "old", tmp_path / "elsewhere", "new")
    assert versions.log(tmp_path / "elsewhere", "new") == [three]
    versions.renamed(tmp_path, "nothing", tmp_path, "still nothing")


def test_a_deleted_prompt_is_listed_with_its_last_bytes_and_comes_back(tmp_path: Path, versions: Versions) -> None:
    save(versions, tmp_path, "p", "one")
    versions.deleted(tmp_path, "p", b"two", hashed("two"))
    versions.deleted(tmp_path, "q", b"three", "")
    assert [(gone.id, gone.version) for gone in versions.gone(tmp_path)] == [("q", ""), ("p", hashed("two"))]
    assert versions.bytes_of_gone(tmp_path, "p") == b"two"
    assert len(versions.log(tmp_path, "p")) == 2
    versions.revived(tmp_path, "p")
    assert [gone.id for gone in versions.gone(tmp_path)] == ["q"]
    assert len(versions.log(tmp_path, "p")) == 2
    with pytest.raises(NotFoundError, match="no deleted prompt"):
        versions.bytes_of_gone(tmp_path, "p")


def test_a_new_file_under_a_deleted_id_is_another_prompt(tmp_path: Path, versions: Versions) -> None:
    save(versions, tmp_path, "p", "one")
    versions.deleted(tmp_path, "p", b"one", hashed("one"))
    (new,) = save(versions, tmp_path, "p", "new")
    assert versions.log(tmp_path, "p") == [new]
    assert versions.gone(tmp_path) == []  # its id is taken
    assert versions.bytes_of_gone(tmp_path, "p") == b"one"
    assert len(versions.find(tmp_path, "p", hashed("one"))) == 1  # every wording stays within reach
    versions.revived(tmp_path, "p")
    assert versions.log(tmp_path, "p") == [new]


def test_reading_makes_no_file(tmp_path: Path, versions: Versions) -> None:
    assert versions.log(tmp_path, "p") == versions.find(tmp_path, "p", "abcd") == []
    assert versions.gone(tmp_path) == []
    versions.revived(tmp_path, "p")
    versions.renamed(tmp_path, "p", tmp_path, "q")
    assert not versions.path.parent.exists()


def test_the_file_is_private_and_its_journal_a_wal(tmp_path: Path, versions: Versions) -> None:
    save(versions, tmp_path, "p", "one")
    assert versions.path.stat().st_mode & 0o777 == 0o600
    with sqlite3.connect(versions.path) as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_journal_where_a_wal_is_refused(tmp_path: Path, versions: Versions, monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing(sqlite3.Connection):
        def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
            if "= WAL" in sql:
                raise sqlite3.OperationalError("locking protocol")
            return super().execute(sql, *values)

    whole = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *args, **more: whole(*args, **more, factory=Refusing))
    save(versions, tmp_path, "p", "one")
    with whole(versions.path) as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_threads_and_processes_lose_no_save(tmp_path: Path, versions: Versions) -> None:
    script = (
        "import sys\nfrom pathlib import Path\nfrom workbench.library.versions import Versions\n"
        "for n in range(20):\n"
        "    Versions(Path(sys.argv[1])).record(Path(sys.argv[2]), 'p', f'{sys.argv[3]} {n}'.encode(), '')\n"
    )
    argv = [sys.executable, "-c", script, str(versions.path), str(tmp_path)]
    others = [subprocess.Popen([*argv, name]) for name in ("x", "y")]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda n: save(versions, tmp_path, "p", f"thread {n}"), range(20)))
    assert [other.wait(60) for other in others] == [0, 0]
    rows = versions.log(tmp_path, "p")
    assert len({row.blob for row in rows}) == len(rows) == 60
    # A chain: each save knows the one before it.
    assert [row.parent for row in rows] == [row.blob for row in rows[1:]] + [""]


@pytest.mark.parametrize("name", ["Ada", ""])
def test_who_saved_it(tmp_path: Path, versions: Versions, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("GIT_AUTHOR_NAME", name)
    monkeypatch.setenv("LOGNAME", "login")
    assert versions.record(tmp_path, "p", b"x", "").author == (name or "login")


def test_what_fails_is_one_line(tmp_path: Path) -> None:
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"no database at all, " * 100)
    with pytest.raises(StorageError, match="move the file away") as caught:
        Versions(broken).log(tmp_path, "p")
    assert "\n" not in str(caught.value)
    with pytest.raises(StorageError, match="not a database"):
        Versions(broken).record(tmp_path, "p", b"x", "")
    with pytest.raises(StorageError, match="unable to open"):
        Versions(tmp_path).record(tmp_path, "p", b"x", "")


def test_a_newer_schema_is_left_alone(tmp_path: Path, versions: Versions) -> None:
    save(versions, tmp_path, "p", "one")
    with sqlite3.connect(versions.path) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(StorageError, match="newer workbench"):
        versions.log(tmp_path, "p")
    with pytest.raises(StorageError, match="newer workbench"):
        save(versions, tmp_path, "p", "two")


def test_damaged_bytes_are_said(tmp_path: Path, versions: Versions) -> None:
    (one,) = save(versions, tmp_path, "p", "one")
    with sqlite3.connect(versions.path) as db:
        db.execute("UPDATE blobs SET data = x'00'")
    with pytest.raises(StorageError, match="damaged"):
        versions.data(tmp_path, "p", one.blob)


def test_an_old_save_is_read_while_another_process_writes(tmp_path: Path, versions: Versions) -> None:
    (one,) = save(versions, tmp_path, "p", "one")
    with sqlite3.connect(versions.path, isolation_level=None) as db:
        db.execute("BEGIN IMMEDIATE")
        assert versions.log(tmp_path, "p") == [one]
        db.execute("ROLLBACK")


def test_a_note_is_a_row_of_the_same_bytes(tmp_path: Path, versions: Versions) -> None:
    first, second = save(versions, tmp_path, "a", "one", "two")
    noted = versions.remark(tmp_path, "a", b"two", hashed("two"), "galaxy makes ‘sun’ likelier", "me")
    again = versions.remark(tmp_path, "a", b"two", hashed("two"), "another", "me")
    assert versions.log(tmp_path, "a") == [again, noted, second, first]
    assert (noted.blob, noted.parent, noted.version, noted.author) == (second.blob, second.blob, second.version, "me")
    assert versions.data(tmp_path, "a", noted.blob) == b"two"
    assert save(versions, tmp_path, "a", "two") == [again]  # the same bytes as the newest: nothing new
