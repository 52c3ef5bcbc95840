"""What is wrong with a prompt file, beyond its schema: templates that do not render, cases that name no variable."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from workbench.errors import PromptError
from workbench.library.library import Entry
from workbench.library.prompt import Prompt, Variable, place
from workbench.library.reader import FileError, Problem
from workbench.library.template import lead, names


def sample(slot: Variable) -> Any:
    """A value to try a variable with: its default, its first choice, else any of its type."""
    if slot.default is not None:
        return slot.default
    return slot.choices[0] if slot.choices else {"int": 1, "float": 1.0, "bool": True}.get(slot.type, "…")


def problems_of(entry: Entry) -> list[Problem]:
    """Everything wrong with the file, as its lines go; those not `serious` let it run."""
    prompt = entry.prompt
    if prompt is None:
        return [entry.problem or Problem(str(entry.path), None, "", entry.error or "it cannot be read")]
    values = {name: sample(slot) for name, slot in prompt.variables.items()}
    found = [*prompt.warnings, *_tried(prompt, values, None)]
    if not any(problem.serious for problem in found):
        for index, case in enumerate(prompt.cases):
            found += _tried(prompt, {**values, **case.variables}, index)
    found += _unused(prompt)
    return sorted(found, key=lambda problem: problem.line or 0)


def _tried(prompt: Prompt, values: dict[str, Any], case: int | None) -> list[Problem]:
    """What stops the prompt from rendering with these values; in a case the case's line is named."""
    try:
        lead(prompt, values)
    except FileError as error:
        problem = error.problem
    except PromptError as error:
        problem = Problem(str(prompt.path or prompt.id), None, "", error.what, error.hint)
    else:
        return []
    if case is None:
        return [problem]
    path = ("cases", case, "variables")
    said = f"in the case {prompt.cases[case].name!r}: {problem.problem}"
    return [replace(problem, line=place(prompt, path), key="cases.variables", problem=said)]


def _unused(prompt: Prompt) -> list[Problem]:
    """Variables that no text asks for: harmless, and often a slip."""
    if prompt.template != "plain":
        return []
    texts = [prompt.text, *(turn.content for turn in prompt.messages)]
    texts += [text for pair in prompt.examples for text in (pair.user, pair.assistant)]
    asked = {name for text in texts for name in names(text)}
    file = str(prompt.path or prompt.id)
    return [
        Problem(file, place(prompt, ("variables", name)), f"variables.{name}", "no text uses it", "", serious=False)
        for name in prompt.variables
        if name not in asked
    ]
