"""What every format works with: the foreign file, a prompt on its way in or out, and what could not be carried."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import NotFoundError, PromptError, SamplingError, UsageError
from workbench.inference.sampling import SPECS, check
from workbench.library.exchange.slots import Piece, RefusedError, ours
from workbench.library.reader import clipped
from workbench.library.template import names

if TYPE_CHECKING:
    from workbench.library.prompt import Prompt, Variable

Messages = list[dict[str, str]]  # role, content
MOST = 20_000_000  # bytes of a foreign file
ROLES = {
    **{"system": "system", "developer": "system"},
    **{"user": "user", "human": "user"},
    **{"assistant": "assistant", "model": "assistant", "ai": "assistant", "gpt": "assistant"},
}
# Other programs' names of sampler settings.
SETTINGS = {
    **{"topK": "top_k", "topP": "top_p", "minP": "min_p", "stopSequences": "stop", "maxOutputTokens": "max_tokens"},
    **{"max_completion_tokens": "max_tokens", "max_output_tokens": "max_tokens", "max_new_tokens": "max_tokens"},
    **{"frequencyPenalty": "frequency_penalty", "presencePenalty": "presence_penalty", "n_predict": "max_tokens"},
    **{"num_predict": "max_tokens", "repetition_penalty": "repeat_penalty", "stop_sequences": "stop"},
}


def text_of(path: Path) -> str:
    """A foreign file's text, with LF line ends. Raises NotFoundError, or UsageError when it is no text."""
    try:
        with open(path, "rb") as file:
            data = file.read(MOST + 1)
    except FileNotFoundError:
        raise NotFoundError("there is no such file", where=str(path)) from None
    except OSError as error:
        raise UsageError(f"cannot read it ({error.strerror})", where=str(path)) from error
    if len(data) > MOST:
        raise UsageError("it is too large", where=str(path), hint=f"at most {MOST:,} bytes")
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise UsageError("not UTF-8 text", where=str(path), hint="save it as UTF-8") from None


@dataclass(frozen=True)
class Source:
    """A foreign file, decoded, with LF line ends."""

    path: Path
    text: str

    def where(self, needle: str = "") -> str:
        """`FILE:LINE` of the needle's first line."""
        first = needle.split("\n", 1)[0]
        at = self.text.find(first) if first else -1
        return f"{self.path}:{self.text.count(chr(10), 0, at) + 1}" if at >= 0 else str(self.path)

    def error(self, what: str, needle: str = "", hint: str = "") -> PromptError:
        """An error of this file."""
        return PromptError(what, where=self.where(needle), hint=hint)


@dataclass
class Draft:
    """A prompt on its way in: a suggested id, its table in our schema, what was left out; or why it is refused."""

    id: str
    table: dict[str, Any]
    dropped: list[str] = field(default_factory=list)
    refused: PromptError | None = None


@dataclass
class Imported:
    """What came in. `dropped` and `refused` are lines for a person."""

    drafts: list[Draft] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Exported:
    """Files to write (relative name → text), and what the format has no place for."""

    files: Mapping[str, str]
    dropped: Sequence[str]


class Incoming:
    """Builds a Draft: texts by one syntax, settings, variables; collects what is left out."""

    def __init__(self, source: Source, id: str, read: Callable[[str], Sequence[Piece]]) -> None:
        self.source, self.id, self._read = source, slug(id), read
        self.dropped: list[str] = []
        self.sampling: dict[str, Any] = {}
        self.variables: dict[str, dict[str, Any]] = {}
        self.head: dict[str, Any] = {}
        self.cases: list[dict[str, Any]] = []
        self.template = ""

    def text(self, text: str) -> str:
        """A text in our syntax. Raises RefusedError."""
        return text if self.template == "jinja" else ours(self._read(text))

    def setting(self, name: str, value: Any) -> None:
        """A sampler setting under their name; one that is not ours, or out of range, is left out."""
        mine = SETTINGS.get(name, name)
        if mine not in SPECS:
            self.dropped.append(f"{name}: no sampler setting of ours")
            return
        if value is None or value in ([], ""):
            return
        try:
            made = check(mine, value)
        except SamplingError as error:
            self.dropped.append(f"{name}: {error}")
            return
        self.sampling[mine] = list(made) if isinstance(made, tuple) else made

    def leave(self, table: Mapping[str, Any], why: Mapping[str, str], known: Sequence[str]) -> None:
        """Say what of a table is not carried."""
        for name in table:
            if name not in known:
                self.dropped.append(f"{clipped(str(name)).strip(chr(34))}: {why.get(name, 'nothing like it here')}")

    def default(self, name: str, value: Any) -> None:
        """A variable's default."""
        if isinstance(value, (str, int, float, bool)):
            slot = self.variables.setdefault(name, {})
            if not isinstance(value, str):
                slot["type"] = {bool: "bool", int: "int", float: "float"}[type(value)]
            slot["default"] = value
        else:
            self.dropped.append(f"the default of {name}: no text, number or true/false")

    def draft(self, messages: Sequence[Mapping[str, str]]) -> Draft:
        """The prompt: `system` when there is only a system message, else `chat`. Contents are theirs."""
        try:
            return self._draft(messages)
        except RefusedError as error:
            refused = PromptError(
                f"{error.what}: {self.id} is refused",
                where=self.source.where(error.needle),
                hint=error.hint or "write it with plain variables",
            )
            return Draft(self.id, {}, self.dropped, refused)

    def _draft(self, messages: Sequence[Mapping[str, str]]) -> Draft:
        if not any(each["content"].strip() for each in messages):
            raise RefusedError("there is no text", "", "a prompt needs a text or a message")
        turns = [{"role": each["role"], "content": self.text(each["content"])} for each in messages]
        alone = len(turns) == 1 and turns[0]["role"] == "system"
        table: dict[str, Any] = {"schema": 1, "kind": "system" if alone else "chat", **self.head}
        table = {key: value for key, value in table.items() if value not in ("", [])}
        if self.template:
            table["template"] = self.template
        if alone:
            table["text"] = turns[0]["content"]
        else:
            table["messages"] = turns
        if not self.template:
            used = list(dict.fromkeys(name for turn in turns for name in names(turn["content"])))
            for name in self.variables:
                if name not in used:
                    self.dropped.append(f"the variable {name}: the texts do not use it")
            self.variables = {name: self.variables.get(name, {}) for name in used}
        if self.variables:
            table["variables"] = self.variables
        if self.sampling:
            table["sampling"] = self.sampling
        if self.cases:
            table["cases"] = self.cases
        return Draft(self.id, table, self.dropped)


def slug(id: str) -> str:
    """An id that a prompt may have, made of a foreign name."""
    parts = [re.sub(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\\:@\s]+", "-", part).strip(".- ") for part in id.split("/")]
    return "/".join(part[:80] for part in parts if part) or "imported"


def outgoing(prompt: Prompt) -> tuple[Messages, list[str]]:
    """The prompt's messages, examples as pairs, in our syntax; and the lines that every format has to say."""
    messages: Messages = [{"role": "system", "content": prompt.text}] if prompt.kind == "system" else []
    messages += [{"role": turn.role, "content": turn.content} for turn in prompt.messages]
    for pair in prompt.examples:
        messages += [{"role": "user", "content": pair.user}, {"role": "assistant", "content": pair.assistant}]
    dropped = ["examples: they are messages now"] if prompt.examples else []
    dropped += [f"{clipped(key).strip(chr(34))}: a key that is not ours" for key in prompt.extra]
    dropped += [f"variables.{name}: the texts do not use it" for name in prompt.variables if name not in used(prompt)]
    return messages, dropped


def used(prompt: Prompt) -> dict[str, Variable]:
    """The variables that the texts use."""
    texts = [prompt.text, *(turn.content for turn in prompt.messages)]
    texts += [text for pair in prompt.examples for text in (pair.user, pair.assistant)]
    found = {name for text in texts for name in names(text)}
    return {name: slot for name, slot in prompt.variables.items() if name in found or prompt.template == "jinja"}


def left_out(prompt: Prompt, *carried: str) -> list[str]:
    """A line for each part of the prompt that the format does not carry."""
    said = {
        "title": bool(prompt.title) and prompt.title != prompt.id.rsplit("/", 1)[-1],
        "description": bool(prompt.description),
        "tags": bool(prompt.tags),
        "variables": any(
            slot.description or slot.default is not None or slot.type != "string" for slot in prompt.variables.values()
        ),
        "sampling": bool(prompt.sampling),
        "cases": bool(prompt.cases),
    }
    why = {"variables": "only their names are carried"}
    return [
        f"{name}: {why.get(name, 'no place for it')}" for name, there in said.items() if there and name not in carried
    ]


def name_of(prompt: Prompt, suffix: str) -> str:
    """The file's name: the id's last part."""
    return f"{prompt.id.rsplit('/', 1)[-1]}{suffix}"
