"""`workbench prompts import|export`: prompts of other programs, both ways."""

from __future__ import annotations

from workbench.cli.verbs import Verb


def add(verb: Verb) -> None:
    """Add the verbs."""
