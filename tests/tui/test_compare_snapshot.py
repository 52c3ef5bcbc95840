"""Pictures of the compare screen. `make snapshots` makes them anew."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from workbench.experiments.conversation import Comparison, Exchange, Lane
from workbench.inference.engine import Message
from workbench.inference.sampling import Sampling
from workbench.tui import app
from workbench.tui.app import WorkbenchApp
from workbench.tui.desk import Desk
from workbench.tui.screens.compare import CompareScreen
from workbench.tui.screens.diff import DiffScreen
from workbench.tui.screens.sampling_form import SamplingForm
from workbench.tui.widgets.context_bar import Load
from workbench.tui.widgets.gauges import Gauges


def state() -> Comparison:
    """Two lanes that have answered; nothing in it depends on the machine."""
    lanes = []
    for uid, (prompt, text) in enumerate(
        (
            ("system/plain", "17 + 25 is 42."),
            ("system/step-by-step", "First 17 + 20 = 37.\nThen 37 + 5 = 42.\n\n한국어 🙂"),
        ),
        1,
    ):
        turn = Exchange(
            message="What is 17 + 25?",
            trial=f"r-{uid}",
            parts=[text],
            finish="stop",
            prompt_tokens=30 + uid,
            completion_tokens=12 * uid,
            first_token_s=0.21,
            tokens_per_s=41.0,
        )
        lanes.append(
            Lane(
                uid=uid,
                prompt=prompt,
                version="3f9c" * 16,
                lead=(Message("system", "x"),),
                model="SmolLM2-135M-Instruct Q4_1",
                path="/models/smollm2.gguf",
                sampling=Sampling(temperature=0.7),
                turns=[turn],
            )
        )
    made = Comparison(lanes)
    made.draft = "And twice that?\nIn words, please."
    return made


class Still(WorkbenchApp):
    """The app without a session: nothing loads, nothing ticks."""

    CSS_PATH = str(Path(app.__file__).with_name("app.tcss"))
    TITLE = "workbench"

    def __init__(self) -> None:
        def never() -> Any:
            raise AssertionError

        super().__init__(never)

    def get_default_screen(self) -> CompareScreen:
        desk = Desk(Path("/nonexistent/compare.json"))
        desk.comparison = state()
        return CompareScreen(desk)

    def _open(self) -> None:  # type: ignore[override]
        """No session."""


async def settle(pilot: Pilot[Any]) -> None:
    await pilot.pause()
    screen = pilot.app.screen
    assert isinstance(screen, CompareScreen)
    screen.save_soon = lambda: None  # type: ignore[method-assign]
    screen.box.area.cursor_blink = False
    screen.box.count("9 tok")
    for place, view in enumerate(screen.board.views()):
        view.bar.show(Load(prompt=64 + 300 * place, history=20, room=512, context=4096, known=True))
    screen.query_one(Gauges).speed = 82.0
    await pilot.pause()


async def with_diff(pilot: Pilot[Any]) -> None:
    await settle(pilot)
    await pilot.press("escape", "d")
    await pilot.pause()
    screen = pilot.app.screen
    assert isinstance(screen, DiffScreen)
    for _ in range(1000):
        if screen._panes[1]._spans:
            break
        await pilot.pause(0.01)
    await pilot.pause()


async def with_form(pilot: Pilot[Any]) -> None:
    await settle(pilot)
    await pilot.press("escape", "s")
    await pilot.pause()
    assert isinstance(pilot.app.screen, SamplingForm)
    await pilot.press("down", "9", "x")
    pilot.app.screen.query_one("Input").cursor_blink = False  # type: ignore[attr-defined]
    await pilot.pause()


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (60, 24)], ids=["120x40", "80x24", "60x24"])
def test_snapshot_compare(snap_compare: Callable[..., bool], size: tuple[int, int]) -> None:
    assert snap_compare(Still(), terminal_size=size, run_before=settle)


def test_snapshot_diff(snap_compare: Callable[..., bool]) -> None:
    assert snap_compare(Still(), terminal_size=(80, 24), run_before=with_diff)


def test_snapshot_sampling(snap_compare: Callable[..., bool]) -> None:
    assert snap_compare(Still(), terminal_size=(80, 24), run_before=with_form)
