"""The results of runs of 100,000 trials: what it takes to open them, and what a key costs on the screen.

`python -m benchmarks.results [work|screen …] [--trials N]` (both when none is named). The runs are 2 variants × 50,000
cases, 2 × 5,000 × 10 repeats and 20 × 1,000 × 5, written by the history's own functions: every trial with a system
prompt of some 300 tokens, an answer of 400 characters and two checks. `screen` is the program in a real pseudo-terminal
of 120×40; the reference is the same keys in the history's list of runs, in the same terminal.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import psutil

from benchmarks.common import machine, median, row
from benchmarks.history import workbench
from benchmarks.terminal import COLUMNS, ROWS, press, quiet, shown, told
from tests.terminal import Picture, Terminal
from workbench.experiments.experiment import TrialRecord
from workbench.experiments.results.opening import open_run
from workbench.experiments.results.results import Results
from workbench.history import experiments as history
from workbench.history.store import Store
from workbench.inference.sampling import Sampling

TRIALS = 100_000
SHAPES = {"wide": (2, 1), "repeats": (2, 10), "grid": (20, 5)}  # variants, repeats
LEAD = [{"role": "system", "content": "You are a careful assistant who answers briefly and says when unsure. " * 17}]
ANSWER = "An answer of some length, as a small model gives it. " * 8
LISTED = 40  # runs in the history's list
BODY = slice(3, 28)  # the matrix's rows on the screen


def fill(store: Store, run: str, trials: int, variants: int, repeats: int, *, lift: float = 0.1) -> None:
    """A finished run of this many trials, in plan order."""
    rng = random.Random(1)
    settings = msgspec.to_builtins(msgspec.structs.asdict(Sampling()), str_keys=True)
    meta = {"title": f"benchmark {run}", "file": "/tmp/benchmark.toml", "total": trials}
    history.begin_run(store, run, meta).result()
    rows: list[dict[str, Any]] = []
    records: list[dict[str, Any]] = []
    for place in range(trials):
        case, within = divmod(place, variants * repeats)
        rows.append(_row(run, place, case, within % variants, within // variants, settings))
        records.append(_record(rng, rows[-1], rng.random() < 0.6 + lift * (within % 2)))
        if len(rows) == 2000 or place == trials - 1:
            history.add_finished(store, run, rows, records).result()
            rows, records = [], []
    history.note_run(store, run, stopped="done").result()


def _row(run: str, place: int, case: int, variant: int, repeat: int, settings: dict[str, Any]) -> dict[str, Any]:
    named = {"prompt": f"system/prompt-{variant % 2}", "version": f"{variant % 2}" * 64, "profile": None}
    return {
        **{"id": f"{run}-{place:06d}", "run": run, "variant": _label(variant), "case": f"case {case}"},
        **{"repeat": repeat, **named, "model": "SmolLM2-135M-Instruct-Q4_1", "path": "/models/smol.gguf"},
        **{"sampling": {**settings, "seed": case, "top_k": 10 + variant // 2}, "seed": case, "mode": "fast"},
        **{"coupled": True, "lead": LEAD, "messages": [{"role": "user", "content": f"Question {case}? " * 8}]},
        **{"place": place, "address": f"{run}{place:060d}", "rules": "r", "case_index": case, "tags": [], "values": {}},
    }


def _record(rng: random.Random, row: dict[str, Any], good: bool) -> dict[str, Any]:
    passed = (good, rng.random() < 0.8)
    names = ("variant", "case", "repeat", "prompt", "version", "model", "seed", "mode", "id", "run")
    checks = [
        {"type": kind, "passed": ok, "score": float(ok), "reason": f"{rng.randint(5, 90)} words", "weight": 1.0}
        for kind, ok in zip(("contains", "length"), passed, strict=True)
    ]
    record = TrialRecord(
        **{name: row[name] for name in names},
        sampling={"temperature": 0.8, "seed": row["seed"], "top_k": row["sampling"]["top_k"]},
        text=ANSWER,
        finish="stop",
        error=None,
        prompt_tokens=340,
        completion_tokens=rng.randint(20, 90),
        first_token_s=round(rng.uniform(0.1, 0.4), 4),
        tokens_per_s=round(rng.uniform(30, 50), 3),
        checks=tuple(checks),
        passed=all(passed),
        score=sum(passed) / 2,
        load={"context_length": 2048},
    )
    made: dict[str, Any] = msgspec.to_builtins(record)
    return made


def _label(variant: int) -> str:
    return chr(ord("A") + variant)


def timed(name: str, work: Callable[[], Any], limit: float | None = None, rounds: int = 1) -> Any:
    """Do it, and print what it took: the median of the rounds."""
    took, found = [], None
    for _ in range(rounds):
        start = time.perf_counter()
        found = work()
        took.append(time.perf_counter() - start)
    row(name, median(took), "s", limit)
    return found


def peak(work: Callable[[], Any]) -> float:
    """The most that Python held while it was done, in MB."""
    tracemalloc.start()
    kept = work()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    del kept
    return most / 1e6


def work(path: Path, trials: int) -> None:
    """What the screen is built on, without it."""
    with closing(Store(path)) as store:
        for run in SHAPES:
            print(f"\n{run}: {told_shape(run, trials)}")

            def opened(run: str = run) -> Results:
                results = open_run(store, run).results
                assert results.figures
                return results

            results: Results = timed("open with the figures, median of 5", opened, rounds=5)
            timed("rows: failed ones, sorted by spread", partial(results.matrix, show="failed", sort="spread"))
            timed("a page of cells", lambda r=results: [r.cells(case) for case in range(40)])
            middle = len(results.cases) // 2
            timed("one case's trials with their texts", partial(results.siblings, store, run, middle))
            timed("the pairs: tests, bootstrap, evidence at each case", lambda r=results: r.pairs)
            timed("against an earlier run of that size", partial(results.worse_than, results))
        row("memory, opening it", peak(lambda: open_run(store, "wide")), "MB")


def told_shape(run: str, trials: int) -> str:
    """The run's shape in words."""
    variants, repeats = SHAPES[run]
    return f"{trials:,} trials, {variants} variants × {trials // variants // repeats:,} cases × {repeats}"


def screen(path: Path, trials: int, folder: Path, rounds: int) -> None:
    """The program: from the key in the history to the whole matrix; keys in it."""
    for run in SHAPES:
        took: list[float] = []
        keys: list[float] = []
        pages: list[float] = []
        reference: list[float] = []
        with workbench(folder, path) as terminal:
            resident = psutil.Process(terminal.pid)
            for number in range(rounds):
                _at_run(terminal, run)
                if not number:
                    before = resident.memory_info().rss
                    reference = shown(terminal, press(terminal, ["up", "down"] * 15, 0.1), slice(2, ROWS - 1))[0]
                    quiet(terminal)
                mark = len(terminal.chunks)
                pressed = time.perf_counter()
                terminal.send("m")
                terminal.wait_for("done · ")
                took.append(_when(terminal, mark, "done · ") - pressed)
                quiet(terminal)
                if not number:
                    held = resident.memory_info().rss
                    times = press(terminal, ["down"] * 150 + ["right", "left"] * 10, 0.033)
                    keys += shown(terminal, times, BODY)[0]
                    quiet(terminal)
                    times = press(terminal, ["pagedown"] * 60 + ["pageup"] * 20 + ["end", "home"] * 5, 0.1)
                    pages += shown(terminal, times, BODY)[0]
                    quiet(terminal)
                terminal.send("q")
                terminal.wait_for("─ history")
        print(f"\nscreen, {run}: {told_shape(run, trials)}")
        row(f"the key to the whole matrix, median of {rounds}", median(took), "s", 1.0)
        row("  the slowest", max(took), "s")
        told("an arrow, 30 a second", keys, 16)
        told("a page, the first, the last row", pages, 16)
        told("reference: an arrow in the list of runs", reference, 16)
        row("resident memory, more than before", (held - before) / 1e6, "MB")


def _at_run(terminal: Terminal, run: str) -> None:
    """The history, at this run."""
    if "─ history" not in terminal.screen():
        terminal.send("escape", "f4")
    terminal.wait_for(f"{LISTED + len(SHAPES)} runs")
    place = list(SHAPES)[::-1].index(run)  # newest first, after the small ones
    terminal.send("home", *["down"] * place)
    terminal.wait_for(f" trials  {run}")
    quiet(terminal)


def _when(terminal: Terminal, mark: int, text: str) -> float:
    """When a text was first on the screen, of the chunks from `mark` on."""
    picture = Picture(COLUMNS, ROWS)
    for at, (stamp, data) in enumerate(terminal.chunks):
        picture.feed(data)
        if at >= mark and text in picture.text:
            return stamp
    raise RuntimeError(f"{text!r} was never shown")


def generate(path: Path, trials: int) -> Iterator[str]:
    """The history: the runs of `SHAPES`, and small ones for the list."""
    with closing(Store(path)) as store:
        for number in range(LISTED):
            fill(store, f"small-{number}", 2, 2, 1)
        for run, (variants, repeats) in SHAPES.items():
            fill(store, run, trials, variants, repeats)
            yield run


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=["work", "screen", []], default=[])
    parser.add_argument("--trials", type=int, default=TRIALS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--keep", type=Path, help="a folder whose history.db is made once and used again")
    options = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory(dir=options.keep) as name:
        folder = Path(name)
        path = (options.keep or folder) / "history.db"
        if not path.exists():
            for run in generate(path, options.trials):
                print(f"made {run}, {os.stat(path).st_size / 1e6:,.0f} MB", flush=True)
        if not options.parts or "work" in options.parts:
            work(path, options.trials)
        if not options.parts or "screen" in options.parts:
            screen(path, options.trials, folder, options.rounds)


if __name__ == "__main__":
    main()
