"""Themes from TOML: the shipped ones and the person's own in `~/.config/workbench/themes`."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from textual.theme import Theme

from workbench import paths
from workbench.errors import UsageError

_COLOURS = (
    "primary",
    "secondary",
    "accent",
    "warning",
    "error",
    "success",
    "foreground",
    "background",
    "surface",
    "panel",
)
# What Textual's own rules ask for and its ANSI palette does not give.
_ANSI = {"ansi-background": "ansi_default", "ansi-foreground": "ansi_default"}


def load(path: Path) -> Theme:
    """One theme file; raises UsageError with file and key."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"cannot read the theme ({error})", where=str(path)) from error
    if not isinstance(data.get("primary"), str):
        raise UsageError("primary is missing", where=str(path), hint='primary = "#5fafd7"')
    colours: dict[str, Any] = {}
    for key in _COLOURS:
        value = data.get(key)
        if value is None:
            continue
        if not isinstance(value, str) or not _is_colour(value):
            raise UsageError(f"{key} = {value!r} is no colour", where=str(path), hint='"#rrggbb" or "ansi_red"')
        colours[key] = value
    primary = colours.pop("primary")
    return Theme(
        name=str(data.get("name", path.stem)),
        primary=primary,
        dark=bool(data.get("dark", True)),
        ansi=bool(data.get("ansi", False)),
        text_alpha=1.0,
        variables=dict(_ANSI) if data.get("ansi") else {},
        **colours,
    )


def _is_colour(value: str) -> bool:
    from textual.color import Color, ColorParseError

    try:
        Color.parse(value)
    except ColorParseError:
        return False
    return True


def shipped(name: str) -> Theme:
    """One of ours."""
    return load(paths.shipped("themes") / f"{name}.toml")


def names() -> list[str]:
    """The names there are: ours, then the person's."""
    found = ["dark", "light", "terminal", "high-contrast"]
    folder = paths.config_dir() / "themes"
    own = sorted(path.stem for path in folder.glob("*.toml")) if folder.is_dir() else []
    return found + [name for name in own if name not in found]


def find(name: str) -> Theme:
    """The theme of that name, the person's own first; raises UsageError when there is none."""
    own = paths.config_dir() / "themes" / f"{name}.toml"
    for path in (own, paths.shipped("themes") / f"{name}.toml"):
        if path.is_file():
            return load(path)
    raise UsageError(f"there is no theme {name}", hint=f"one of {', '.join(names())}")
