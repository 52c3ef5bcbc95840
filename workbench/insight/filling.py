"""An association's prompts: its text with the slot filled by each context in turn."""

from __future__ import annotations

import re
from collections.abc import Mapping

from workbench.errors import PromptError, UsageError
from workbench.library.prompt import Prompt
from workbench.library.template import render, values_for

ALONE = "text"  # the name of the one context of a text without a slot
_SLOT = re.compile(r"(?<!\\)\{\{\s*(\w+)\s*\}\}")


def contexts_of(prompt: Prompt, given: Mapping[str, str]) -> dict[str, str]:
    """The texts of an association template by the names of its contexts, then of those in `given`.

    The first slot of the text is what a context fills; other variables have their defaults. Without a context the text
    stands alone, with all its defaults. Raises PromptError.
    """
    found = {context.name: context.text for context in prompt.contexts} | dict(given)
    slot = _SLOT.search(prompt.text)
    if not found:
        return {ALONE: render(prompt, prompt.text, values_for(prompt, {}))}
    if slot is None:
        raise PromptError(f"{prompt.id} has no slot for its contexts", hint="put {{phrase}} into its text")
    return {name: render(prompt, prompt.text, values_for(prompt, {slot[1]: text})) for name, text in found.items()}


def filled(text: str, given: Mapping[str, str]) -> dict[str, str]:
    """A text as typed, its slot filled by each context. Raises UsageError where slot and contexts do not agree."""
    slot = _SLOT.search(text)
    if slot is None:
        if given:
            raise UsageError("the text has no slot for the contexts", hint="put {{phrase}} where they go")
        return {ALONE: text}
    if not given:
        raise UsageError(f"nothing fills {slot[0]}", hint=f'such as --context alone="{slot[1]}"')
    parts = re.split(rf"\{{\{{\s*{slot[1]}\s*\}}\}}", text)
    return {name: value.join(parts) for name, value in given.items()}
