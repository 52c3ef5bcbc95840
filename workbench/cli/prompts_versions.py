"""`workbench prompts history|diff|restore|label|commit`: what a prompt was before, and which version has a label."""

from __future__ import annotations

from workbench.cli.verbs import Verb


def add(verb: Verb) -> None:
    """Add the verbs."""
