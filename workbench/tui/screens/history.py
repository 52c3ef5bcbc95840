"""What ran before: trials newest first; the whole text and its settings; its message taken up again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import BindingType

from workbench.errors import WorkbenchError
from workbench.inference.sampling import Sampling
from workbench.tui.screens.beside import BesideScreen, bindings
from workbench.tui.widgets.card_list import Row

if TYPE_CHECKING:
    from workbench.session import Session

SHOWN = 500  # trials in the list


class HistoryScreen(BesideScreen[str | None]):
    """Gives the message to take up again, or None."""

    places: ClassVar[tuple[str, ...]] = ("history", "list", "answer", "app")
    BINDINGS: ClassVar[list[BindingType]] = bindings("history", without=("history.open",))

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._trials: list[dict[str, Any]] = []

    async def on_mount(self) -> None:
        self.foot.show([("enter read · u take its message · esc leave", "")])
        try:
            self._trials = await asyncio.to_thread(lambda: self.session.store.trials(None, SHOWN))
        except WorkbenchError as error:
            self.workbench.tell(str(error), severity="error")
        many = f"newest {SHOWN}" if len(self._trials) == SHOWN else str(len(self._trials))
        says = [("history", "name"), (f"  {many} trials", "")] if self._trials else [("history: nothing ran yet", "")]
        self.head.show(says)
        self.cards.show(len(self._trials))
        self.turned()

    def row(self, index: int) -> Row:
        """When, which lane, which prompt, how it ended, what was asked."""
        trial = self._trials[index]
        finish = str(trial.get("finish") or "running")
        style = {"stop": "label", "error": "bad"}.get(finish, "mark")
        when = str(trial.get("created", ""))[5:16].replace("T", " ")
        name = str(trial.get("prompt") or "(no prompt)")
        said = " ".join(_message(trial).split())[:120]
        return [
            (f"{when} ", "dim"),
            (f"{trial.get('variant', '')} ", "match"),
            (f"{name[:24]} ", ""),
            (f"{finish} ", style),
            (said, "dim"),
        ], []

    def turned(self) -> None:
        """Show the trial."""
        if self._trials:
            self.pane.set_text(_whole(self._trials[self.cards.here]))

    def action_reuse(self) -> None:
        """Take the current trial's message."""
        if self._trials:
            self.dismiss(_message(self._trials[self.cards.here]))


def _message(trial: dict[str, Any]) -> str:
    """The last thing the user said."""
    messages = trial.get("messages") or []
    return str(messages[-1].get("content", "")) if messages else ""


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
