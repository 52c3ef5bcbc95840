"""Measured batch shapes, kept from one start to the next: a first guess saves a model its slow steps."""

from __future__ import annotations

from pathlib import Path

from workbench.inference.engine import LoadOptions
from workbench.inference.local import machine
from workbench.remembered import Remembered

MOST = 64  # a larger shape makes no sense


class Shapes:
    """The file of shapes. Every method reads the disk: call them off the loop. None of them raises."""

    def __init__(self, path: Path) -> None:
        self._kept = Remembered(path)

    def recall(self, model: Path, options: LoadOptions) -> int:
        """Lanes per `llama_decode` as measured before, 0 for none."""
        shape = self._kept.get(_key(model, options))
        return shape if 0 < shape <= MOST else 0

    def remember(self, model: Path, options: LoadOptions, shape: int) -> None:
        """Keep a measured shape, the newest last."""
        if 0 < shape <= MOST:
            self._kept.put(_key(model, options), shape)


def _key(model: Path, options: LoadOptions) -> str:
    """What the speed of a step depends on: the file, the build, the threads, the layers on the GPU."""
    threads = options.threads or machine.threads()
    return f"{identity(model)}|{threads}|{options.offload}"


def identity(model: Path) -> str:
    """A model's file by name and size, with the build of llama.cpp that reads it."""
    try:
        size = model.stat().st_size
    except OSError:
        size = 0
    import importlib.metadata  # here: it takes 20 ms that nobody else need wait for

    try:
        build = importlib.metadata.version("llama-cpp-python")
    except importlib.metadata.PackageNotFoundError:
        build = ""
    return f"{model.name}|{size}|{build}"
