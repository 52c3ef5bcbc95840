"""One lane: what it is, its conversation, how full its context is, how it runs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Self, cast

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.geometry import Region

from workbench import safe
from workbench.experiments.conversation import Exchange, Lane
from workbench.inference.sampling import brief
from workbench.tui.widgets.answer import AnswerPane
from workbench.tui.widgets.context_bar import ContextBar, Load
from workbench.tui.widgets.frame import FrameLine, Part, shorten

if TYPE_CHECKING:
    from workbench.tui.app import WorkbenchApp

_FINISH = {"stop": "good", "length": "warn", "cancelled": "warn", "interrupted": "warn", "error": "bad"}


class LaneHead(FrameLine):
    """`A  system/plain@3f9c  MODEL  t0.8 k40`, each part shortened fairly."""

    def __init__(self) -> None:
        super().__init__("top")
        self._about = ("", "", "", "")

    def about(self, label: str, prompt: str, model: str, sampling: str) -> None:
        """Set what the lane is (prompt and model are untrusted)."""
        made = (label, safe.line(prompt), safe.line(model), sampling)
        if made != self._about:
            self._about = made
            self.refresh()

    @property
    def plain(self) -> str:
        """The heading, unshortened."""
        return "  ".join(self._about)

    def parts(self, room: int) -> tuple[Sequence[Part], Sequence[Part]]:
        """The heading in `room` cells: the model gives way first, then the settings, then the prompt."""
        label, prompt, model, sampling = self._about
        gap = "  " if room >= 48 else " "
        rest = room - cell_len(label) - 3 * len(gap)
        settings = shorten(sampling, max(8, min(cell_len(sampling), rest // 3)))
        names = rest - cell_len(settings)
        least = min(cell_len(model), cell_len(model.rpartition(" @ ")[2]) + 3 if " @ " in model else 7)
        short = _named(model, max(names - cell_len(prompt), least))
        if cell_len(prompt) > names - cell_len(short):
            prompt = prompt.rsplit("/", 1)[-1]  # the name says more than its folder
            short = _named(model, max(names - cell_len(prompt), least))
        named = shorten(prompt, names - cell_len(short))
        return ((label, "name"), (gap, ""), (named, "strong"), (f"{gap}{short}{gap}{settings}", "")), ()


def _named(model: str, width: int) -> str:
    """The model in `width` cells; of a server's (`MODEL @ HOST`) the host stays: one must see where a text goes."""
    name, at, host = model.rpartition(" @ ")
    if not at or cell_len(model) <= width:
        return shorten(model, width)
    room = width - cell_len(host) - 1
    return f"{shorten(name, room)}@{host}" if room > 0 else shorten(host, width)


class LanePane(AnswerPane):
    """An answer that looks the same with the focus and without: the frame shows that, so it is not painted again."""

    _same = False

    def watch_has_focus(self, value: bool) -> None:
        """Textual paints a widget anew when the focus comes or goes (over SSH: kilobytes)."""
        super().watch_has_focus(value)
        self._same = True

    def refresh(self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False) -> Self:
        """As Widget's, save for the one that follows a change of the focus."""
        if self._same and not regions and not layout:
            self._same = False
            return self
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)


class LaneView(Vertical):
    """Shows a Lane. It is told of each change; it never changes the lane."""

    DEFAULT_CSS = """
    LaneView { width: 1fr; height: 1fr; min-height: 5; }
    LaneView > .body { height: 1fr; border-left: solid $foreground 25%; border-right: solid $foreground 25%;
        padding: 0 0 0 1; }
    LaneView ContextBar { height: 1; }
    """

    def __init__(self, uid: int) -> None:
        super().__init__(id=f"lane-{uid}")
        self.uid = uid
        self.head = LaneHead()
        self.pane = LanePane()
        self.bar = ContextBar()
        self.foot = FrameLine("bottom")
        self._began = 0.0
        self._told = 0.0
        self._shown_note = ""
        self._lane: Lane | None = None  # whose figures the next frame shows
        self.stale = False  # the model is loaded, but otherwise than it is set now

    def compose(self) -> ComposeResult:
        yield self.head
        with Vertical(classes="body"):
            yield self.pane
            yield self.bar
        yield self.foot

    # ---- what is shown

    def retitle(self, lane: Lane, label: str) -> None:
        """The heading, when the lane's place, prompt, model or sampling changed."""
        prompt = f"{lane.prompt}@{lane.version[:4]}" if lane.version else lane.prompt or "(no prompt)"
        if lane.pin and not lane.version.startswith(lane.pin):
            prompt = f"{lane.reference}·{lane.version[:4]}"
        if lane.profile:
            prompt += f" +{lane.profile.name}"
        self.head.about(label, prompt, lane.model or "(no model)", brief(lane.sampling))

    def rebuild(self, lane: Lane) -> None:
        """The whole conversation anew; shows its end while the lane runs, else keeps to the last answer."""
        self.pane.set_text(transcript(lane))
        self.pane.action_bottom()
        self.restate(lane)

    def stream(self, lane: Lane, text: str) -> None:
        """More of the answer."""
        now = time.monotonic()
        if not self._began:
            self._began = now
        self.pane.append(text)
        self._lane = lane
        if now - self._told >= 0.5:
            self._told = now
            cast("WorkbenchApp", self.app).flusher.request(self)

    def flush(self) -> None:
        """The figures so far, in one frame with the text."""
        lane = self._lane
        if lane is None or lane.last is None or lane.phase != "answering":
            return
        self.restate(lane)
        if self.bar.load.known:
            turn = lane.last
            room = max(0, lane.sampling.max_tokens - turn.completion_tokens)
            self.bar.show(Load(turn.prompt_tokens + turn.completion_tokens, 0, room, self.bar.load.context, True))

    def advance(self, lane: Lane) -> None:
        """A phase before the first text: queued, waiting for memory, loading, reading."""
        self._began = 0.0
        if lane.note != self._shown_note:
            self._shown_note = lane.note
            self.pane.set_text(transcript(lane))
            self.pane.action_bottom()
        self.restate(lane)

    def finish(self, lane: Lane) -> None:
        """The answer has ended."""
        turn = lane.last
        if turn is not None and (turn.finish not in ("stop", "length") or not self._began):
            self.rebuild(lane)
        self._began, self._shown_note = 0.0, ""
        self.pane.finish()
        self.restate(lane)

    def restate(self, lane: Lane) -> None:
        """The line at the foot."""
        state, kind = status(lane)
        turn = lane.last
        if lane.problem:
            self.foot.show([(lane.problem, "bad")])
            return
        stale: list[Part] = [("reload needed: R · ", "warn")] if self.stale and not lane.busy else []
        if turn is None:
            self.foot.show([*stale, (state, kind)] if state or stale else [])
            return
        long, short = figures(turn, self.rate(turn))
        tail = [(f"seed {turn.seed} · {turn.mode}", "")]
        self.foot.show(
            [*stale, *([(f"{long} · ", "")] if long else []), (state, kind)],
            tail,
            brief=[*stale, *([(f"{short} · ", "")] if short else []), (state, kind)],
        )

    def rate(self, turn: Exchange) -> float | None:
        """Tokens per second: the engine's figure, or so far by this clock."""
        if turn.tokens_per_s is not None or not self._began:
            return turn.tokens_per_s
        spent = time.monotonic() - self._began
        return turn.completion_tokens / spent if spent > 0.3 else None

    def focus_lane(self) -> None:
        """Give the answer the focus."""
        self.screen.set_focus(self.pane)

    def on_descendant_focus(self) -> None:
        """The frame's lines show the focus."""
        self.head.add_class("-focus")
        self.foot.add_class("-focus")

    def on_descendant_blur(self) -> None:
        """And no more."""
        self.head.remove_class("-focus")
        self.foot.remove_class("-focus")


def transcript(lane: Lane) -> str:
    """The lane's conversation as text: each message's beginning after `❯`, then its answer."""
    parts = []
    for turn in lane.turns:
        said = " ".join(turn.message.split())
        block = f"❯ {said[:200]}{'…' if len(said) > 200 else ''}\n"
        if turn.branch:
            block += f"⑂ branched at token {turn.branch.token + 1} of {turn.branch.trial}\n"
        if turn.window:
            block += f"✂ {turn.window.says()}\n"
            if turn.window.summary:
                block += f"✎ summed up: {turn.window.summary.text}\n"
        block += f"\n{turn.answer}"
        if turn.error:
            block += f"\n✗ {turn.error}" if turn.answer else f"✗ {turn.error}"
        elif turn.finish in ("cancelled", "interrupted"):
            block += f"\n✂ {turn.finish}" if turn.answer else f"✂ {turn.finish} before the first token"
        parts.append(block)
    if parts and lane.note:
        parts[-1] += lane.note
    return "\n\n".join(parts)


def status(lane: Lane) -> tuple[str, str]:
    """What the lane does, and how it is coloured."""
    match lane.phase:
        case "queued":
            return "queued", ""
        case "waiting":
            return "waiting for memory", "warn"
        case "loading":
            return f"loading {lane.progress:.0%}", ""
        case "fitting":
            return "fitting the context", ""
        case "reading":
            return "reading the prompt", ""
        case "answering":
            return "running", "name"
    turn = lane.last
    if turn is None or not turn.finish:
        return "", ""
    if turn.finish == "error":
        return "error: r runs it again", "bad"
    return turn.finish, _FINISH[turn.finish]


def figures(turn: Exchange, rate: float | None) -> tuple[str, str]:
    """Tokens in and out, speed, time to the first token: in full, and short."""
    if not turn.prompt_tokens and not turn.completion_tokens:
        return "", ""
    count = f"{turn.prompt_tokens} → {turn.completion_tokens} tok"
    long, short = [count], [f"{turn.prompt_tokens}→{turn.completion_tokens}"]
    if rate:
        long.append(f"{rate:.0f} tok/s")
        short.append(f"{rate:.0f}/s")
    if turn.first_token_s is not None:
        long.append(f"first {turn.first_token_s:.2f} s")
        short.append(f"{turn.first_token_s:.2f}s")
    return " · ".join(long), " · ".join(short)
