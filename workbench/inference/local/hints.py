"""Measured batch shapes, kept from one start to the next: a first guess saves a model its slow steps.

One small JSON file. What stands in it is only a hint: whatever is wrong with the file, there is none.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.files import atomic_write
from workbench.inference.engine import LoadOptions
from workbench.inference.local import machine

LIMIT = 200  # models remembered; the oldest goes first
MOST = 64  # a larger shape makes no sense
_MAX_BYTES = 1_000_000


class Shapes:
    """The file of shapes. Every method reads the disk: call them off the loop. None of them raises."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def recall(self, model: Path, options: LoadOptions) -> int:
        """Lanes per `llama_decode` as measured before, 0 for none."""
        shape = self._read().get(_key(model, options), 0)
        return shape if 0 < shape <= MOST else 0

    def remember(self, model: Path, options: LoadOptions, shape: int) -> None:
        """Keep a measured shape, the newest last."""
        shapes = self._read()
        key = _key(model, options)
        if not 0 < shape <= MOST or shapes.pop(key, 0) == shape:
            return
        shapes[key] = shape
        kept = dict(list(shapes.items())[-LIMIT:])
        with suppress(OSError, WorkbenchError):  # a cache that cannot be written stops nobody
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            atomic_write(self._path, json.dumps(kept, indent=0).encode() + b"\n")

    def _read(self) -> dict[str, int]:
        try:
            with self._path.open("rb") as file:
                found = json.loads(file.read(_MAX_BYTES))
        except (OSError, ValueError, RecursionError):
            return {}
        if not isinstance(found, dict):
            return {}
        return {key: value for key, value in found.items() if type(value) is int}


def _key(model: Path, options: LoadOptions) -> str:
    """What the speed of a step depends on: the file, the build, the threads, the layers on the GPU."""
    try:
        size = model.stat().st_size
    except OSError:
        size = 0
    import importlib.metadata  # here: it takes 20 ms that nobody else need wait for

    try:
        build = importlib.metadata.version("llama-cpp-python")
    except importlib.metadata.PackageNotFoundError:
        build = ""
    threads = options.threads or machine.threads()
    return f"{model.name}|{size}|{build}|{threads}|{options.offload}"
