"""A real pseudo-terminal around a program, for tests and benchmarks: sends keys, keeps every byte, shows the screen.

A reader thread stamps each chunk and answers the questions that programs ask a terminal; the picture (pyte) is worked
out only when somebody looks, so that it does not disturb what is measured.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
import pyte

_FINAL = {"up": "A", "down": "B", "right": "C", "left": "D", "home": "H", "end": "F"}
_TILDE = {"insert": 2, "delete": 3, "pageup": 5, "pagedown": 6} | dict(
    zip([f"f{n}" for n in range(5, 13)], (15, 17, 18, 19, 20, 21, 23, 24), strict=True)
)
_PLAIN = {"enter": "\r", "tab": "\t", "escape": "\x1b", "space": " ", "backspace": "\x7f", "shift+tab": "\x1b[Z"}
_PLAIN |= {f"f{n}": f"\x1bO{letter}" for n, letter in enumerate("PQRS", 1)}
_MODIFIER = {"shift": 1, "alt": 2, "ctrl": 4}

_ASKED = re.compile(rb"\x1b\[(\??)([0-9;]*)\$p|\x1b\[(>?)0?c|\x1b\[6n|\x1b\[(1[468])t|\x1b\]1([01]);\?(?:\x07|\x1b\\)")
# What pyte would print or misread: strings (OSC, DCS, APC, PM, SOS), private and intermediate sequences, colons in SGR.
_STRING = rb"\x1b[\]P_^X](?:[^\x07\x1b]|\x1b(?!\\))*(?:\x07|\x1b\\)"
_ODD = re.compile(_STRING + rb"|\x1b\[([<=>?]?)([0-9;:]*)([ -/]*)([@-~])", re.DOTALL)
_CUT = re.compile(rb"\x1b(?:\[[<=>?]?[0-9;:]*[ -/]*|[\]P_^X](?:[^\x07\x1b]|\x1b(?!\\))*|[()]?)\Z", re.DOTALL)


def key(name: str) -> bytes:
    """The bytes that a legacy xterm sends for a key: 'a', 'f5', 'ctrl+p', 'ctrl+right', 'shift+tab'."""
    if name in _PLAIN:
        return _PLAIN[name].encode()
    *modifiers, base = name.split("+") if len(name) > 1 else [name]
    bits = sum(_MODIFIER[modifier] for modifier in modifiers)
    if base in _FINAL:
        return (f"\x1b[1;{bits + 1}{_FINAL[base]}" if bits else f"\x1b[{_FINAL[base]}").encode()
    if base in _TILDE:
        return f"\x1b[{_TILDE[base]}{f';{bits + 1}' if bits else ''}~".encode()
    character = _PLAIN.get(base, base)
    if len(character) != 1:
        raise ValueError(f"unknown key {name}")
    if bits & 4:
        character = chr(ord(character.upper()) & 0x1F)
    return (b"\x1b" if bits & 2 else b"") + character.encode()


class Picture:
    """What a person sees of the bytes fed so far; synchronised output shows only when it is whole."""

    def __init__(self, columns: int, rows: int) -> None:
        self._screen: Any = pyte.Screen(columns, rows)
        self._stream: Any = pyte.ByteStream(self._screen)
        self._tail = b""
        self._held = False
        self.cells: list[tuple[Any, ...]] = [()] * rows  # character and style of each column

    def feed(self, data: bytes) -> bool:
        """Take bytes; returns whether what a person sees changed."""
        data = self._tail + data
        cut = _CUT.search(data, max(0, len(data) - 4096))
        self._tail = data[cut.start() :] if cut else b""
        self._stream.feed(_ODD.sub(self._tame, data[: cut.start()] if cut else data))
        if self._held:
            return False
        changed = False
        for row in self._screen.dirty:
            if row < len(self.cells):
                line = self._screen.buffer[row]
                cells = tuple([line[column] for column in range(self._screen.columns)])
                if cells != self.cells[row]:
                    self.cells[row] = cells
                    changed = True
        self._screen.dirty.clear()
        return changed

    def _tame(self, match: re.Match[bytes]) -> bytes:
        private, numbers, middle, final = match[1], match[2], match[3], match[4]
        if final is None:
            return b""
        if private == b"?" and final in b"hl":
            if b"2026" in numbers:
                self._held = final == b"h"
            if {b"1049", b"1047", b"47"} & set(numbers.split(b";")):
                return b"\x1b[0m\x1b[2J\x1b[H"
        if private in (b"<", b"=", b">") or middle or final in b"cntuq" or (private and final not in b"hlJK"):
            return b""
        return match[0] if b":" not in numbers else b"\x1b[" + re.sub(rb":\d*", b"", numbers) + final

    def resize(self, columns: int, rows: int) -> None:
        """Another size."""
        self._screen.resize(rows, columns)
        self.cells = [()] * rows
        self._screen.dirty.update(range(rows))

    @property
    def text(self) -> str:
        """The lines, without the blanks at their ends."""
        return "\n".join("".join([cell.data for cell in line]).rstrip() for line in self.cells)


class Terminal:
    """`argv` runs in a pseudo-terminal of its own until `close`. `env` is put over this process's environment.

    `chunks` are (time.perf_counter(), bytes) as they came.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        columns: int = 120,
        rows: int = 40,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        left_out = ("TMUX", "STY", "TERM_PROGRAM", "NO_COLOR", "LINES", "COLUMNS", "CI")
        surroundings = {name: value for name, value in os.environ.items() if name not in left_out}
        surroundings |= {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
        surroundings |= env or {}
        self.chunks: list[tuple[float, bytes]] = []
        self.picture = Picture(columns, rows)
        self._fed = 0
        self._looking = threading.Lock()
        self._stop = threading.Event()
        self._code: int | None = None
        size = struct.pack("HHHH", rows, columns, 0, 0)
        self.started = time.perf_counter()
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            try:
                fcntl.ioctl(0, termios.TIOCSWINSZ, size)
                os.chdir(cwd or ".")
                os.execvpe(argv[0], list(argv), surroundings)
            finally:
                os._exit(127)
        self._reader = threading.Thread(target=self._read, name="terminal", daemon=True)
        self._reader.start()

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self) -> None:
        while not self._stop.is_set():
            try:
                if not select.select([self._fd], [], [], 0.1)[0]:
                    continue
                data = os.read(self._fd, 65536)
            except OSError:
                return
            if not data:
                return
            self.chunks.append((time.perf_counter(), data))
            if b"\x1b" in data:
                for asked in _ASKED.finditer(data):
                    self._answer(asked)

    def _answer(self, asked: re.Match[bytes]) -> None:
        whole = asked[0]
        if whole.endswith(b"$p"):  # DECRQM: 2 = known and off, 0 = unknown
            known = asked[2] in (b"2026", b"2004", b"1006", b"25", b"1049")
            answer = b"\x1b[%s%s;%d$y" % (asked[1], asked[2], 2 if known else 0)
        elif whole.endswith(b"c"):
            answer = b"\x1b[>41;354;0c" if asked[3] else b"\x1b[?62;22c"
        elif whole.endswith(b"n"):
            answer = b"\x1b[1;1R"
        elif whole.endswith(b"t"):
            answer = {b"14": b"\x1b[4;640;960t", b"16": b"\x1b[6;16;8t"}.get(asked[4], b"\x1b[8;40;120t")
        else:
            answer = b"\x1b]1%s;rgb:%s\x1b\\" % (asked[5], b"d0d0/d0d0/d0d0" if asked[5] == b"0" else b"1010/1010/1010")
        self.write(answer)

    # ---- what the person does

    def write(self, data: bytes) -> None:
        """Bytes as if from the keyboard; a program that is gone takes none."""
        with contextlib.suppress(OSError):
            os.write(self._fd, data)

    def send(self, *keys: str) -> None:
        """Press keys, by name."""
        for name in keys:
            self.write(key(name))

    def type(self, text: str) -> None:
        """Type text, all at once."""
        self.write(text.encode())

    def paste(self, text: str) -> None:
        """A bracketed paste."""
        self.write(b"\x1b[200~" + text.encode() + b"\x1b[201~")

    def resize(self, columns: int, rows: int) -> None:
        """Make the window another size."""
        with self._looking:
            self._catch_up()
            self.picture.resize(columns, rows)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    # ---- what the person sees

    def _catch_up(self) -> None:
        while self._fed < len(self.chunks):
            self.picture.feed(self.chunks[self._fed][1])
            self._fed += 1

    def screen(self) -> str:
        """The screen's text now."""
        with self._looking:
            self._catch_up()
            return self.picture.text

    @property
    def raw(self) -> bytes:
        """Every byte the program sent."""
        return b"".join(data for _, data in self.chunks)

    def wait_for(self, wanted: str | Callable[[str], bool], timeout: float = 60.0) -> str:
        """Until the screen holds `wanted` (a text or a test of the screen); returns the screen. Raises TimeoutError."""
        test = (lambda screen: wanted in screen) if isinstance(wanted, str) else wanted
        end = time.monotonic() + timeout
        while True:
            over = self.exit_code() is not None
            screen = self.screen()
            if test(screen):
                return screen
            if over or time.monotonic() > end:
                why = f"the program ended ({self._code})" if over else f"{timeout:g} s passed"
                raise TimeoutError(f"{why} without {wanted!r} on the screen:\n{screen}")
            time.sleep(0.02)

    # ---- the process

    def exit_code(self) -> int | None:
        """How it ended (negative: a signal), None while it runs."""
        if self._code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._code = os.waitstatus_to_exitcode(status)
                self._reader.join(0.3)
        return self._code

    def wait_exit(self, timeout: float = 60.0) -> int:
        """Until it ends; returns the exit code. Raises TimeoutError."""
        end = time.monotonic() + timeout
        while (code := self.exit_code()) is None:
            if time.monotonic() > end:
                raise TimeoutError(f"it still runs after {timeout:g} s:\n{self.screen()}")
            time.sleep(0.02)
        return code

    def signal(self, number: int) -> None:
        """Send the program a signal."""
        if self.exit_code() is None:
            os.kill(self.pid, number)

    def family(self) -> list[psutil.Process]:
        """The program's children, and theirs: the workers."""
        with contextlib.suppress(psutil.Error):
            return psutil.Process(self.pid).children(recursive=True)
        return []

    def hang_up(self) -> None:
        """Close the terminal as a lost SSH session does: the program gets SIGHUP and no more input or output."""
        self._stop.set()
        self._reader.join(5)
        with contextlib.suppress(OSError):
            os.close(self._fd)
        self._fd = -1

    def close(self) -> None:
        """End the program and all it started."""
        left = self.family()
        if self.exit_code() is None:
            os.kill(self.pid, signal.SIGKILL)
            self.wait_exit(10)
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        if self._fd >= 0:
            self.hang_up()


def wait_gone(processes: Iterable[psutil.Process], timeout: float = 20.0) -> list[psutil.Process]:
    """Wait for these to end; returns those that live still (a zombie does not)."""
    end = time.monotonic() + timeout
    while True:
        left = [process for process in processes if _lives(process)]
        if not left or time.monotonic() > end:
            return left
        time.sleep(0.02)


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
