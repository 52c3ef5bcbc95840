"""`workbench prompts new|copy|move|rm|edit`: files made and changed, each change a version."""

from __future__ import annotations

import json
import stat
import tomllib
from pathlib import Path

import pytest

from tests.cli.test_prompts import run as workbench
from workbench import paths
from workbench.errors import Exit
from workbench.library.versions import Versions


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def mine(id: str) -> Path:
    return paths.data_dir() / "prompts" / f"{id}.toml"


Capture = pytest.CaptureFixture[str]


def ok(capsys: Capture, *argv: str) -> dict[str, str]:
    code, out, err = workbench(capsys, *argv, "--json")
    assert code == Exit.OK, err
    made = json.loads(out)
    assert isinstance(made, dict)
    return made


def wrong(capsys: Capture, *argv: str) -> str:
    code, out, err = workbench(capsys, *argv)
    assert code in (Exit.USAGE, Exit.NOT_FOUND)
    assert out == ""
    assert err.count("\n") == 1
    return err


def test_new_edit_and_what_the_history_knows(capsys: Capture) -> None:
    made = ok(capsys, "new", "system", "my/한글")
    assert made["path"] == str(mine("my/한글"))
    assert stat.S_IMODE(mine("my/한글").stat().st_mode) == 0o600
    first = made["version"]
    made = ok(
        capsys,
        *("edit", "my/한글", "--set", "title=42", "--set", "sampling.top_k=20", "--set", 'tags=["a", "b"]'),
        *("--set", "text=Say\nit.", "--note", "why"),
    )
    table = tomllib.loads(mine("my/한글").read_text())
    assert (table["title"], table["sampling"], table["tags"], table["text"]) == (
        "42",
        {"top_k": 20},
        ["a", "b"],
        "Say\nit.",
    )
    log = Versions().log(paths.data_dir() / "prompts", "my/한글")
    assert [(each.version, each.note) for each in log] == [(made["version"], "why"), (first, "new")]


def test_a_shipped_prompt_is_copied_by_its_first_edit(capsys: Capture) -> None:
    code, _, err = workbench(capsys, "edit", "system/plain", "--set", "title=Mine")
    assert code == Exit.OK
    assert "your copy is in mine" in err
    assert tomllib.loads(mine("system/plain").read_text())["title"] == "Mine"


def test_copy_move_remove(capsys: Capture) -> None:
    version = ok(capsys, "copy", "system/plain", "a b")["version"]
    assert ok(capsys, "move", "a b", "c")["version"] == version
    assert "has a prompt c already" in wrong(capsys, "copy", "system/plain", "c")
    code, _, err = workbench(capsys, "rm", "c")
    assert (code, "prompts restore c" in err) == (Exit.OK, True)
    assert not mine("c").exists()
    assert "no prompt c" in wrong(capsys, "rm", "c")
    assert "not written to" in wrong(capsys, "rm", "shipped:system/plain")


def test_a_file_and_an_editor_give_the_text(capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "x.toml"
    file.write_text("kind = 'system'\ntext = 'from a file'\n")
    ok(capsys, "new", "system", "x", "--file", str(file))
    assert mine("x").read_text() == file.read_text()
    file.write_text("kind = 'system'\ntext = 'again'\n")
    ok(capsys, "edit", "x", "--file", str(file))
    assert mine("x").read_text() == file.read_text()
    assert "no terminal for an editor" in wrong(capsys, "edit", "x")
    script = tmp_path / "my editor"
    script.write_text('#!/bin/sh\nsed -i s/again/edited/ "$1"\nexit ${CODE:-0}\n')
    script.chmod(0o755)
    monkeypatch.setenv("VISUAL", f"'{script}'")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setenv("CODE", "3")
    said = wrong(capsys, "edit", "x")
    assert "ended with 3" in said
    assert "again" in mine("x").read_text()
    monkeypatch.setenv("CODE", "0")
    ok(capsys, "edit", "x")
    assert "edited" in mine("x").read_text()


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (("new", "system", "a@b"), "cannot be in a prompt's name"),
        (("new", "system", "x", "--to", "nowhere"), "no library nowhere"),
        (("new", "system", "x", "--file", "none.toml"), "cannot read it"),
        (("edit", "system/plain", "--set", "title"), "sets nothing"),
        (("edit", "system/plain", "--set", "sampling.top_k=1", "--file", "x"), "do not go together"),
        (("edit", "none", "--set", "title=x"), "there is no prompt none"),
        (("move", "system/plain", "x"), "not written to"),
    ],
)
def test_wrong_use_is_one_line(capsys: Capture, argv: tuple[str, ...], says: str) -> None:
    assert says in wrong(capsys, *argv)
