"""A dialog's flow: dialogs awaited one after the other, its errors told in one line."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, cast

from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from textual.screen import Screen

    from workbench.tui.app import WorkbenchApp


def begin(screen: Screen[Any], flow: Coroutine[Any, Any, None]) -> None:
    """Run `flow` beside the screen; it ends with the screen."""

    async def guarded() -> None:
        try:
            await flow
        except WorkbenchError as error:
            cast("WorkbenchApp", screen.app).tell(str(error), severity="error")

    screen.run_worker(guarded(), group="dialog")
