"""The plan: what is compared and what is to be generated. Data only; `runner` turns it into trials."""

from __future__ import annotations

from typing import Any

import msgspec

from workbench.inference.engine import Finish, Message, Mode
from workbench.inference.sampling import Sampling, changed
from workbench.inference.window import Policy, Summary, Window

LABELS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Instructions(msgspec.Struct, frozen=True, omit_defaults=True):
    """The profile of custom instructions in a lead: its name, content hash, and file's bytes ("", b"" until read)."""

    name: str
    version: str = ""
    source: bytes = b""

    def __str__(self) -> str:
        """`NAME@hash8`, as a TRIAL names it."""
        return f"{self.name}@{self.version[:8]}"


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """A prompt version × a model × sampling, shown as A, B, C….

    `prompt` is the id as a person names it, or "" for text typed in place; `version` its content hash ("" for none);
    `lead` is what the prompt puts before the conversation (system text, examples), already rendered, with the custom
    instructions of `profile` in it; `source` the prompt file's bytes, for the history. `model` is the model's name and
    `path` its file.
    """

    label: str
    prompt: str
    version: str
    lead: tuple[Message, ...]
    model: str
    path: str
    sampling: Sampling = Sampling()
    source: bytes = b""
    profile: Instructions | None = None


class Branch(msgspec.Struct, frozen=True):
    """Where an answer was branched off: of which trial, at which of its tokens (from 0), and how the new one begins.

    `prefix` is that trial's text before the token, and the text of another token in its place.
    """

    trial: str
    token: int
    prefix: str


class TrialPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One generation to make: a variant, the conversation after its lead, and the seed in `variant.sampling`.

    `over_full` is what happens when that is too long for the context; a `summary` may serve again. With a `window` the
    `messages` are what it left, and nothing is fitted again.
    """

    id: str
    run: str
    variant: Variant
    messages: tuple[Message, ...]
    mode: Mode = "fast"
    coupled: bool = True
    logprobs: int = 0
    case: str = ""
    repeat: int = 0
    replays: str = ""  # the trial that this one repeats
    branch: Branch | None = None  # the answer begins with its prefix
    over_full: Policy = "refuse"
    summary: Summary | None = None
    window: Window | None = None


class TrialRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What a trial came to; field for field the TRIAL of DESIGN's table (times in seconds)."""

    variant: str
    case: str
    repeat: int
    prompt: str
    version: str
    model: str
    sampling: dict[str, Any]
    seed: int
    mode: Mode
    text: str
    finish: Finish
    error: str | None
    prompt_tokens: int
    completion_tokens: int
    first_token_s: float | None
    tokens_per_s: float | None
    checks: tuple[dict[str, Any], ...] = ()
    id: str = ""
    run: str = ""
    profile: str | None = None  # `NAME@hash8`
    passed: bool | None = None  # by its checks; None when none counts
    score: float | None = None  # 0…1
    reused: str = ""  # the trial of the same content address whose text this is; "" when it was made
    load: dict[str, Any] = {}  # how the model was loaded: its context in tokens, and what differs from the defaults
    window: Window | None = None  # what was forgotten of a conversation that was too long


class ModelLoading(msgspec.Struct, frozen=True):
    """A model is being loaded; `fraction` 0…1."""

    model: str
    fraction: float


class ModelWaited(msgspec.Struct, frozen=True):
    """A model waits for another to be done and unloaded: memory does not hold both. `reason` has the numbers."""

    model: str
    reason: str


class TrialFitting(msgspec.Struct, frozen=True):
    """The trial's conversation is looked at, and made to fit where it is too long."""

    trial: str


class TrialFitted(msgspec.Struct, frozen=True):
    """Something of it was forgotten."""

    trial: str
    window: Window


class TrialStarted(msgspec.Struct, frozen=True):
    """The engine reads the trial's prompt in."""

    trial: str
    prompt_tokens: int
    cached_tokens: int


class TrialAdvanced(msgspec.Struct, frozen=True):
    """More text of a trial (untrusted: `safe` it where it is shown)."""

    trial: str
    text: str
    tokens: int


class TrialFinished(msgspec.Struct, frozen=True):
    """A trial has ended and is in the history."""

    trial: str
    record: TrialRecord


class HistoryFailed(msgspec.Struct, frozen=True):
    """The history could not be written (a full disk…); trials go on, `reason` is the line to show."""

    reason: str


RunEvent = (
    ModelLoading
    | ModelWaited
    | TrialFitting
    | TrialFitted
    | TrialStarted
    | TrialAdvanced
    | TrialFinished
    | HistoryFailed
)


def sampling_dict(sampling: Sampling) -> dict[str, Any]:
    """The settings a person would name: what differs from the defaults, with temperature and seed always there."""
    return {"temperature": sampling.temperature, "seed": sampling.seed, **changed(sampling)}
