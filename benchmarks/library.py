"""A library of 10,000 prompts: listing, searching, checking, saving; on screen the list, the search and a large text.

`python -m benchmarks.library [files|search|save|screen|edit …]` (all when none is named). The words follow Zipf's law
over 6,000 of them, as writing does. A process is timed beside the same one with an empty library, a save beside a bare
write and fsync of the same bytes. On screen a key's latency is from its bytes to the frame that shows it.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.common import machine, median, models, percentile, row
from benchmarks.terminal import press, shown, told
from tests.terminal import Terminal

COUNT = 10_000
COLUMNS, ROWS = 120, 40
WORKBENCH = str(Path(sys.executable).with_name("workbench"))
USABLE = "F5 run"
SYLLABLES = [c + v for c in "bdfgklmnprst" for v in "aeiou"]
KNOWN = "answer question think step expert translate summary table json short code galaxy film star bank river".split()
QUERIES = (
    *("translate the star", "step by step", "kind:system galaxy", "tag:code json", "river bank money", "sumary tabel"),
    *("kind:chat short", "expert code", "is:bad", "label:production star", "answer", "film star galaxy", "qzx vvv"),
    *("question answer short", "json table", "think step", "translat", "galxy", "archive/2024 money", "team/a code"),
    *("library:large summary", "bank", "a b c", "tag:star film", "exprt", "river-bank", "nothing like this"),
    *("code code code", "2024", "short json answer kind:system"),
)


def vocabulary(rng: random.Random) -> tuple[list[str], list[float]]:
    """6,000 words and their cumulative weights."""
    words = [*KNOWN, *("".join(rng.choice(SYLLABLES) for _ in range(rng.randint(2, 4))) for _ in range(6000))]
    return words, list(itertools.accumulate(1 / (rank + 3) for rank in range(len(words))))


def generate(folder: Path, count: int) -> None:
    """`count` prompt files in folders, one in a thousand of them broken."""
    rng = random.Random(1)
    words, weights = vocabulary(rng)

    def some(number: int) -> str:
        return " ".join(rng.choices(words, cum_weights=weights, k=number))

    for number in range(count):
        place = folder / rng.choice(["system", "chat", "team/a", "team/b", "archive/2024"])
        place.mkdir(parents=True, exist_ok=True)
        file = place / f"{some(3).replace(' ', '-')}-{number}.toml"
        body = "\n".join(some(12) for _ in range(rng.randint(3, 20)))
        text = f'schema = 1\nkind = "system"\ntitle = "{some(4)}"\ndescription = "{some(12)}"\n'
        text += f'tags = ["{rng.choice(KNOWN)}", "{rng.choice(KNOWN)}"]\ntext = """\n{body} {{{{topic}}}}\n"""\n'
        text += '\n[variables.topic]\ndefault = "x"\n'
        file.write_text('kind = "system\n' if number % 1000 == 7 else text)


def environment(folder: Path) -> dict[str, str]:
    """A HOME of its own."""
    home = Path(tempfile.mkdtemp(dir=folder))
    return {**{key: value for key, value in os.environ.items() if not key.startswith("XDG_")}, "HOME": str(home)}


def timed(work: Callable[[], object]) -> float:
    """Seconds that it takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def command(argv: list[str], env: dict[str, str], folder: Path) -> float:
    """Seconds of a process of ours."""
    return timed(lambda: subprocess.run([WORKBENCH, *argv], env=env, cwd=folder, capture_output=True, check=False))


def files(folder: Path, large: Path) -> None:
    """`prompts list` and `prompts check`, as processes."""
    empty = folder / "empty"
    empty.mkdir(exist_ok=True)
    env, other = environment(folder), environment(folder)
    listing = ["prompts", "list", "--library"]
    command([*listing, str(empty)], other, folder)
    cold = command([*listing, str(large)], env, folder)
    warm, none = [], []
    for _ in range(5):
        warm.append(command([*listing, str(large)], env, folder))
        none.append(command([*listing, str(empty)], other, folder))
    checked = command(["prompts", "check", "--library", str(large)], env, folder)
    print(f"\n{COUNT:,} files")
    row("prompts list of an empty library", median(none), "s")
    row("prompts list, nothing in the cache", cold, "s")
    row("prompts list, cached", median(warm), "s")
    row("… over the empty one's", median(warm) / median(none), "×")
    row("prompts check", checked, "s", 10)


def search(folder: Path, large: Path) -> None:
    """The search's own work a key, over queries typed letter by letter and taken back."""
    from workbench.library.index import Index
    from workbench.library.library import Libraries, Library
    from workbench.library.search import Searcher

    libraries = Libraries([Library("large", large, True)])
    cache = folder / "cache"
    shutil.rmtree(cache, ignore_errors=True)
    made: list[Searcher] = []
    names_cold = timed(Index(libraries, cache).names)
    cold = timed(Index(libraries, cache).refresh)
    names_warm = timed(Index(libraries, cache).names)
    index = Index(libraries, cache)
    warm = timed(index.refresh)
    cards = index.refresh()
    built = timed(lambda: made.append(Searcher(cards, {cards[0].id: ["production"]})))
    keys = []
    for query in QUERIES:
        lengths = [*range(1, len(query) + 1), *range(len(query) - 1, -1, -1)]
        keys += [timed(lambda typed=query[:length]: made[0].find(typed, 1000)) for length in lengths]
    print("\nsearch")
    row("names, nothing in the cache", 1000 * names_cold, "ms")
    row("names, cached", 1000 * names_warm, "ms")
    row("all read, nothing in the cache", 1000 * cold, "ms")
    row("all looked at, cached", 1000 * warm, "ms")
    row("… over reading all", warm / cold, "×")
    row("the search made", 1000 * built, "ms")
    row(f"a key, median of {len(keys)}", 1000 * median(keys), "ms")
    row("a key, p95", 1000 * percentile(keys, 95), "ms", 16)


def save(folder: Path, large: Path) -> None:
    """One prompt opened, changed and saved as a version, beside a bare write of the same bytes."""
    os.environ["HOME"] = environment(folder)["HOME"]
    for name in [name for name in os.environ if name.startswith("XDG_")]:
        del os.environ[name]
    from workbench.library.library import Libraries, Library
    from workbench.library.versions import Versions
    from workbench.library.writing import Writer

    copy = folder / "saves"
    shutil.copytree(large / "team", copy)
    ids = [str(path.relative_to(copy).with_suffix("")) for path in sorted(copy.rglob("*.toml"))[:100]]
    writer = Writer(Libraries([Library("saves", copy, True)]), Versions())
    ours, bare = [], []
    for id in ids:
        working = writer.open(id)
        working.text = "# changed\n" + working.text
        data = working.data
        ours.append(timed(lambda working=working: writer.save(working)))
        bare.append(timed(lambda data=data: _bare(copy / "bare.tmp", data)))
    print("\nsave")
    row("a save with its version, median", 1000 * median(ours), "ms")
    row("a save with its version, p95", 1000 * percentile(ours, 95), "ms", 20)
    row("write and fsync of the same bytes", 1000 * median(bare), "ms")
    row("… over it", median(ours) / median(bare), "×")


def _bare(path: Path, data: bytes) -> None:
    with open(path, "wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())


@contextlib.contextmanager
def workbench(folder: Path, large: Path, env: dict[str, str] | None = None) -> Iterator[Terminal]:
    """The program on that library, its lanes on the test double."""
    home = env or environment(folder)
    data = Path(home["HOME"]) / ".local/share/workbench"
    data.mkdir(parents=True, exist_ok=True)
    path = str(models()["smol"])
    lane = {"model": Path(path).stem, "path": path, "sampling": {}}
    (data / "compare.json").write_text(json.dumps({"schema": 1, "lanes": [lane, lane], "draft": ""}))
    settings = {**home, "WORKBENCH_DOUBLE": "rate=100"}
    argv = [WORKBENCH, "--library", str(large)]
    with Terminal(argv, columns=COLUMNS, rows=ROWS, env=settings, cwd=Path(home["HOME"])) as terminal:
        terminal.wait_for(USABLE)
        yield terminal
        terminal.send("ctrl+q")
        terminal.wait_exit()


def screen(folder: Path, large: Path) -> None:
    """From F2 to the list, and a search typed, cold, warm and with an empty library."""
    empty = folder / "empty"
    empty.mkdir(exist_ok=True)
    env = environment(folder)
    listed: dict[str, list[float]] = {"cold": [], "warm": [], "empty": []}
    keys: list[float] = []
    for number in range(6):
        for name, library in (("cold" if number == 0 else "warm", large), ("empty", empty)):
            with workbench(folder, library, env if library is large else None) as terminal:
                time.sleep(1.0)
                began = time.perf_counter()
                terminal.send("f2")
                terminal.wait_for(lambda text: "prompts ─" in text and "no problems" in text)
                listed[name].append(terminal.chunks[-1][0] - began)
                time.sleep(4.0 if name == "cold" else 1.5)
                if library is large and number in (1, 2):
                    for query in QUERIES[:4]:
                        times = press(terminal, [*("space" if c == " " else c for c in query)], 0.2)
                        keys += shown(terminal, times, slice(1, 3))[0]
                        press(terminal, ["backspace"] * len(query), 0.1)
    print("\nscreen")
    row("the list, nothing in the cache", listed["cold"][0], "s", 1.0)
    row("the list, cached", median(listed["warm"]), "s")
    row("the list of an empty library", median(listed["empty"]), "s")
    row("… cached, over the empty one's", median(listed["warm"]) - median(listed["empty"]), "s", 0.3)
    told("a key of the search to change", keys, 50)


def edit(folder: Path, large: Path) -> None:
    """Keys in a prompt of 100 KB, beside the same in one of 200 bytes."""
    library = folder / "texts"
    library.mkdir(exist_ok=True)
    words, weights = vocabulary(random.Random(2))
    lines = [" ".join(random.Random(n).choices(words, cum_weights=weights, k=14)) for n in range(1200)]
    for name, size in (("small", 200), ("long", 100_000)):
        body = "\n".join(lines)[:size]
        (library / f"{name}.toml").write_text(f'kind = "system"\ntitle = "{name}"\ntext = """\n{body}\n"""\n')
    medians = {}
    print("\nedit")
    for name in ("small", "long"):
        with workbench(folder, library) as terminal:
            time.sleep(1.0)
            terminal.send("f2")
            terminal.wait_for("prompts ─")
            terminal.type(f"{name} library:texts")
            terminal.wait_for(lambda text, name=name: f'title = "{name}"' in text and "tok ·" in text)
            terminal.send("enter")
            time.sleep(0.5)
            press(terminal, ["down"] * 6, 0.1)
            time.sleep(1.0)
            times = press(terminal, list("typedintotheprompttoseehowlongakeytakes" * 2), 0.25)
            latencies, sizes = shown(terminal, times, slice(6, 14))
        medians[name] = median(latencies)
        told(f"a key in the {name} prompt", latencies, 16)
        row("bytes a key", sum(sizes) / len(sizes), "B")
    row("the long one over the small one", medians["long"] / medians["small"], "×")


PARTS = {"files": files, "search": search, "save": save, "screen": screen, "edit": edit}


def main() -> None:
    """Run the parts that were named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=[])
    options = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        large = folder / "large"
        generate(large, COUNT)
        time.sleep(2.5)  # younger files are read again the next time
        for part in options.parts or PARTS:
            PARTS[part](folder, large)


if __name__ == "__main__":
    main()
