"""A prompt as a form, for those who want no TOML: a field a value; what is typed goes into the text, line by line."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Button, Input, Static, TextArea

from workbench import safe
from workbench.inference.sampling import SPECS

KeyPath = tuple[str | int, ...]
_ADD: dict[str, tuple[tuple[str, str, dict[str, Any]], ...]] = {
    "system": (("example", "examples", {"user": "", "assistant": ""}),),
    "chat": (
        ("message", "messages", {"role": "user", "content": ""}),
        ("example", "examples", {"user": "", "assistant": ""}),
    ),
    "association": (("context", "contexts", {"name": "", "text": ""}),),
}


@dataclass(frozen=True)
class Field:
    """A field: where its value stands, what it is called, how it is typed: line, text, list, value, settings."""

    path: KeyPath
    name: str
    kind: str = "line"
    group: KeyPath = ()  # the table that it belongs to and can be removed with


def fields(table: Mapping[str, Any]) -> list[Field]:
    """The fields of a prompt's table, in the order in which they are read."""
    made = [
        Field(("title",), "title"),
        Field(("description",), "description", "text"),
        Field(("tags",), "tags", "list"),
    ]
    kind = table.get("kind")
    if kind != "chat":
        made.append(Field(("text",), "text", "text"))
    for index, turn in enumerate(_tables(table, "messages")):
        path: KeyPath = ("messages", index)
        made.append(Field((*path, "role"), f"message {index + 1}: role (system, user, assistant)", group=path))
        made.append(Field((*path, "content"), str(turn.get("role", "")), "text"))
    if kind == "association":
        made.append(Field(("words",), "words", "list"))
    for index, _ in enumerate(_tables(table, "contexts")):
        made.append(Field(("contexts", index, "name"), f"context {index + 1}: name", group=("contexts", index)))
        made.append(Field(("contexts", index, "text"), "its text", "text"))
    for index, _ in enumerate(_tables(table, "examples")):
        made.append(Field(("examples", index, "user"), f"example {index + 1}: user", "text", ("examples", index)))
        made.append(Field(("examples", index, "assistant"), "assistant", "text"))
    variables = table.get("variables")
    for name in variables if isinstance(variables, dict) else ():
        path = ("variables", name)
        made.append(Field((*path, "default"), f"variable {name}: default (none: required)", "value", path))
        made.append(Field((*path, "description"), "description"))
        made.append(Field((*path, "choices"), "choices", "list"))
    made.append(Field(("sampling",), "sampling (temperature=0.7 top_k=40)", "settings"))
    return made


def _tables(table: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    value = table.get(key)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def shown_value(table: Any, field: Field) -> str:
    """The field's value as it is typed."""
    for part in field.path:
        try:
            table = table[part]
        except (LookupError, TypeError):
            return ""
    if field.kind == "settings" and isinstance(table, dict):
        return " ".join(f"{name}={value}" for name, value in table.items())
    if field.kind == "list" and isinstance(table, list):
        return ", ".join(map(str, table))
    if isinstance(table, bool):
        return "true" if table else "false"
    return str(table)


def typed_value(text: str, field: Field, before: Any) -> Any:
    """What was typed as the file holds it; None takes the key out. Raises ValueError in words."""
    if field.kind == "list":
        return [part.strip() for part in text.split(",") if part.strip()] or None
    if field.kind == "value":
        return _like(text, before) if text else None
    if field.kind == "settings":
        return _settings(text)
    return text if text or field.path[-1] in ("text", "content", "user", "assistant", "role", "name") else None


def _like(text: str, before: Any) -> Any:
    """`text` of the type that the value before had."""
    if isinstance(before, bool):
        return {"true": True, "false": False}.get(text.lower(), text)
    for kind in (int, float):
        if isinstance(before, kind):
            try:
                return kind(text)
            except ValueError:
                return text
    return text


def _settings(text: str) -> dict[str, Any] | None:
    made: dict[str, Any] = {}
    for word in text.split():
        name, sign, value = word.partition("=")
        if not sign or not value:
            raise ValueError(f"{word}: write NAME=VALUE")
        spec = SPECS.get(name)
        if spec is None:
            raise ValueError(f"{name} is no sampler setting")
        made[name] = next(iter(tomllib.loads(f"x = {value}").values())) if spec.kind != "text" else value
    return made or None


def _removing(group: KeyPath) -> str:
    """`remove variable topic`, `remove example 2`."""
    name, which = str(group[0]).removesuffix("s"), group[1]
    return safe.line(f"remove {name} {which + 1 if isinstance(which, int) else which}")[:60]


class PromptForm(VerticalScroll):
    """`load` shows a text; `Edited` says what was typed."""

    DEFAULT_CSS = """
    PromptForm { height: 2fr; padding: 0 1; scrollbar-size-vertical: 1; }
    PromptForm .name { color: $foreground-muted; height: 1; }
    PromptForm .group { margin: 1 0 0 0; color: $accent; }
    PromptForm Input, PromptForm Input:focus { border: none; height: 1; padding: 0 1; background: $foreground 8%; }
    PromptForm TextArea, PromptForm TextArea:focus { border: none; height: auto; min-height: 1; max-height: 14;
        padding: 0 1; background: $foreground 8%; }
    PromptForm Input:focus, PromptForm TextArea:focus { background: $accent 20%; }
    PromptForm .row { layout: horizontal; height: 1; margin: 1 0; }
    PromptForm Button { border: none; height: 1; min-width: 8; width: auto; padding: 0 1; margin: 0 1 0 0;
        background: $panel; color: $foreground; }
    PromptForm Button:focus { background: $accent 40%; text-style: bold; }
    PromptForm #wrong { color: $error; height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
    ]

    class Edited(Message):
        """A value was typed (None: taken out)."""

        def __init__(self, path: KeyPath, value: Any) -> None:
            super().__init__()
            self.path, self.value = path, value

    def __init__(self) -> None:
        super().__init__(can_focus=False)
        self._table: dict[str, Any] = {}
        self._fields: list[Field] = []
        self._widgets: dict[str, Field] = {}

    async def load(self, text: str) -> bool:
        """Show the text's values; False when it is no TOML. A field that one types in is left alone."""
        try:
            self._table = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError):
            return False
        made = fields(self._table)
        if made != self._fields:
            self._fields = made
            await self.remove_children()
            await self.mount_all(list(self._rows()))
        focused = self.screen.focused
        for widget in self.query("Input, TextArea"):
            field = self._widgets.get(widget.name or "")
            if field is None or widget is focused:
                continue
            value = shown_value(self._table, field)
            with self.prevent(Input.Changed, TextArea.Changed):
                if isinstance(widget, Input) and widget.value != value:
                    widget.value = value
                elif isinstance(widget, TextArea) and widget.text != value:
                    widget.text = value
        return True

    def _rows(self) -> Iterator[Any]:
        self._widgets = {}
        for number, field in enumerate(self._fields):
            name = str(number)
            self._widgets[name] = field
            yield Static(Content(safe.line(field.name)), classes="name group" if field.group else "name")
            if field.kind == "text":
                area = TextArea(
                    name=name, soft_wrap=True, tab_behavior="focus", compact=True, highlight_cursor_line=False
                )
                area.cursor_blink = False
                yield area
            else:
                line = Input(name=name)
                line.cursor_blink = False
                yield line
            last = (
                number + 1 == len(self._fields)
                or self._fields[number + 1].group
                or not self._fields[number + 1].path[1:]
            )
            group = next((f.group for f in reversed(self._fields[: number + 1]) if f.group or len(f.path) == 1), ())
            if last and group and len(field.path) > 1:
                remove = Button(_removing(group), name=f"{number}", classes="remove", compact=True)
                yield remove
        yield self._adders()
        yield Static("", id="wrong")

    def _adders(self) -> Vertical:
        kind = str(self._table.get("kind"))
        buttons = [Button(f"+ {name}", name=key, classes="add", compact=True) for name, key, _ in _ADD.get(kind, ())]
        return Vertical(*buttons, Button("+ variable", name="variables", classes="add", compact=True), classes="row")

    def compose(self) -> ComposeResult:
        yield from ()

    def say(self, wrong: str) -> None:
        """What is wrong with what was typed, "" for nothing."""
        for line in self.query("#wrong").results(Static):
            line.update(Content(safe.line(wrong)))

    @on(Input.Changed)
    def _line(self, event: Input.Changed) -> None:
        event.stop()
        self._edited(event.input.name, event.value)

    @on(TextArea.Changed)
    def _text(self, event: TextArea.Changed) -> None:
        event.stop()
        self._edited(event.text_area.name, event.text_area.text)

    def _edited(self, name: str | None, text: str) -> None:
        field = self._widgets.get(name or "")
        if field is None:
            return
        before: Any = self._table
        for part in field.path:
            try:
                before = before[part]
            except (LookupError, TypeError):
                before = None
        try:
            value = typed_value(text, field, before)
        except (ValueError, tomllib.TOMLDecodeError) as error:
            self.say(str(error))
            return
        self.say("")
        self.post_message(self.Edited(field.path, value))

    @on(Button.Pressed, ".add")
    def _added(self, event: Button.Pressed) -> None:
        event.stop()
        key = event.button.name or ""
        if key == "variables":
            names = self._table.get("variables") or {}
            number = next(n for n in range(1, 1000) if f"name{n}" not in names)
            self.post_message(self.Edited(("variables", f"name{number}"), {"default": ""}))
            return
        empty = next(value for _, name, value in _ADD[str(self._table.get("kind"))] if name == key)
        for part, value in empty.items():
            self.post_message(self.Edited((key, len(_tables(self._table, key)), part), value))

    @on(Button.Pressed, ".remove")
    def _removed(self, event: Button.Pressed) -> None:
        event.stop()
        number = int(event.button.name or 0)
        group = next(f.group for f in reversed(self._fields[: number + 1]) if f.group)
        self.post_message(self.Edited(group, None))
