"""What can go wrong, said to a person: one line with what, where and what to do."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of the command line (DESIGN, "The command line")."""

    OK = 0
    CHECKS_FAILED = 1
    USAGE = 2
    ENGINE = 3
    NOT_FOUND = 4
    INTERRUPTED = 130


class WorkbenchError(Exception):
    """An error that a person can act on.

    `what` says what is wrong, `where` names file, line and key where known, `hint` what to do. `str()` is the
    one line that is shown; the caller passes it through `safe.line` before it reaches a terminal.
    """

    exit = Exit.USAGE

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        self.what, self.where, self.hint = what, where, hint
        super().__init__(what, where, hint)

    def __str__(self) -> str:
        line = f"{self.where}: {self.what}" if self.where else self.what
        return f"{line} — {self.hint}" if self.hint else line


class UsageError(WorkbenchError):
    """A wrong argument, a bad value, a bad file."""


class PromptError(WorkbenchError):
    """A prompt file that cannot be used."""


class SettingError(WorkbenchError):
    """A setting that is unknown or out of its range."""


class SamplingError(SettingError):
    """A sampler setting that is."""


class NotFoundError(WorkbenchError):
    """A prompt, model or trial that is not there."""

    exit = Exit.NOT_FOUND


class EngineError(WorkbenchError):
    """The engine or the model failed."""

    exit = Exit.ENGINE


class StorageError(WorkbenchError):
    """A file or the history could not be read or written."""
