"""`workbench prompts new|copy|move|rm|edit`: prompts made and changed, headless."""

from __future__ import annotations

from workbench.cli.verbs import Verb


def add(verb: Verb) -> None:
    """Add the verbs."""
