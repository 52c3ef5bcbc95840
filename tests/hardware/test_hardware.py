"""Readings of the machine: container limits from made-up /proc trees, GPUs from a made-up NVML."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from workbench.hardware import memory
from workbench.hardware.gpu import Gpu, Nvidia
from workbench.hardware.snapshot import Sampler


def write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_v2_takes_the_lowest_limit_of_all_ancestors(tmp_path: Path) -> None:
    write(tmp_path, "proc/self/cgroup", "0::/a/b\n")
    write(tmp_path, "sys/fs/cgroup/a/memory.max", "1000\n")
    write(tmp_path, "sys/fs/cgroup/a/memory.current", "700\n")
    write(tmp_path, "sys/fs/cgroup/a/memory.stat", "anon 1\ninactive_file 200\n")
    write(tmp_path, "sys/fs/cgroup/a/b/memory.max", "max\n")
    write(tmp_path, "sys/fs/cgroup/a/b/memory.current", "5\n")
    assert memory.limit(tmp_path) == 1000
    assert memory.used(tmp_path) == 500
    assert memory.available(tmp_path) == 500


def test_v1_ignores_its_number_for_no_limit(tmp_path: Path) -> None:
    write(tmp_path, "proc/self/cgroup", "5:cpu:/x\n4:memory:/x\n")
    write(tmp_path, "sys/fs/cgroup/memory/x/memory.limit_in_bytes", str(2**63 - 4096))
    write(tmp_path, "sys/fs/cgroup/memory/x/memory.usage_in_bytes", "5")
    assert memory.limit(tmp_path) == psutil.virtual_memory().total
    write(tmp_path, "sys/fs/cgroup/memory/memory.limit_in_bytes", "4000")
    write(tmp_path, "sys/fs/cgroup/memory/memory.usage_in_bytes", "1000")
    assert memory.limit(tmp_path) == 4000
    assert memory.available(tmp_path) == 3000


def test_without_cgroups_it_is_the_machines(tmp_path: Path) -> None:
    assert memory.limit(tmp_path) == psutil.virtual_memory().total
    assert 0 < memory.used(tmp_path) <= memory.limit(tmp_path)


class FakeError(Exception):
    """NVML's."""


def fake(*, init: bool = True, heat: bool = True, running: Any = ()) -> Any:
    def fail(*_: object) -> None:
        raise FakeError

    return SimpleNamespace(
        NVMLError=FakeError,
        NVML_TEMPERATURE_GPU=0,
        nvmlInit=(lambda: None) if init else fail,
        nvmlDeviceGetCount=lambda: 1,
        nvmlDeviceGetHandleByIndex=lambda index: index,
        nvmlDeviceGetName=lambda handle: b"NVIDIA H100 80GB HBM3",
        nvmlDeviceGetUtilizationRates=lambda handle: SimpleNamespace(gpu=61),
        nvmlDeviceGetMemoryInfo=lambda handle: SimpleNamespace(used=48, total=80),
        nvmlDeviceGetTemperature=(lambda handle, kind: 71) if heat else fail,
        nvmlDeviceGetPowerUsage=lambda handle: 340_500,
        nvmlDeviceGetEnforcedPowerLimit=(lambda handle: 700_000) if heat else fail,
        nvmlDeviceGetComputeRunningProcesses=fail if running is None else lambda handle: list(running),
    )


def process(pid: int, size: int | None) -> Any:
    return SimpleNamespace(pid=pid, usedGpuMemory=size)


def namespace(root: Path, name: str) -> Path:
    (root / "proc/self/ns").mkdir(parents=True)
    (root / "proc/self/ns/pid").symlink_to(name)
    return root


def test_a_card_is_read_and_what_it_does_not_tell_is_none() -> None:
    assert Nvidia(fake()).read() == (Gpu("H100", 61.0, 48, 80, 71.0, 340.5, 700.0, 0),)
    bare = Nvidia(fake(heat=False)).read()[0]
    assert (bare.temperature, bare.power_limit, bare.memory_share) == (None, None, 0.6)


@pytest.mark.parametrize(
    ("running", "ours"),
    [
        ([process(7, 20), process(8, 5), process(9, 9)], 25),
        ([process(9, 9)], 0),
        ([process(7, None), process(8, 5)], None),  # as WDDM and MIG have it
        (None, None),
    ],
)
def test_what_is_ours_of_the_memory(tmp_path: Path, running: Any, ours: int | None) -> None:
    root = namespace(tmp_path, "pid:[4026531836]")
    assert Nvidia(fake(running=running), root=root).read({7: 0, 8: 0})[0].memory_ours == ours


def test_in_a_container_other_pids_tell_nothing(tmp_path: Path) -> None:
    root = namespace(tmp_path, "pid:[4026532801]")
    assert Nvidia(fake(running=[process(70_001, 20)]), root=root).read({7: 0})[0].memory_ours is None
    assert Nvidia(fake(running=[process(7, 20)]), root=root).read({7: 30})[0].memory_ours == 20
    assert Nvidia(fake(running=[process(70_001, 20)]), root=root).read()[0].memory_ours == 0
    one = fake(running=[process(70_001, 20)])
    assert Nvidia(one, root=root).read({7: 30, 8: 10})[0].memory_ours == 40  # what loading took: it can only be there
    one.nvmlDeviceGetCount = lambda: 2
    assert [gpu.memory_ours for gpu in Nvidia(one, root=root).read({7: 30})] == [None, None]


def test_no_driver_is_no_gpu() -> None:
    assert Nvidia(fake(init=False)).read() == ()


@pytest.mark.parametrize(("name", "short"), [("NVIDIA GeForce RTX 4090", "RTX 4090"), ("Tesla T4", "Tesla T4")])
def test_names_are_short(name: str, short: str) -> None:
    nvml = fake()
    nvml.nvmlDeviceGetName = lambda handle: name
    assert Nvidia(nvml).read()[0].name == short


def test_a_snapshot_of_this_machine() -> None:
    reading = Sampler().read()
    assert 0 < reading.ram_used <= reading.ram_limit
    assert 0 <= reading.cpu <= 100
    assert 0 < reading.ram_ours <= reading.ram_used


def test_a_worker_that_ended_is_no_error() -> None:
    sampler = Sampler()
    assert sampler.read({os.getpid(): 0, 2**22 + 1: 0}).ram_ours > 0
    assert sampler.read().ram_ours > 0
