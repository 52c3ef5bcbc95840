"""Templates: `{{name}}`, filled in one pass, values never scanned again; `template = "jinja"` is minijinja's."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Any

from workbench.errors import PromptError
from workbench.inference.engine import Message
from workbench.library.prompt import TYPES, Prompt, Variable

_SLOT = re.compile(r"\\\{\{|\{\{\s*([^\W\d]\w*)\s*\}\}|\{\{")
FUEL = 100_000  # minijinja instructions: far more than a prompt needs, far less than a loop that hangs


def names(text: str) -> list[str]:
    """The names of the slots in a plain template, in order, each once."""
    return list(dict.fromkeys(match[1] for match in _SLOT.finditer(text) if match[1]))


def values_for(prompt: Prompt, given: Mapping[str, object]) -> dict[str, Any]:
    """A value for each of the prompt's variables: given or default, of its type, one of its choices.

    Raises PromptError that names an unknown variable and the nearest one, or those without a value.
    """
    for name in given:
        if name not in prompt.variables:
            near = difflib.get_close_matches(name, prompt.variables, 1)
            known = ", ".join(prompt.variables) or "it has none"
            raise PromptError(
                f"{name} is no variable of {prompt.id}", hint=f"did you mean {near[0]}?" if near else known
            )
    missing = [name for name, slot in prompt.variables.items() if name not in given and slot.default is None]
    if missing:
        raise PromptError(
            f"no value for {', '.join(missing)}",
            where=prompt.where(f"[variables.{missing[0]}]"),
            hint=f"give one (--var {missing[0]}=…) or a default in the file",
        )
    return {name: _typed(prompt, slot, given.get(name, slot.default)) for name, slot in prompt.variables.items()}


def _typed(prompt: Prompt, slot: Variable, value: object) -> object:
    """`value` as the variable's type takes it; text from a shell or a form is converted."""
    made: object = value
    try:
        if slot.type == "bool" and isinstance(value, str):
            made = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[value.lower()]
        elif slot.type == "int" and isinstance(value, str):
            made = int(value)
        elif slot.type == "float" and isinstance(value, str):
            made = float(value)
    except (KeyError, ValueError):
        made = None
    if not isinstance(made, TYPES[slot.type]):
        raise PromptError(f"{slot.name} = {value!r} is not of type {slot.type}", where=prompt.id)
    if slot.choices and made not in slot.choices:
        raise PromptError(
            f"{slot.name} = {value!r} is none of its choices", where=prompt.id, hint=", ".join(slot.choices)
        )
    return made


def render(prompt: Prompt, text: str, values: Mapping[str, object]) -> str:
    """`text` with its slots filled; raises PromptError with file and line of a name that is no variable."""
    if prompt.template == "jinja":
        return _jinja(prompt, text, values)

    def fill(match: re.Match[str]) -> str:
        if match[0] == "\\{{":
            return "{{"
        name = match[1]
        if name is None:
            where = prompt.where("{{")
            raise PromptError("{{ without a name and }}", where=where, hint=r"{{name}}, or \{{ for the two braces")
        if name not in values:
            near = difflib.get_close_matches(name, values, 1)
            hint = f"did you mean {{{{{near[0]}}}}}?" if near else f"declare it: [variables.{name}]"
            raise PromptError(f"{{{{{name}}}}} is no variable", where=prompt.where(match[0]), hint=hint)
        return _text(values[name])

    return _SLOT.sub(fill, text)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _jinja(prompt: Prompt, text: str, values: Mapping[str, object]) -> str:
    import minijinja

    environment = minijinja.Environment(undefined_behavior="strict", fuel=FUEL)
    try:
        return str(environment.render_str(text, **values))
    except minijinja.TemplateError as error:
        what = str(error).splitlines()[0]
        raise PromptError(f"jinja: {what}", where=prompt.where(), hint="mend the template") from None


def lead(prompt: Prompt, given: Mapping[str, object]) -> tuple[Message, ...]:
    """What the prompt puts before the conversation: system text, examples as pairs, a chat's messages."""
    values = values_for(prompt, given)
    made: list[Message] = []
    if prompt.kind != "chat" and prompt.text:
        made.append(Message("system", render(prompt, prompt.text, values).strip("\n")))
    made += [Message(turn.role, render(prompt, turn.content, values).strip("\n")) for turn in prompt.messages]
    for pair in prompt.examples:
        made.append(Message("user", render(prompt, pair.user, values)))
        made.append(Message("assistant", render(prompt, pair.assistant, values)))
    return tuple(made)
