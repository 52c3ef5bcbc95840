"""How a model is loaded: its load settings, and whether it fits with what is typed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from textual import work

from workbench.errors import EngineError, SettingError
from workbench.inference.engine import LoadOptions
from workbench.inference.loading import TABLE
from workbench.models import measured
from workbench.models.fit import estimate
from workbench.tui.screens.settings_form import SettingsForm

if TYPE_CHECKING:
    from workbench.models.gguf import Header


class LoadForm(SettingsForm[LoadOptions]):
    """The load settings of the model in the file `path`; the estimate follows what is typed."""

    DEFAULT_CSS = "LoadForm #help { height: 3; }"

    def __init__(self, path: Path, name: str, options: LoadOptions) -> None:
        super().__init__(TABLE, options, f"how {name} is loaded", lanes=False)
        self._path = path
        self._header: Header | None = None
        self._base = 0  # what it was measured to take

    def on_mount(self) -> None:
        """The header is read beside the loop; until then nothing is said."""
        self._read()

    @work
    async def _read(self) -> None:
        from workbench.models.gguf import read_whole

        try:
            self._header = await asyncio.to_thread(read_whole, self._path)
            self._base = await asyncio.to_thread(measured.base, self._path, self.made())
        except EngineError:
            return  # loading it will say what is wrong
        self.tell()

    def about(self) -> str:
        """`fits: 1.2–1.4 GB of 20.1 free`."""
        if self._header is None:
            return ""
        try:
            fit = estimate(self._header, self.made(), base=self._base)
        except SettingError:
            return ""
        return f"{fit.verdict}: {fit.numbers}"
