"""`workbench`: hands the arguments to the command line. Kept tiny: the app's first paint comes before any import."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the program; returns the exit code."""
    from workbench.cli.main import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
