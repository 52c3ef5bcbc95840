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
    "hwmon/hwmon3/power1_average": "212000000\n",
    "hwmon/hwmon3/power1_cap": "355000000\n",
    "uevent": "DRIVER=amdgpu\nPCI_ID=1002:744C\nPCI_SLOT_NAME=0000:03:00.0\n",
}


def descriptor(proc: Path, pid: int, number: int, target: str, text: str) -> None:
    for folder in ("fd", "fdinfo"):
        (proc / str(pid) / folder).mkdir(parents=True, exist_ok=True)
    (proc / str(pid) / "fd" / str(number)).symlink_to(target)
    (proc / str(pid) / "fdinfo" / str(number)).write_text(text)


def told(client: int, memory: str, card: str = "0000:03:00.0", key: str = "memory") -> str:
    return f"pos:\t0\ndrm-driver:\tamdgpu\ndrm-pdev:\t{card}\ndrm-client-id:\t{client}\ndrm-{key}-vram:\t{memory}\n"


def test_cards_as_they_are(tmp_path: Path) -> None:
    device = card(tmp_path, "card0", FULL)
    card(tmp_path, "card1", {"vendor": "0x10de\n", "gpu_busy_percent": "5\n"})
    card(tmp_path, "card0-DP-1", {"vendor": "0x1002\n"})
    card(tmp_path, "card2", {"vendor": "0x1002\n", "device": "0x164e\n", "gpu_busy_percent": "asleep\n"})
    amd = Amd(tmp_path)
    assert amd.read() == (
        Gpu("Radeon RX 7900 XTX", 61.0, 8_589_934_592, 25_753_026_560, 71.0, 212.0, 355.0, 0),
        Gpu("AMD 164e", None, None, None, None, memory_ours=0),
    )
    (device / "gpu_busy_percent").write_text("7\n")
    assert amd.read()[0].use == 7.0
    assert Sampler(Nvidia(), amd).read().gpus[-2:] == amd.read()


def test_no_card_and_no_sysfs(tmp_path: Path) -> None:
    assert Amd(tmp_path).read() == ()
    assert Amd(tmp_path / "none").read() == ()


def test_what_is_ours_of_the_memory(tmp_path: Path) -> None:
    card(tmp_path / "drm", "card0", FULL)
    card(tmp_path / "drm", "card1", {**FULL, "uevent": "PCI_SLOT_NAME=0000:83:00.0\n"})
    proc = tmp_path / "proc"
    descriptor(proc, 7, 3, "/dev/dri/renderD128", told(1, "2048 KiB"))
    descriptor(proc, 7, 4, "/dev/dri/renderD128", told(1, "2048 KiB"))  # the same client
    descriptor(proc, 7, 5, "/tmp/other", told(2, "999 KiB"))
    descriptor(proc, 8, 3, "/dev/dri/renderD129", told(3, "1 MiB", "0000:83:00.0", "resident"))
    amd = Amd(tmp_path / "drm", proc)
    assert [gpu.memory_ours for gpu in amd.read(dict.fromkeys([7, 8, 9], 0))] == [2 * 2**20, 2**20]  # 9 has ended
    assert [gpu.memory_ours for gpu in amd.read(dict.fromkeys([9], 0))] == [0, 0]
    descriptor(proc, 9, 3, "/dev/dri/renderD128", "pos:\t0\n")  # a kernel that does not tell
    assert [gpu.memory_ours for gpu in amd.read(dict.fromkeys([7, 9], 0))] == [None, None]
