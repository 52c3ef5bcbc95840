"""A conversation made to fit its context window: by a policy, counted exactly, summed up by the model where wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from workbench.errors import EngineError
from workbench.inference.engine import Engine, Finished, Generate, Message, Piece
from workbench.inference.keeping import Keeper, Kept, lost, texts, turns
from workbench.inference.sampling import make
from workbench.inference.window import REQUEST, Policy, Summary, Window, budget, digest, exchange

LONGEST = 200  # tokens of a summary; never more than a quarter of the budget


@dataclass(frozen=True)
class Fitted:
    """What is fed after the lead; `window` is None where nothing had to be forgotten."""

    messages: tuple[Message, ...]
    window: Window | None = None


async def fit(
    engine: Engine,
    lead: Sequence[Message],
    messages: Sequence[Message],
    policy: Policy,
    room: int,
    *,
    known: Summary | None = None,
    trial: str = "",
    generate: bool = True,
) -> Fitted:
    """The conversation as it fits beside an answer of `room` tokens; `engine` is loaded.

    `known` is a summary that may serve again. A new one is a trial of the engine, `trial`; without `generate` none is
    made, and the window says how long it may become. A server that does not count gets everything, and the window
    says so. Raises EngineError where the model fails.
    """
    said = tuple(messages)
    if policy == "refuse" or not said:
        return Fitted(said)
    info = engine.info
    if info is None or not info.context_length:
        return Fitted(said, Window(policy=policy, problem="the server does not say how long its context is"))
    try:
        counted = await engine.count((*lead, *said))
    except EngineError as error:
        return Fitted(said, Window(policy=policy, context=info.context_length, problem=str(error)))
    goal = budget(info.context_length, room)
    if counted.prompt_tokens <= goal:
        return Fitted(said)
    keeper = Keeper(engine, lead, said, goal, counted)
    made = Window(policy=policy, context=info.context_length, budget=goal, whole_tokens=counted.prompt_tokens)
    if policy == "summarise":
        return await _Summing(engine, keeper, lead, said, made).fitted(known, trial if generate else "")
    return await _fitted(keeper, said, made, await keeper.keep(policy))


async def _fitted(keeper: Keeper, said: Sequence[Message], made: Window, kept: Kept) -> Fitted:
    window = replace(made, prompt_tokens=await keeper.count(kept), lost=lost(said, kept))
    return Fitted(texts(said, kept), window)


class _Summing:
    """The oldest turns become one: a summary asked for and given."""

    def __init__(
        self, engine: Engine, keeper: Keeper, lead: Sequence[Message], said: Sequence[Message], made: Window
    ) -> None:
        self._engine, self._keeper, self._lead, self._said, self._made = engine, keeper, lead, said, made
        self._model = engine.info.path if engine.info else ""
        self._longest = max(1, min(LONGEST, made.budget // 4))

    async def fitted(self, known: Summary | None, trial: str) -> Fitted:
        """With a summary made as `trial`; "" makes none."""
        kept = await self._keeper.drop_oldest(exchange(""), self._longest)
        dropped = self._said[: kept[0][0]]
        if not dropped or await self._keeper.count(kept, exchange("")) + self._longest > self._made.budget:
            return await _fitted(self._keeper, self._said, self._made, kept)  # there is no room for one
        ready = known if known and known.messages == len(dropped) and self._stands(known, dropped) else None
        if ready is None and trial:
            made = await self._make(dropped, known, trial)
            ready = Summary(made, len(dropped), digest(dropped, self._model))
        if ready is not None:
            ready = replace(ready, text=await self._cut(ready.text, kept))
        before = exchange(ready.text if ready else "")
        tokens = await self._keeper.count(kept, before) + (0 if ready else self._longest)
        window = replace(self._made, prompt_tokens=tokens, lost=lost(self._said, kept), summary=ready)
        return Fitted((*(before if ready else ()), *texts(self._said, kept)), window)

    def _stands(self, known: Summary, dropped: Sequence[Message]) -> bool:
        return digest(dropped[: known.messages], self._model) == known.digest

    async def _make(self, dropped: Sequence[Message], known: Summary | None, trial: str) -> str:
        """Piece by piece where they are longer than a context themselves: each time with the summary so far before."""
        at, text = 0, ""
        if known and known.messages <= len(dropped) and self._stands(known, dropped):
            at, text = known.messages, known.text
        asked = Message("user", REQUEST)
        while at < len(dropped):
            before = exchange(text) if text else ()
            left = (*dropped[at:], asked)
            goal = self._made.context - self._longest
            ends = [turn.stop for turn in turns(left)]
            for end in reversed(ends):
                part = (*left[:end], asked)
                counted = await self._engine.count((*before, *part))
                if counted.prompt_tokens <= goal or end == ends[0]:
                    break
            kept = await Keeper(self._engine, before, part, goal, counted).roll()  # one turn may be too long by itself
            text = await self._say((*before, *texts(part, kept)), trial)
            at += end
        return text

    async def _say(self, messages: Sequence[Message], trial: str) -> str:
        sampling = make({"temperature": 0, "max_tokens": self._longest})
        parts, end = list[str](), None
        async for event in self._engine.generate([Generate(trial=trial, messages=tuple(messages), sampling=sampling)]):
            if isinstance(event, Piece):
                parts.append(event.text)
            elif isinstance(event, Finished):
                end = event
        if end is None or end.finish not in ("stop", "length"):
            said = end.error if end and end.error else "the summary was stopped"
            raise EngineError(said, hint="run it again")
        return "".join(parts).strip()

    async def _cut(self, text: str, kept: Kept) -> str:
        """The summary, its end taken off where it is more tokens in its place than it was when it was made."""
        if await self._keeper.count(kept, exchange(text)) <= self._made.budget:
            return text
        tokens = await self._engine.tokenize(text)
        for number in range(len(tokens) - 1, 0, -1):
            shorter = "".join(token.text for token in tokens[:number])
            if await self._keeper.count(kept, exchange(shorter)) <= self._made.budget:
                return shorter
        return ""
