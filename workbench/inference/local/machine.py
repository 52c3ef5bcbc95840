"""What the machine gives a worker: threads to compute with and memory to take, within the container's limits."""

from __future__ import annotations

import contextlib
import math
import os
from pathlib import Path


def _cores(allowed: set[int]) -> int:
    """Physical cores among the logical CPUs `allowed`."""
    found: set[tuple[str, str]] = set()
    for cpu in allowed:
        folder = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology")
        try:
            package, core = (folder / "physical_package_id").read_text(), (folder / "core_id").read_text()
        except OSError:
            return len(allowed)
        found.add((package.strip(), core.strip()))
    return len(found)


def _quota() -> float:
    """CPUs that the control groups allow, the lowest on the way up; infinite without a limit."""
    least = math.inf
    with contextlib.suppress(OSError, ValueError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            number, controllers, path = line.split(":", 2)
            v2 = number == "0"
            if not v2 and "cpu" not in controllers.split(","):
                continue
            root = Path("/sys/fs/cgroup" if v2 else "/sys/fs/cgroup/cpu")
            folder = root / path.lstrip("/")
            for place in (folder, *folder.parents):
                if place != root and root not in place.parents:
                    break
                with contextlib.suppress(OSError, ValueError):
                    if v2:
                        most, period = (place / "cpu.max").read_text().split()
                    else:
                        most = (place / "cpu.cfs_quota_us").read_text().strip()
                        period = (place / "cpu.cfs_period_us").read_text().strip()
                    if most != "max" and int(most) > 0:
                        least = min(least, int(most) / int(period))
    return least


def threads() -> int:
    """One thread a physical core that this process may use, at least one."""
    cores = _cores(set(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _quota()
    return max(1, min(cores, math.ceil(quota)) if math.isfinite(quota) else cores)


def available() -> int:
    """Bytes of memory that can still be taken."""
    from workbench.hardware import memory  # here: psutil takes 20 ms that loading need not wait for

    return memory.available()
