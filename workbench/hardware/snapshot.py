"""One reading of the machine for the gauges."""

from __future__ import annotations

from dataclasses import dataclass

import psutil

from workbench.hardware import memory
from workbench.hardware.amd import Amd
from workbench.hardware.gpu import Gpu as Gpu
from workbench.hardware.gpu import Nvidia


@dataclass(frozen=True)
class Snapshot:
    """GPUs, memory in bytes (under the container's limit), CPU use in percent of all cores."""

    gpus: tuple[Gpu, ...]
    ram_used: int
    ram_limit: int
    cpu: float


class Sampler:
    """Reads the machine; blocking for milliseconds, so call it in a thread, once a second at most."""

    def __init__(self, nvidia: Nvidia | None = None, amd: Amd | None = None) -> None:
        self._nvidia = nvidia or Nvidia()
        self._amd = amd or Amd()
        psutil.cpu_percent(None)  # the first reading is the time from here on

    def read(self) -> Snapshot:
        """The machine as it is now."""
        gpus = (*self._nvidia.read(), *self._amd.read())
        return Snapshot(gpus, memory.used(), memory.limit(), float(psutil.cpu_percent(None)))
