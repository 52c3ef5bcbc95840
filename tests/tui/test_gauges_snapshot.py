"""A picture of the gauges page. `make snapshots` makes it anew."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from textual.pilot import Pilot

from tests.tui.test_compare_snapshot import Still
from workbench.hardware.gpu import Gpu
from workbench.hardware.snapshot import Snapshot
from workbench.inference.engine import Usage
from workbench.tui.gauge_rows import rows
from workbench.tui.metering import Figures
from workbench.tui.screens.gauges import GaugesScreen

G = 2**30
H100 = Gpu("H100", 61.0, 74 * G, 80 * G, 71.0, 340.0, 700.0, 40 * G)


def minute() -> list[Snapshot | None]:
    """Waves, a gap of five seconds, memory that grows."""
    made: list[Snapshot | None] = []
    for at in range(60):
        wave = math.sin(at / 9)
        card = replace(
            H100, use=50 + 45 * wave, power=400 + 250 * wave, memory_used=(15 + at) * G, memory_ours=at * G // 2
        )
        made.append(None if 20 <= at < 25 else Snapshot((card,), (5 + at // 20) * G, 24 * G, 40 + 10 * wave, 2 * G))
    return made


async def shown(pilot: Pilot[Any]) -> None:
    await pilot.press("ctrl+t")
    await pilot.pause()
    screen = pilot.app.screen
    assert isinstance(screen, GaugesScreen)
    readings = minute()
    figures = [Figures(float(at % 17 * 5), {"SmolLM2": Usage(at // 15, 8, at * 20, 4096, 3)}) for at in range(60)]
    screen.table.show(rows(readings[-1], readings, figures), 119)
    await pilot.pause()


def test_snapshot_gauges(snap_compare: Callable[..., bool]) -> None:
    assert snap_compare(Still(), terminal_size=(80, 24), run_before=shown)
