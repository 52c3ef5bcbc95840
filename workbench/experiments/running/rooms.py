"""What a run needs of the house. `session.rooms` makes it; nothing here opens anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from workbench.history.store import Store
from workbench.inference.engine import LoadOptions
from workbench.inference.pool import EnginePool
from workbench.library.library import Libraries
from workbench.models.catalog import Model


@dataclass(frozen=True)
class Rooms:
    """Engines, history, prompts, and how a model is found by its name ("" = the one at hand).

    `options` is how a model's file will be loaded, None for a server's; `lanes` how many trials it takes at once.
    """

    pool: EnginePool
    store: Store
    libraries: Libraries
    find: Callable[[str], Model]
    options: Callable[[str], LoadOptions | None]
    lanes: Callable[[str], int]
