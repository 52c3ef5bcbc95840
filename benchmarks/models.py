"""The list of models: a folder of 500 files, with nothing in the cache and when each header was read once.

`python -m benchmarks.models [--files N]`. The files are links to the starter model (a header of 1.7 MB), each with a
name of its own; a process of `workbench models list --json` is timed beside one in a home without models.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.common import machine, median, models, row

COMMAND = (sys.executable, "-m", "workbench", "models", "list", "--json")


def listed(home: Path) -> float:
    """Seconds of a whole process."""
    keep = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "WORKBENCH_", "HF_"))}
    begun = time.monotonic()
    subprocess.run(COMMAND, check=True, capture_output=True, env={**keep, "HOME": str(home)})
    return time.monotonic() - begun


def run(files: int) -> None:
    """Cold once, warm and empty in turn."""
    with tempfile.TemporaryDirectory() as folder:
        home, empty = Path(folder, "home"), Path(folder, "empty")
        store = home / ".cache/llama.cpp"
        store.mkdir(parents=True)
        empty.mkdir()
        copy = Path(folder, "model")  # another file than the installed one, or all would be that one
        copy.write_bytes(models()["smol"].read_bytes())
        for number in range(files):
            os.link(copy, store / f"model-{number:03}-Q4_1.gguf")
        cold = listed(home)
        warm, bare = [], []
        for _ in range(5):
            bare.append(listed(empty))
            warm.append(listed(home))
    row(f"{files} files, nothing in the cache", cold, "s")
    row(f"{files} files, cached", median(warm), "s", 1.0)
    row("no file of one's own", median(bare), "s")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=500)
    print(machine())
    run(parser.parse_args().files)
