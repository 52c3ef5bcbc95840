"""Which messages, and which characters of them, a policy keeps: exact, by counting what the template renders.

What is kept was counted: a template's own tokens, and tokens that merge at a seam, are in it. The fewest are forgotten
that make it fit. Each count is of a whole prompt and takes its time, so the search begins at a guess.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from itertools import accumulate, pairwise

from workbench.inference.engine import Counted, Engine, Message
from workbench.inference.window import Lost, Policy

Kept = tuple[tuple[int, int], ...]  # (place in the conversation, the character that it begins at now), in order


def turns(messages: Sequence[Message]) -> list[range]:
    """The places of each turn before the last message: a user's message with what follows it."""
    starts = [at for at, message in enumerate(messages[:-1]) if at == 0 or message.role == "user"]
    return [range(start, end) for start, end in pairwise([*starts, len(messages) - 1])] if starts else []


def texts(messages: Sequence[Message], kept: Kept) -> tuple[Message, ...]:
    """What is kept, as messages."""
    return tuple(
        Message(messages[at].role, messages[at].content[start:]) if start else messages[at] for at, start in kept
    )


def lost(messages: Sequence[Message], kept: Kept) -> tuple[Lost, ...]:
    """What is not."""
    starts = dict(kept)
    found = []
    for at, message in enumerate(messages):
        end = starts.get(at, len(message.content))
        if at not in starts or end:
            found.append(Lost(at, message.role, 0, end, message.content[:end]))
    return tuple(found)


class Keeper:
    """A conversation after its lead, and how many tokens its prompt may have. Errors of the engine are raised.

    `counted` is the engine's count of lead and conversation.
    """

    def __init__(
        self, engine: Engine, lead: Sequence[Message], messages: Sequence[Message], goal: int, counted: Counted
    ) -> None:
        self._engine = engine
        self._lead = tuple(lead)
        self._messages = tuple(messages)
        self._goal = goal
        self._turns = turns(messages)
        self._last = ((len(messages) - 1, 0),)
        self._counts: dict[tuple[Kept, tuple[Message, ...]], int] = {}
        self._over = counted.prompt_tokens - goal
        alone = counted.message_tokens[len(self._lead) :]
        frame = max(0, counted.prompt_tokens - sum(counted.message_tokens)) / max(1, len(counted.message_tokens))
        self._costs = [sum(alone[at] + frame for at in turn) for turn in self._turns]  # of each turn, about

    async def count(self, kept: Kept, before: Sequence[Message] = ()) -> int:
        """Prompt tokens of what is kept; `before` stands between it and the lead."""
        key = (kept, tuple(before))
        if key not in self._counts:
            said = (*self._lead, *before, *texts(self._messages, kept))
            self._counts[key] = (await self._engine.count(said)).prompt_tokens
        return self._counts[key]

    async def keep(self, policy: Policy) -> Kept:
        """What the policy keeps: no more than the goal, or the last message alone where that is over it by itself."""
        if policy == "roll":
            return await self.roll()
        return await (self.first_and_last() if policy == "first-and-last" else self.drop_oldest())

    async def drop_oldest(self, before: Sequence[Message] = (), reserve: int = 0) -> Kept:
        """Whole turns, the oldest first; with `before` in their place, and `reserve` tokens left free."""

        async def fits(number: int) -> bool:
            return await self.count(self._without(0, number), before) + reserve <= self._goal

        return self._without(0, await _least(len(self._turns), fits, self._guess(0, reserve)))

    async def first_and_last(self) -> Kept:
        """The turns between the first and the last ones; the first goes too where it does not fit alone."""
        others = max(0, len(self._turns) - 1)

        async def fits(number: int) -> bool:
            return await self.count(self._without(1, number)) <= self._goal

        kept = self._without(1, await _least(others, fits, self._guess(1)))
        return kept if await self.count(kept) <= self._goal else self._last

    async def roll(self) -> Kept:
        """The oldest tokens: whole turns, and of the next one its beginning, cut between two tokens.

        A turn keeps its frame while a word of it is left: templates want the roles in turn.
        """

        async def fits(number: int) -> bool:
            return await self.count(self._without(0, number)) <= self._goal

        number = await _least(len(self._turns), fits, self._guess(0))
        if not number:
            return self._without(0, 0)
        over = await self.count(self._without(0, number - 1)) - self._goal
        turn, rest = self._turns[number - 1], self._without(0, number)
        cuts = await self._cuts(turn)

        async def reaches(number: int) -> bool:
            return number == len(cuts) or await self.count((*cuts[number], *rest)) <= self._goal

        found = await _least(len(cuts), reaches, over - 1)
        return rest if found == len(cuts) else (*cuts[found], *rest)

    def _guess(self, first: int, reserve: int = 0) -> int:
        """About how many turns have to go, from the turn `first` on."""
        over = self._over + reserve
        return next((number for number, cost in enumerate(accumulate(self._costs[first:]), 1) if cost >= over), 0)

    def _without(self, first: int, number: int) -> Kept:
        """All but `number` turns from the turn `first` on."""
        left = [*self._turns[:first], *self._turns[first + number :]]
        return (*((at, 0) for turn in left for at in turn), *self._last)

    async def _cuts(self, turn: range) -> list[Kept]:
        """The turn without its first token, its first two, …; never without all."""
        found: list[Kept] = []
        for at in turn:
            place = 0
            emptied = tuple((before, len(self._messages[before].content)) for before in turn if before < at)
            after = tuple((later, 0) for later in turn if later > at)
            for token in await self._engine.tokenize(self._messages[at].content, special=True):
                place += len(token.text)
                if token.text:
                    found.append((*emptied, (at, place), *after))
        return found[:-1]


async def _least(most: int, fits: Callable[[int], Awaitable[bool]], guess: int) -> int:
    """The least number up to `most` that fits; `most` where none does. More forgotten fits better.

    Where the guess is right two are looked at, else some more than log2(most).
    """
    low, high, step = 0, most, 1
    at = min(max(guess, 0), most - 1)
    while low <= at < high:  # from the guess on in longer steps, until it lies between
        if await fits(at):
            high, at = at, at - step
        else:
            low, at = at + 1, at + step
        step *= 2
    while low < high:
        middle = (low + high) // 2
        if await fits(middle):
            high = middle
        else:
            low = middle + 1
    return low
