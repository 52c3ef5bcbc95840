"""Where files live: XDG folders on every system, 0700, and the data that ships with the program."""

from __future__ import annotations

import os
from pathlib import Path

from workbench.errors import StorageError

APP = "workbench"


def short(path: Path) -> str:
    """The path as a person writes it: `~` for the home folder."""
    home = os.environ.get("HOME", "") or os.path.expanduser("~")
    inside = os.path.isabs(home) and home != "/" and path.is_relative_to(home)
    return str(Path("~") / path.relative_to(home)) if inside else str(path)


def _xdg(variable: str, default: str) -> Path:
    """`$variable/workbench`, or `~/default/workbench`; a relative value is ignored, as the XDG standard says."""
    value = os.environ.get(variable, "")
    if os.path.isabs(value):
        return Path(value) / APP
    home = os.environ.get("HOME", "") or os.path.expanduser("~")
    return Path(home) / default / APP


def config_dir() -> Path:
    """Settings, keymap and the person's own themes."""
    return _xdg("XDG_CONFIG_HOME", ".config")


def data_dir() -> Path:
    """What must not be lost: history, the person's prompts."""
    return _xdg("XDG_DATA_HOME", ".local/share")


def cache_dir() -> Path:
    """What can be made again: indexes, measured batch shapes, model logs."""
    return _xdg("XDG_CACHE_HOME", ".cache")


def ensure(folder: Path) -> Path:
    """Make `folder` (0700) if it is not there; raises StorageError with the way out when that fails."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"cannot make the folder ({error.strerror})",
            where=str(folder),
            hint="free some space or point HOME or XDG_DATA_HOME at a folder you can write to",
        ) from error
    return folder


def shipped(name: str) -> Path:
    """A folder that ships with the program (`prompts`, `themes`, `experiments`), from the wheel or the checkout."""
    package = Path(__file__).resolve().parent
    installed = package / "_shipped" / name
    return installed if installed.is_dir() else package.parent / name
