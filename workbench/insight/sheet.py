"""An association being tried: a template's words, contexts and text as they are changed, and back into its file.

Pure: the file's text goes in and comes out; who opens and saves is `library/writing.py`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from workbench.errors import UsageError
from workbench.insight.filling import ALONE, contexts_of
from workbench.library.compose import compose
from workbench.library.edit import KeyPath, edited
from workbench.library.prompt import SCHEMA, Context, Prompt


@dataclass(frozen=True)
class Line:
    """A context: its name, what it puts into the slot, its place in the template (None: not there yet)."""

    name: str
    text: str
    origin: int | None = None


@dataclass(frozen=True)
class Sheet:
    """What is measured now, beside the template it began as. `base` is the baseline's place."""

    prompt: Prompt
    text: str
    words: tuple[str, ...]
    contexts: tuple[Line, ...]
    base: int = 0

    @classmethod
    def of(cls, prompt: Prompt) -> Sheet:
        """As the template has it."""
        lines = tuple(Line(context.name, context.text, at) for at, context in enumerate(prompt.contexts))
        return cls(prompt, prompt.text, tuple(dict.fromkeys(prompt.words)), lines)

    @property
    def prompts(self) -> dict[str, str]:
        """The text with the slot filled, by the contexts' names. Raises PromptError."""
        contexts = tuple(Context(line.name, line.text) for line in self.contexts)
        return contexts_of(replace(self.prompt, text=self.text, contexts=contexts), {})

    @property
    def names(self) -> list[str]:
        """The contexts' names; one without contexts stands alone."""
        return [line.name for line in self.contexts] or [ALONE]

    @property
    def changed(self) -> bool:
        """Whether the template has something else."""
        first = Sheet.of(self.prompt)
        return (self.text, self.words, self.contexts) != (first.text, first.words, first.contexts)

    # ---- words

    def with_word(self, word: str, at: int | None = None) -> Sheet:
        """One more word, or another in the place of the word `at`. Raises UsageError."""
        if not word.strip():
            raise UsageError("a word needs a letter", hint="several words are one continuation: Milky Way")
        words = list(self.words)
        if word in words and (at is None or words[at] != word):
            raise UsageError(f"‘{word}’ is there already")
        if at is None:
            words.append(word)
        else:
            words[at] = word
        return replace(self, words=tuple(words))

    def without_word(self, at: int) -> Sheet:
        """One word less."""
        return replace(self, words=self.words[:at] + self.words[at + 1 :])

    # ---- contexts

    def with_context(self, said: str, at: int | None = None) -> Sheet:
        """One more context, or another in the place of that `at`: `NAME = TEXT`, or a text that names itself.

        Raises UsageError.
        """
        name, equals, text = said.partition("=")
        name, text = (name.strip(), text.strip()) if equals else (said.strip(), said.strip())
        if not name or not text:
            raise UsageError("a context needs a text", hint="such as galaxy = star of a galaxy")
        if any(line.name == name for place, line in enumerate(self.contexts) if place != at):
            raise UsageError(f"a context is called {name} already", hint="NAME = TEXT gives it another name")
        lines = list(self.contexts)
        if at is None:
            lines.append(Line(name, text))
        else:
            lines[at] = replace(lines[at], name=name, text=text)
        return replace(self, contexts=tuple(lines))

    def without_context(self, at: int) -> Sheet:
        """One context less; the first one left is the baseline when the baseline goes. Raises UsageError."""
        if len(self.contexts) < 2:
            raise UsageError("one context must stay")
        base = 0 if at == self.base else self.base - (at < self.base)
        return replace(self, contexts=self.contexts[:at] + self.contexts[at + 1 :], base=base)

    # ---- the way back

    def written(self, source: str) -> str:
        """The template's file with what was changed here: only those lines are others. Raises PromptError."""
        first: dict[KeyPath, Any] = {}
        if self.text != self.prompt.text:
            first[("text",)] = self.text
        if self.words != tuple(self.prompt.words):
            first[("words",)] = list(self.words)
        kept = {line.origin: line for line in self.contexts if line.origin is not None}
        for at, line in kept.items():
            first[("contexts", at, "name")], first[("contexts", at, "text")] = line.name, line.text
        gone = [at for at in range(len(self.prompt.contexts)) if at not in kept]
        first |= {("contexts", at): None for at in reversed(gone)}
        fresh = [line for line in self.contexts if line.origin is None]
        after: dict[KeyPath, Any] = {
            ("contexts", len(kept) + at): {"name": line.name, "text": line.text} for at, line in enumerate(fresh)
        }
        return edited(edited(source, first), after)

    def composed(self, source: str, title: str) -> str:
        """A file of its own with all that the template has besides. Raises PromptError."""
        table: Mapping[str, Any] = tomllib.loads(source) if source else {"schema": SCHEMA, "kind": "association"}
        contexts = [{"name": line.name, "text": line.text} for line in self.contexts]
        made = {**table, "title": title, "text": self.text, "words": list(self.words), "contexts": contexts}
        return compose({key: value for key, value in made.items() if value != []})
