"""Drafts and presence: an unsaved edit outlives its process, a second workbench is heard."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from workbench.library.drafts import Drafts
from workbench.library.presence import Presence

TIME = "2026-11-23T10:00:00.000+00:00"


def test_a_draft_comes_back_whole(tmp_path: Path) -> None:
    drafts, path = Drafts(), tmp_path / "한 글.toml"
    assert drafts.find(path) is None
    drafts.keep(path, b"\xff\r\n old", "typed \ud800 한🙂\n", TIME)
    found = Drafts().find(path)
    assert found is not None
    assert (found.base_bytes, found.text, found.time) == (b"\xff\r\n old", "typed \ud800 한🙂\n", TIME)
    drafts.keep(path, b"", "later", "2026-11-23T10:00:01.000+00:00")
    assert [draft.text for draft in drafts.all()] == ["later"]
    assert (drafts.folder.stat().st_mode & 0o777, *(f.stat().st_mode & 0o777 for f in drafts.folder.iterdir())) == (
        0o700,
        0o600,
    )
    drafts.drop(path)
    drafts.drop(path)
    assert drafts.find(path) is None


def test_a_link_and_its_file_are_one_draft(tmp_path: Path) -> None:
    real, link = tmp_path / "real.toml", tmp_path / "link.toml"
    real.write_text("x")
    link.symlink_to(real)
    Drafts().keep(link, b"x", "y", TIME)
    found = Drafts().find(real)
    assert found is not None
    assert found.text == "y"


def test_what_is_no_draft_is_passed_over() -> None:
    drafts = Drafts()
    drafts.folder.mkdir(parents=True)
    for number, data in enumerate((b"", b"[]", b"{}", b"\xff", b'{"path": 1}', b"null")):
        (drafts.folder / f"{number}.json").write_bytes(data)
    assert drafts.all() == []


_HOLD = """
import sys, pathlib
from workbench.library.presence import Presence
assert Presence(pathlib.Path(sys.argv[1])).enter() is None
print("in", flush=True)
sys.stdin.read()
"""


def test_a_second_workbench_is_heard_until_it_is_gone(tmp_path: Path) -> None:
    here = Presence(tmp_path)
    assert here.enter() is None
    here.leave()
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=dict(os.environ),
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"in\n"
        assert here.enter() == other.pid
        other.kill()
        other.wait()
    assert here.enter() is None
    here.leave()
    here.leave()
