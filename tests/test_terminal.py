"""The pseudo-terminal driver itself."""

from __future__ import annotations

import signal
import sys

import psutil
import pytest

from tests.terminal import Picture, Terminal, key, wait_gone


def test_keys_are_those_of_a_legacy_terminal() -> None:
    names = ("a", "enter", "f1", "f5", "up", "ctrl+p", "ctrl+right", "shift+tab", "alt+x", "pagedown")
    assert [key(name) for name in names] == [
        b"a", b"\r", b"\x1bOP", b"\x1b[15~", b"\x1b[A", b"\x10", b"\x1b[1;5C", b"\x1b[Z", b"\x1bx", b"\x1b[6~",
    ]  # fmt: skip
    with pytest.raises(ValueError, match="nonsense"):
        key("nonsense")


def test_the_picture_knows_what_pyte_does_not() -> None:
    picture = Picture(40, 3)
    picture.feed(b"\x1b[>1u\x1b[?2026$p\x1b]0;title\x07\x1b[38:2::1:2:3mone")
    assert picture.text.split("\n")[0] == "one"
    assert not picture.feed(b"\x1b[?2026h\x1b[2;1Htwo")
    assert "two" not in picture.text
    assert picture.feed(b" three\x1b[?2026l")
    assert picture.text.split("\n")[1] == "two three"
    picture.feed(b"\x1b[3")  # cut in the middle
    picture.feed(b";1Hend")
    assert picture.text.split("\n")[2] == "end"


def test_a_program_is_driven_and_asked() -> None:
    program = (
        "import os, sys, tty; tty.setraw(0); print(os.get_terminal_size(), end='', flush=True)\n"
        "os.write(1, b'\\x1b[?2026$p'); print(sys.stdin.buffer.raw.read(11), end='', flush=True)\n"
        "print('<' + os.read(0, 9).decode() + '>', flush=True); sys.exit(7)"
    )
    with Terminal([sys.executable, "-c", program], columns=100, rows=30) as terminal:
        terminal.wait_for("columns=100, lines=30")
        terminal.wait_for("2026;2$y")
        terminal.type("hello")
        terminal.wait_for("<hello>")
        assert terminal.wait_exit() == 7
        assert b"<hello>" in terminal.raw
        with pytest.raises(TimeoutError, match="ended"):
            terminal.wait_for("never")


def test_a_hang_up_ends_a_program_and_its_children_are_seen() -> None:
    program = (
        "import subprocess, sys, time\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print('up', flush=True); time.sleep(600)"
    )
    with Terminal([sys.executable, "-c", program]) as terminal:
        terminal.wait_for("up")
        family = terminal.family()
        assert len(family) == 1
        assert all(isinstance(child, psutil.Process) for child in family)
        terminal.hang_up()
        assert terminal.wait_exit() == -signal.SIGHUP
        for child in family:
            if child.is_running():
                child.kill()
        assert not wait_gone(family)
