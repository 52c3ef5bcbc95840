"""Reports of 100,000 stored trials: what it takes to write them and to open them.

`python -m benchmarks.reports [--trials N]`. The run is 2 variants × N / 2 cases, and again with 10 repeats; every
trial with its prompt, two checks and an answer of 400 characters, in a history of its own. Memory is what Python holds
at most beside what it held before. The HTML is opened in a headless Chromium where there is one.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.common import machine, row
from workbench.experiments.reports import formats
from workbench.experiments.reports.opening import of_run
from workbench.experiments.results.results import Results
from workbench.history.store import Store

FAILED = "s = document.querySelector('#show'); s.value = 'failed'; s.dispatchEvent(new Event('change')); 1"
LEAD = [{"role": "system", "content": "You are a careful assistant. " * 20}]


def fill(store: Store, run: str, trials: int, repeats: int) -> None:
    """A finished run of this many trials."""
    rng = random.Random(1)
    store.begin_run(run, "experiment", {})

    def rows() -> Any:
        for place in range(trials):
            case, within = divmod(place, 2 * repeats)
            label = "AB"[within % 2]
            passed = [rng.random() < 0.6, rng.random() < 0.8]
            plan = {
                "id": f"{run}-{place:06d}",
                "run": run,
                "variant": label,
                "case": f"case {case}",
                "repeat": within // 2,
                "prompt": f"system/{label}",
                "version": label * 64,
                "model": "SmolLM2-135M-Instruct-Q4_1",
                "sampling": {"temperature": 0.7, "top_k": 40, "seed": case},
                "seed": case,
                "mode": "fast",
                "lead": LEAD,
                "messages": [{"role": "user", "content": f"Question number {case}? " * 5}],
            }
            record = {
                "variant": label,
                "case": f"case {case}",
                "completion_tokens": 80,
                "prompt_tokens": 180,
                "first_token_s": 0.2,
                "tokens_per_s": 40.0,
                "finish": "stop",
                "error": None,
                "checks": [
                    {"type": kind, "passed": ok, "score": float(ok), "reason": "has the word", "weight": 1.0}
                    for kind, ok in zip(("contains", "length"), passed, strict=True)
                ],
                "passed": all(passed),
                "score": sum(passed) / 2,
            }
            yield plan["id"], run, place, json.dumps(plan), "An answer. " * 36, "stop", json.dumps(record), 0, 0.0, ""

    sql = """INSERT INTO trials (id, run, place, plan, text, finish, record, owner, owner_started, updated)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
    store.change(lambda db: db.executemany(sql, rows())).result()


def timed(name: str, work: Callable[[], Any], limit: float | None = None) -> Any:
    """Do it, and print what it took."""
    start = time.perf_counter()
    found = work()
    row(name, time.perf_counter() - start, "s", limit)
    return found


def peak(work: Callable[[], Any]) -> float:
    """The most that Python held while it was done, in MB."""
    tracemalloc.start()
    kept = work()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    del kept
    return most / 1e6


def measure(store: Store, run: str, folder: Path) -> None:
    """One run's figures."""
    results: Results = timed("open: cells, cases, variants", lambda: Results.of_run(store, run, delta=0.1), 1.0)
    timed("figures of both variants", lambda: results.figures)
    timed("the pair: tests, bootstrap, evidence at each case", lambda: results.pairs)
    timed("rows: failed ones, sorted by spread", lambda: results.matrix(show="failed", sort="spread"))
    timed("one case's trials with their texts", lambda: results.siblings(store, run, len(results.cases) // 2), 0.016)
    timed("against an earlier run of that size", lambda: results.worse_than(results))
    report = of_run(store, run)
    for format in formats.NAMES:
        path = folder / f"{run}.{format}"
        timed(f"report {format}", lambda path=path, format=format: formats.write(report, format, path))
        print(f"    {path.stat().st_size / 1e6:.1f} MB")
    html = folder / f"{run}.html"
    row(
        "memory, writing the HTML", peak(lambda: formats.write(of_run(store, run), "html", html, over=True)), "MB", None
    )
    browse(html)


def browse(path: Path) -> None:
    """The page in a real browser: until it can be used, and what a click on its largest table costs."""
    from tests import browser

    if not (program := browser.found()):
        print("    no Chromium: the page was not opened")
        return
    with tempfile.TemporaryDirectory() as profile, closing(browser.Browser(program, Path(profile))) as page:
        page.size(1300, 900)
        timed("the page opens", lambda: page.open(path))
        timed("its cases sorted by a click", lambda: page.click("#matrix th:nth-child(2) button"))
        timed("a case unfolds, the first: its texts are read", lambda: page.click("button.case"))
        timed("the failed ones alone", lambda: page.run(FAILED))
        assert page.complaints == [], page.complaints


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=100_000)
    trials = parser.parse_args().trials
    machine()
    with tempfile.TemporaryDirectory() as folder, closing(Store(Path(folder) / "history.db")) as store:
        for run, repeats in (("once", 1), ("ten", 10)):
            fill(store, run, trials, repeats)
            print(f"\n{trials:,} trials: 2 variants × {trials // 2 // repeats:,} cases × {repeats}")
            measure(store, run, Path(folder))
            row("memory, opening it", peak(lambda run=run: Results.of_run(store, run)), "MB", None)
        fill(store, "tenth", trials // 10, 1)
        row("memory, opening a tenth of it", peak(lambda: Results.of_run(store, "tenth")), "MB", None)


if __name__ == "__main__":
    main()
