"""A comparison on the screen made into an experiment file: its lanes as variants, what was said as cases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workbench.experiments.conversation import Comparison, Lane
from workbench.experiments.files import KIND, SCHEMA, parse
from workbench.experiments.grid import SEED
from workbench.inference.sampling import changed

REPEATS = 3
_CHECKS = """
# What makes an answer good? Checks say so; without one nothing is judged. For example (docs/checks.md has all):
# [[checks]]
# type = "contains"
# value = "42"
"""


def of_comparison(comparison: Comparison, title: str = "", *, repeats: int = REPEATS) -> str:
    """The experiment's TOML, ready to be saved and edited; it was parsed as a file is.

    Every message of the user is a case of its own, without the turns before it: the answers in those differ between the
    lanes. A message that waits in the draft is one too. The seed is that of the first lane. Raises FileError.
    """
    import tomli_w

    said = [turn.message for lane in comparison.lanes for turn in lane.turns]
    messages = list(dict.fromkeys(text for text in (*said, comparison.draft) if text.strip()))
    seed = comparison.lanes[0].sampling.seed if comparison.lanes else 1
    data: dict[str, Any] = {"schema": SCHEMA, "kind": KIND}
    if title:
        data["title"] = title
    data |= {"repeats": repeats, SEED: seed, "mode": comparison.mode, "coupled": comparison.coupled}
    data["variants"] = [_variant(comparison.label(lane), lane) for lane in comparison.lanes]
    data["cases"] = [{"message": message} for message in messages] or [{"message": "…"}]
    text = tomli_w.dumps(_plain(data), multiline_strings=True) + _CHECKS
    parse(text.encode())
    return text


def _variant(label: str, lane: Lane) -> dict[str, Any]:
    """A lane by names. A text that was typed in place is the lane's system text, custom instructions in it."""
    made: dict[str, Any] = {"label": label}
    if lane.prompt:
        made["prompt"] = lane.reference
    elif system := next((turn.content for turn in lane.lead if turn.role == "system"), ""):
        made["prompt"] = system
    if lane.model:
        made["model"] = lane.model
    if settings := {name: value for name, value in changed(lane.sampling).items() if name != SEED}:
        made["sampling"] = settings
    if lane.values:
        made["variables"] = dict(lane.values)
    if lane.profile and lane.prompt:
        made["profile"] = lane.profile.name
    return made


def _plain(value: Any) -> Any:
    """As TOML holds it: keys are texts, and no text has half a character."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
