"""Trials as what is voted on: which item (variant) each stands for, on which case. Pure.

An item is a prompt version × a model × sampling, by a name that says so: `system/plain@3f9c21ab · SmolLM2-135M Q4_1 ·
temperature=0.7`. Trials of one item on one case (repeats, other seeds) never meet. Answers to the same words of the
user, or on the same named case of a run, do.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from workbench.errors import SettingError
from workbench.experiments.arena.styles import style_of
from workbench.experiments.arena.votes import Style, Vote
from workbench.history.votes import Ballot

_PARTS = " · "  # between prompt, profile, model and sampling
FINISHES = ("stop", "length")  # an answer that was cut off by us, or failed, says nothing of its item


@dataclass(frozen=True)
class Entry:
    """An answer that may be voted on. `group` holds what may meet it; `before` is the conversation so far.

    Texts are untrusted. `tokens`, `first_s` (seconds) and `tokens_per_s` are shown after the vote only.
    """

    trial: str
    item: str
    case: str
    group: str
    message: str
    text: str
    before: tuple[tuple[str, str], ...] = ()  # role, content
    tags: tuple[str, ...] = ()
    tokens: int = 0
    first_s: float | None = None
    tokens_per_s: float | None = None

    @property
    def style(self) -> Style:
        """How the text looks; its length in characters, which are the same for all models."""
        return style_of(self.text)


def entries(trials: Iterable[Mapping[str, Any]]) -> list[Entry]:
    """Those of the trials (TRIALs of the history) that ended with an answer, each once."""
    found: dict[str, Entry] = {}
    for trial in trials:
        if trial.get("finish") in FINISHES:
            found.setdefault(str(trial["id"]), _entry(trial))
    return list(found.values())


def _entry(trial: Mapping[str, Any]) -> Entry:
    messages = [(str(told.get("role", "")), str(told.get("content", ""))) for told in trial.get("messages") or []]
    said = [content for role, content in messages if role == "user"]
    mark = _digest(said)
    name = str(trial.get("case") or "")
    message = said[-1] if said else ""
    return Entry(
        trial=str(trial["id"]),
        item=item_of(trial),
        case=name or f"{_short(message, 60)} #{mark}",
        group=json.dumps([trial.get("run"), name]) if name else mark,
        message=message,
        text=str(trial.get("text") or ""),
        before=tuple(messages[:-1]) if messages and messages[-1][0] == "user" else tuple(messages),
        tags=clean_tags(trial.get("tags") or ()),
        tokens=int(trial.get("completion_tokens") or 0),
        first_s=trial.get("first_token_s"),
        tokens_per_s=trial.get("tokens_per_s"),
    )


def item_of(trial: Mapping[str, Any]) -> str:
    """The name of the variant that made the trial. The seed is no part of it: another seed is the same variant."""
    prompt = str(trial.get("prompt") or "")
    if prompt:
        version = str(trial.get("version") or "")[:8]
        named = f"{prompt}@{version}" if version else prompt
    else:
        lead = [(str(told.get("role", "")), str(told.get("content", ""))) for told in trial.get("lead") or []]
        typed = next((content for role, content in lead if role == "system"), "")
        named = f'"{_short(typed, 30)}" #{_digest([part for pair in lead for part in pair])}' if lead else "(no prompt)"
    parts = [named, str(trial.get("profile") or ""), str(trial.get("model") or ""), _settings(trial.get("sampling"))]
    return _PARTS.join(_short(part, 200) for part in parts if part)


def told_apart(items: Sequence[str]) -> dict[str, str]:
    """Each item by what tells it from the others: parts and settings that all share are left out.

    Names that are no variants of ours (imported votes) stand whole; so do all where that would make two alike.
    """
    ours = {item: item.split(_PARTS) for item in items if _PARTS in item}
    if len(ours) < 2:
        return {item: item for item in items}
    shared = set[str].intersection(*(set(parts) for parts in ours.values()))
    words = set[str].intersection(*(set(parts[-1].split()) for parts in ours.values()))
    found = {item: item for item in items}
    for item, parts in ours.items():
        settings = " ".join(word for word in parts[-1].split() if word not in words)
        kept = [part for part in (*parts[:-1], settings) if part and part not in shared]
        found[item] = _PARTS.join(kept) or parts[0]
    return found if len(set(found.values())) == len(found) else {item: item for item in items}


def _settings(values: object) -> str:
    """The temperature, and what else differs from the defaults, by name."""
    from workbench.inference.sampling import Sampling, changed, make

    given = dict(values) if isinstance(values, Mapping) else {}
    given.pop("seed", None)
    try:
        made = make(given)
    except SettingError:  # settings of another version of ours: as they stand
        told = given
    else:
        told = {"temperature": made.temperature, **changed(made)}
        told = {name: value for name, value in told.items() if name != "seed"}
    told.setdefault("temperature", Sampling().temperature)
    names = sorted(told, key=lambda name: (name != "temperature", name))
    return " ".join(f"{name}={_value(told[name])}" for name in names)


def _value(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else json.dumps(value, ensure_ascii=False, default=str)


def _short(text: str, most: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _digest(parts: Sequence[str]) -> str:
    told = json.dumps(list(parts)).encode()
    return blake2b(told, digest_size=4).hexdigest()


def clean_tags(tags: Iterable[object]) -> tuple[str, ...]:
    """Tags as they are kept: small letters, no blanks around, none twice, in order."""
    told = (" ".join(str(tag).split()).lower() for tag in tags)
    return tuple(dict.fromkeys(tag for tag in told if tag))


def split_tags(text: str) -> tuple[str, ...]:
    """Tags as a person writes them, with commas or semicolons between."""
    return clean_tags(text.replace(";", ",").split(","))


def votes_of(ballots: Iterable[Ballot], tag: str = "") -> list[Vote]:
    """What the ranking counts: ballots with a vote that stands; of one category where `tag` is given."""
    return [_vote(ballot) for ballot in ballots if ballot.counts and (not tag or tag in ballot.tags)]


def _vote(ballot: Ballot) -> Vote:
    verdict = ballot.verdict
    assert verdict in ("left", "right", "tie", "bad")
    looks = ballot.styles
    styles = (Style(*looks[0]), Style(*looks[1])) if looks else None
    return Vote(ballot.left, ballot.right, verdict, ballot.case, ballot.tags, styles)
