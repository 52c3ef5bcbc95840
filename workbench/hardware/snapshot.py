"""One reading of the machine for the gauges."""

from __future__ import annotations

from dataclasses import dataclass

import psutil

from workbench.hardware import memory
from workbench.hardware.amd import Amd
from workbench.hardware.apple import Apple
from workbench.hardware.gpu import NONE, Nvidia, Workers
from workbench.hardware.gpu import Gpu as Gpu


@dataclass(frozen=True)
class Snapshot:
    """GPUs, memory in bytes (under the container's limit), CPU use in percent of all cores.

    `ram_ours` is what this program and its workers have of `ram_used` for themselves: files that are mapped (a model's
    weights, in most cases) are not in it, for they can be read again.
    """

    gpus: tuple[Gpu, ...]
    ram_used: int
    ram_limit: int
    cpu: float
    ram_ours: int = 0


class Sampler:
    """Reads the machine; blocking for milliseconds, so call it in a thread, once a second at most."""

    def __init__(self, nvidia: Nvidia | None = None, amd: Amd | None = None, apple: Apple | None = None) -> None:
        self._nvidia = nvidia or Nvidia()
        self._amd = amd or Amd()
        self._apple = apple or Apple()
        self._own = psutil.Process()
        self._workers: dict[int, psutil.Process] = {}
        psutil.cpu_percent(None)  # the first reading is the time from here on

    def read(self, ours: Workers = NONE) -> Snapshot:
        """The machine as it is now."""
        gpus = (*self._nvidia.read(ours), *self._amd.read(ours), *self._apple.read())
        used = memory.used()
        own = min(used, self._private(ours))
        return Snapshot(gpus, used, memory.limit(), float(psutil.cpu_percent(None)), own)

    def _private(self, ours: Workers) -> int:
        """Bytes that this process and the workers have for themselves."""
        self._workers = {pid: worker for pid, worker in self._workers.items() if pid in ours}
        whole = 0
        for pid in ours:
            if pid not in self._workers:
                try:
                    self._workers[pid] = psutil.Process(pid)
                except psutil.Error:
                    continue  # it has just ended
        for process in (self._own, *self._workers.values()):
            try:
                taken = process.memory_info()
            except psutil.Error:
                continue
            whole += max(0, taken.rss - getattr(taken, "shared", 0))  # Linux alone tells what is shared
        return whole
