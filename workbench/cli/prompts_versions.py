"""`workbench prompts history|diff|restore|label|commit`: what a prompt was before, and which version has a label."""

from __future__ import annotations

import argparse
from typing import Protocol


class Verb(Protocol):
    """Makes the parser of one verb below `prompts`, with --library and --json: `verb(name, help, func)`."""

    def __call__(self, name: str, help: str, func: object, /) -> argparse.ArgumentParser: ...


def add(verb: Verb) -> None:
    """Add the verbs."""
