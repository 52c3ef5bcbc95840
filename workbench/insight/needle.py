"""The needle probe: a fact at growing depth in texts of growing length, asked for; what does the model still find?

Each cell of depth × fill is scored without generating: the log-probability of the expected words where the answer would
have them, beside that of the same text without the fact, so that "found" means likelier than unread (after Kamradt
2023, "needle in a haystack", and Liu et al. 2023, "Lost in the Middle", who both generated). It can be asked as well.
"""

from __future__ import annotations

import math
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

from workbench.errors import EngineError, UsageError
from workbench.inference.engine import Counted, Engine, Finished, Generate, Message, Piece, TokenLogprob
from workbench.inference.sampling import make
from workbench.insight.attribution import Span, Unit, without
from workbench.insight.haystack import Haystack, hide, place

ROOM = 48  # tokens left for the answer
DEPTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
_SMALLEST, _MOST = 256, 6  # fills that are proposed: from so many tokens on, so many of them
_FURTHER = (1.5, 2.0)  # and past the limit, as parts of it
_CHARACTERS = 3.0  # a token's, guessed where a server counts none


@dataclass(frozen=True)
class Needle:
    """A fact, the question for it and what its answer has to say; `opening` is how that answer begins, unscored."""

    fact: str
    question: str
    expected: str
    opening: str = ""

    def check(self) -> None:
        """Raises UsageError where something is missing."""
        for name, text in (("fact", self.fact), ("question", self.question), ("expected", self.expected)):
            if not text.strip():
                raise UsageError(f"the needle has no {name}", hint="a fact, a question for it, and what is expected")

    def found_in(self, answer: str) -> bool:
        """Whether an answer says it: case, white space and commas between digits aside."""
        return _plain(self.expected) in _plain(answer)


NEEDLES = {
    "en": Needle(
        "The magic number of the harbour is 48213.",
        "What is the magic number of the harbour?",
        "48213",
        "The magic number of the harbour is",
    ),
    "ko": Needle("항구의 마법 숫자는 48213입니다.", "항구의 마법 숫자는 무엇입니까?", "48213", "항구의 마법 숫자는"),
}


@dataclass(frozen=True)
class Probe:
    """What is probed. A fact that `lead` says already stays there, and nothing is put into the text: one depth.

    `fills` are prompts' tokens, template and all; those over `limit` need `beyond`: of them the beginning of the text
    is forgotten, as of a conversation that rolls out of the window, while `lead` stays.
    """

    needle: Needle
    lead: tuple[Message, ...] = ()
    fills: tuple[int, ...] = ()  # () proposes some
    depths: tuple[float, ...] = DEPTHS
    haystack: Haystack = field(default_factory=Haystack)
    room: int = ROOM
    beyond: bool = False

    @property
    def in_lead(self) -> bool:
        """Whether the fact is a part of the prompt."""
        return any(self.needle.fact in message.content for message in self.lead)

    @property
    def columns(self) -> tuple[float, ...]:
        """The depths there are to see."""
        return (0.0,) if self.in_lead else self.depths


@dataclass(frozen=True)
class Spot:
    """A prompt of the probe. `depth` is as asked, None without the fact; `at` as it is, by characters of the text.

    `tokens` never exceed `fill`, nor the limit; `exact` where the engine counts. `forgotten` tokens fell out at the
    beginning of the text, the fact among them unless `kept`. `special` are control tokens that the texts bring in.
    """

    fill: int
    depth: float | None
    messages: tuple[Message, ...]
    tokens: int
    at: float = 0.0
    forgotten: int = 0
    kept: bool = True
    exact: bool = True
    special: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cell:
    """What came of a spot: the expected words' tokens as scored, () if not; what it said when asked, None if not."""

    spot: Spot
    scored: tuple[TokenLogprob, ...] = ()
    answer: str | None = None
    found: bool = False

    @property
    def logp(self) -> float | None:
        """log p(expected), in nats; None if not scored."""
        return sum(token.logprob for token in self.scored) if self.scored else None

    @property
    def p(self) -> float | None:
        """p(expected)."""
        return None if self.logp is None else math.exp(self.logp)

    @property
    def per_token(self) -> float | None:
        """The geometric mean of its tokens' probabilities."""
        return None if self.logp is None else math.exp(self.logp / len(self.scored))

    @property
    def first(self) -> bool | None:
        """Whether each token is the likeliest where it stands; None where the engine does not tell ranks."""
        if not self.scored or any(token.rank is None for token in self.scored):
            return None
        return all(token.rank == 1 for token in self.scored)

    def gain(self, bare: Cell | None) -> float | None:
        """Nats that the fact bought: against the same text without it."""
        if bare is None or self.logp is None or bare.logp is None:
            return None
        return self.logp - bare.logp


def limit(engine: Engine, room: int = ROOM) -> int:
    """The longest prompt, in tokens, that leaves `room` for an answer; 0 where a server does not say its context."""
    length = engine.info.context_length if engine.info else 0
    return max(0, length - room)


async def settled(engine: Engine, probe: Probe) -> Probe:
    """The probe with fills in order, proposed where none were given. Raises UsageError, EngineError."""
    probe.needle.check()
    if not probe.columns or any(not 0 <= depth <= 1 for depth in probe.depths):
        raise UsageError("depths are from 0 to 100 %", hint="such as 0,25,50,75,100")
    most = limit(engine, probe.room)
    smallest = await _count(engine, _laid_out(probe, 0, 0.0)[0])
    fills = tuple(sorted(set(probe.fills))) or _proposed(smallest, most, beyond=probe.beyond)
    if not fills or fills[0] < smallest:
        named = f"a fill of {fills[0]:,}" if fills else f"a context of {most + probe.room:,}"
        raise UsageError(
            f"{named} has no room: prompt, fact and question alone are {smallest:,} tokens",
            hint="take a larger one, or a shorter prompt",
        )
    if most and smallest > most:
        raise UsageError(f"prompt, fact and question alone are {smallest:,} tokens of {most:,}", hint="shorten them")
    if most and fills[-1] > most and not probe.beyond:
        raise UsageError(
            f"a fill of {fills[-1]:,} is past the limit: {most:,} and {probe.room} for the answer",
            hint="load a longer context, or look beyond the limit",
        )
    depths = tuple(sorted(set(probe.depths)))
    return replace(probe, fills=fills, depths=depths, beyond=probe.beyond and bool(most))


def _proposed(smallest: int, most: int, *, beyond: bool) -> tuple[int, ...]:
    """Each twice the one before (or four times), from four times the bare prompt on, up to the limit."""
    if not most:
        return (256, 512, 1024, 2048)
    fill = _SMALLEST
    while fill < 4 * smallest and fill < most:
        fill *= 2
    found = []
    while fill <= most * 0.75:
        found.append(fill)
        fill *= 2
    further = [int(most * part) for part in _FURTHER] if beyond else []
    found = found[:: max(1, math.ceil(len(found) / _MOST))]
    return (*found, *([most] if most >= smallest else []), *further)


async def spots(engine: Engine, probe: Probe) -> AsyncIterator[Spot]:
    """The prompts of a settled probe, the smallest fill first, in the order that shares most with the one before.

    A row goes down and ends without the fact, the next begins so and goes up: what two neighbours have in common is
    read once.
    """
    most = limit(engine, probe.room)
    for row, fill in enumerate(probe.fills):
        count = await _parts(engine, probe, fill)
        order: list[float | None] = [*probe.columns, None]
        for depth in reversed(order) if row % 2 else order:
            yield await _spot(engine, probe, fill, depth, count, most)


async def _parts(engine: Engine, probe: Probe, fill: int) -> int:
    """How many parts of the haystack fit into `fill` tokens with the fact, wherever it stands."""

    async def size(count: int) -> int:
        return await _count(engine, _laid_out(probe, count, probe.columns[len(probe.columns) // 2])[0])

    found = await _most(size, fill)
    while found and not all(
        [await _count(engine, _laid_out(probe, found, d)[0]) <= fill for d in (*probe.columns, None)]
    ):
        found -= 1  # tokens across the fact's borders
    return found


async def _most(size: Callable[[int], Awaitable[int]], room: int) -> int:
    """The greatest number whose size, which grows with it about evenly, is in `room`; 0 is taken to be."""
    low, smaller = 0, await size(0)
    bare, high, larger, guess, tries = smaller, 0, 0, 8, 0
    while not high or high - low > 1:
        now = await size(guess)
        if now <= room:
            low, smaller = guess, now
        else:
            high, larger = guess, now
        tries += 1
        if not high:
            each = max(1.0, (smaller - bare) / low)
            guess = low + max(1, min(int((room - smaller) / each), 8 * low))
        elif tries > 12:
            guess = (low + high) // 2
        else:
            share = (room - smaller) / max(1, larger - smaller)
            guess = max(low + 1, min(high - 1, low + int(share * (high - low))))
    return low


async def _spot(engine: Engine, probe: Probe, fill: int, depth: float | None, count: int, most: int) -> Spot:
    messages, at = _laid_out(probe, count, depth)
    counted, exact = await _counted(engine, messages)
    tokens = counted.prompt_tokens
    if not probe.beyond or tokens <= most:
        return Spot(fill, depth, messages, tokens, at, exact=exact, special=counted.special)

    async def forgotten(gone: int) -> int:
        """Tokens that go with so many parts; past the last one more than there are."""
        if gone > count + 1:
            return tokens + gone
        return tokens - await _count(engine, _laid_out(probe, count, depth, gone)[0])

    gone = 1 + await _most(forgotten, tokens - most - 1)
    messages, _ = _laid_out(probe, count, depth, gone)
    left = await _count(engine, messages)
    kept = probe.in_lead or depth is None or probe.needle.fact in messages[-1].content
    return Spot(fill, depth, messages, left, at, tokens - left, kept=kept, exact=exact, special=counted.special)


def _laid_out(probe: Probe, count: int, depth: float | None, gone: int = 0) -> tuple[tuple[Message, ...], float]:
    """The conversation with `count` parts of hay, the fact at `depth`; without the first `gone` of what stands there.

    And where the fact stands, as a share of the whole text.
    """
    needle, parts = probe.needle, probe.haystack.first(count)
    lead, at, text = probe.lead, 0.0, ""
    if probe.in_lead or depth is None:
        text = "".join(parts[gone:]).rstrip()
        if depth is None:
            lead = _without(lead, needle.fact)
    else:
        before = place(parts, depth)
        at = hide(parts, needle.fact, before).at
        if gone <= before:
            text = hide(parts[gone:], needle.fact, before - gone).text
        else:  # the fact is a part as any other
            text = "".join(parts[gone - 1 :]).rstrip()
    asked = f"{text}\n\n{needle.question}" if text else needle.question
    return (*lead, Message("user", asked)), at


def _without(lead: tuple[Message, ...], fact: str) -> tuple[Message, ...]:
    """The lead without the fact and the blank after it, wherever it says it."""
    for at, message in enumerate(lead):
        start = message.content.find(fact)
        if start >= 0:
            end = start + len(fact)
            while end < len(message.content) and message.content[end].isspace():
                end += 1
            return _without(without(lead, Unit(message.role, fact, (Span(at, start, end),))), fact)
    return lead


async def _count(engine: Engine, messages: tuple[Message, ...]) -> int:
    """Tokens of a prompt."""
    return (await _counted(engine, messages))[0].prompt_tokens


async def _counted(engine: Engine, messages: tuple[Message, ...]) -> tuple[Counted, bool]:
    """The counts of a prompt, and whether they were counted or guessed."""
    try:
        return await engine.count(messages), True
    except EngineError:
        if engine.state != "ready":
            raise
        # A server without a tokenizer: Hangul is about a token a character, and each turn has a few of its own.
        weight = sum(1.0 if ord(c) > 0x2E7F else 1 / _CHARACTERS for each in messages for c in each.content)
        return Counted(math.ceil(weight) + 5 * len(messages), ()), False


async def scored(engine: Engine, needle: Needle, spot: Spot) -> Cell:
    """The expected words' probability after the prompt and the answer's opening. Raises EngineError."""
    prompt = await engine.render(spot.messages)
    if opening := needle.opening.rstrip():
        prompt, text = prompt + opening, f" {needle.expected.strip()}"
    else:
        text = needle.expected.strip()
    return Cell(spot, await engine.score(prompt, text))


async def unscored(engine: Engine) -> str:
    """Why this engine cannot score, "" where it can. A server that only generates can still be asked."""
    try:
        prompt = await engine.render((Message("user", "What is this?"),))
        await engine.score(prompt, "It is a test.")
    except EngineError as error:
        if engine.state != "ready":
            raise
        return str(error)
    return ""


async def asked(engine: Engine, needle: Needle, cell: Cell, room: int = ROOM, *, trial: str = "needle") -> Cell:
    """The cell with the answer, greedy, and whether that has the expected words. Raises EngineError."""
    sampling = make({"temperature": 0, "max_tokens": room})
    request = Generate(trial=trial, messages=cell.spot.messages, sampling=sampling)
    text, spot = "", cell.spot
    async for event in engine.generate([request]):
        if isinstance(event, Piece):
            text += event.text
        elif isinstance(event, Finished):
            if event.finish == "error":
                raise EngineError(event.error)
            if not spot.exact and event.prompt_tokens:
                spot = replace(spot, tokens=event.prompt_tokens)
    return replace(cell, spot=spot, answer=text, found=needle.found_in(text))


async def probed(engine: Engine, probe: Probe, *, score: bool = True, ask: bool = False) -> AsyncIterator[Cell]:
    """The cells of a settled probe as they are measured, the smallest fill first. Raises EngineError."""
    async for spot in spots(engine, probe):
        cell = await scored(engine, probe.needle, spot) if score else Cell(spot)
        if ask:
            cell = await asked(engine, probe.needle, cell, probe.room)
        yield cell


def _plain(text: str) -> str:
    return " ".join(re.sub(r"(?<=\d),(?=\d)", "", text).casefold().split())


def lines_of(cells: Sequence[Cell], fill: int) -> tuple[Cell | None, list[Cell]]:
    """Of one fill: the cell without the fact, if it is there already, and the others by depth."""
    row = [cell for cell in cells if cell.spot.fill == fill]
    bare = next((cell for cell in row if cell.spot.depth is None), None)
    return bare, sorted((cell for cell in row if cell.spot.depth is not None), key=lambda cell: cell.spot.depth or 0.0)
