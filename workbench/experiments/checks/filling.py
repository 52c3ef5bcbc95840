"""`{{name}}` in a check's texts, filled with the case's variables: one pass, values are not scanned again."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from typing import Any

from workbench.experiments.checks.model import CannotTellError, Check
from workbench.experiments.checks.words import quoted
from workbench.library.template import names, pieces


def filled(check: Check, variables: Mapping[str, object]) -> dict[str, Any]:
    """The options with their texts filled. Raises CannotTellError that names a variable which the case has not."""
    literal = re.escape if check.kind == "regex" else str
    return {key: _filled(value, variables, literal) for key, value in check.options.items()}


def asked(check: Check) -> set[str]:
    """The names of the variables in its texts."""
    texts = [
        text
        for value in check.options.values()
        for text in (value if isinstance(value, list | tuple) else (value,))
        if isinstance(text, str)
    ]
    return {name for text in texts for name in names(text)}


def text_of(value: object) -> str:
    """A value as a template shows it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def fill(text: str, variables: Mapping[str, object], literal: Callable[[str], str] = str) -> str:
    """One text, filled. Raises CannotTellError."""
    if "{{" not in text:
        return text
    made = []
    for piece, slot in pieces(text):
        if slot and piece not in variables:
            near = difflib.get_close_matches(piece[:100], [name for name in variables if len(name) < 100], 1)
            hint = f"did you mean {{{{{near[0]}}}}}?" if near else ""
            raise CannotTellError(f"{{{{{quoted(piece)[1:-1]}}}}} is no variable of the case", hint=hint)
        made.append(literal(text_of(variables[piece])) if slot else piece)
    return "".join(made)


def _filled(value: Any, variables: Mapping[str, object], literal: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return fill(value, variables, literal)
    if isinstance(value, list | tuple) and any(isinstance(each, str) for each in value):
        return [fill(each, variables, literal) if isinstance(each, str) else each for each in value]
    return value
