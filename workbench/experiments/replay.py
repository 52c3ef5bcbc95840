"""A trial run again as it was made, and where, if anywhere, it departs. The new one is a trial of its own ("replay").

Strict trials never depart on the same machine and build; fast ones may: their batch was another.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from workbench.errors import EngineError, NotFoundError, SettingError, UsageError
from workbench.experiments.experiment import Branch, Instructions, TrialAdvanced, TrialPlan, TrialRecord, Variant
from workbench.experiments.runner import new_id
from workbench.history.store import made_with
from workbench.inference import loading, sampling
from workbench.inference.engine import LoadOptions, Message, ModelInfo
from workbench.inference.window import Policy, Window

AROUND = 30  # characters that are shown from where texts depart
KIND = "replay"


@dataclass(frozen=True)
class Replay:
    """What is to be run: the plan, how its model is loaded, and what is not as it was (`warnings`, a line each)."""

    plan: TrialPlan
    options: LoadOptions
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """How a replay compares. `token` is where it departs (from 1, of the new text), None when it does not.

    `character` is the same place in characters from 0; `was` and `now` are the two texts from there on, cut;
    `tokens` how many there are in the new one. `partial`: the old one had been stopped, and is the same so far.
    """

    tokens: int
    token: int | None = None
    character: int | None = None
    was: str = ""
    now: str = ""
    partial: bool = False

    @property
    def same(self) -> bool:
        """Whether nothing departs."""
        return self.token is None

    def __str__(self) -> str:
        """`the same, 42 tokens`; `departs at token 17: ‘…’ against ‘…’`."""
        if self.token is not None:
            return f"departs at token {self.token}: ‘{self.was}’ against ‘{self.now}’"
        tokens = "1 token" if self.tokens == 1 else f"{self.tokens} tokens"
        return f"the same as far as it went, {tokens}" if self.partial else f"the same, {tokens}"


class Meter:
    """Counts where each token of the new text began, to name the one that departs."""

    def __init__(self) -> None:
        self._ends: list[tuple[int, int]] = []  # characters, tokens so far
        self._at = (0, 0)

    def see(self, event: TrialAdvanced) -> None:
        """More of the text."""
        self._at = (self._at[0] + len(event.text), self._at[1] + event.tokens)
        self._ends.append(self._at)

    def token(self, character: int) -> int:
        """The number (from 1) of the token that the character at that place belongs to, or would."""
        return next((tokens for end, tokens in self._ends if end > character), self._at[1] + 1)


def prepare(trial: Mapping[str, Any], made: Mapping[str, Any]) -> Replay:
    """What it takes to run a stored TRIAL again; `made` is its run's `meta`, with the versions that made it.

    Raises NotFoundError when its model is gone, UsageError when it goes on or was made by settings that are not known.
    """
    if trial["finish"] == "running":
        raise UsageError(f"trial {trial['id']} goes on", hint="wait for its end, or stop it")
    if not trial["messages"] and not trial["lead"]:
        raise UsageError(f"trial {trial['id']} has no messages", hint="only what was generated can run again")
    warnings: list[str] = []
    path = _model(trial, warnings)
    options = _options(trial, warnings)
    try:
        settings = sampling.make({**trial["sampling"], "seed": trial["seed"] or 0})
        messages = msgspec.convert(trial["messages"], tuple[Message, ...])
        lead = msgspec.convert(trial["lead"], tuple[Message, ...])
        branch = msgspec.convert(trial.get("branch"), Branch | None)
        policy = msgspec.convert(trial.get("over_full") or "refuse", Policy)
        window = msgspec.convert(trial.get("window"), Window | None)
    except (SettingError, msgspec.ValidationError) as error:
        raise UsageError(f"trial {trial['id']} cannot run again: {error}", hint="its settings are not known") from error
    for name, now in made_with().items():
        if made.get(name) and made[name] != now and name == "llama_cpp_python":
            warnings.append(f"made with {name} {made[name]}, this is {now}: the answer may depart")
    run = new_id()
    variant = Variant(
        label=str(trial["variant"] or "A"),
        prompt=trial["prompt"] or "",
        version=trial["version"] or "",
        lead=lead,
        model=trial["model"] or Path(path).stem,
        path=path,
        sampling=settings,
        profile=_instructions(str(trial["profile"] or "")),
    )
    plan = TrialPlan(
        id=f"{run}-{variant.label}",
        run=run,
        variant=variant,
        messages=messages,
        mode="strict" if trial["mode"] == "strict" else "fast",
        coupled=trial["coupled"] is not False,
        case=str(trial["case"] or ""),
        repeat=int(trial["repeat"] or 0),
        replays=str(trial["id"]),
        branch=branch,
        over_full=policy,
        window=window,
    )
    return Replay(plan, options, tuple(warnings))


def _instructions(name: str) -> Instructions | None:
    """`NAME@hash8` as a variant has it; its text is in the lead already."""
    found, _, version = name.rpartition("@")
    return Instructions(found, version) if found else None


def _model(trial: Mapping[str, Any], warnings: list[str]) -> str:
    """The model's file: where it was, or where one of its name and size is now."""
    path, size = str(trial["path"] or ""), trial["model_size"]
    if "://" in path:
        return path
    if not os.path.isfile(path):
        from workbench.models.catalog import find

        try:
            path = find(str(trial["model"])).path
        except (NotFoundError, UsageError):
            hint = f"it was {path}; fetch it again" if path else "it names no file"
            raise NotFoundError(f"the model {trial['model']} is gone", hint=hint) from None
        warnings.append(f"the model's file has moved to {path}")
    if size and os.path.getsize(path) != size:
        warnings.append(f"the model's file is another: {os.path.getsize(path):,} bytes, it had {size:,}")
    return path


def _options(trial: Mapping[str, Any], warnings: list[str]) -> LoadOptions:
    """How the model was loaded; what this version does not know of is said and left out."""
    options = LoadOptions()
    load = trial.get("load") or {}
    if not load:
        warnings.append("how its model was loaded is not known: the defaults are taken")
    for name, value in load.items():
        try:
            options = loading.make({name: value}, options)
        except SettingError as error:
            warnings.append(f"a load setting is left out: {error.what}")
    return options


def is_loaded(info: ModelInfo | None, options: LoadOptions) -> bool:
    """Whether a loaded model is loaded so; a record's context is what it came to, not what was asked for."""
    return info is not None and msgspec.structs.replace(info.options, context_length=info.context_length) == options


def outcome(trial: Mapping[str, Any], record: TrialRecord, meter: Meter) -> Outcome:
    """The stored trial against its replay. Raises EngineError when the replay failed, or was stopped."""
    if record.finish in ("error", "cancelled", "interrupted"):
        raise EngineError(record.error or f"the replay was {record.finish}", hint="run it again")
    old, new, count = str(trial["text"]), record.text, record.completion_tokens
    at = next((at for at, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    stopped = trial["finish"] not in ("stop", "length")
    if at == len(old) and (stopped or (len(new) == len(old) and _ended_alike(trial, record))):
        return Outcome(count, partial=stopped)
    was, now = (_cut(text, at) for text in (old, new))
    return Outcome(
        count, meter.token(at), at, was or f"its end ({trial['finish']})", now or f"its end ({record.finish})"
    )


def _ended_alike(trial: Mapping[str, Any], record: TrialRecord) -> bool:
    return bool(trial["finish"] == record.finish and trial["completion_tokens"] == record.completion_tokens)


def _cut(text: str, at: int) -> str:
    found = text[at : at + AROUND]
    return f"{found}…" if len(text) > at + AROUND else found
