"""A comparison as it stands: its lanes, each with its own conversation. Pure state: nothing here does I/O.

Whoever shows it asks for plans (`plan_turn`, `plan_again`), gives them to the runner, and hands each RunEvent to
`apply`, which says which lanes changed. Events of trials that are no longer current are dropped there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from dataclasses import replace as copy_of
from typing import Literal

import msgspec

from workbench.experiments.experiment import (
    LABELS,
    Branch,
    Instructions,
    ModelLoading,
    ModelWaited,
    RunEvent,
    TrialAdvanced,
    TrialFinished,
    TrialFitted,
    TrialFitting,
    TrialPlan,
    TrialRecord,
    TrialStarted,
    Variant,
)
from workbench.inference.engine import Finish, Message, Mode
from workbench.inference.sampling import Sampling
from workbench.inference.window import Policy, Summary, Window

MIN_LANES, MAX_LANES = 2, 8
_SEEDS = 2**32
Phase = Literal["", "queued", "waiting", "loading", "fitting", "reading", "answering"]


@dataclass(kw_only=True)
class Exchange:
    """What the user said and what came back. `finish` is "" while the answer is under way; times in seconds."""

    message: str
    trial: str = ""
    seed: int = 1
    mode: Mode = "fast"
    parts: list[str] = field(default_factory=list, repr=False)
    finish: Finish | Literal[""] = ""
    error: str = ""
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    first_token_s: float | None = None
    tokens_per_s: float | None = None
    branch: Branch | None = None  # the answer begins with its prefix
    window: Window | None = None  # what was forgotten when it ran, without the texts of it

    @property
    def answer(self) -> str:
        """The text so far (untrusted)."""
        if len(self.parts) > 1:
            self.parts[:] = ["".join(self.parts)]
        return self.parts[0] if self.parts else ""


@dataclass(kw_only=True)
class Lane:
    """One variant and its conversation. `uid` stays for the lane's life; its label is its place.

    `lead` is what the prompt puts before the conversation, rendered, custom instructions in it. `problem` says why the
    lane cannot run ("" = it can). `phase` is "" when nothing runs; `progress` 0…1 while loading; `note` why it waits.
    `over_full` is what happens when the conversation is too long for the context; `summary` the last that was made.
    """

    uid: int
    prompt: str = ""
    pin: str = ""  # the version or label that was named, "" for the file as it is
    version: str = ""
    source: bytes = b""  # of the prompt's file
    lead: tuple[Message, ...] = ()
    values: dict[str, str] = field(default_factory=dict)
    profile: Instructions | None = None
    model: str = ""
    path: str = ""
    sampling: Sampling = Sampling()
    problem: str = ""
    over_full: Policy = "refuse"
    summary: Summary | None = None
    turns: list[Exchange] = field(default_factory=list)
    phase: Phase = ""
    progress: float = 0.0
    note: str = ""

    @property
    def reference(self) -> str:
        """The prompt as it was named: `ID`, `ID@VERSION` or `ID@LABEL`."""
        return f"{self.prompt}@{self.pin}" if self.pin else self.prompt

    @property
    def busy(self) -> bool:
        """Whether a trial of this lane is under way."""
        return self.phase != ""

    @property
    def last(self) -> Exchange | None:
        """The newest exchange."""
        return self.turns[-1] if self.turns else None

    @property
    def trial(self) -> str:
        """The id of the trial under way, "" when none is."""
        return self.turns[-1].trial if self.busy and self.turns else ""

    @property
    def text(self) -> str:
        """The newest answer, "" when there is none."""
        return self.turns[-1].answer if self.turns else ""

    def history(self, turns: Sequence[Exchange] | None = None) -> tuple[Message, ...]:
        """The conversation after the lead, without exchanges that brought no answer."""
        found: list[Message] = []
        for turn in self.turns if turns is None else turns:
            if answer := turn.answer:
                found += (Message("user", turn.message), Message("assistant", answer))
        return tuple(found)

    def pending(self, draft: str) -> tuple[Message, ...]:
        """What the next run feeds, lead and all: the draft after the history; with none, the last message again."""
        if draft.strip():
            return (*self.lead, *self.history(), Message("user", draft))
        if self.turns:
            return (*self.lead, *self.history(self.turns[:-1]), Message("user", self.turns[-1].message))
        return self.lead


class Comparison:
    """Two to eight lanes, the draft of the next message, and how they run."""

    def __init__(self, lanes: Iterable[Lane] = ()) -> None:
        self.lanes: list[Lane] = list(lanes)
        self.draft = ""
        self.mode: Mode = "fast"
        self.coupled = True
        self._next = max((lane.uid for lane in self.lanes), default=0) + 1

    # ---- lanes

    def label(self, lane: Lane) -> str:
        """A, B, C… by place."""
        return LABELS[self.lanes.index(lane)]

    def lane(self, uid: int) -> Lane | None:
        """The lane with this uid, None when it is gone."""
        return next((lane for lane in self.lanes if lane.uid == uid), None)

    @property
    def busy(self) -> bool:
        """Whether any lane runs."""
        return any(lane.busy for lane in self.lanes)

    def add(self, like: Lane | None = None, *, history: bool = False) -> Lane | None:
        """A new lane after `like` with its settings (and, with `history`, its finished conversation).

        None when there are eight already.
        """
        if len(self.lanes) >= MAX_LANES:
            return None
        uid, self._next = self._next, self._next + 1
        if like is None:
            made = Lane(uid=uid)
            self.lanes.append(made)
            return made
        turns = [copy_of(turn, parts=list(turn.parts)) for turn in like.turns if turn.finish] if history else []
        made = copy_of(
            like, uid=uid, values=dict(like.values), turns=turns, phase="", progress=0.0, note="", problem=like.problem
        )
        self.lanes.insert(self.lanes.index(like) + 1, made)
        return made

    def remove(self, lane: Lane) -> bool:
        """Take the lane out; False when only two are left. What it runs is the caller's to cancel (`lane.trial`)."""
        if len(self.lanes) <= MIN_LANES:
            return False
        self.lanes.remove(lane)
        return True

    def move(self, lane: Lane, by: int) -> bool:
        """Move the lane `by` places; False when it is at the end already."""
        here = self.lanes.index(lane)
        there = here + by
        if not 0 <= there < len(self.lanes):
            return False
        self.lanes.insert(there, self.lanes.pop(here))
        return True

    def set_variant(self, lane: Lane, variant: Variant) -> None:
        """Give the lane another prompt version, model or sampling; it keeps its conversation."""
        lane.prompt, lane.version, lane.lead = variant.prompt, variant.version, variant.lead
        lane.source, lane.profile = variant.source, variant.profile
        lane.model, lane.path, lane.sampling = variant.model, variant.path, variant.sampling
        lane.problem = ""

    def variant(self, lane: Lane) -> Variant:
        """The lane as the runner and the history know it."""
        return Variant(
            label=self.label(lane),
            prompt=lane.prompt,
            version=lane.version,
            source=lane.source,
            profile=lane.profile,
            lead=lane.lead,
            model=lane.model,
            path=lane.path,
            sampling=lane.sampling,
        )

    # ---- running

    def plan_turn(self, message: str, run: str, only: Iterable[Lane] | None = None) -> list[TrialPlan]:
        """The next turn: `message` to every idle lane that can run (or to those of `only`). `run` names the run."""
        plans = []
        for lane in self._ready(only):
            lane.turns = [turn for turn in lane.turns if turn.answer]
            plans.append(self._start(lane, message, run))
        return plans

    def plan_again(self, run: str, only: Iterable[Lane] | None = None, *, next_seed: bool = True) -> list[TrialPlan]:
        """The last message once more; its answer takes the last one's place (which stays in the history).

        A lane with no conversation yet gets the message the others had last. `next_seed` moves each lane's seed on.
        """
        said = next((turn.message for lane in self.lanes if (turn := lane.last)), "")
        plans = []
        for lane in self._ready(only):
            last = lane.turns.pop() if lane.turns else None
            message = last.message if last else said
            if not message:
                continue
            if next_seed:
                seed = (lane.sampling.seed + 1) % _SEEDS
                lane.sampling = msgspec.structs.replace(lane.sampling, seed=seed)
            plans.append(self._start(lane, message, run, last.branch if last else None))
        return plans

    def plan_branch(
        self, lane: Lane, branch: Branch, run: str, fed: tuple[Message, ...] = (), window: Window | None = None
    ) -> TrialPlan:
        """The lane's last answer once more, from the branch's prefix on, in the mode that it was made in.

        With a `window`: after what that left of the conversation, which is `fed`.
        """
        last = lane.turns.pop()
        made = self._start(lane, last.message, run, branch, last.mode)
        if window is None:
            return made
        lane.turns[-1].window = _light(window)
        return msgspec.structs.replace(made, messages=fed, window=window)

    def _ready(self, only: Iterable[Lane] | None) -> list[Lane]:
        wanted = self.lanes if only is None else list(only)
        return [lane for lane in wanted if not lane.busy and not lane.problem and lane.path]

    def _start(
        self, lane: Lane, message: str, run: str, branch: Branch | None = None, mode: Mode | None = None
    ) -> TrialPlan:
        before = lane.history()
        trial = f"{run}-{self.label(lane)}"
        mode = mode or self.mode
        lane.turns.append(Exchange(message=message, trial=trial, seed=lane.sampling.seed, mode=mode, branch=branch))
        lane.phase, lane.progress, lane.note = "queued", 0.0, ""
        return TrialPlan(
            id=trial,
            run=run,
            variant=self.variant(lane),
            messages=(*before, Message("user", message)),
            mode=mode,
            coupled=self.coupled,
            branch=branch,
            over_full=lane.over_full,
            summary=lane.summary,
        )

    def apply(self, event: RunEvent) -> list[Lane]:
        """Take in what the runner tells; returns the lanes that changed (none for a stale event)."""
        match event:
            case ModelLoading(model=model, fraction=fraction):
                changed = [lane for lane in self.lanes if lane.model == model and lane.phase in _BEFORE]
                for lane in changed:
                    lane.phase, lane.progress, lane.note = "loading", fraction, ""
                return changed
            case ModelWaited(model=model, reason=reason):
                changed = [lane for lane in self.lanes if lane.model == model and lane.phase in _BEFORE]
                for lane in changed:
                    lane.phase, lane.note = "waiting", reason
                return changed
            case TrialFitting() | TrialFitted() | TrialStarted() | TrialAdvanced() | TrialFinished():
                running = [lane for lane in self.lanes if lane.trial == event.trial]
                for lane in running:
                    _advance(lane, lane.turns[-1], event)
                return running
            case _:
                return []

    def fail_running(self, error: str) -> list[Lane]:
        """End whatever still runs as an error: the run itself broke."""
        changed = [lane for lane in self.lanes if lane.busy]
        for lane in changed:
            lane.phase, lane.turns[-1].finish, lane.turns[-1].error = "", "error", error
        return changed

    def clear(self) -> list[str]:
        """A new conversation in every lane; returns the trials to cancel. An empty draft gets the first message."""
        trials = [lane.trial for lane in self.lanes if lane.trial]
        first = next((lane.turns[0].message for lane in self.lanes if lane.turns), "")
        for lane in self.lanes:
            lane.turns, lane.phase, lane.note, lane.progress = [], "", "", 0.0
        if not self.draft.strip():
            self.draft = first
        return trials


_BEFORE = ("queued", "waiting", "loading")


def _light(window: Window) -> Window:
    """Without the texts that were forgotten: the turns before have them, and so has the history."""
    lost = tuple(msgspec.structs.replace(each, text="") for each in window.lost)
    return msgspec.structs.replace(window, lost=lost)


def _advance(
    lane: Lane, turn: Exchange, event: TrialFitting | TrialFitted | TrialStarted | TrialAdvanced | TrialFinished
) -> None:
    match event:
        case TrialFitting():
            lane.phase, lane.note = "fitting", ""
        case TrialFitted():
            turn.window = _light(event.window)
            lane.summary = event.window.summary or lane.summary
        case TrialStarted():
            lane.phase, lane.note = "reading", ""
            turn.prompt_tokens, turn.cached_tokens = event.prompt_tokens, event.cached_tokens
        case TrialAdvanced():
            lane.phase = "answering"
            turn.parts.append(event.text)
            turn.completion_tokens += event.tokens
        case TrialFinished():
            lane.phase, lane.note = "", ""
            _close(turn, event.record)


def _close(turn: Exchange, record: TrialRecord) -> None:
    turn.parts = [record.text] if record.text else []
    turn.finish, turn.error = record.finish, record.error or ""
    turn.prompt_tokens, turn.completion_tokens = record.prompt_tokens, record.completion_tokens
    turn.first_token_s, turn.tokens_per_s = record.first_token_s, record.tokens_per_s
    turn.seed, turn.mode = record.seed, record.mode
