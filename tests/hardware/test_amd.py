"""AMD cards in a sysfs tree as amdgpu lays it out: a full one, a sleeping one, others' cards, none."""

from __future__ import annotations

from pathlib import Path

from workbench.hardware.amd import Amd
from workbench.hardware.gpu import Gpu, Nvidia
from workbench.hardware.snapshot import Sampler


def card(root: Path, name: str, files: dict[str, str]) -> Path:
    device = root / name / "device"
    for file, text in files.items():
        (device / file).parent.mkdir(parents=True, exist_ok=True)
        (device / file).write_text(text)
    return device


FULL = {
    "vendor": "0x1002\n",
    "product_name": "AMD Radeon RX 7900 XTX\n",
    "gpu_busy_percent": "61\n",
    "mem_info_vram_used": "8589934592\n",
    "mem_info_vram_total": "25753026560\n",
    "hwmon/hwmon3/temp1_input": "71000\n",
}


def test_cards_as_they_are(tmp_path: Path) -> None:
    device = card(tmp_path, "card0", FULL)
    card(tmp_path, "card1", {"vendor": "0x10de\n", "gpu_busy_percent": "5\n"})
    card(tmp_path, "card0-DP-1", {"vendor": "0x1002\n"})
    card(tmp_path, "card2", {"vendor": "0x1002\n", "device": "0x164e\n", "gpu_busy_percent": "asleep\n"})
    amd = Amd(tmp_path)
    assert amd.read() == (
        Gpu("Radeon RX 7900 XTX", 61.0, 8_589_934_592, 25_753_026_560, 71.0),
        Gpu("AMD 164e", None, None, None, None),
    )
    (device / "gpu_busy_percent").write_text("7\n")
    assert amd.read()[0].use == 7.0
    assert Sampler(Nvidia(), amd).read().gpus[-2:] == amd.read()


def test_no_card_and_no_sysfs(tmp_path: Path) -> None:
    assert Amd(tmp_path).read() == ()
    assert Amd(tmp_path / "none").read() == ()
