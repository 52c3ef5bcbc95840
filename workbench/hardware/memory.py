"""Memory as this process may use it: the machine's, or the container's limit where that is lower. Sizes in bytes."""

from __future__ import annotations

from pathlib import Path

import psutil

UNLIMITED = 1 << 60  # cgroup v1 says "no limit" with a number near 2^63


def limit(root: Path = Path("/")) -> int:
    """What may be used in all: the lowest limit of our cgroup and its ancestors, or the machine's memory."""
    total = int(psutil.virtual_memory().total)
    return min([total, *(group_limit for group_limit, _ in _groups(root))])


def available(root: Path = Path("/")) -> int:
    """What can still be had without swapping, file cache counted as free."""
    rooms = [max(0, group_limit - used) for group_limit, used in _groups(root)]
    return min([int(psutil.virtual_memory().available), *rooms])


def used(root: Path = Path("/")) -> int:
    """What is in use under `limit`, file cache not counted."""
    groups = _groups(root)
    if groups:
        return min(groups)[1]
    memory = psutil.virtual_memory()
    return int(memory.total - memory.available)


def taken(pid: int, root: Path = Path("/")) -> int:
    """What a process took: its own pages, and what is there of the GGUF files it has mapped; 0 when it is gone.

    Shared libraries are not counted, other programs have them too. Where there is no /proc it is all that is resident.
    """
    try:
        lines = (root / f"proc/{pid}/smaps").read_text().splitlines()
    except OSError:
        try:
            return int(psutil.Process(pid).memory_info().rss)
        except psutil.Error:
            return 0
    whole, model = 0, False
    for line in lines:
        name, _, rest = line.partition(":")
        if " " in name:  # a mapping's first line
            model = line.endswith(".gguf")
        elif name == ("Rss" if model else "Anonymous"):
            whole += int(rest.split()[0]) * 1024
    return whole


def _groups(root: Path) -> list[tuple[int, int]]:
    """(limit, used) of our cgroup and its ancestors that have a limit; v2 and v1."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers == "":
            base, names = root / "sys/fs/cgroup", ("memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
            base = root / "sys/fs/cgroup/memory"
        else:
            continue
        folder = base / path.strip("/")
        for group in (folder, *folder.parents):
            if not group.is_relative_to(base):
                break
            if pair := _read(group, *names):
                found.append(pair)
    return found


def _read(folder: Path, limit_name: str, used_name: str, cache_name: str) -> tuple[int, int] | None:
    try:
        value = int((folder / limit_name).read_text())
        current = int((folder / used_name).read_text())
    except (OSError, ValueError):  # not there, or "max"
        return None
    if value >= UNLIMITED:
        return None
    try:
        stat = dict(line.split(" ", 1) for line in (folder / "memory.stat").read_text().splitlines() if " " in line)
        cache = int(stat.get(cache_name, 0))
    except (OSError, ValueError):
        cache = 0
    return value, max(0, current - cache)
