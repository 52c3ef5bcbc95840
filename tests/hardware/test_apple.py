"""Apple silicon: what `ioreg -a -r -d 1 -c IOAccelerator` prints; written by hand, after its layout."""

from __future__ import annotations

import plistlib
import sys

import pytest

from workbench.hardware.apple import Apple, ioreg, parsed
from workbench.hardware.gpu import Gpu

RAM = 16 * 2**30
AGX = b"""<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<array>
	<dict>
		<key>IOClass</key>
		<string>AGXAcceleratorG13G</string>
		<key>IORegistryEntryName</key>
		<string>AGXAcceleratorG13G_B1</string>
		<key>model</key>
		<string>Apple M1</string>
		<key>gpu-core-count</key>
		<integer>8</integer>
		<key>PerformanceStatistics</key>
		<dict>
			<key>Alloc system memory</key>
			<integer>5368709120</integer>
			<key>Device Utilization %</key>
			<integer>37</integer>
			<key>In use system memory</key>
			<integer>1073741824</integer>
			<key>Renderer Utilization %</key>
			<integer>36</integer>
		</dict>
	</dict>
</array>
</plist>
"""


def test_use_and_memory_of_apple_silicon() -> None:
    (gpu,) = parsed(AGX, RAM)
    assert gpu == Gpu("Apple M1", 37.0, 2**30, RAM, None, shared=True)
    assert (gpu.power, gpu.memory_ours, gpu.memory_share) == (None, None, 1 / 16)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"no plist",
        b"<plist><array><dict></plist>",
        plistlib.dumps({"a": 1}),
        plistlib.dumps(["x", {"IOClass": "IntelAccelerator"}]),
    ],
)
def test_what_is_no_apple_gpu(data: bytes) -> None:
    assert parsed(data, RAM) == ()


def test_odd_values_are_none() -> None:
    entry = {"IOClass": "AGX", "model": b"Apple M9\0", "PerformanceStatistics": {"Device Utilization %": "much"}}
    assert parsed(plistlib.dumps([entry]), RAM) == (Gpu("Apple M9", None, None, RAM, None, shared=True),)
    entry = {"IOClass": "AGX", "PerformanceStatistics": 3}  # type: ignore[dict-item]  # what no machine prints
    assert parsed(plistlib.dumps([entry]), RAM) == (Gpu("Apple GPU", None, None, RAM, None, shared=True),)


def test_ioreg_is_asked_for_every_other_reading() -> None:
    asked: list[int] = []

    def ask() -> bytes:
        asked.append(1)
        return AGX

    apple = Apple(ask)
    readings = [apple.read() for _ in range(5)]
    assert len(asked) == 3
    assert all(reading[0].use == 37.0 for reading in readings)


@pytest.mark.skipif(sys.platform == "darwin", reason="there it asks")
def test_elsewhere_nothing_is_started() -> None:
    assert ioreg() == b""
    assert Apple().read() == ()
