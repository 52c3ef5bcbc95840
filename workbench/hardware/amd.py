"""AMD GPUs, read from sysfs (amdgpu): no library, no driver call that could hang. What a card does not tell is None."""

from __future__ import annotations

import os
from pathlib import Path

from workbench.hardware.gpu import NONE, Gpu, Workers

DRM = Path("/sys/class/drm")
PROC = Path("/proc")
_VENDOR = "0x1002"


class Amd:
    """The AMD devices; `root` stands in for /sys/class/drm in tests, `proc` for /proc."""

    def __init__(self, root: Path = DRM, proc: Path = PROC) -> None:
        self._root = root
        self._proc = proc
        self._cards: list[tuple[Path, str]] | None = None

    def read(self, ours: Workers = NONE) -> tuple[Gpu, ...]:
        """Each device as it is now; a few small files each."""
        if self._cards is None:
            self._cards = self._found()
        if not self._cards:
            return ()
        held = _held(self._proc, ours)
        return tuple(_gpu(device, name, held) for device, name in self._cards)

    def _found(self) -> list[tuple[Path, str]]:
        """(device folder, name) of cards; connectors (`card0-DP-1`) are none, nor are cards of others."""
        try:
            cards = sorted(each for each in self._root.iterdir() if each.name[4:].isdigit() and each.name[:4] == "card")
        except OSError:
            return []
        devices = [card / "device" for card in cards]
        return [(device, _name(device)) for device in devices if _text(device / "vendor") == _VENDOR]


def _name(device: Path) -> str:
    """`Radeon RX 7900 XTX`, or its number where the driver has no name."""
    said = _text(device / "product_name").replace("AMD", "").strip()
    return said or f"AMD {_text(device / 'device').removeprefix('0x')}".strip()


def _gpu(device: Path, name: str, held: dict[str, int] | None) -> Gpu:
    sensors = next(iter(sorted((device / "hwmon").glob("hwmon*"))), device / "hwmon")
    heat = _number(sensors / "temp1_input")
    use = _number(device / "gpu_busy_percent")
    power = _number(sensors / "power1_average")
    power = _number(sensors / "power1_input") if power is None else power
    limit = _number(sensors / "power1_cap")
    return Gpu(
        name,
        None if use is None else float(use),
        _number(device / "mem_info_vram_used"),
        _number(device / "mem_info_vram_total"),
        None if heat is None else heat / 1000,
        None if power is None else power / 1e6,
        None if limit is None else limit / 1e6,
        None if held is None else held.get(_address(device), 0),
    )


def _address(device: Path) -> str:
    """Its PCI address, `0000:03:00.0`."""
    lines = _text(device / "uevent").splitlines()
    return next((line.partition("=")[2] for line in lines if line.startswith("PCI_SLOT_NAME=")), "")


def _held(proc: Path, ours: Workers) -> dict[str, int] | None:
    """PCI address → bytes of VRAM that our processes hold, by the kernel's drm-usage-stats; None when it cannot tell.

    A descriptor names its client: several of one client tell the same memory.
    """
    clients: dict[tuple[str, str], int] = {}
    for pid in ours:
        try:
            descriptors = [each.name for each in (proc / str(pid) / "fd").iterdir() if _is_drm(each)]
        except FileNotFoundError:
            continue  # it has ended
        except OSError:
            return None
        for name in descriptors:
            said = dict(
                line.split(":", 1) for line in _text(proc / str(pid) / "fdinfo" / name).splitlines() if ":" in line
            )
            size = _bytes(said.get("drm-memory-vram", said.get("drm-resident-vram", "")))
            if size is None:
                return None  # an older kernel
            card = said.get("drm-pdev", "").strip()
            clients[card, said.get("drm-client-id", f"{pid}/{name}").strip()] = size
    held: dict[str, int] = {}
    for (card, _), size in clients.items():
        held[card] = held.get(card, 0) + size
    return held


def _is_drm(descriptor: Path) -> bool:
    try:
        return os.readlink(descriptor).startswith("/dev/dri/")
    except OSError:
        return False


def _bytes(text: str) -> int | None:
    """`123 KiB` in bytes."""
    number, _, unit = text.strip().partition(" ")
    factor = {"": 1, "KiB": 2**10, "MiB": 2**20}.get(unit.strip())
    return int(number) * factor if factor and number.isdigit() else None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _number(path: Path) -> int | None:
    """The file's number, None when it is not there or the card sleeps."""
    try:
        return int(_text(path))
    except ValueError:
        return None
