"""`workbench`: opens one of the two doors. Kept tiny: the app's first paint comes before any other import."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the program; returns the exit code."""
    if len(sys.argv) == 1 and sys.stdin.isatty() and sys.stdout.isatty():
        return open_app(None)
    from workbench.cli.main import run

    return run(sys.argv[1:], app=open_app, keys=print_keys)


def open_app(library: list[str] | None) -> int:
    """Open the full-screen app."""
    from workbench.tui.start import launch

    return launch(library=library)


def print_keys(form: str) -> int:
    """Print the app's keys, as text, --json or --markdown."""
    from workbench.tui.actions import print_keys

    return print_keys(form)


if __name__ == "__main__":
    sys.exit(main())
