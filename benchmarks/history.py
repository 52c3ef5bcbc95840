"""A history of 100,000 trials: opened, searched, pruned; on screen keys in the list and in the search line.

`python -m benchmarks.history [search|prune|screen …]` (all when none is named). Half of the trials are in runs of two
(what one compares by hand), half in experiments of 1,000; words follow Zipf's law, an answer has some 150 of them.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.common import machine, median, models, percentile, row
from benchmarks.library import COLUMNS, KNOWN, ROWS, WORKBENCH, environment, timed, vocabulary
from benchmarks.terminal import USABLE, press, quiet, shown, told
from tests.terminal import Terminal

COUNT = 100_000
EXPERIMENT = 1_000  # trials of an experiment
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
QUERIES = (
    *("translate the star", "step by step", "galaxy prompt:plain", "finish:length code", "since:2026-03-01 bank"),
    *("kind:experiment answer", "qzx", "a", "river bank money model:smol", "tag:kept"),
)


def generate(path: Path, count: int) -> None:
    """A history at `path` of so many trials."""
    from workbench.history.store import Store

    Store(path).close()
    rng = random.Random(1)
    words, weights = vocabulary(rng)

    def some(number: int) -> str:
        return " ".join(rng.choices(words, cum_weights=weights, k=number))

    db = sqlite3.connect(path)
    made = number = 0
    with db:
        while made < count:
            size = 2 if made < count // 2 else EXPERIMENT
            run = f"{number:012x}deadbeef"
            moment = (BEGAN + timedelta(minutes=5 * number)).isoformat(timespec="milliseconds")
            kind = "compare" if size == 2 else "experiment"
            db.execute("INSERT INTO runs (id, kind, created) VALUES (?, ?, ?)", (run, kind, moment))
            if number % 500 == 0:
                db.execute("INSERT INTO tags VALUES (?, 'kept')", (run,))
            question = some(12)
            for place in range(size):
                plan = _plan(f"{run}-{place}", run, place, question if size == 2 else some(12), rng.choice(KNOWN))
                record = {"finish": "stop", "prompt_tokens": 40, "completion_tokens": 200, "error": None}
                finish = "length" if rng.random() < 0.1 else "stop"
                values = (plan["id"], run, place, json.dumps(plan), some(150), finish, json.dumps(record), moment)
                db.execute(
                    "INSERT INTO trials (id, run, place, plan, text, finish, record, owner, owner_started, updated)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, 1, 0, ?)",
                    values,
                )
            made, number = made + size, number + 1
    db.close()


def _plan(id: str, run: str, place: int, question: str, prompt: str) -> dict[str, object]:
    from workbench.inference.sampling import Sampling

    sampling = {name: getattr(Sampling(), name) for name in Sampling.__struct_fields__}
    return {
        **{"id": id, "run": run, "variant": "AB"[place % 2], "prompt": f"system/{prompt}", "version": "a" * 64},
        **{"model": "SmolLM2-135M-Instruct-Q4_1", "path": "/models/smol.gguf", "sampling": sampling, "seed": place},
        **{"mode": "fast", "coupled": True, "case": f"case {place // 2}", "repeat": 0},
        "lead": [{"role": "system", "content": "You are a helpful assistant. " * 8}],
        "messages": [{"role": "user", "content": question}],
    }


def search(folder: Path, path: Path) -> None:
    """The list, the index made, a key of a query."""
    from workbench.errors import UsageError
    from workbench.history import disk, index
    from workbench.history.search import Searcher, parse, run_rows
    from workbench.history.store import Store

    os.environ["HOME"] = environment(folder)["HOME"]
    store = Store(path)
    searcher = Searcher(store)
    found = searcher.runs(parse(""))
    listing = [timed(lambda: searcher.runs(parse(""))) for _ in range(5)]
    pages = [[id for id, _ in found[at : at + 100]] for at in (0, 40, 10_000, 20_000)]
    page = [timed(lambda ids=ids: run_rows(store, ids)) for ids in pages]
    built = timed(lambda: searcher.runs(parse("x")))
    keys = []
    for query in QUERIES:
        for length in range(1, len(query) + 1):
            try:
                asked = parse(query[:length])
            except UsageError:  # a date not yet whole: the screen says so and asks nothing
                continue
            keys.append(timed(lambda asked=asked: searcher.runs(asked)))
    inside = [timed(lambda query=query: searcher.trials(found[0][0], parse(query))) for query in QUERIES]
    print(f"\n{COUNT:,} trials in {len(found):,} runs, {disk.file_bytes(store) / 1e6:,.0f} MB")
    row("ids of all runs", 1000 * median(listing), "ms")
    row("a page of 100 runs", 1000 * median(page), "ms")
    row("the index made (once)", built, "s")
    row("… over the history's size", index.file_of(store).stat().st_size / disk.file_bytes(store), "×")
    row(f"a key of a query, median of {len(keys)}", 1000 * median(keys), "ms")
    row("a key of a query, p95", 1000 * percentile(keys, 95), "ms")
    row("trials of a run that match, p95", 1000 * percentile(inside, 95), "ms")
    row("disk use by kind", timed(lambda: disk.usage(store)), "s")
    store.close()


def prune(folder: Path, path: Path) -> None:
    """The oldest runs taken, one transaction each."""
    from workbench.history import disk, keeping
    from workbench.history.store import Store

    copy = folder / "pruned.db"
    shutil.copy(path, copy)
    store = Store(copy)
    now = BEGAN + timedelta(minutes=5 * 2_000) + timedelta(days=1)
    seconds = timed(lambda: keeping.prune(store, {"a": "nothing"}, keep_days=1, now=now))
    gone = COUNT - store.read("SELECT count(*) AS many FROM trials")[0]["many"]
    freed = timed(lambda: disk.shrink(store))
    print("\nprune")
    row(f"{gone:,} trials in runs of two", seconds, "s")
    row("… a run", 1000 * seconds / (gone / 2), "ms")
    row("giving the room back", freed, "s")
    store.close()


@contextlib.contextmanager
def workbench(folder: Path, path: Path) -> Iterator[Terminal]:
    """The program on that history, its lanes on the test double."""
    env = environment(folder)
    data = Path(env["HOME"]) / ".local/share/workbench"
    data.mkdir(parents=True)
    os.link(path, data / "history.db")
    model = str(models()["smol"])
    lane = {"model": Path(model).stem, "path": model, "sampling": {}}
    (data / "compare.json").write_text(json.dumps({"schema": 1, "lanes": [lane, lane], "draft": ""}))
    settings = {**env, "WORKBENCH_DOUBLE": "rate=100"}
    with Terminal([WORKBENCH], columns=COLUMNS, rows=ROWS, env=settings, cwd=Path(env["HOME"])) as terminal:
        terminal.wait_for(USABLE)
        time.sleep(1.0)
        yield terminal
        terminal.send("ctrl+q")
        terminal.wait_exit()


def screen(folder: Path, path: Path) -> None:
    """From F4 to the list; keys in it, in a run of 1,000 trials and in the search line, cold and warm."""
    opened: list[float] = []
    for number in range(4):
        with workbench(folder, path) as terminal:
            began = time.perf_counter()
            terminal.send("f4")
            terminal.wait_for(lambda text: "25,050 runs" in text and "03-28" in text)
            opened.append(terminal.chunks[-1][0] - began)
            if number:
                continue
            quiet(terminal)
            keys: list[float] = []
            times = press(terminal, ["down"] * 40 + ["pagedown"] * 20 + ["end", "home"] * 5, 0.15)
            keys += shown(terminal, times, slice(2, ROWS - 1))[0]
            press(terminal, ["enter"], 1.0)
            times = press(terminal, ["down"] * 30 + ["pagedown"] * 20, 0.15)
            keys += shown(terminal, times, slice(2, ROWS - 1))[0]
            press(terminal, ["escape", "/"], 0.5)
            terminal.type("q")
            began = time.perf_counter()
            terminal.wait_for("runs match", timeout=120)
            indexed = time.perf_counter() - began
            line: list[float] = []
            for query in QUERIES[:3]:
                times = press(terminal, ["space" if c == " " else c for c in query], 0.2)
                line += shown(terminal, times, slice(1, 2))[0]
                press(terminal, ["backspace"] * (len(query) + 1), 0.1)
    print("\nscreen")
    row("F4 to the list, median of 4", median(opened), "s", 1.0)
    told("a key in the lists", keys, 16)
    row("the index made, by the first search", indexed, "s")
    told("a key in the search line", line, 16)


PARTS = {"search": search, "prune": prune, "screen": screen}


def main() -> None:
    """Run the parts that were named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=[])
    options = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "history.db"
        generate(path, COUNT)
        for part in options.parts or PARTS:
            PARTS[part](folder, path)


if __name__ == "__main__":
    main()
