"""`workbench config`: the settings in force and where files live. Nothing is written: the files are the person's."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from workbench import safe
from workbench.cli import output
from workbench.errors import Exit


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The verb and its two verbs."""
    parser = subparsers.add_parser("config", help="show the settings and where files live")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, text, func in (
        ("show", "every setting with its value, its default and what it does", _show),
        ("path", "where settings, prompts, history and caches live", _path),
    ):
        verb = verbs.add_parser(name, help=text)
        verb.add_argument("--json", action="store_true", help="one JSON document on stdout")
        verb.set_defaults(func=func)


def _show(options: argparse.Namespace) -> int:
    import os

    import msgspec

    from workbench import settings

    found = settings.load()
    defaults = settings.values(settings.Settings())
    rows: list[dict[str, Any]] = [
        {"key": key, "value": msgspec.to_builtins(value), "default": msgspec.to_builtins(defaults[key]), "help": text}
        for (key, value), text in zip(settings.values(found).items(), settings.HELP.values(), strict=True)
    ]
    servers = [
        {**msgspec.to_builtins(server), "key": _key(server.key_env, server.key_file, os.environ)}
        for server in found.servers
    ]
    if options.json:
        output.print_json({"file": str(settings.path()), "settings": rows, "servers": servers})
        return Exit.OK
    name = max(len(row["key"]) for row in rows)
    shown = max(len(_toml(row["value"])) for row in rows)
    for row in rows:
        mark = "*" if row["value"] != row["default"] else " "
        print(safe.line(f"{mark} {row['key']:<{name}}  {output.pad(_toml(row['value']), shown)}  {row['help']}"))
    for server in servers:
        print(safe.line(f"  server {server['name']}  {server['url']}  key: {server['key']}"))
    there = "" if settings.path().exists() else ", which is not there: every default holds"
    output.narrate(f"* is not the default; from {settings.path()}{there}")
    return Exit.OK


def _key(variable: str, file: str, environment: Any) -> str:
    """Where a server's key comes from, and whether it is there; never the key itself."""
    if variable:
        return f"${variable} ({'set' if environment.get(variable) else 'not set'})"
    if file:
        return f"{file} ({'there' if Path(file).expanduser().is_file() else 'not there'})"
    return "none"


def _toml(value: Any) -> str:
    import json

    return json.dumps(value, ensure_ascii=False)


def _path(options: argparse.Namespace) -> int:
    from workbench import paths, settings
    from workbench.library import profiles
    from workbench.models import loading

    config, data, cache = paths.config_dir(), paths.data_dir(), paths.cache_dir()
    found = {
        "settings": settings.path(),
        "keymap": config / "keymap.toml",
        "themes": config / "themes",
        "load_settings": loading.path(),
        "prompts": data / "prompts",
        "profiles": profiles.folder(),
        "history": data / "history.db",
        "models": data / "models",
        "cache": cache,
        "logs": cache / "logs",
        "shipped_prompts": paths.shipped("prompts"),
    }
    if options.json:
        output.print_json({name: str(path) for name, path in found.items()})
        return Exit.OK
    for name, path in found.items():
        print(safe.line(f"{name:<16}{path}{'' if path.exists() else '  (not there yet)'}"))
    return Exit.OK
