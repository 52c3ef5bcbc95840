"""`workbench history search|tag|note|rm|prune|export|usage`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.history.made import add, all_ids
from workbench import paths
from workbench.cli.main import run
from workbench.history import notes
from workbench.history.store import Store
from workbench.library import labels

OLD = datetime.now(UTC) - timedelta(days=100)


@pytest.fixture
def store() -> Iterator[Store]:
    store = Store(paths.ensure(paths.data_dir()) / "history.db")
    add(store, "aaaa", {"text": "alpha", "version": "1" * 64}, "beta", created=OLD)
    add(store, "bbbb", {"text": "alpha", "prompt": "system/expert"}, kind="experiment", created=OLD)
    add(store, "cccc", "gamma \x1b[2J")
    yield store
    store.close()


def call(*argv: str) -> int:
    return run(("history", *argv), app=lambda library: 77, keys=lambda form: 78)


@pytest.fixture
def answer(capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs a command with --json; gives what it printed."""

    def ask(*argv: str) -> Any:
        assert call(*argv, "--json") == 0
        return json.loads(capsys.readouterr().out)

    return ask


@pytest.mark.usefixtures("store")
def test_search(answer: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert [(run["id"], run["matches"]) for run in answer("search", "alpha")] == [("bbbb", 1), ("aaaa", 1)]
    assert [trial["id"] for trial in answer("search", "alpha", "--trials")] == ["bbbb-0", "aaaa-0"]
    assert [run["id"] for run in answer("search", "kind:exp", "prompt:expert")] == ["bbbb"]
    assert answer("search", "nothing") == []
    assert call("search", "since:never") == 2
    assert "is no time" in capsys.readouterr().err
    assert call("search", "gamma", "--trials") == 0
    out = capsys.readouterr().out
    assert "gamma" in out
    assert "\x1b" not in out


def test_tags_and_notes(store: Store, answer: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer("tag", "aa", "good", "kept") == {"run": "aaaa", "tags": ["good", "kept"], "note": ""}
    assert answer("tag", "aaaa", "--remove", "kept")["tags"] == ["good"]
    assert answer("note", "aaaa-1", "look again") == {"run": "aaaa", "tags": ["good"], "note": "look again"}
    listed = answer("list")
    assert [(run["id"], run["tags"], run["note"]) for run in listed][2] == ("aaaa", ["good"], "look again")
    assert {"id", "kind", "created", "meta", "trials", "message", "models", "prompts"} <= listed[0].keys()
    assert call("show", "aaaa") == 0
    assert capsys.readouterr().out.startswith("#good look again\n")
    assert answer("note", "aaaa", "")["note"] == ""
    assert call("tag", "aaaa", "two words") == 2
    assert call("tag", "zzzz", "x") == 4
    assert notes.tags_of(store, ["aaaa"]) == {"aaaa": ["good"]}


def test_rm_says_what_points_there(store: Store, answer: Any, capsys: pytest.CaptureFixture[str]) -> None:
    folder = paths.data_dir() / "prompts"
    folder.mkdir()
    labels.set_label(folder, "system/plain", "production", "1" * 64)
    assert call("rm", "cccc", "aaaa") == 2
    assert "label production of system/plain" in capsys.readouterr().err
    assert len(all_ids(store.path)[0]) == 3  # all or none
    made = answer("rm", "cccc", "aaaa", "--force")
    assert {key: made[key] for key in ("runs", "trials", "kept")} == {"runs": ["cccc", "aaaa"], "trials": 3, "kept": 0}
    assert all_ids(store.path) == ({"bbbb"}, {"bbbb-0"})
    assert call("rm", "cccc") == 4


def test_prune(store: Store, answer: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("prune") == 2
    assert "all runs stay" in capsys.readouterr().err
    paths.ensure(paths.config_dir())
    (paths.config_dir() / "settings.toml").write_text("[history]\nkeep_days = 30\n")
    notes.tag(store, "aaaa", ["kept"])
    assert answer("prune", "--dry-run")["runs"] == ["bbbb"]
    assert answer("prune", "--keep-days", "1000", "--dry-run")["runs"] == []
    made = answer("prune")
    assert (made["runs"], made["trials"], made["spared"]) == (["bbbb"], 1, 1)
    assert all_ids(store.path)[0] == {"aaaa", "cccc"}
    labels_file = paths.data_dir() / "prompts" / labels.FILE
    labels_file.parent.mkdir()
    labels_file.write_text("[[[")
    assert call("prune") == 2
    assert str(labels_file) in capsys.readouterr().err


def test_export(store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("export") == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    trials = [json.loads(line) for line in out.splitlines()]
    assert trials == [*store.trials("aaaa"), *store.trials("bbbb"), *store.trials("cccc")]
    assert call("export", "cccc", "bbbb") == 0
    assert [json.loads(line)["run"] for line in capsys.readouterr().out.splitlines()] == ["cccc", "bbbb"]
    assert call("export", "--search", "alpha", "--out", str(tmp_path / "x"), "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"file": str(tmp_path / "x"), "trials": 2}
    assert call("export", "--out", str(tmp_path / "x")) == 2
    assert call("export", "--out", str(tmp_path / "x"), "--force") == 0
    assert len((tmp_path / "x").read_text().splitlines()) == 4


@pytest.mark.usefixtures("store")
def test_usage(answer: Any, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer("usage")
    assert found["file"] > 0
    assert set(found["kinds"]) == {"compare", "experiment"}
    assert call("usage") == 0
    assert "experiment" in capsys.readouterr().out
