"""What `make run` does: the app where there is a terminal; else the same first comparison, printed side by side."""

from __future__ import annotations

import sys

SYSTEMS = ("system/plain", "system/step-by-step")
MESSAGE = "What is 17 + 25?"


def main() -> int:
    """Run it; returns the exit code."""
    from workbench.__main__ import open_app, print_keys

    if sys.stdout.isatty() and sys.stdin.isatty():
        return open_app(None)
    from workbench.cli.main import run

    systems = [word for system in SYSTEMS for word in ("--system", system)]
    return run(["compare", *systems, "--message", MESSAGE], app=open_app, keys=print_keys)


if __name__ == "__main__":
    sys.exit(main())
