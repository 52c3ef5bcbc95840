"""AMD GPUs, read from sysfs (amdgpu): no library, no driver call that could hang. What a card does not tell is None."""

from __future__ import annotations

from pathlib import Path

from workbench.hardware.gpu import Gpu

DRM = Path("/sys/class/drm")
_VENDOR = "0x1002"


class Amd:
    """The AMD devices; `root` stands in for /sys/class/drm in tests."""

    def __init__(self, root: Path = DRM) -> None:
        self._root = root
        self._cards: list[tuple[Path, str]] | None = None

    def read(self) -> tuple[Gpu, ...]:
        """Each device as it is now; a few small files each."""
        if self._cards is None:
            self._cards = self._found()
        return tuple(_gpu(device, name) for device, name in self._cards)

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


def _gpu(device: Path, name: str) -> Gpu:
    sensors = next(iter(sorted((device / "hwmon").glob("hwmon*"))), device / "hwmon")
    heat = _number(sensors / "temp1_input")
    use = _number(device / "gpu_busy_percent")
    return Gpu(
        name,
        None if use is None else float(use),
        _number(device / "mem_info_vram_used"),
        _number(device / "mem_info_vram_total"),
        None if heat is None else heat / 1000,
    )


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
