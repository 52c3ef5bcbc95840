"""The installed program in a real pseudo-terminal, on the real starter model: one key, both answers, clean ends."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from tests.terminal import Terminal, wait_gone
from workbench import paths
from workbench.history.store import Store

APP = [sys.executable, "-m", "workbench"]


def home(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path / "home"), "XDG_DATA_HOME": "", "XDG_CONFIG_HOME": "", "XDG_CACHE_HOME": ""}


def both_done(screen: str) -> bool:
    return screen.count("· stop") + screen.count("· length") >= 2


def trials() -> list[tuple[str, str]]:
    store = Store(paths.data_dir() / "history.db")
    found = [(str(trial["finish"]), str(trial["text"])) for trial in store.trials()]
    store.close()
    return found


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
def test_one_key_and_both_answers_stream(tmp_path: Path, size: tuple[int, int]) -> None:
    with Terminal(APP, columns=size[0], rows=size[1], env=home(tmp_path), cwd=tmp_path) as terminal:
        terminal.wait_for("What is 17 + 25?")
        terminal.wait_for(lambda screen: "30 + 512" in screen)  # counted by the model's own tokenizer
        terminal.send("f5")
        terminal.wait_for(both_done, 120)
        workers = terminal.family()
        assert workers
        terminal.send("ctrl+q")
        assert terminal.wait_exit() == 0
        assert wait_gone(workers, 10) == []
        assert b"\x1b[?1049l" in terminal.raw
    assert [finish in ("stop", "length") and text != "" for finish, text in trials()] == [True, True]


@pytest.mark.parametrize("how", ["SIGTERM", "SIGHUP", "hang-up", "SIGKILL"])
def test_however_it_ends_nothing_is_lost_and_no_worker_is_left(tmp_path: Path, how: str) -> None:
    with Terminal(APP, env=home(tmp_path), cwd=tmp_path) as terminal:
        terminal.wait_for(lambda screen: "30 + 512" in screen)
        terminal.send("f5")
        terminal.wait_for(both_done, 120)
        terminal.type("Tell me a very long story about the sea, a ship, its crew and every port they saw.")
        terminal.send("f5")

        def half(_: str) -> bool:
            return any(finish == "running" and text for finish, text in trials())

        terminal.wait_for(half, 120)
        workers = terminal.family()
        assert workers
        if how == "hang-up":
            terminal.hang_up()
        else:
            terminal.signal(getattr(signal, how))
        terminal.wait_exit(20)
        assert wait_gone(workers, 10) == []
    found = trials()
    assert len(found) == 4
    assert {finish for finish, _ in found[:2]} <= {"interrupted", "stop", "length"}
    assert "interrupted" in {finish for finish, _ in found[:2]}
    assert all(text for finish, text in found if finish == "interrupted")
    assert all(finish in ("stop", "length") and text for finish, text in found[2:])


def test_a_terminal_that_goes_without_a_word_ends_it_too(tmp_path: Path) -> None:
    """The kernel tells the session's leader alone; this one, like make, waits and passes nothing on."""
    leader = ["sh", "-c", 'trap : HUP; "$@"; exit 3', "sh"]
    with Terminal([*leader, *APP], env={**home(tmp_path), "WORKBENCH_DOUBLE": "tokens=5"}, cwd=tmp_path) as terminal:
        terminal.wait_for("What is 17 + 25?")
        family = terminal.family()
        assert family
        terminal.hang_up()
        assert wait_gone(family, 20) == []


def test_a_tiny_terminal_and_no_home_to_write_to(tmp_path: Path) -> None:
    nowhere = {**home(tmp_path), "HOME": "/proc/nowhere"}
    with Terminal(APP, columns=20, rows=5, env={**nowhere, "WORKBENCH_DOUBLE": "tokens=5"}, cwd=tmp_path) as terminal:
        terminal.wait_for("Compare")
        terminal.resize(100, 30)
        terminal.wait_for("history is off")
        terminal.send("f5")
        terminal.wait_for(both_done)
        terminal.send("ctrl+q")
        assert terminal.wait_exit() == 0


def test_a_dumb_terminal_is_told_what_to_do(tmp_path: Path) -> None:
    with Terminal(APP, env={**home(tmp_path), "TERM": "dumb"}, cwd=tmp_path) as terminal:
        assert terminal.wait_exit() == 2
        terminal.screen()
        assert b"workbench compare" in terminal.raw
