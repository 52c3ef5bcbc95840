"""Pictures of the library screen. `make snapshots` makes them anew."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from workbench.inference.double import DoubleEngine
from workbench.library import labels
from workbench.library.writing import version_of
from workbench.session import Session
from workbench.tui import app
from workbench.tui.app import WorkbenchApp
from workbench.tui.screens.library import LibraryScreen
from workbench.tui.widgets.gauges import Gauges

TEXT = """\
# Reviewed by 김 on Monday.
schema = 1
kind = "system"
title = "Step by step"
tags = ["reasoning", "한국어"]
text = \"\"\"
Take a deep breath and think step by step about {{topic}}.
단계별로 생각하세요. \\\\{{literal}}
\"\"\"

[variables.topic]
default = "the task"
choices = ["the task", "the code"]

[sampling]
temperature = 0.7
"""


class Still(WorkbenchApp):
    """The app with a library of its own; the gauges stand still."""

    CSS_PATH = str(Path(app.__file__).with_name("app.tcss"))
    TITLE = "workbench"

    def __init__(self, folder: Path) -> None:
        super().__init__(lambda: Session(engine=DoubleEngine, library=folder))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = tmp_path / "lib"
    (made / "team").mkdir(parents=True)
    (made / "team" / "steps.toml").write_text(TEXT)
    (made / "team" / "broken.toml").write_text('kind = "system\n')
    for number in range(30):
        (made / f"prompt-{number:02}.toml").write_text(f'kind = "system"\ntitle = "Steps {number}"\ntext = "x"\n')
    labels.set_label(made, "team/steps", "production", version_of(TEXT.encode(), "team/steps"))
    monkeypatch.setattr(Gauges, "show", lambda *_: None)
    return made


async def settle(pilot: Pilot[Any], query: str) -> LibraryScreen:
    await pilot.press("f2")
    for _ in range(1000):
        await pilot.pause(0.01)
        screen = pilot.app.screen
        if isinstance(screen, LibraryScreen) and screen.shelf.labels and screen.file.checked:
            break
    assert isinstance(screen, LibraryScreen)
    screen.query_line.value = query
    for _ in range(1000):
        await pilot.pause(0.01)
        if " tok" in screen.file.middle.plain and screen.file.working and screen.file.working.id == "team/steps":
            break
    return screen


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (60, 24)], ids=["120x40", "80x24", "60x24"])
def test_snapshot_library(snap_compare: Callable[..., bool], folder: Path, size: tuple[int, int]) -> None:
    async def found(pilot: Pilot[Any]) -> None:
        screen = await settle(pilot, "step library:lib tea")
        screen.file.editor.cursor_blink = False
        await pilot.press("enter")
        await pilot.pause()

    assert snap_compare(Still(folder), terminal_size=size, run_before=found)


def test_snapshot_form(snap_compare: Callable[..., bool], folder: Path) -> None:
    async def formed(pilot: Pilot[Any]) -> None:
        screen = await settle(pilot, "steps library:lib tea")
        await pilot.press("f6")
        for _ in range(1000):
            await pilot.pause(0.01)
            if screen.query("PromptForm Input"):
                break
        await pilot.pause()
        await pilot.press("tab")
        await pilot.pause(0.1)

    assert snap_compare(Still(folder), terminal_size=(100, 40), run_before=formed)
