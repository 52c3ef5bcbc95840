"""From `load()` asked to the worker beginning to load its model, and what of it is import.

`python -m benchmarks.spawn [--rounds 9]`. "Begins" is the worker's Hello: the Load command waits for nothing else.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import time

from benchmarks import ours
from benchmarks.common import machine, median, models, row
from workbench.inference.local import protocol
from workbench.inference.local.process import Process


async def hello() -> float:
    """Seconds from asking for a worker to its Hello."""
    began = time.perf_counter()
    process = await Process.start(None, None)
    try:
        async for reply in process.frames():
            if isinstance(reply, protocol.Hello):
                return time.perf_counter() - began
    finally:
        await process.stop(1)
    raise RuntimeError("the worker said nothing")


async def ready(name: str) -> float:
    """Seconds from load() to ready."""
    local = ours.engine(models()[name])
    began = time.perf_counter()
    try:
        await local.load()
        return time.perf_counter() - began
    finally:
        await local.close()


def python(code: str) -> float:
    """Seconds of a fresh interpreter that runs `code`."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - began


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    print(machine())
    asyncio.run(hello())
    hellos, bare, imports, readies = [], [], [], []
    for _ in range(options.rounds):
        hellos.append(asyncio.run(hello()))
        bare.append(python("pass"))
        imports.append(python("import workbench.inference.local.worker"))
        readies.append(asyncio.run(ready("smol")))
    print("\na worker")
    row("asked → begins to load its model", median(hellos), "s", 0.6)
    row("of it, imports", median(imports) - median(bare), "s")
    row("of it, the bare interpreter", median(bare), "s")
    row("asked → ready (smol)", median(readies), "s")


if __name__ == "__main__":
    main()
