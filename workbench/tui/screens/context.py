"""What fills a lane's context, and which words are forgotten when it is too small: before it runs."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.screen import ModalScreen
from textual.widgets import Static

from workbench import safe
from workbench.errors import WorkbenchError
from workbench.inference.engine import Message
from workbench.inference.window import POLICIES, REQUEST, Policy, Summary
from workbench.insight.context import Filling, filling, legend, notes
from workbench.tui import actions
from workbench.tui.screens.beside import bindings
from workbench.tui.widgets.frame import FrameLine
from workbench.tui.widgets.heat import HeatPane, Shaded
from workbench.tui.widgets.parts_bar import PartsBar

if TYPE_CHECKING:
    from workbench.session import Session
    from workbench.tui.app import WorkbenchApp

Chosen = dict[int, tuple[Policy, Summary | None]]  # by the lane's uid
_NAMES: tuple[Policy, ...] = tuple(POLICIES)


def _bindings() -> list[BindingType]:
    """The screen's keys; each digit is a lane's."""
    number = next(action for action in actions.at("context") if action.id == "context.number")
    digits = [Binding(key, f"lane({key})", number.title, show=False, id=f"{number.id}.{key}") for key in number.keys]
    return [*bindings("context", without=(number.id,)), *digits]


@dataclass(frozen=True)
class Asked:
    """What a lane's next run is given: its lead, the conversation after it, and the longest answer in tokens."""

    uid: int
    label: str
    model: str
    path: str
    lead: tuple[Message, ...]
    messages: tuple[Message, ...]
    room: int
    policy: Policy
    summary: Summary | None


class ForgottenPane(HeatPane):
    """A conversation with `gone` spans struck through; the text has marks around them too."""

    DEFAULT_CSS = """
    ForgottenPane { padding: 0 0 0 1; }
    ForgottenPane > .answer--gone { color: $foreground-muted; text-style: strike; }
    ForgottenPane > .answer--made { color: $text-warning; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"answer--gone", "answer--made"}

    def reveal(self, at: int) -> None:
        """This place a third down, as far as there is text behind it."""
        self._go(bisect_right(self._starts, at) - 1 - self.size.height // 3, tell=False)


class ContextScreen(ModalScreen[Chosen]):
    """The bar with its numbers, the policy, and the conversation. Gives each lane's policy, and the summaries made."""

    DEFAULT_CSS = """
    ContextScreen { background: $background; }
    ContextScreen > Static { height: auto; max-height: 7; padding: 0 1; }
    ContextScreen > Container { height: 1fr; border-top: solid $foreground 25%; }
    """
    AUTO_FOCUS = "ForgottenPane"
    places: ClassVar[tuple[str, ...]] = ("context", "answer", "app")
    BINDINGS: ClassVar[list[BindingType]] = _bindings()

    def __init__(self, session: Session, lanes: Sequence[Asked], uid: int) -> None:
        super().__init__()
        self.session = session
        self._lanes = list(lanes)
        self._here = next((at for at, lane in enumerate(lanes) if lane.uid == uid), 0)
        self.chosen: Chosen = {lane.uid: (lane.policy, lane.summary) for lane in lanes}
        self.found: Filling | None = None
        self._state = ""
        self._summed = 0  # summaries begun: one that was given up may still be ending
        self.head, self.foot = FrameLine("top"), FrameLine("bottom")
        self.bar = PartsBar()
        self.says = Static(markup=False)
        self.pane = ForgottenPane()

    @property
    def workbench(self) -> WorkbenchApp:
        """The app, by its type."""
        return cast("WorkbenchApp", self.app)

    @property
    def lane(self) -> Asked:
        """The lane that is looked at."""
        return self._lanes[self._here]

    @property
    def policy(self) -> Policy:
        """Its policy."""
        return self.chosen[self.lane.uid][0]

    def compose(self) -> ComposeResult:
        yield self.head
        yield self.bar
        yield self.says
        with Container():
            yield self.pane
        yield self.foot

    def on_mount(self) -> None:
        """Count the lane's."""
        shown = [(actions.key_name(a.keys[0]), a.footer) for a in actions.at("context") if a.footer]
        keys = " · ".join(["←→ policy" if word == "policy" else f"{key} {word}" for key, word in shown])
        self.foot.show([(f"{keys} · F1 keys · esc leave", "")])
        self._fill()

    # ---- counting

    @work(group="fill", exclusive=True)
    async def _fill(self, *, keep: bool = False) -> None:
        """What the lane's next run feeds; a summary is made when what is forgotten stands there already."""
        lane, policy = self.lane, self.policy
        self.found, self._state = self.found if keep else None, "counting …"
        self._show()
        try:
            async with self.session.pool.use(Path(lane.path)) as engine:
                known = self.chosen[lane.uid][1]
                found = await filling(engine, lane.lead, lane.messages, policy, lane.room, known=known)
                window = found.window
                if policy == "summarise" and window and window.lost and window.summary is None:
                    self.found, self._state = found, "the model sums up what is forgotten …"
                    self._show(reveal=True)
                    self._summed += 1
                    trial = f"context-{lane.uid}-summary-{self._summed}"
                    found = await filling(engine, lane.lead, lane.messages, policy, lane.room, known=known, trial=trial)
            made = found.window.summary if found.window else None
            self.chosen[lane.uid] = (policy, made or known)
            self.found, self._state = found, ""
        except WorkbenchError as error:  # a server that does not count; a model that fails
            self.found, self._state = None, str(error)
        self._show(reveal=True)

    # ---- showing

    def _show(self, *, reveal: bool = False) -> None:
        if not self.is_attached:
            return
        lane, found = self.lane, self.found
        context = f"{found.context:,} tok" if found and found.context else "not told" if found else "…"
        labels = [
            (f"[{each.label}]" if each is lane else f" {each.label} ", "name" if each is lane else "")
            for each in self._lanes
        ]
        self.head.show([("Context  ", "strong"), *labels], [(f"{lane.model} · holds {context}", "")])
        self.bar.show(found)
        self.says.update(safe.text("\n".join(safe.line(line) for line in self.lines())))
        made, at = self._text()
        self.pane.put(made, at if reveal else None)

    def lines(self) -> list[str]:
        """What stands between the bar and the conversation."""
        names = " · ".join(f"[{name}]" if name == self.policy else name for name in _NAMES)
        said = legend(self.found, self.size.width - 2) if self.found else []
        said += [f"over-full: {names}", f"  {POLICIES[self.policy]}"]
        if self.found:
            said += notes(self.found, "← → choose what is forgotten")
        return [*said, *([self._state] if self._state else [])]

    def _text(self) -> tuple[Shaded, int]:
        """The conversation, its forgotten words struck and in ‹ ›; and where it begins to be remembered."""
        made, border, found = Shaded(), 0, self.found
        if found is None:
            for message in (*self.lane.lead, *self.lane.messages):
                made.add(f"── {message.role}\n", "head")
                made.add(f"{message.content}\n")
            return made, 0
        window, before = found.window, len(self.lane.lead)
        summary = window.summary if window else None
        last = window.lost[-1].message + before if window and window.lost else -1
        resumes = last if last >= 0 and found.said[last].kept else last + 1
        for place, each in enumerate(found.said):
            if summary and place == before + summary.messages:
                border = made.add("── summary, in the place of what is forgotten\n", "head")
                made.add(f"{REQUEST}\n", "dim")
                made.add(f"{summary.text}\n", "made")
            gone = "" if not each.start else " · ✂ forgotten in part" if each.kept else " · ✂ forgotten"
            which = {"examples": " (example)", "message": " (the message)"}.get(each.part, "")
            began = made.add(f"── {each.message.role}{which} · {each.tokens:,} tok{gone}\n", "head")
            if each.start:
                made.add(f"‹{each.forgotten}›", "gone")
            kept = made.add(f"{each.kept}\n")
            border = border or ((kept if each.start else began) if place == resumes > 0 else 0)
        return made, border

    # ---- keys

    def action_policy(self, by: int) -> None:
        """Another policy for this lane."""
        uid = self.lane.uid
        self.chosen[uid] = (_NAMES[(_NAMES.index(self.policy) + by) % len(_NAMES)], self.chosen[uid][1])
        self._fill(keep=True)

    def action_everywhere(self) -> None:
        """This policy in all lanes."""
        self.chosen = {uid: (self.policy, summary) for uid, (_, summary) in self.chosen.items()}
        self.workbench.tell(f"{self.policy} in all lanes")

    def action_turn(self, by: int) -> None:
        """Another lane."""
        self._go((self._here + by) % len(self._lanes))

    def action_lane(self, number: int) -> None:
        """The lane of that number."""
        if number <= len(self._lanes):
            self._go(number - 1)

    def _go(self, place: int) -> None:
        if place != self._here:
            self._here = place
            self._fill()

    def action_leave(self) -> None:
        """Back to the lanes."""
        self.dismiss(self.chosen)
