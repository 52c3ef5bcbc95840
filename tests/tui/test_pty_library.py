"""The library screen in a real pseudo-terminal: keys of a legacy terminal, a kill, the person's own editor."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from tests.terminal import Terminal
from workbench.library.drafts import Drafts

ONE = 'kind = "system"\ntitle = "One"\ntext = "Be brief."\n'


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {
        **{"HOME": str(tmp_path / "home"), "XDG_DATA_HOME": "", "XDG_CONFIG_HOME": "", "XDG_CACHE_HOME": ""},
        "WORKBENCH_DOUBLE": "tokens=5",
        "VISUAL": "",
    }


def opened(tmp_path: Path, env: dict[str, str]) -> Terminal:
    argv = [sys.executable, "-m", "workbench", "--library", str(tmp_path / "lib")]
    return Terminal(argv, columns=110, rows=30, env=env, cwd=tmp_path)


def found(terminal: Terminal) -> None:
    terminal.wait_for("F2 Library")
    terminal.wait_for("+ 512")
    terminal.send("f2")
    terminal.wait_for("prompts ──")
    terminal.type("one library:lib")
    terminal.wait_for(lambda screen: 'title = "One"' in screen and "no problems" in screen)


def into_the_file(terminal: Terminal) -> None:
    """Enter, and wait for the frame that says so: a key in the same burst would still be the search line's."""
    corner = terminal.picture.cells[1][33]
    terminal.send("enter")
    terminal.wait_for(lambda _: terminal.picture.cells[1][33] != corner)


def test_a_kill_costs_no_typing(tmp_path: Path, env: dict[str, str]) -> None:
    path = tmp_path / "lib" / "one.toml"
    path.parent.mkdir()
    path.write_text(ONE)
    with opened(tmp_path, env) as terminal:
        found(terminal)
        into_the_file(terminal)
        terminal.type("# typed, never saved")
        terminal.send("enter")
        terminal.wait_for("unsaved")

        def kept(_: str) -> bool:
            draft = Drafts(tmp_path / "home/.local/share/workbench/drafts").find(path)
            return draft is not None and draft.text.startswith("# typed, never saved\n")

        terminal.wait_for(kept)
        terminal.signal(signal.SIGKILL)
        terminal.wait_exit()
    assert path.read_text() == ONE
    with opened(tmp_path, env) as terminal:
        found(terminal)
        terminal.wait_for("# typed, never saved")
        terminal.wait_for("unsaved since")
        terminal.send("ctrl+s")
        terminal.wait_for("saved one@")
        terminal.send("ctrl+q")
        assert terminal.wait_exit() == 0
    assert path.read_text() == "# typed, never saved\n" + ONE


def test_the_persons_own_editor(tmp_path: Path, env: dict[str, str]) -> None:
    path = tmp_path / "lib" / "one.toml"
    path.parent.mkdir()
    path.write_text(ONE)
    editor = tmp_path / "my editor"
    editor.write_text('#!/bin/sh\ncat "$1"\nsed -i s/brief/kind/ "$1"\nread ok\nexit "${ok:-0}"\n')
    editor.chmod(0o755)
    with opened(tmp_path, {**env, "EDITOR": f"'{editor}'"}) as terminal:
        found(terminal)
        terminal.send("f10")
        terminal.wait_for(lambda screen: "Be brief." in screen and "F1 help" not in screen)
        terminal.type("3")
        terminal.send("enter")
        terminal.wait_for("ended with 3")
        assert path.read_text() == ONE, "only a clean exit is taken"
        terminal.send("f10")
        terminal.wait_for(lambda screen: "Be brief." in screen and "F1 help" not in screen)
        terminal.type("0")
        terminal.send("enter")
        terminal.wait_for("saved one@")
        terminal.wait_for("Be kind.")
        assert path.read_text() == ONE.replace("brief", "kind")
        terminal.send("ctrl+q")
        assert terminal.wait_exit() == 0
