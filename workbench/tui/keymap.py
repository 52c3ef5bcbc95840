"""The person's own keys, from `~/.config/workbench/keymap.toml`: `"action.id" = "key"` or a list of keys."""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path

from workbench import paths
from workbench.tui.actions import ACTIONS


def load(path: Path | None = None) -> tuple[dict[str, str], list[str]]:
    """(action id → Textual's comma-joined keys, what was wrong with the file, a line each)."""
    path = path or paths.config_dir() / "keymap.toml"
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}, []
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        return {}, [f"{path}: cannot read the keymap ({error}) — the default keys are used"]
    known = [action.id for action in ACTIONS]
    keymap: dict[str, str] = {}
    problems: list[str] = []
    for name, value in _flat(data).items():
        keys = [value] if isinstance(value, str) else value
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}?" if near else "`workbench keys` lists them"
            problems.append(f"{path}: {name} is no action — {hint}")
        elif not isinstance(keys, list) or not keys or not all(isinstance(key, str) and key for key in keys):
            problems.append(f'{path}: {name} must be a key — "f2", or a list of keys')
        else:
            keymap[name] = ",".join(keys)
    return keymap, problems


def _flat(data: dict[str, object], before: str = "") -> dict[str, object]:
    """`compare.run = "f2"` without quotes is a table in TOML: both ways of writing it mean the same."""
    found: dict[str, object] = {}
    for key, value in data.items():
        if isinstance(value, dict):
            found.update(_flat(value, f"{before}{key}."))
        else:
            found[before + key] = value
    return found
