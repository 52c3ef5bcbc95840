"""A report of the history: it pins its run, writes whole or not at all, and carries the files that were run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.experiments.results.made import keep, store_at, trial
from workbench.errors import NotFoundError, StorageError, UsageError
from workbench.experiments.reports import again, opening, report, words
from workbench.history import keeping
from workbench.history.store import Store

SOURCE = 'schema = 1\nkind = "experiment"\nprompt = "Hi"\nmodel = "m"\nmessage = "x"\n[[variants]]\n[[cases]]\n'


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(store_at(tmp_path)) as made:
        keep(made, "old", [trial("A", f"c{at}", 1.0) for at in range(12)], title="The old")
        keep(
            made,
            "now",
            [trial("A", f"c{at}", 0.0) for at in range(12)],
            title="The new",
            source=SOURCE,
            file="/x/e.toml",
        )
        yield made


def pins(store: Store) -> list[tuple[str, str]]:
    return [(row["run"], row["why"]) for row in store.read("SELECT run, why FROM pins ORDER BY run")]


def test_a_report_pins_its_run_and_what_it_is_compared_with(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "out.html"
    report.write(store, "now", path, baseline="old")
    report.write(store, "now", path, baseline="old")
    assert pins(store) == [("now", f"report {path}"), ("old", f"report {path}")]
    assert "The new" in path.read_text(encoding="utf-8")
    later = datetime.now(UTC) + timedelta(days=400)
    assert keeping.prune(store, {}, keep_days=1, now=later).runs == []


def test_without_a_report_they_go(store: Store) -> None:
    later = datetime.now(UTC) + timedelta(days=400)
    assert sorted(keeping.prune(store, {}, keep_days=1, now=later).runs) == ["now", "old"]


def test_a_report_that_cannot_be_written_pins_nothing(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot write it"):
        report.write(store, "now", tmp_path / "none" / "out.html")
    with pytest.raises(UsageError, match="does not say which format"):
        report.write(store, "now", tmp_path / "out.pdf")
    with pytest.raises(NotFoundError, match="there is no run gone"):
        report.write(store, "gone", tmp_path / "out.html")
    with pytest.raises(NotFoundError, match="there is no run gone"):
        report.write(store, "now", tmp_path / "out.html", baseline="gone")
    assert pins(store) == []
    assert [path.name for path in tmp_path.iterdir() if "out" in path.name or path.suffix == ".tmp"] == []


def test_what_is_there_stays_without_over(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "out.md"
    report.write(store, "now", path)
    before = path.read_bytes()
    with pytest.raises(UsageError, match="there is a file already"):
        report.write(store, "old", path, over=False)
    assert path.read_bytes() == before
    assert pins(store) == [("now", f"report {path}")]


def test_it_is_judged_as_its_file_says(store: Store) -> None:
    made = opening.of_run(store, "now", baseline="old")
    assert made.against is not None
    assert made.against.worse
    assert made.again["command"] == "workbench run e.toml"
    assert made.notes == ()
    assert "it has not come to its end" in words.headline(made)[0]
    keep(store, "ended", [trial()], stopped="done")
    assert words.headline(opening.of_run(store, "ended"))[0] == "1 trial: 1 variant × 1 case"
    keep(store, "failed", [trial()], summary={"stopped": "failed"})
    assert "it failed" in words.headline(opening.of_run(store, "failed"))[0]
    keep(store, "odd", [trial()], source="schema = 99")
    odd = opening.of_run(store, "odd")
    assert odd.notes[0].startswith("its experiment file is not read by this workbench")
    assert len(odd.results) == 1


def test_versions_and_the_case_file_are_carried(store: Store) -> None:
    data = b"a,b\n1,2\n"
    sha256 = hashlib.sha256(data).hexdigest()
    store.remember_version("f" * 64, "a = 'é'".encode()).result()
    store.remember_version("e" * 64, b"\xff").result()
    store.remember_version(sha256, data).result()
    trials = [trial("A"), trial("B", version="e" * 64)]
    keep(store, "run", trials, case_file={"name": "cases.csv", "sha256": sha256}, prompts=["a b", "c"], model="m")
    found = opening.of_run(store, "run").again
    assert found["versions"] == {"f" * 64: "a = 'é'", "e" * 64: {"base64": "/w=="}}
    assert found["case_file"] == {"name": "cases.csv", "sha256": sha256, "text": "a,b\n1,2\n"}
    assert found["command"] == "workbench run --prompt 'a b' --prompt c --model m"


def test_the_models_hash(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(b"weights")
    wanted = hashlib.sha256(b"weights").hexdigest()
    assert opening.sha256_of(str(path), 7) == wanted
    assert opening.sha256_of(str(path), 8) == ""  # another file than the one that ran
    assert opening.sha256_of(str(tmp_path / "none"), None) == ""
    assert opening.sha256_of("http://host/model\x00", None) == ""
    blob = tmp_path / f"sha256-{wanted[::-1]}"
    blob.write_bytes(b"not read")
    assert opening.sha256_of(str(blob), 3) == wanted[::-1]


def test_of_a_great_run_not_every_message_is_written_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(again, "CASES", 3)
    trials = [trial("A", f"c{at}") for at in range(5)] + [trial("B", "c0")]
    found = again.gather(trials, 2, 5)
    assert [each["label"] for each in found["variants"]] == ["A", "B"]
    assert [each["case"] for each in found["cases"]] == ["c0", "c1", "c2"]
    assert found["left_out"] == 2
    assert found["command"] == ""
    assert json.loads(again.to_text(found)) == found
