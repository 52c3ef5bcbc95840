"""What a person set, from `~/.config/workbench/settings.toml`; every key has a default and one line of help."""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from workbench import paths
from workbench.errors import UsageError


@dataclass(frozen=True)
class Settings:
    """The settings. `fps` is how often a stream may repaint a second; `low_bandwidth` halves it and stops animation."""

    theme: str = "dark"
    fps: int = 20
    low_bandwidth: bool = False
    mode: str = "fast"
    coupled: bool = True
    context_length: int = 0
    offload: int = -1
    model_folders: tuple[str, ...] = ()  # [models] folders
    keep_days: int = 0  # [history] keep_days: older runs go, 0 = none (labels, reports and "kept" keep theirs)
    keep_bytes: int = 0  # [history] keep_bytes: the oldest go until it has no more, 0 = no bound

    @property
    def frames(self) -> int:
        """Repaints a second that a stream may cause."""
        return max(1, self.fps // 2) if self.low_bandwidth else self.fps


_TABLES = {
    "models.folders": "model_folders",
    "history.keep_days": "keep_days",
    "history.keep_bytes": "keep_bytes",
}  # keys in a table of the file
_ALLOWED: dict[str, tuple[Any, ...] | range] = {
    "fps": range(1, 61),
    "mode": ("fast", "strict"),
    "context_length": range(2**31),
    "offload": range(-1, 10_000),
    "history.keep_days": range(100_001),
    "history.keep_bytes": range(2**62),
}


def path() -> Path:
    """The settings file."""
    return paths.config_dir() / "settings.toml"


def load(file: Path | None = None) -> Settings:
    """The settings in `file` (or the person's own); raises UsageError with file, line or key when it is wrong."""
    file = file or path()
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(
            f"cannot read the settings ({error})", where=str(file), hint="the defaults are used"
        ) from error
    tables = {
        f"{key}.{name}": each for key, value in data.items() if isinstance(value, dict) for name, each in value.items()
    }
    flat = {key: value for key, value in data.items() if not isinstance(value, dict)} | tables
    return replace(Settings(), **{_TABLES.get(key, key): _value(key, value, file) for key, value in flat.items()})


def _value(key: str, value: object, file: Path) -> Any:
    names = {field: key for key, field in _TABLES.items()}
    known = {names.get(field.name, field.name): getattr(Settings(), field.name) for field in fields(Settings)}
    if key not in known:
        near = difflib.get_close_matches(key, known, 1)
        hint = f"did you mean {near[0]}?" if near else f"one of {', '.join(known)}"
        raise UsageError(f"{key} is no setting", where=str(file), hint=hint)
    if isinstance(known[key], tuple):
        if isinstance(value, list) and all(isinstance(each, str) for each in value):
            return tuple(value)
        raise UsageError(f"{key} must be a list of texts", where=str(file), hint='such as ["~/models"]')
    kind = type(known[key])
    if type(value) is not kind:
        raise UsageError(f"{key} = {value!r} is not {kind.__name__}", where=str(file), hint=f"default: {known[key]!r}")
    allowed = _ALLOWED.get(key)
    if allowed is not None and value not in allowed:
        shown = f"{allowed.start} to {allowed.stop - 1}" if isinstance(allowed, range) else " or ".join(allowed)
        raise UsageError(f"{key} = {value!r} is out of range", where=str(file), hint=shown)
    return value
