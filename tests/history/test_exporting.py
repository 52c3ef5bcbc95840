"""Export: a line a TRIAL, which parses back to the same TRIAL, whatever is in it; whole or not at all."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.history.made import add
from workbench import safe
from workbench.errors import StorageError, UsageError
from workbench.history import exporting
from workbench.history.search import parse
from workbench.history.store import Store

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
HARM = st.sampled_from(["\x1b[2J", "\u2028", "\x85", "\r\n", "\u202e", "\U000e0041", '"', "\\", "\0"])


@settings(max_examples=60)
@given(st.lists(st.lists(st.tuples(TEXT, HARM, TEXT, TEXT), max_size=3), min_size=1, max_size=3))
def test_lines_parse_back_to_equal_trials(runs: list[list[tuple[str, str, str, str]]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "h.db")
        for number, trials in enumerate(runs):
            rows = [
                {
                    "text": text + harm,
                    "messages": [{"role": "user", "content": harm + said}],
                    "prompt": name,
                    "sampling": {"stop": [harm], "temperature": 0.1},
                    "error": harm,
                }
                for text, harm, said, name in trials
            ]
            add(store, f"run{number}", *rows)
        out = Path(folder) / "out.jsonl"
        names = [f"run{number}" for number in range(len(runs))]
        count = exporting.write(out, exporting.lines(store, names))
        written = out.read_text("utf-8")
        lines = written.splitlines()  # Python's own reader of lines takes U+2028 for an end
        assert count == len(lines) == sum(map(len, runs))
        assert [json.loads(line) for line in lines] == [trial for name in names for trial in store.trials(name)]
        assert all(safe.line(line) == line for line in lines)
        store.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "h.db")
    add(made, "run1", "alpha", "beta")
    yield made
    made.close()


def test_only_those_that_match(store: Store) -> None:
    lines = list(exporting.lines(store, ["run1"], parse("beta")))
    assert [json.loads(line)["text"] for line in lines] == ["beta"]


def test_a_file_that_is_there_is_not_written_over(store: Store, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    out.write_text("mine")
    with pytest.raises(UsageError, match="there is a file already"):
        exporting.write(out, exporting.lines(store, ["run1"]))
    assert out.read_text() == "mine"
    assert exporting.write(out, exporting.lines(store, ["run1"]), over=True) == 2
    assert out.stat().st_mode & 0o777 == 0o600


def test_a_failure_leaves_nothing_behind(store: Store, tmp_path: Path) -> None:
    def breaks() -> Iterator[str]:
        yield "one"
        raise StorageError("the disk is gone")

    (tmp_path / "sub").mkdir()
    with pytest.raises(StorageError, match="disk is gone"):
        exporting.write(tmp_path / "sub" / "out", breaks())
    assert list((tmp_path / "sub").iterdir()) == []
    with pytest.raises(StorageError, match="cannot write it"):
        exporting.write(tmp_path / "nowhere" / "out", exporting.lines(store, ["run1"]))
