"""The sampler microscope: what a change of the settings would have chosen along an answer, token by token.

Nothing is generated: the answer stays as it is, and at each of its tokens the chain is applied to the model's own
distribution there, with the step's own noise. So each mark says what would have been drawn *at that token*, the text
before it being the same; after the first change a real answer would have gone its own way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from workbench.inference.engine import Step
from workbench.inference.sampling import SPECS, Sampling, check

# What the arrows change it by; the others are changed in the form.
STEPS: dict[str, float] = {
    "temperature": 0.1,
    "top_k": 5,
    "top_p": 0.05,
    "min_p": 0.01,
    "seed": 1,
    "typical_p": 0.05,
    "top_n_sigma": 0.5,
    "repeat_penalty": 0.05,
    "frequency_penalty": 0.1,
    "presence_penalty": 0.1,
    "xtc_probability": 0.1,
    "xtc_threshold": 0.05,
    "dry_multiplier": 0.2,
}
NAMES = tuple(STEPS)


@dataclass(frozen=True)
class Change:
    """A token of the answer where the chain would now draw another. `p` is of the answer's token, after the chain."""

    step: int
    now: str
    p_before: float
    p_now: float


def changes(before: Sequence[Step], now: Sequence[Step]) -> list[Change]:
    """Where the new chain draws another token than the old one did, in the answer's order."""
    return [
        Change(at, text_of(new, new.choice), p_of(old, old.id), p_of(new, new.id))
        for at, (old, new) in enumerate(zip(before, now, strict=True))
        if old.choice != new.choice
    ]


def p_of(step: Step, token: int, stage: int = -1) -> float:
    """The probability of a candidate after a stage (the last, when none is named); 0 where it was removed."""
    place = next((at for at, (id, _) in enumerate(step.candidates) if id == token), None)
    found = None if place is None else step.stages[stage].p[place]
    return found or 0.0


def as_drawn(steps: Sequence[Step]) -> int:
    """At how many tokens the chain draws the very token of the answer."""
    return sum(step.choice == step.id for step in steps)


def text_of(step: Step, token: int) -> str:
    """A candidate's text; a word for nothing, where a grammar leaves none."""
    return next((text for id, text in step.candidates if id == token), "(nothing)")


def remover(step: Step, place: int) -> str:
    """The sampler that removed the candidate at that place, "" where it is left to the end."""
    return next((stage.name for stage in step.stages if stage.p[place] is None), "")


def nudged(sampling: Sampling, name: str, by: int) -> Sampling:
    """The settings with one of them `by` steps up or down, within its range."""
    spec = SPECS[name]
    value = getattr(sampling, name) + by * STEPS[name]
    value = round(max(spec.low, min(spec.high, value)), 6)
    if name == "top_n_sigma" and value < 0:
        value = -1.0 if by < 0 else STEPS[name]
    made = int(value) if spec.kind == "int" else float(value)
    return msgspec.structs.replace(sampling, **{name: check(name, made)})
