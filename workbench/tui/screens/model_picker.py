"""Pick a model of this machine or of a server; files that cannot be used are visible with what is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from workbench.inference.remote.address import is_remote
from workbench.tui.screens.picker import Picker, Row, columns, marked

if TYPE_CHECKING:
    from workbench.models.catalog import Model
    from workbench.session import Session


class ModelPicker(Picker):
    """Gives the model's path."""

    heading = " model "
    hint = "search name, quantization, source"
    nothing = "no model matches"

    def __init__(self, session: Session, current: str = "") -> None:
        super().__init__(current)
        self._session = session
        self._models: list[Model] = []

    async def gather(self) -> None:
        """Look for models."""
        self._models = await asyncio.to_thread(self._session.models, wait=False)
        if self._session.settings.servers:
            self.run_worker(self._ask_servers())
        if not self._models:
            self.nothing = "no model on this machine: put a .gguf file into ~/.cache/llama.cpp, or run make setup"

    async def _ask_servers(self) -> None:
        """Theirs come when they come; the highlight stays on its row."""
        self._models = await asyncio.to_thread(self._session.models)
        row = self._row
        self.fill()
        self.highlight(row.key if row else "")

    def rows(self, query: str) -> Sequence[Row]:
        """Models whose name, source or architecture hold all the words."""
        words = query.lower().split()
        return [
            _row(model, words)
            for model in self._models
            if all(word in f"{model.name} {model.source} {model.architecture} {model.path}".lower() for word in words)
        ]


def _row(model: Model, words: Sequence[str]) -> Row:
    from workbench.models.catalog import count

    lower = model.name.lower()
    places = [at for word in words if (first := lower.find(word)) >= 0 for at in range(first, first + len(word))]
    name = marked(model.name, places)
    if model.error:
        says = (Content.styled("cannot be used", "$error"), 0)
        return Row(model.path, columns((name, 44), says), "", f"{model.error} — {model.path}")
    if is_remote(model.path):
        holds = f"{model.context_length:>7,} ctx" if model.context_length else ""
        return Row(model.path, columns((name, 44), (holds, 11), (model.source, 0)), f"on {model.source}\n{model.path}")
    about = f"{size(model.size):>8}  {count(model.parameters):>6}  {model.context_length:>7,} ctx"
    sees = ", with a projector (mmproj)" if model.projector else ""
    detail = f"{model.architecture}, {model.quantization}, {model.source}{sees}\n{model.path}"
    return Row(model.path, columns((name, 44), (about, 0)), detail)


def size(count: int) -> str:
    """Bytes as a person reads them."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
