"""What ran before: trials newest first; the whole text and its settings; its message taken up again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from workbench import safe
from workbench.errors import WorkbenchError
from workbench.inference.sampling import Sampling
from workbench.tui import actions
from workbench.tui.widgets.answer import AnswerPane
from workbench.tui.widgets.frame import FrameLine

if TYPE_CHECKING:
    from workbench.session import Session
    from workbench.tui.app import WorkbenchApp

SHOWN = 500  # trials in the list


class HistoryScreen(ModalScreen[str | None]):
    """Gives the message to take up again, or None."""

    DEFAULT_CSS = """
    HistoryScreen { background: $background; }
    HistoryScreen Container { layout: horizontal; height: 1fr; }
    HistoryScreen OptionList { width: 2fr; height: 1fr; border: none; background: $background; padding: 0;
        scrollbar-size-vertical: 1; }
    HistoryScreen Vertical { width: 3fr; height: 1fr; border-left: solid $foreground 25%; padding: 0 0 0 1; }
    HistoryScreen.-narrow Container { layout: vertical; }
    HistoryScreen.-narrow OptionList { width: 1fr; height: 2fr; }
    HistoryScreen.-narrow Vertical { width: 1fr; height: 3fr; border-left: none; border-top: solid $foreground 25%; }
    """
    places: ClassVar[tuple[str, ...]] = ("history", "answer", "app")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(",".join(a.keys), a.do, a.title, show=False, id=a.id, priority="escape" in a.keys)
        for a in actions.at("history")
        if a.id != "history.open"
    ]

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._trials: list[dict[str, Any]] = []
        self._head, self._foot = FrameLine("top"), FrameLine("bottom")

    def compose(self) -> ComposeResult:
        yield self._head
        with Container():
            yield OptionList(markup=False, compact=True)
            with Vertical():
                yield AnswerPane()
        yield self._foot

    async def on_mount(self) -> None:
        app: WorkbenchApp = self.app  # type: ignore[assignment]  # the only app there is
        listing = self.query_one(OptionList)
        listing.focus()
        self._foot.show([("enter read · u take its message · esc leave", "")])
        try:
            self._trials = await asyncio.to_thread(lambda: self._session.store.trials(None, SHOWN))
        except WorkbenchError as error:
            app.tell(str(error), severity="error")
        many = f"newest {SHOWN}" if len(self._trials) == SHOWN else str(len(self._trials))
        says = [("history", "name"), (f"  {many} trials", "")] if self._trials else [("history: nothing ran yet", "")]
        self._head.show(says)
        listing.set_options(Option(_row(trial)) for trial in self._trials)
        if self._trials:
            listing.highlighted = 0

    def on_resize(self) -> None:
        """Below 80 columns the text stands under the list."""
        self.set_class(self.size.width < 80, "-narrow")

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Show the trial."""
        event.stop()
        self.query_one(AnswerPane).set_text(_whole(self._trials[event.option_index]))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Enter goes into the text, to scroll."""
        event.stop()
        self.query_one(AnswerPane).focus()

    def action_reuse(self) -> None:
        """Take the highlighted trial's message."""
        at = self.query_one(OptionList).highlighted
        if at is not None:
            self.dismiss(_message(self._trials[at]))

    def action_leave(self) -> None:
        """From the text to the list, from the list to the lanes."""
        if isinstance(self.focused, AnswerPane):
            self.query_one(OptionList).focus()
        else:
            self.dismiss(None)


def _message(trial: dict[str, Any]) -> str:
    """The last thing the user said."""
    messages = trial.get("messages") or []
    return str(messages[-1].get("content", "")) if messages else ""


def _row(trial: dict[str, Any]) -> Content:
    finish = str(trial.get("finish") or "running")
    style = {"stop": "$success", "error": "$error bold"}.get(finish, "$warning")
    when = str(trial.get("created", ""))[5:16].replace("T", " ")
    said = " ".join(_message(trial).split())
    name = str(trial.get("prompt") or "(no prompt)")
    return Content.assemble(
        (f"{when} ", "dim"),
        (f"{safe.line(str(trial.get('variant', '')))} ", "bold $accent"),
        safe.line(f"{name[:24]} "),
        (f"{finish} ", style),
        (safe.line(said[:120]), "dim"),
    )


def _settings(values: dict[str, Any]) -> str:
    """Temperature and top_k, then what differs from the defaults; a setting of another version of ours as it stands."""
    fresh = Sampling()
    always = ("temperature", "top_k")
    telling = {name: value for name, value in values.items() if name in always or _differs(fresh, name, value)}
    return " ".join(f"{name}={value}" for name, value in telling.items())


def _differs(fresh: Sampling, name: str, value: object) -> bool:
    default = getattr(fresh, name, None)
    return value != (list(default) if isinstance(default, tuple) else default)


def _whole(trial: dict[str, Any]) -> str:
    """The trial in full, as it is read."""
    settings = _settings(trial.get("sampling") or {})
    speed = f" · {trial['tokens_per_s']:.0f} tok/s" if trial.get("tokens_per_s") else ""
    first = f" · first {trial['first_token_s']:.2f} s" if trial.get("first_token_s") is not None else ""
    version = f"@{str(trial['version'])[:8]}" if trial.get("version") else ""
    lines = [
        f"{trial.get('variant', '')}  {trial.get('prompt') or '(no prompt)'}{version}  {trial.get('model', '')}",
        settings,
        f"{trial.get('prompt_tokens', 0)} → {trial.get('completion_tokens', 0)} tok{speed}{first}"
        f" · {trial.get('finish') or 'running'} · seed {trial.get('seed', '')} · {trial.get('mode', '')}",
        "",
    ]
    for message in trial.get("messages") or []:
        mark = "❯ " if message.get("role") == "user" else ""
        lines += [f"{mark}{message.get('content', '')}", ""]
    lines.append(str(trial.get("text") or ""))
    if trial.get("error"):
        lines.append(f"✗ {trial['error']}")
    return "\n".join(lines)
