"""A download of 250 MB from loopback, hash included, beside curl's and curl's with sha256sum after it.

`python -m benchmarks.download [--rounds N]`. The server is one of Python's: both read from the same one, in turns.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks.common import machine, median, row
from tests.models.hub_server import COMMIT, served

SIZE = 250_000_000


def main() -> None:
    """Take both in turns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    print(machine())
    curl: list[float] = []
    hashed: list[float] = []
    ours: list[float] = []
    with tempfile.TemporaryDirectory() as name, served() as hub_:
        folder = Path(name)
        os.environ |= {"HF_ENDPOINT": hub_.url, "HOME": name}
        hub_.files["me/big"] = {"big-Q4_0.gguf": b"GGUF" + os.urandom(SIZE - 4)}
        from workbench.models import hub
        from workbench.models.download import Download

        page = hub.page("me/big")
        url = f"{hub_.url}/me/big/resolve/{COMMIT}/big-Q4_0.gguf"
        for number in range(-1, rounds):
            began = time.perf_counter()
            subprocess.run(["curl", "-s", "-o", folder / "curl.bin", url], check=True)
            fetched = time.perf_counter()
            subprocess.run(["sha256sum", folder / "curl.bin"], check=True, capture_output=True)
            checked = time.perf_counter()
            Download("me/big", page.commit, page.files[0], folder / "cache").run()
            done = time.perf_counter()
            shutil.rmtree(folder / "cache")
            if number >= 0:
                curl.append(fetched - began)
                hashed.append(checked - began)
                ours.append(done - checked)
    print(f"\n{SIZE / 1e6:.0f} MB")
    row("curl", SIZE / 1e6 / median(curl), "MB/s")
    row("curl, then sha256sum", SIZE / 1e6 / median(hashed), "MB/s")
    row("ours, hash and fsync included", SIZE / 1e6 / median(ours), "MB/s")
    row("ours over curl", median([a / b for a, b in zip(curl, ours, strict=True)]), "×", 0.8, least=True)
    row("ours over curl with sha256sum", median([a / b for a, b in zip(hashed, ours, strict=True)]), "×")


if __name__ == "__main__":
    main()
