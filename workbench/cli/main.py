"""Parses, then imports lazily. Data goes to stdout, narration to stderr."""

from __future__ import annotations

from collections.abc import Sequence


def run(argv: Sequence[str]) -> int:
    """Run one command line; returns its exit code."""
    if list(argv) == ["--version"]:
        from workbench import __version__

        print(f"workbench {__version__}")
        return 0
    return 2
