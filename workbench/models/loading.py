"""Each model's load settings, remembered: `~/.config/workbench/models.toml`, a table a model, only what differs.

The file is the program's own; a setting in it that is wrong is an error that names file, model and key.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from workbench import paths
from workbench.errors import SettingError, UsageError
from workbench.files import atomic_write
from workbench.inference import loading
from workbench.inference.engine import LoadOptions
from workbench.inference.remote.address import is_remote


def path() -> Path:
    """The file of load settings."""
    return paths.config_dir() / "models.toml"


def options(model: Path, base: LoadOptions | None = None, *, file: Path | None = None) -> LoadOptions:
    """The load settings of `model` on top of `base`. Raises UsageError when the file is wrong."""
    file = file or path()
    table = _read(file).get(_key(model), {})
    try:
        return loading.make(table, base)
    except SettingError as error:
        where = f"{file} [{_key(model)}]"
        raise UsageError(error.what, where=where, hint=error.hint) from error


def remember(model: Path, chosen: LoadOptions, base: LoadOptions | None = None, *, file: Path | None = None) -> None:
    """Keep what of `chosen` differs from `base`; nothing is kept of a model at its defaults."""
    import tomli_w

    file = file or path()
    data = _read(file)
    differs = loading.changed(chosen, base)
    values = {name: list(value) if isinstance(value, tuple) else value for name, value in differs.items()}
    data.pop(_key(model), None)
    if values:
        data[_key(model)] = values
    paths.ensure(file.parent)
    atomic_write(file, tomli_w.dumps(data).encode())


def _key(model: Path) -> str:
    """A model is its file; a link is what it leads to, so that a hub's snapshot and a folder's link agree."""
    return str(model) if is_remote(model) or not model.exists() else str(model.resolve())


def _read(file: Path) -> dict[str, dict[str, Any]]:
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        hint = "mend it, or move it away: models are then loaded by their defaults"
        raise UsageError(f"cannot read the load settings ({error})", where=str(file), hint=hint) from error
    wrong = next((name for name, table in data.items() if not isinstance(table, dict)), None)
    if wrong is not None:
        raise UsageError(f"{wrong} is no table", where=str(file), hint='a model is ["/path/of/model.gguf"]')
    return data
