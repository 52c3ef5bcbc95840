"""Templates: `{{name}}`, filled in one pass, values never scanned again; `template = "jinja"` is minijinja's."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from workbench.errors import PromptError
from workbench.inference.engine import Message, Role
from workbench.library.prompt import TYPES, Prompt, Variable, place
from workbench.library.reader import FileError, Problem, clipped

_SLOT = re.compile(r"\\\{\{|\{\{\s*+([^\W\d]\w*+)\s*+\}\}|\{\{")
KeyPath = tuple[str | int, ...]
Part = tuple[Role, str, KeyPath]  # a message's role, its template, and the key it stands under


def names(text: str) -> list[str]:
    """The names of the slots in a plain template, in order, each once."""
    return list(dict.fromkeys(match[1] for match in _SLOT.finditer(text) if match[1]))


def pieces(text: str) -> list[tuple[str, bool]]:
    """A plain template in pieces: literal text as it is shown, and names of slots (True); a bare {{ is text."""
    made: list[tuple[str, bool]] = []
    at, kept = 0, ""
    for match in _SLOT.finditer(text):
        kept += text[at : match.start()]
        at = match.end()
        if match[1] is None:
            kept += "{{"
            continue
        made += [(kept, False)] if kept else []
        made.append((match[1], True))
        kept = ""
    kept += text[at:]
    return [*made, (kept, False)] if kept else made


def lead(prompt: Prompt, given: Mapping[str, object]) -> tuple[Message, ...]:
    """What the prompt puts before the conversation: system text, a chat's messages, examples as pairs.

    `given` are values of its variables; text is converted to the variable's type. Raises PromptError.
    """
    values = values_for(prompt, given)
    parts = _parts(prompt)
    if prompt.template == "jinja":
        texts = _jinja(prompt, parts, values)
    else:
        texts = [render(prompt, text, values, path) for _, text, path in parts]
    return tuple(Message(role, text.strip("\n")) for (role, _, _), text in zip(parts, texts, strict=True))


def _parts(prompt: Prompt) -> list[Part]:
    parts: list[Part] = []
    if prompt.kind != "chat" and prompt.text.strip("\n"):
        parts.append(("system", prompt.text, ("text",)))
    parts += [(turn.role, turn.content, ("messages", at, "content")) for at, turn in enumerate(prompt.messages)]
    for at, pair in enumerate(prompt.examples):
        parts.append(("user", pair.user, ("examples", at, "user")))
        parts.append(("assistant", pair.assistant, ("examples", at, "assistant")))
    return parts


def values_for(prompt: Prompt, given: Mapping[str, object]) -> dict[str, Any]:
    """A value for each of the prompt's variables: given or default, of its type, one of its choices.

    Raises PromptError that names an unknown variable and the nearest one, or those without a value.
    """
    for name in given:
        if name not in prompt.variables:
            hint = _near(name, prompt.variables, "did you mean {}?") or _known(prompt.variables)
            raise PromptError(f"{clipped(name)} is no variable of {prompt.id}", hint=hint)
    missing = [name for name, slot in prompt.variables.items() if name not in given and slot.default is None]
    if missing:
        hint = f"give one (--var {missing[0]}=…) or a default in the file"
        raise _error(prompt, ("variables", missing[0]), f"no value for {', '.join(missing)}", hint)
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
    path = ("variables", slot.name)
    if not isinstance(made, TYPES[slot.type]) or (isinstance(made, bool) and slot.type != "bool"):
        raise _error(prompt, path, f"{slot.name} = {clipped(value)} is not of type {slot.type}")
    if slot.choices and made not in slot.choices:
        said = f"{slot.name} = {clipped(value)} is none of its choices"
        raise _error(prompt, path, said, clipped(", ".join(slot.choices), 200))
    return made


def render(prompt: Prompt, text: str, values: Mapping[str, object], path: KeyPath = ("text",)) -> str:
    """A plain `text`, which stands under `path` in the file, with its slots filled.

    One pass: what a value holds is never looked at. Raises PromptError with file and line of a name that is no
    variable.
    """

    def fill(match: re.Match[str]) -> str:
        if match[0] == "\\{{":
            return "{{"
        name = match[1]
        if name is not None and name in values:
            return _text(values[name])
        nth = text.count(match[0], 0, match.start())
        if name is None:
            hint = r"{{name}}, or \{{ for two braces (\\{{ inside double quotes)"
            raise _error(prompt, path, "{{ without a name and }}", hint, match[0], nth)
        hint = _near(name, values, "did you mean {{{{{}}}}}?") or f"declare it: [variables.{name}]"
        raise _error(prompt, path, f"{{{{{clipped(name).strip(chr(34))}}}}} is no variable", hint, match[0], nth)

    return _SLOT.sub(fill, text)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _jinja(prompt: Prompt, parts: Sequence[Part], values: Mapping[str, object]) -> list[str]:
    from workbench.library.jinja import JinjaError, render_all

    try:
        return render_all([text for _, text, _ in parts], values)
    except JinjaError as error:
        hint = f"line {error.line} of the template" if error.line else "mend the template"
        raise _error(prompt, parts[error.index][2], f"jinja: {error.what}", hint) from None


def _error(prompt: Prompt, path: KeyPath, said: str, hint: str = "", needle: str = "", nth: int = 0) -> FileError:
    key = ".".join(str(part) for part in path if not isinstance(part, int))
    file = str(prompt.path or prompt.id)
    return FileError(Problem(file, place(prompt, path, needle, nth), key, said, hint))


def _near(name: str, known: Iterable[str], said: str) -> str:
    near = difflib.get_close_matches(name[:100], known, 1)
    return said.format(near[0]) if near else ""


def _known(variables: Mapping[str, Variable]) -> str:
    return f"it has {', '.join(list(variables)[:10])}" if variables else "it has none"
