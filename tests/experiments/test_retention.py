"""Retention by labels: of every library that runs were made from, whatever folder one stands in today."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.history.made import add, all_ids
from workbench.experiments import retention
from workbench.history.store import Store
from workbench.library import labels
from workbench.library.reader import FileError

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
OLD = NOW - timedelta(days=100)
V1, V2, V3 = "1" * 64, "2" * 64, "3" * 64


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "h.db")
    for number, version in enumerate((V1, V2, V3)):
        add(made, f"run{number}", {"version": version}, created=OLD)
    yield made
    made.close()


def library(folder: Path, **named: str) -> Path:
    folder.mkdir()
    for label, version in named.items():
        labels.set_label(folder, "system/plain", label, version)
    return folder


def test_labels_of_all_known_libraries_keep_their_runs(store: Store, tmp_path: Path) -> None:
    here, there = library(tmp_path / "here", production=V1), library(tmp_path / "there", candidate=V2)
    retention.remember(store, [there])  # once, from another folder
    made, _ = retention.prune(store, [here], keep_days=30, keep_bytes=0, now=NOW, dry=True)
    assert made.runs == ["run2"]
    assert retention.said(made, 0, dry=True) == (
        "would remove 1 run of 1 trials; 2 old ones stay, something points at them"
    )
    labels.set_label(there, "system/plain", "candidate", V3)  # it moved
    assert retention.prune(store, [here], keep_days=30, keep_bytes=0, now=NOW)[0].runs == ["run1"]
    shutil.rmtree(there)  # a drive that is not there: as it was last read
    assert retention.prune(store, [here], keep_days=30, keep_bytes=0, now=NOW)[0].runs == []
    assert all_ids(store.path)[0] == {"run0", "run2"}
    assert retention.labelled(store, []) == {V1: "production of system/plain", V3: "candidate of system/plain"}


def test_labels_that_cannot_be_read_stop_it(store: Store, tmp_path: Path) -> None:
    here = library(tmp_path / "here", production=V1)
    (here / labels.FILE).write_text("[[[")
    with pytest.raises(FileError, match="labels"):
        retention.prune(store, [here], keep_days=30, keep_bytes=0, now=NOW)
    assert len(all_ids(store.path)[0]) == 3


def test_daily_is_once_a_day_and_says_what_it_took(store: Store, tmp_path: Path) -> None:
    here = library(tmp_path / "here", production=V1)
    assert retention.daily(store, [here], keep_days=0, keep_bytes=0, now=NOW) == ""
    says = retention.daily(store, [here], keep_days=30, keep_bytes=0, now=NOW)
    assert says.startswith("removed 2 runs of 2 trials")
    add(store, "run9", "x", created=OLD)
    assert retention.daily(store, [here], keep_days=30, keep_bytes=0, now=NOW) == ""
    assert retention.daily(store, [here], keep_days=30, keep_bytes=0, now=NOW + timedelta(days=1)) != ""
    assert all_ids(store.path)[0] == {"run0"}
