"""Our SQLite files' journal, where several programs make the same file at once."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from workbench import databases


def test_the_journal_is_set_once_the_other_lets_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite does not wait by itself when it turns a file that another holds to WAL."""
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other, closing(sqlite3.connect(path, timeout=0)) as db:
        other.execute("BEGIN EXCLUSIVE")
        waits: list[float] = []

        def wait(seconds: float) -> None:
            waits.append(seconds)
            if len(waits) == 3:
                other.execute("COMMIT")

        monkeypatch.setattr(databases, "sleep", wait)
        databases.set_journal(db)
        assert len(waits) == 3
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_file_held_for_good_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.db"
    monkeypatch.setattr(databases, "BUSY", 0)
    with closing(sqlite3.connect(path, isolation_level=None)) as other, closing(sqlite3.connect(path, timeout=0)) as db:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            databases.set_journal(db)
