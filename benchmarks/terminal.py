"""The interface in a real pseudo-terminal: start, typing, focus, streaming, idle, counting, memory.

`python -m benchmarks.terminal [start|typing|streaming|idle|counting …]` (all when none is named). 120×40. CPU is the
interface's own process. A key's latency is from its bytes being written to the frame that shows it; while lanes stream,
only the message box counts as showing it. Streams come from the test double at a steady rate.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil

from benchmarks.common import ROOT, machine, median, models, percentile, row
from tests.terminal import Picture, Terminal

COLUMNS, ROWS = 120, 40
WORKBENCH = str(Path(sys.executable).with_name("workbench"))
HELLO = """
from textual.app import App
from textual.widgets import Static
class Hello(App):
    def compose(self):
        yield Static("Hello from Textual")
Hello().run()
"""
USABLE = "F5 run"  # the app's own footer; the skeleton has none
WORDS = "the quick brown fox jumps over the lazy dog and then it takes a long rest near the old river ".split()
CPU_TIMES = 2  # user and system


@contextlib.contextmanager
def workbench(
    folder: Path, *, double: str = "", draft: str = "", model: str = "", env: dict[str, str] | None = None
) -> Iterator[Terminal]:
    """The installed program, its first comparison two lanes without a prompt, long answers allowed."""
    home = Path(tempfile.mkdtemp(dir=folder))
    data = home / ".local/share/workbench"
    data.mkdir(parents=True)
    path = model or str(models()["smol"])
    lane = {"model": Path(path).stem, "path": path, "sampling": {"max_tokens": 100_000, "temperature": 0.5}}
    (data / "compare.json").write_text(json.dumps({"schema": 1, "lanes": [lane, lane], "draft": draft}))
    settings = {"HOME": str(home), **({"WORKBENCH_DOUBLE": double} if double else {}), **(env or {})}
    with Terminal([WORKBENCH], columns=COLUMNS, rows=ROWS, env=settings, cwd=home) as terminal:
        terminal.wait_for(USABLE)
        yield terminal
        terminal.send("ctrl+q")
        terminal.wait_exit()


def quiet(terminal: Terminal, seconds: float = 1.5) -> None:
    """Until nothing was drawn for so long (gauges may draw), ten seconds at most."""
    end = time.monotonic() + 10
    while time.monotonic() < end and time.perf_counter() - terminal.chunks[-1][0] < seconds:
        time.sleep(0.05)


class Window:
    """CPU and bytes of a stretch of time."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._process = psutil.Process(terminal.pid)
        self._cpu = sum(self._process.cpu_times()[:CPU_TIMES])
        self._chunk = len(terminal.chunks)
        self._began = time.perf_counter()

    def over(self) -> tuple[float, float]:
        """(CPU in %, bytes a second)."""
        seconds = time.perf_counter() - self._began
        cpu = sum(self._process.cpu_times()[:CPU_TIMES]) - self._cpu
        sent = sum(len(data) for _, data in self._terminal.chunks[self._chunk :])
        return 100 * cpu / seconds, sent / seconds


def press(terminal: Terminal, keys: Sequence[str], pause: float) -> list[float]:
    """Press keys so many seconds apart; returns when each was pressed."""
    times = []
    for name in keys:
        times.append(time.perf_counter())
        terminal.send(name)
        time.sleep(pause)
    return times


def shown(terminal: Terminal, times: Sequence[float], rows: slice) -> tuple[list[float], list[int]]:
    """For each time, seconds until something in `rows` changed, and the bytes until the next time.

    The bytes are played again into a second picture, so that nothing was worked out while it was measured.
    """
    picture = Picture(COLUMNS, ROWS)
    ends = [*times[1:], times[-1] + (times[-1] - times[-2])]
    latencies: list[float] = []
    sizes = [0] * len(times)
    before = picture.cells[rows]
    found: set[int] = set()
    at = -1
    for stamp, data in terminal.chunks:
        picture.feed(data)
        while at + 1 < len(times) and stamp >= times[at + 1]:
            at += 1
        if at < 0:
            before = picture.cells[rows]
            continue
        if stamp < ends[at]:
            sizes[at] += len(data)
        now = picture.cells[rows]
        if now != before:
            if at not in found and stamp < ends[at]:
                found.add(at)
                latencies.append(stamp - times[at])
            before = now
    if len(found) < len(times):
        print(f"  note: {len(times) - len(found)} of {len(times)} keys showed nothing before the next")
    return latencies, sizes


def box(terminal: Terminal) -> slice:
    """The rows inside of the message box."""
    lines = terminal.screen().split("\n")
    top = next(place for place, line in enumerate(lines) if "─ message" in line)
    bottom = next(place for place, line in enumerate(lines[top:], top) if line.startswith("└"))
    return slice(top + 1, bottom)


def told(name: str, latencies: Sequence[float], bound: float) -> None:
    """Median and 95th percentile in ms."""
    row(f"{name}, median", 1000 * median(latencies), "ms")
    row(f"{name}, p95", 1000 * percentile(latencies, 95), "ms", bound)


def start(folder: Path, rounds: int) -> None:
    """First paint and usable against a hello in Textual."""
    paints: dict[str, list[float]] = {"hello": [], "ours": []}
    usable: dict[str, list[float]] = {"hello": [], "ours": []}
    answers = []
    hello = folder / "hello.py"
    hello.write_text(HELLO)
    for number in range(-1, rounds):
        with Terminal([sys.executable, str(hello)], columns=COLUMNS, rows=ROWS) as terminal:
            terminal.wait_for("Hello from")
            first, ready = marks(terminal, "Hello from")
        if number >= 0:
            paints["hello"].append(first)
            usable["hello"].append(ready)
        with workbench(folder) as terminal:
            first, ready = marks(terminal, USABLE)
            pressed = press(terminal, ["x", "y"], 0.4)
            answers += shown(terminal, pressed, box(terminal))[0][:1] if number >= 0 else []
        if number >= 0:
            paints["ours"].append(first)
            usable["ours"].append(ready)
    print("\nstart")
    row("hello in Textual: first paint", 1000 * median(paints["hello"]), "ms")
    row("first paint", 1000 * median(paints["ours"]), "ms")
    row("usable", 1000 * median(usable["ours"]), "ms")
    ratios = [ours / theirs for ours, theirs in zip(paints["ours"], paints["hello"], strict=True)]
    row("first paint over hello's", median(ratios), "×", 0.35)
    ratios = [ours / theirs for ours, theirs in zip(usable["ours"], usable["hello"], strict=True)]
    row("usable over hello's", median(ratios), "×", 1.3)
    row("a key pressed then shows after", 1000 * median(answers), "ms")


def marks(terminal: Terminal, text: str) -> tuple[float, float]:
    """Seconds from exec to the first text on the screen, and to `text`."""
    picture, first = Picture(COLUMNS, ROWS), 0.0
    for stamp, data in terminal.chunks:
        picture.feed(data)
        if not first and picture.text.strip():
            first = stamp
        if text in picture.text:
            return first - terminal.started, stamp - terminal.started
    raise RuntimeError(f"{text!r} was never shown")


def typing(folder: Path) -> None:
    """Keys in the message box, and the focus going round, with nothing streaming."""
    with workbench(folder, double="rate=100", draft="Words: ") as terminal:
        quiet(terminal)
        times = press(terminal, list("whatalovelydaythisisforatestofkeys" * 2), 0.15)
        latencies, sizes = shown(terminal, times, box(terminal))
        print("\ntyping")
        told("key to change", latencies, 20)
        row("bytes a key", sum(sizes) / len(sizes), "B", 2000)
        press(terminal, ["escape"], 1.0)
        times = press(terminal, ["tab"] * 30, 0.3)
        latencies, sizes = shown(terminal, times, slice(0, ROWS - 1))
        told("focus to change", latencies, 50)
        row("bytes a focus", sum(sizes) / len(sizes), "B", 10_000)


def streaming(folder: Path) -> None:
    """Two lanes at 1,000 and at 50 tokens/s together, 40,000 characters already in each pane."""
    text = folder / "text.txt"
    text.write_text(" ".join(WORDS[i * 7 % len(WORDS)] + ("." if i % 11 == 0 else "") for i in range(60_000)))
    ahead = 9_000  # of the double's tokens: over 40,000 characters
    for rate, cpu_bound, bytes_bound in ((500, 25, 130_000), (25, 10, 15_000)):
        double = f"rate={rate},ahead={ahead},text={text}"
        with workbench(folder, double=double, draft="Go on for long.") as terminal:
            quiet(terminal)
            terminal.send("f5")
            terminal.wait_for("running")
            time.sleep(4)
            window = Window(terminal)
            time.sleep(12)
            cpu, sent = window.over()
            times = press(terminal, list("typedwhiletwolanesarestreamingtext"), 0.2)
            latencies, _ = shown(terminal, times, box(terminal))
            print(f"\nstreaming, {2 * rate} tokens/s together, 40,000 characters in each pane")
            row("CPU", cpu, "%", cpu_bound)
            row("bytes", sent / 1000, "kB/s", bytes_bound / 1000)
            told("key to change", latencies, 30)
            row("resident memory", psutil.Process(terminal.pid).memory_info().rss / 1e6, "MB", 70)
            terminal.send("f8")


def idle(folder: Path) -> None:
    """Nothing happens; the gauges are read."""
    with workbench(folder, double="rate=100", draft="x") as terminal:
        quiet(terminal, 3)
        window = Window(terminal)
        time.sleep(20)
        cpu, sent = window.over()
        print("\nidle")
        row("CPU", cpu, "%", 1)
        row("bytes", sent, "B/s", 300)
        row("resident memory", psutil.Process(terminal.pid).memory_info().rss / 1e6, "MB", 70)


def counting(folder: Path) -> None:
    """Keys in a message of 100 KB while the real model counts its tokens, against a lane that has no model."""
    long = " ".join(WORDS[i * 7 % len(WORDS)] for i in range(100_000))[:100_000] + "\n"
    found: dict[str, list[float]] = {"with": [], "without": []}
    for _ in range(2):
        for arm in found:
            model = "" if arm == "with" else str(folder / "gone.gguf")
            with workbench(folder, draft=long, model=model) as terminal:
                if arm == "with":
                    terminal.wait_for(lambda screen: " tok ─" in screen)
                quiet(terminal)
                times = press(terminal, list("typinggoesonwhileahundredkilobytesarecounted"), 0.15)
                found[arm] += shown(terminal, times, box(terminal))[0]
    print("\ncounting 100 KB while typing")
    told("key to change, counting", found["with"], 1000)
    told("key to change, not counting", found["without"], 1000)
    later = percentile(found["with"], 95) - percentile(found["without"], 95)
    row("p95 later by", 1000 * later, "ms", 5)


def main() -> None:
    """Run it."""
    parts = ("start", "typing", "streaming", "idle", "counting")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="|".join(parts), help="all when none is named")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    sys.setswitchinterval(0.0005)  # so that the reader stamps promptly
    os.chdir(ROOT)
    print(machine())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in options.parts or parts:
            if part == "start":
                start(folder, options.rounds)
            else:
                {"typing": typing, "streaming": streaming, "idle": idle, "counting": counting}[part](folder)


if __name__ == "__main__":
    main()
