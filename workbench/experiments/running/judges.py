"""What checks stand on beside the trial: a judge's prompt by its version, a model by its weights, not by names."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from workbench.errors import WorkbenchError
from workbench.experiments.checks.model import Check
from workbench.experiments.running.addresses import identity
from workbench.experiments.running.rooms import Rooms
from workbench.library.prompt import Prompt


class Judges:
    """Each name is looked up once in a run; one that is not there is the check's own error later."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._known: dict[tuple[str, str], object] = {}

    def of(self, checks: Sequence[Check]) -> tuple[Any, ...]:
        """For the checks' rules: () where no check names a prompt or a model."""
        named = [
            (key, str(check.options[key])) for check in checks for key in ("prompt", "model") if check.options.get(key)
        ]
        return tuple(self._looked_up(key, name) for key, name in named)

    def prompts(self, checks: Sequence[Check]) -> dict[str, Prompt]:
        """The prompts of the library that the checks judge by, as they are named; those that are not there left out."""
        found: dict[str, Prompt] = {}
        for name in dict.fromkeys(str(check.options["prompt"]) for check in checks if check.options.get("prompt")):
            with suppress(WorkbenchError):
                found[name] = self._rooms.libraries.get(name)
        return found

    def _looked_up(self, key: str, name: str) -> object:
        if (key, name) not in self._known:
            try:
                rooms = self._rooms
                found: object = rooms.libraries.get(name).version if key == "prompt" else identity(rooms.find(name))
            except WorkbenchError:
                found = name
            self._known[key, name] = found
        return self._known[key, name]
