"""A comparison as a file: what was typed and set up survives a restart. Reading it back tolerates anything."""

from __future__ import annotations

from typing import Any

import msgspec

from workbench.experiments.conversation import MAX_LANES, MIN_LANES, Comparison, Exchange, Lane
from workbench.experiments.experiment import Branch, Instructions
from workbench.inference.engine import Finish, Message, Mode
from workbench.inference.sampling import Sampling
from workbench.inference.window import Policy, Summary, Window

SCHEMA = 1
SYSTEMS = ("system/plain", "system/step-by-step")  # what a new person finds, with this message
MESSAGE = "What is 17 + 25?"


class _Turn(msgspec.Struct):
    message: str
    answer: str = ""
    trial: str = ""
    seed: int = 1
    mode: Mode = "fast"
    finish: Finish | None = None
    error: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    first_token_s: float | None = None
    tokens_per_s: float | None = None
    branch: Branch | None = None
    window: Window | None = None


class _Lane(msgspec.Struct):
    prompt: str = ""
    pin: str = ""
    version: str = ""
    lead: tuple[Message, ...] = ()
    values: dict[str, str] = {}
    profile: Instructions | None = None
    model: str = ""
    path: str = ""
    sampling: Sampling = Sampling()
    over_full: Policy = "refuse"
    summary: Summary | None = None
    turns: list[_Turn] = []


class _File(msgspec.Struct):
    schema: int
    lanes: list[_Lane]
    draft: str = ""
    mode: Mode = "fast"
    coupled: bool = True


def dump(comparison: Comparison) -> bytes:
    """The comparison as JSON."""
    lanes = [
        _Lane(
            prompt=lane.prompt,
            pin=lane.pin,
            version=lane.version,
            lead=lane.lead,
            values=lane.values,
            profile=msgspec.structs.replace(lane.profile, source=b"") if lane.profile else None,
            model=lane.model,
            path=lane.path,
            sampling=lane.sampling,
            over_full=lane.over_full,
            summary=lane.summary,
            turns=[_turn(turn) for turn in lane.turns],
        )
        for lane in comparison.lanes
    ]
    made = _File(SCHEMA, lanes, comparison.draft, comparison.mode, comparison.coupled)
    try:
        return msgspec.json.encode(made)
    except UnicodeEncodeError:  # a lone surrogate in typed or generated text
        return msgspec.json.encode(_scrub(msgspec.to_builtins(made, str_keys=True)))


def _scrub(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, list | tuple):
        return [_scrub(item) for item in value]
    if isinstance(value, dict):
        return {_scrub(key): _scrub(item) for key, item in value.items()}
    return value


def _turn(turn: Exchange) -> _Turn:
    return _Turn(
        message=turn.message,
        answer=turn.answer,
        trial=turn.trial,
        seed=turn.seed,
        mode=turn.mode,
        finish=turn.finish or None,
        error=turn.error,
        prompt_tokens=turn.prompt_tokens,
        completion_tokens=turn.completion_tokens,
        first_token_s=turn.first_token_s,
        tokens_per_s=turn.tokens_per_s,
        branch=turn.branch,
        window=turn.window,
    )


def load(data: bytes) -> Comparison | None:
    """The comparison of a file, None when it cannot be used (damaged, of a later schema, too few lanes).

    Answers that were under way when it was written read "interrupted", with the text they had.
    """
    try:
        read = msgspec.json.decode(data, type=_File)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if read.schema != SCHEMA or not MIN_LANES <= len(read.lanes) <= MAX_LANES:
        return None
    made = Comparison(
        Lane(
            uid=uid,
            prompt=lane.prompt,
            pin=lane.pin,
            version=lane.version,
            lead=lane.lead,
            values=lane.values,
            profile=lane.profile,
            model=lane.model,
            path=lane.path,
            sampling=_checked(lane.sampling),
            over_full=lane.over_full,
            summary=lane.summary,
            turns=[_exchange(turn) for turn in lane.turns],
        )
        for uid, lane in enumerate(read.lanes, 1)
    )
    made.draft, made.mode, made.coupled = read.draft, read.mode, read.coupled
    return made


def _checked(sampling: Sampling) -> Sampling:
    """The settings if all are in range, else the defaults: the file may have been edited by hand."""
    from workbench.errors import SamplingError
    from workbench.inference.sampling import changed, make

    try:
        return make(changed(sampling))
    except SamplingError:
        return Sampling()


def _exchange(turn: _Turn) -> Exchange:
    return Exchange(
        message=turn.message,
        trial=turn.trial,
        seed=turn.seed,
        mode=turn.mode,
        parts=[turn.answer] if turn.answer else [],
        finish=turn.finish or "interrupted",
        error=turn.error,
        prompt_tokens=turn.prompt_tokens,
        completion_tokens=turn.completion_tokens,
        first_token_s=turn.first_token_s,
        tokens_per_s=turn.tokens_per_s,
        branch=turn.branch,
        window=turn.window,
    )
