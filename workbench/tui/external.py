"""The person's own editor, with the whole terminal for itself."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from textual.app import SuspendNotSupported

from workbench import external
from workbench.errors import NotFoundError, WorkbenchError

if TYPE_CHECKING:
    from textual.app import App


async def edited(app: App[Any], name: str, data: bytes) -> bytes:
    """`data` as the person leaves it; raises what `workbench.external.edited` raises."""
    failed: WorkbenchError | None = None
    made = data
    try:
        # batch_update: what streams meanwhile must not paint over the editor
        with app.suspend(), app.batch_update():
            try:
                made = await asyncio.to_thread(external.edited, name, data)
            except WorkbenchError as error:
                failed = error  # raised in here it would leave the terminal suspended
    except SuspendNotSupported as error:
        raise NotFoundError("this terminal cannot give way to an editor") from error
    finally:
        app.refresh(layout=True)
    if failed is not None:
        raise failed
    return made
