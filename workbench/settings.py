"""What a person set, from `~/.config/workbench/settings.toml`; every key has a default and one line of help."""

from __future__ import annotations

import difflib
import re
import tomllib
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from workbench import paths
from workbench.errors import UsageError


@dataclass(frozen=True)
class Server:
    """A `[[servers]]` table: an OpenAI-compatible server. The key itself is not here: it is read when it is used.

    `url` as the server's documentation gives it (`http://HOST:8000/v1`); `concurrency` is how many trials it gets at
    once; `timeout` is the longest silence in seconds, before the first byte and between two; `models` are the ids that
    are offered (empty: all that it lists).
    """

    name: str
    url: str
    key_env: str = ""
    key_file: str = ""
    concurrency: int = 4
    timeout: float = 120.0
    models: tuple[str, ...] = ()


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
    servers: tuple[Server, ...] = ()  # [[servers]]
    keep_days: int = 0  # [history] keep_days: older runs go, 0 = none (labels, reports and "kept" keep theirs)
    keep_bytes: int = 0  # [history] keep_bytes: the oldest go until it has no more, 0 = no bound

    @property
    def frames(self) -> int:
        """Repaints a second that a stream may cause."""
        return max(1, self.fps // 2) if self.low_bandwidth else self.fps


HELP = {
    "theme": "dark, light, terminal, high-contrast, or a file of yours in themes/",
    "fps": "repaints a second that a stream may cause, 1 to 60",
    "low_bandwidth": "half the repaints and no animation, for slow lines",
    "mode": "fast (one batch) or strict (bit-identical when replayed)",
    "coupled": "all lanes meet the same dice, so that a difference is the prompt's",
    "context_length": "tokens a lane may hold, where a model has no setting of its own; 0 = the model's, up to 4096",
    "offload": "layers on the GPU, where a model has no setting of its own; -1 = all, 0 = none",
    "models.folders": "folders with GGUF files of yours",
    "history.keep_days": "older runs go, but never what a label, a report or a vote points at; 0 = all stay",
    "history.keep_bytes": "the oldest runs go until the history has no more; 0 = no bound",
}
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
    found = _servers(data.pop("servers", []), file)
    flat = {key: value for key, value in data.items() if not isinstance(value, dict)} | tables
    made = {_TABLES.get(key, key): _value(key, value, file) for key, value in flat.items()}
    return replace(Settings(), servers=found, **made)


def values(settings: Settings) -> dict[str, Any]:
    """Every setting but the servers by its key in the file (`models.folders`), in the order of HELP."""
    return {key: getattr(settings, _TABLES.get(key, key)) for key in HELP}


def _servers(value: object, file: Path) -> tuple[Server, ...]:
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        hint = '[[servers]] with name = "…" and url = "http://…"'
        raise UsageError("servers must be tables", where=str(file), hint=hint)
    made = [_server(table, f"{file}: [[servers]] {number}") for number, table in enumerate(value, 1)]
    names = [each.name.lower() for each in made]
    for number, name in enumerate(names):
        if name in names[:number]:
            raise UsageError(f"two servers are named {made[number].name}", where=str(file), hint="rename one")
    return tuple(made)


def _server(table: dict[str, Any], where: str) -> Server:
    known = [field.name for field in fields(Server)]
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"one of {', '.join(known)}"
            raise UsageError(f"{key} is no setting of a server", where=where, hint=hint)
    for key in ("name", "url", "key_env", "key_file"):
        if not isinstance(table.get(key, "" if key.startswith("key") else None), str):
            raise UsageError(f"{key} must be a text", where=where, hint='such as url = "http://127.0.0.1:8080/v1"')
    if not re.fullmatch("[A-Za-z0-9_-]+", table["name"]):
        raise UsageError(f"name = {table['name']!r} will not do", where=where, hint="letters, digits, _ and - only")
    _check_url(table["url"], where)
    if table.get("key_env") and table.get("key_file"):
        raise UsageError("both key_env and key_file are set", where=where, hint="keep one")
    concurrency, timeout, models = table.get("concurrency", 4), table.get("timeout", 120.0), table.get("models", [])
    if type(concurrency) is not int or not 1 <= concurrency <= 1024:
        raise UsageError(f"concurrency = {concurrency!r} will not do", where=where, hint="1 to 1024")
    if type(timeout) not in (int, float) or not 0 < timeout <= 86_400:
        raise UsageError(f"timeout = {timeout!r} will not do", where=where, hint="seconds, up to 86400")
    if not isinstance(models, list) or not all(isinstance(each, str) and each for each in models):
        raise UsageError("models must be a list of texts", where=where, hint="the ids that the server lists")
    return Server(**{**table, "timeout": float(timeout), "models": tuple(models)})


def _check_url(url: str, where: str) -> None:
    """The URL is shown in errors nowhere: a password in it would be on screen."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        parts, good = None, False
    if parts is None or not good or not url.isascii() or not url.isprintable() or " " in url:
        raise UsageError("url is no http(s) address", where=where, hint="http://HOST:PORT/v1 or https://HOST/v1")
    if "@" in parts.netloc or parts.query or parts.fragment:
        hint = "put the key into the environment and its name into key_env, or into a key_file"
        raise UsageError("url holds more than scheme, host, port and path", where=where, hint=hint)


def _value(key: str, value: object, file: Path) -> Any:
    known = values(Settings())
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
