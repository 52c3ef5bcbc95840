"""Attribution: what a fixed answer hangs on. Each unit of the prompt is left out in turn and the answer scored anew.

A unit's weight is log p(answer | whole prompt) − log p(answer | prompt without it), in nats: positive where the unit
made this very answer likelier, near 0 where it did nothing. Nothing is generated. It is the leave-one-out difference
(Li, Monroe and Jurafsky 2016, "erasure"); units that say the same twice each weigh little, for either does alone.

Each unit left out makes the model read again all that stands behind it. The quick look does not: the prompt is read
once, and the answer with one unit after the other hidden from it (`Engine.score_hidden`). That finds what weighs much
in a fraction of the time, and is no measure of what weighs little: what stands behind the unit has read it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from workbench.errors import EngineError, UsageError
from workbench.inference.engine import Engine, Message, TokenLogprob
from workbench.insight.sentences import examples, paragraphs, sentences
from workbench.insight.tokens import places

TELLING = 5  # of the quick look's heaviest that are measured first
_PAYS = 2  # tokens of the prompt to one of the answer from which hiding first saves more than it costs
_TOGETHER = 5  # units that are hidden in one question: progress is told between, and leaving ends it

By = Literal["sentence", "paragraph", "example", "message"]
KINDS: tuple[By, ...] = get_args(By)
_SPLIT: dict[By, Callable[[str], list[str]]] = {
    "sentence": sentences,
    "paragraph": paragraphs,
    "example": examples,
    "message": lambda text: [text] if text else [],
}


@dataclass(frozen=True)
class Span:
    """Characters `start` to `end` of the content of a message (its place among all)."""

    message: int
    start: int
    end: int


@dataclass(frozen=True)
class Unit:
    """A part of the prompt that is left out as one; of several messages where an exchange goes as a whole."""

    role: str
    text: str
    spans: tuple[Span, ...]

    @property
    def brief(self) -> str:
        """Its text on one line."""
        return " ".join(self.text.split())


@dataclass(frozen=True)
class Weight:
    """What a unit does for the answer: `nats` in sum, `words` for each of the answer's tokens; the tokens it costs.

    `words` is () where the answer has other tokens without the unit. `quick`: it was hidden, not left out.
    """

    unit: Unit
    nats: float
    tokens: int
    words: tuple[float, ...] = ()
    quick: bool = False

    @property
    def bits(self) -> float:
        """The same in bits."""
        return self.nats / math.log(2)


@dataclass(frozen=True)
class Attribution:
    """All units in the prompt's order, None where one is not measured yet; the answer's tokens under the whole.

    `note` says why there was no quick look, where one was wanted.
    """

    units: tuple[Unit, ...]
    weights: tuple[Weight | None, ...]
    answer: tuple[TokenLogprob, ...]
    prompt_tokens: int
    note: str = ""

    @property
    def logp(self) -> float:
        """log p(answer | whole prompt), in nats."""
        return sum(token.logprob for token in self.answer)

    @property
    def measured(self) -> list[Weight]:
        """Those measured so far, the heaviest first."""
        return sorted((weight for weight in self.weights if weight), key=lambda weight: -weight.nats)

    @property
    def exact(self) -> int:
        """How many were really left out."""
        return sum(1 for weight in self.weights if weight and not weight.quick)

    def per_token(self, weight: Weight) -> float:
        """Nats for each of the answer's tokens."""
        return weight.nats / max(1, len(self.answer))


def units_of(messages: Sequence[Message], by: By = "sentence", *, message: bool = False) -> tuple[Unit, ...]:
    """The units of a conversation; of the last message (what the user asks) only with `message`.

    As examples and messages, a user's turn and its answer go together: templates refuse one without the other.
    """
    found: list[Unit] = []
    last = len(messages) - 1
    at = 0
    while at < len(messages):
        one = messages[at]
        following = messages[at + 1] if at < last else None
        if by in ("example", "message") and one.role == "user" and following and following.role == "assistant":
            pair = (Span(at, 0, len(one.content)), Span(at + 1, 0, len(following.content)))
            found.append(Unit("exchange", f"{one.content}\n{following.content}", pair))
            at += 2
            continue
        if at < last or one.role != "user" or message:
            found += _split(at, one, by)
        at += 1
    return tuple(found)


def _split(at: int, message: Message, by: By) -> Iterator[Unit]:
    place = 0
    for part in _SPLIT[by](message.content):
        if part.strip():
            yield Unit(message.role, part, (Span(at, place, place + len(part)),))
        place += len(part)


def without(messages: Sequence[Message], unit: Unit) -> tuple[Message, ...]:
    """The conversation with the unit left out. An exchange and a system message that were all of it go whole."""
    gone = {span.message: span for span in unit.spans}
    left = []
    for at, message in enumerate(messages):
        span = gone.get(at)
        if span is None:
            left.append(message)
            continue
        before, after = message.content[: span.start], message.content[span.end :]
        content = before + after if after else before.rstrip()
        if content.strip() or (message.role != "system" and len(unit.spans) == 1):
            left.append(Message(message.role, content))
    return tuple(left)


async def attribute(
    engine: Engine,
    messages: Sequence[Message],
    answer: str,
    units: Sequence[Unit],
    on_progress: Callable[[Attribution], None] | None = None,
    *,
    quick: bool = False,
    exact: int | None = None,
) -> Attribution:
    """The weight of each unit for `answer`. Raises EngineError, UsageError when there is nothing to weigh.

    With `quick` all are hidden first, and then the `exact` heaviest left out (all when None), the `TELLING` heaviest
    before the others; where all are left out and the answer is long beside the prompt, none is hidden first, for that
    would take as long. An engine that hides nothing leaves all of them out; `note` says so.
    The last unit is left out first: what comes before it the engine has read already, and reads no more.
    """
    if not answer:
        raise UsageError("there is no answer to weigh", hint="run the lane first, or give an --answer")
    if not units:
        raise UsageError("the prompt has nothing to leave out", hint="give a system prompt, or include the message")
    prompt = await engine.render(messages)
    whole = await engine.score(prompt, answer)
    count = (await engine.count(messages)).prompt_tokens
    weights: list[Weight | None] = [None] * len(units)
    note = ""

    def tell() -> Attribution:
        found = Attribution(tuple(units), tuple(weights), whole, count, note)
        if on_progress is not None:
            on_progress(found)
        return found

    async def tokens(unit: Unit) -> int:
        return count - (await engine.count(without(messages, unit))).prompt_tokens

    tell()
    order = list(reversed(range(len(units))))
    if quick and (exact is not None or count >= _PAYS * len(whole)):
        try:
            hidden = await _hidden(engine, messages, prompt, units)
            base: Sequence[TokenLogprob] = ()
            for first in range(0, len(units), _TOGETHER):
                some = hidden[first : first + _TOGETHER]
                scores = await engine.score_hidden(prompt, answer, some if base else [(), *some])
                if not base:
                    base, scores = scores[0], scores[1:]
                for at, scored in enumerate(scores, first):
                    found = weigh(units[at], base, scored, await tokens(units[at]))
                    weights[at] = replace(found, quick=True)
                tell()
            heavy = sorted(order, key=lambda at: -abs(_nats(weights[at])))
            order = (
                heavy[:TELLING] + [at for at in order if at not in heavy[:TELLING]] if exact is None else heavy[:exact]
            )
        except EngineError as error:
            note = f"no quick look: {error.what}"
            weights[:] = [None] * len(units)
    for at in order:
        rest = await engine.render(without(messages, units[at]))
        weights[at] = weigh(units[at], whole, await engine.score(rest, answer), await tokens(units[at]))
        tell()
    return Attribution(tuple(units), tuple(weights), whole, count, note)


def _nats(weight: Weight | None) -> float:
    return weight.nats if weight else 0.0


async def _hidden(
    engine: Engine, messages: Sequence[Message], prompt: str, units: Sequence[Unit]
) -> list[tuple[tuple[int, int], ...]]:
    """Each unit's characters in the rendered prompt. Raises EngineError where a message is not found there."""
    found, _ = await places(engine, messages, prompt)
    there = {place.message: place for place in found}
    made = []
    for unit in units:
        spans = []
        for span in unit.spans:
            place = there.get(span.message)
            if place is None:
                raise EngineError("the chat template changes the messages", hint="leave the parts out instead")
            lead = max(0, messages[span.message].content.find(prompt[place.start : place.end]))  # stripped by templates
            start, end = (place.start + max(0, at - lead) for at in (span.start, span.end))
            spans.append((start, min(end, place.end)))
        made.append(tuple(spans))
    return made


def weigh(unit: Unit, whole: Sequence[TokenLogprob], left: Sequence[TokenLogprob], tokens: int) -> Weight:
    """A unit's weight from the answer's tokens with and without it."""
    same = [token.id for token in whole] == [token.id for token in left]
    words = tuple(a.logprob - b.logprob for a, b in zip(whole, left, strict=True)) if same else ()
    total = sum(token.logprob for token in whole) - sum(token.logprob for token in left)
    return Weight(unit, total, tokens, words)
