"""The GPU of Apple silicon, as `ioreg` tells it without sudo. Its memory is the machine's; heat and power need root."""

from __future__ import annotations

import plistlib
import subprocess
import sys
from collections.abc import Callable
from typing import Any
from xml.parsers.expat import ExpatError

import psutil

from workbench.hardware.gpu import Gpu

COMMAND = ("/usr/sbin/ioreg", "-a", "-r", "-d", "1", "-c", "IOAccelerator")
PATIENCE = 2.0  # seconds that ioreg may take
_EVERY = 2  # readings for one question: a process a second would cost more than all else


def ioreg(platform: str = sys.platform) -> bytes:
    """What ioreg says of the accelerators, as a property list; b"" elsewhere or when it does not answer."""
    if platform != "darwin":
        return b""
    try:
        done = subprocess.run(COMMAND, capture_output=True, stdin=subprocess.DEVNULL, timeout=PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return b""
    return done.stdout


class Apple:
    """Apple's GPUs; `ask` stands in for ioreg in tests."""

    def __init__(self, ask: Callable[[], bytes] = ioreg) -> None:
        self._ask = ask
        self._turn = 0
        self._last: tuple[Gpu, ...] = ()

    def read(self) -> tuple[Gpu, ...]:
        """Each as it was at this reading or the one before."""
        if self._turn % _EVERY == 0:
            self._last = parsed(self._ask(), int(psutil.virtual_memory().total))
        self._turn += 1
        return self._last


def parsed(data: bytes, memory: int) -> tuple[Gpu, ...]:
    """The Apple GPUs in ioreg's property list; `memory` is the machine's, in bytes. Garbage is no GPU."""
    try:
        found = plistlib.loads(data) if data.strip() else []
    except (plistlib.InvalidFileException, ExpatError, ValueError, OverflowError):
        return ()
    entries = [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []
    return tuple(_gpu(entry, memory) for entry in entries if str(entry.get("IOClass", "")).startswith("AGX"))


def _gpu(entry: dict[str, Any], memory: int) -> Gpu:
    told = entry.get("PerformanceStatistics")
    figures = told if isinstance(told, dict) else {}
    model = entry.get("model")
    name = model.decode("utf-8", "replace").rstrip("\0") if isinstance(model, bytes) else str(model or "Apple GPU")
    use = _number(figures.get("Device Utilization %"))
    return Gpu(
        name,
        None if use is None else float(use),
        _number(figures.get("In use system memory")),
        memory,
        None,
        shared=True,
    )


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
