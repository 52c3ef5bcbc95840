"""What fills a context window, part by part, and which words are forgotten when it is too small. Counted, not guessed.

Whose each token of the rendered prompt is comes from `tokens.rendered`; what is forgotten from `inference.fitting`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from workbench.errors import EngineError
from workbench.inference.engine import Engine, Message
from workbench.inference.fitting import Fitted, fit
from workbench.inference.window import Policy, Summary, Window, budget
from workbench.insight.tokens import BOTH, TEMPLATE, rendered

Part = Literal["template", "system", "examples", "summary", "history", "message", "answer"]
PARTS: dict[Part, str] = {  # in the order of the bar, each with its pattern
    "template": ":",
    "system": "▓",
    "examples": "=",
    "summary": "~",
    "history": "▒",
    "message": "█",
    "answer": "░",
}


@dataclass(frozen=True)
class Said:
    """A message as it was said: `tokens` of its own text, and the first character that is fed (its end: none)."""

    message: Message
    part: Part
    tokens: int
    start: int = 0

    @property
    def forgotten(self) -> str:
        """What the model is not given."""
        return self.message.content[: self.start]

    @property
    def kept(self) -> str:
        """What it is."""
        return self.message.content[self.start :]


@dataclass(frozen=True)
class Filling:
    """What a run feeds, in tokens. `wanted` is the longest answer asked for, `context` 0 where a server does not say.

    `parts` are those that are fed, the answer's room with them; they add up to the prompt and `room`. `exact` is False
    where it could not be seen whose each token is.
    """

    context: int
    wanted: int
    prompt_tokens: int
    whole_tokens: int
    parts: Mapping[Part, int]
    said: tuple[Said, ...]
    policy: Policy
    window: Window | None = None
    exact: bool = True

    @property
    def fits(self) -> bool:
        """Whether the prompt and one token of an answer go in."""
        return not self.context or self.prompt_tokens + 1 <= self.context

    @property
    def over(self) -> bool:
        """Whether all of it, with the whole answer, is more than the context holds."""
        return bool(self.context) and self.whole_tokens > budget(self.context, self.wanted)

    @property
    def room(self) -> int:
        """Tokens that the answer can really have."""
        return answer_room(self.context, self.prompt_tokens, self.wanted)

    @property
    def free(self) -> int:
        """Tokens that nobody needs."""
        return max(0, self.context - self.prompt_tokens - self.room)

    @property
    def forgotten(self) -> int:
        """Tokens fewer than the whole conversation has."""
        return max(0, self.whole_tokens - self.prompt_tokens)

    def cells(self, width: int) -> list[tuple[Part | Literal["free"], int]]:
        """The bar on `width` cells: every part that there is has one at least; the last of them is what is free.

        It stands for the context, or for the prompt where that is longer.
        """
        whole = max(self.context, self.prompt_tokens + self.room, 1)
        sizes: dict[Part | Literal["free"], int] = {name: count for name, count in self.parts.items() if count}
        found = {name: max(1, count * width // whole) for name, count in sizes.items()}
        rest = width - sum(found.values())
        while rest < 0 and max(found.values(), default=0) > 1:
            largest = max(found, key=lambda name: found[name])
            found[largest] -= 1
            rest += 1
        if not self.free and found and rest > 0:
            found[max(found, key=lambda name: sizes[name])] += rest
            rest = 0
        return [*found.items(), ("free", max(0, rest))]


def answer_room(context: int, prompt: int, wanted: int) -> int:
    """How long an answer can be, in tokens."""
    return max(0, min(wanted, context - prompt)) if context else wanted


def legend(found: Filling, columns: int) -> list[str]:
    """The parts that there are, with their patterns and tokens, in lines of so many columns."""
    said = [f"{PARTS[name]} {name} {tokens:,}" for name, tokens in found.parts.items() if tokens]
    lines = [""]
    for each in [*said, *([f"free {found.free:,}"] if found.free else [])]:
        longer = f"{lines[-1]} · {each}" if lines[-1] else each
        if len(longer) <= columns:
            lines[-1] = longer
        else:
            lines.append(each)
    return lines


def notes(found: Filling, hint: str) -> list[str]:
    """What comes of it, a line each; `hint` says how to choose what is forgotten."""
    said = []
    if found.window is not None:
        said.append(found.window.says())
        if found.policy == "summarise" and found.window.lost and found.window.summary is None:
            said[0] += ", its summary not made yet"
    elif not found.context:
        said.append("the server does not say how long its context is: nothing can be forgotten for it")
    elif not found.over:
        said.append("all of it fits: nothing is forgotten")
    if not found.fits:
        said.append(f"{found.prompt_tokens:,} tok do not fit in {found.context:,}: {hint}")
    elif found.room < found.wanted:
        more = f": {hint}" if found.policy == "refuse" and len(found.said) > 1 else ""
        said.append(f"the answer is cut at {found.room:,} of {found.wanted:,} tok{more}")
    if not found.exact:
        said.append("what is whose is guessed: the template changes the messages, or is not shown")
    return said


async def filling(
    engine: Engine,
    lead: Sequence[Message],
    messages: Sequence[Message],
    policy: Policy,
    room: int,
    *,
    known: Summary | None = None,
    trial: str = "",
) -> Filling:
    """What the next run of these feeds; `messages` come after the lead, the last is the one that is asked.

    Of "summarise" the summary is made, as the engine's trial `trial`, where it is not `known`; "" makes none. Raises
    EngineError where a server does not count.
    """
    said = (*lead, *messages)
    context = engine.info.context_length if engine.info else 0
    if not said:
        return Filling(context, room, 0, 0, {"answer": answer_room(context, 0, room)}, (), policy)
    counted = await engine.count(said)
    fitted = await fit(engine, lead, messages, policy, room, known=known, trial=trial, generate=bool(trial))
    prompt, parts, exact = await _parts(engine, lead, fitted)
    window = fitted.window
    if window and window.policy == "summarise" and window.lost and window.summary is None:
        parts["summary"] += max(0, window.prompt_tokens - prompt)  # not made yet: as long as it may become
        prompt = max(prompt, window.prompt_tokens)
    parts["answer"] = answer_room(context, prompt, room)
    starts = {each.message + len(lead): each.end for each in window.lost} if window else {}
    names = _names(lead, len(messages))
    shown = tuple(
        Said(message, name, count, starts.get(at, 0))
        for at, (message, name, count) in enumerate(zip(said, names, counted.message_tokens, strict=True))
    )
    listed = {name: parts[name] for name in PARTS}
    return Filling(context, room, prompt, counted.prompt_tokens, listed, shown, policy, window, exact)


def _names(lead: Sequence[Message], messages: int, summed: int = 0) -> list[Part]:
    """The part that each message belongs to; the first `summed` after the lead are a summary, asked for and given."""
    found: list[Part] = ["system" if message.role == "system" else "examples" for message in lead]
    found += ["summary"] * summed
    found += ["history"] * (messages - summed - 1)
    return [*found, "message"] if messages else found


async def _parts(engine: Engine, lead: Sequence[Message], fitted: Fitted) -> tuple[int, Counter[Part], bool]:
    """Tokens fed, how many of them each part has, and whether that was seen: else the template is what is left over."""
    kept = (*lead, *fitted.messages)
    names = _names(lead, len(fitted.messages), 2 if fitted.window and fitted.window.summary else 0)
    found: Counter[Part] = Counter()
    try:
        shown = await rendered(engine, kept)
    except EngineError:
        counted = await engine.count(kept)
        for name, count in zip(names, counted.message_tokens, strict=True):
            found[name] += count
        found["template"] = max(0, counted.prompt_tokens - found.total())
        return counted.prompt_tokens, found, False
    for owner in shown.owners:  # a token that a message shares with the template counts as the template's
        found["template" if owner in (TEMPLATE, BOTH) else names[owner]] += 1
    found["template"] += max(0, shown.fed - len(shown.tokens))  # put in front of every text
    return shown.fed, found, shown.exact
