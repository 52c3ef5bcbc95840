"""A form of settings: one list to move in, one line to type in; a wrong value is named with its range."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from msgspec import Struct
from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from workbench import safe
from workbench.errors import SettingError
from workbench.inference.specs import MAX_INT, Spec, Table

S = TypeVar("S", bound=Struct)


@dataclass(frozen=True)
class Chosen(Generic[S]):
    """The form's result: the settings, and whether every lane takes them."""

    settings: S
    everywhere: bool = False


_SHAPES = {"strings": '"text", "text"', "bias": "id:bias, id:bias", "text": "GBNF", "bool": "on off", "floats": "3, 1"}


def written(spec: Spec, value: Any) -> str:
    """A value as the form shows and takes it: texts quoted and separated by commas, bias as `id:value`."""
    if spec.kind == "bool":
        return "on" if value else "off"
    if spec.kind == "floats":
        return ", ".join(f"{number:g}" for number in value)
    if spec.kind == "strings":
        return ", ".join(json.dumps(item, ensure_ascii=False) for item in value)
    if spec.kind == "bias":
        return ", ".join(f"{key}:{bias:g}" for key, bias in value.items())
    if spec.kind == "text":
        return json.dumps(value, ensure_ascii=False)[1:-1].replace('\\"', '"')
    return f"{value:g}" if isinstance(value, float) else str(value)


def read(table: Table[Any], name: str, text: str) -> Any:
    r"""What was typed, as the setting takes it (`\n` in texts is a newline); raises SettingError."""
    spec = table.specs[name]
    if spec.kind == "strings":
        if not text.strip():
            return table.check(name, [])
        try:
            items = json.loads(f"[{text}]")
        except ValueError:
            items = [text]
        return table.check(name, [item if isinstance(item, str) else text for item in items])
    if spec.kind == "text":
        return table.check(name, text.replace("\\n", "\n"))
    if not text.strip() and spec.kind not in ("bias", "floats") and "" not in spec.choices:
        return spec.default
    return table.check(name, text.strip())


def range_of(spec: Spec) -> str:
    """The range in few letters."""
    if spec.kind == "choice":
        return " ".join(filter(None, spec.choices))
    if spec.kind not in ("int", "float"):
        return _SHAPES[spec.kind]
    high = "…" if spec.high >= MAX_INT else f"{spec.high:g}"
    return f"{spec.low:g} – {high}"


class SettingsForm(ModalScreen[Chosen[S] | None]):
    """Type a value for the highlighted setting; up and down move; Enter applies all.

    Subclasses say in `about` what the values would mean.
    """

    DEFAULT_CSS = """
    SettingsForm { align: center middle; background: $background 40%; }
    SettingsForm > Vertical { width: 96%; max-width: 96; height: 90%; max-height: 46; border: round $accent;
        background: $surface; }
    SettingsForm OptionList { height: 1fr; border: none; background: $surface; padding: 0; }
    SettingsForm OptionList { scrollbar-size-vertical: 1; }
    SettingsForm Horizontal { height: 1; border: none; background: $boost; }
    SettingsForm #name { width: auto; padding: 0 1; text-style: bold; }
    SettingsForm Input { border: none; height: 1; width: 1fr; padding: 0; background: $boost; }
    SettingsForm #help { height: 2; padding: 0 1; color: $foreground-muted; }
    SettingsForm #help.-bad { color: $error; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        Binding("up,ctrl+p", "step(-1)", show=False, priority=True),
        Binding("down,ctrl+n,tab", "step(1)", show=False, priority=True),
        Binding("shift+tab", "step(-1)", show=False, priority=True),
        Binding("pageup", "step(-8)", show=False, priority=True),
        Binding("pagedown", "step(8)", show=False, priority=True),
        Binding("f2", "default", show=False, priority=True),
        Binding("f3", "defaults", show=False, priority=True),
        Binding("f4", "everywhere", show=False, priority=True),
        Binding("f5", "turn", show=False, priority=True),
    ]

    def __init__(self, table: Table[S], settings: S, title: str, *, lanes: bool) -> None:
        super().__init__()
        self._table, self._title, self._lanes = table, title, lanes
        self._specs: Mapping[str, Spec] = table.specs
        self._wide = max(len(name) for name in self._specs)
        groups = list(dict.fromkeys(spec.group for spec in self._specs.values()))
        self._names = sorted(self._specs, key=lambda name: groups.index(self._specs[name].group))
        self._typed = {name: written(self._specs[name], getattr(settings, name)) for name in self._names}
        self._index: list[str] = []  # option -> setting, "" for a heading
        self._setting = self._names[0]

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = Content(f" {safe.line(self._title)} ")
            also = "f4 to all lanes" if self._lanes else "f5 next value"
            box.border_subtitle = Content(f"enter apply · {also} · f2 default · f3 all defaults · esc leave")
            listing = OptionList(markup=False, compact=True)
            listing.can_focus = False
            yield listing
            with Horizontal():
                yield Static("", id="name", markup=False)
                yield Input(compact=True)
            yield Static("", id="help", markup=False)

    def on_mount(self) -> None:
        options, group = [], ""
        for name in self._names:
            if self._specs[name].group != group:
                group = self._specs[name].group
                options.append(Option(Content.styled(f" {group}", "bold $accent"), disabled=True))
                self._index.append("")
            options.append(Option(self._row(name)))
            self._index.append(name)
        self.query_one(OptionList).set_options(options)
        self.query_one(Input).focus()
        self._go(self._setting)

    def on_resize(self) -> None:
        """Rows as wide as there is room."""
        listing = self.query_one(OptionList)
        for place, name in enumerate(self._index):
            if name:
                listing.replace_option_prompt_at_index(place, self._row(name))

    def _row(self, name: str) -> Content:
        spec, text = self._specs[name], self._typed[name]
        inner = min(96, self.app.size.width * 96 // 100) - 5
        default = f"  default {written(spec, spec.default)[:16]}" if inner >= 84 else ""
        width = max(8, inner - self._wide - 23 - (26 if default else 0))
        value = safe.line(text)
        while cell_len(value) > width:
            value = value[: len(value) - 2] + "…"
        bad = self._wrong(name) is not None
        style = "$error bold" if bad else "" if text == written(spec, spec.default) else "bold"
        return Content.assemble(
            f"   {name:<{self._wide}}  ",
            (value + " " * (width - cell_len(value)), style),
            (f"  {range_of(spec):<16}{default}", "dim"),
        )

    def _wrong(self, name: str) -> SettingError | None:
        try:
            read(self._table, name, self._typed[name])
        except SettingError as error:
            return error
        return None

    def _go(self, name: str) -> None:
        self._setting = name
        self.query_one(OptionList).highlighted = self._index.index(name)
        self.query_one("#name", Static).update(Content(f"{name} ="))
        line = self.query_one(Input)
        with self.prevent(Input.Changed):
            line.value = self._typed[name]
        line.action_select_all()
        self.tell()

    def tell(self) -> None:
        spec, error = self._specs[self._setting], self._wrong(self._setting)
        line = self.query_one("#help", Static)
        line.set_class(error is not None, "-bad")
        text = safe.line(str(error)) if error else f"{range_of(spec)}: {spec.help}"
        if about := "" if error else self.about():
            text += f"\n{about}"
        line.update(Content(text))

    def on_input_changed(self, event: Input.Changed) -> None:
        """Check as one types."""
        event.stop()
        self._set(self._setting, event.value)

    def _set(self, name: str, text: str) -> None:
        self._typed[name] = text
        self.query_one(OptionList).replace_option_prompt_at_index(self._index.index(name), self._row(name))
        self.tell()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter applies all."""
        event.stop()
        self._apply(everywhere=False)

    def _apply(self, *, everywhere: bool) -> None:
        wrong = next((name for name in self._names if self._wrong(name)), None)
        if wrong:
            self._go(wrong)
            self.app.bell()
            return
        self.dismiss(Chosen(self.made(), everywhere))

    def made(self) -> S:
        """The settings as typed. Raises SettingError."""
        return self._table.make({name: read(self._table, name, self._typed[name]) for name in self._names})

    def about(self) -> str:
        """A line on what the values as typed would mean; "" for none."""
        return ""

    def action_step(self, by: int) -> None:
        """Another setting."""
        at = self._names.index(self._setting)
        self._go(self._names[max(0, min(len(self._names) - 1, at + by))])

    def action_default(self) -> None:
        """This setting's default."""
        self._set(self._setting, written(self._specs[self._setting], self._specs[self._setting].default))
        self._go(self._setting)

    def action_defaults(self) -> None:
        """All defaults."""
        for name in self._names:
            self._set(name, written(self._specs[name], self._specs[name].default))
        self._go(self._setting)

    def action_everywhere(self) -> None:
        """Apply to all lanes."""
        if self._lanes:
            self._apply(everywhere=True)

    def action_turn(self) -> None:
        """The next of a few values."""
        spec = self._specs[self._setting]
        values = ("on", "off") if spec.kind == "bool" else spec.choices
        if values:
            here = self._typed[self._setting].strip()
            at = values.index(here) if here in values else -1
            self._set(self._setting, values[(at + 1) % len(values)])
            self._go(self._setting)

    def action_leave(self) -> None:
        """Change nothing."""
        self.dismiss(None)

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """A click on a row goes there."""
        event.stop()
        name = self._index[event.option_index]
        if name and name != self._setting:
            self._go(name)
