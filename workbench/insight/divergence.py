"""Where two answers part: the first token that differs, what was likely there on either side, and the way beyond.

Answers of one tokenizer part by token ids, those of two by their text.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from workbench.errors import UsageError
from workbench.inference.engine import Engine, TokenLogprob
from workbench.insight.reading import TOP, Reading, Subject, read

Use = Callable[[Path], AbstractAsyncContextManager[Engine]]
OnStep = Callable[[str], None]


@dataclass(frozen=True)
class Parting:
    """Where two readings part: tokens (from 0) on the left and on the right, and the character of both texts.

    A place may be one behind the last token: that answer was over (or cut off) there. `by_text`: by two tokenizers.
    """

    left: int
    right: int
    character: int
    by_text: bool = False


@dataclass(frozen=True)
class Divergence:
    """Two readings and where they part (None: nowhere). `left_gave` is the log-probability that the left model, after
    the left prompt, gave to the right one's choice there, `right_gave` the other way round; None: not known."""

    left: Reading
    right: Reading
    parting: Parting | None
    left_gave: float | None = None
    right_gave: float | None = None

    @property
    def same_prompt(self) -> bool:
        """Whether both read the same prompt: only dice, settings or models can have parted them."""
        return self.left.prompt == self.right.prompt

    @property
    def same_model(self) -> bool:
        """Whether one model made both."""
        return self.left.subject.path == self.right.subject.path

    def choice(self, right: bool) -> TokenLogprob | None:
        """What that side chose where they part; None when it was cut off before."""
        if self.parting is None:
            return None
        tokens, at = (self.right.tokens, self.parting.right) if right else (self.left.tokens, self.parting.left)
        return tokens[at] if at < len(tokens) else None


def part(left: Reading, right: Reading) -> Parting | None:
    """The first place where they differ; None when one is the other, to the end."""
    if left.subject.path == right.subject.path:
        return _by_token(left, right)
    return _by_text(left, right)


def _by_token(left: Reading, right: Reading) -> Parting | None:
    pairs = zip(left.tokens, right.tokens, strict=False)
    shorter = min(len(left.tokens), len(right.tokens))
    at = next((at for at, (a, b) in enumerate(pairs) if a.id != b.id), shorter)
    if at == len(left.tokens) == len(right.tokens):
        return None
    return Parting(at, at, sum(len(token.text) for token in left.said[:at]))


def _by_text(left: Reading, right: Reading) -> Parting | None:
    a, b = left.subject.text, right.subject.text
    at = next((at for at, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    if at == len(a) == len(b) and left.ended == right.ended:
        return None
    return Parting(_token_at(left, at), _token_at(right, at), at, by_text=True)


def _token_at(reading: Reading, character: int) -> int:
    """The token that has this character of the text, or comes after the text."""
    end = 0
    for at, token in enumerate(reading.said):
        end += len(token.text)
        if end > character:
            return at
    return len(reading.said)


async def gave(engine: Engine, reading: Reading, at: int, choice: TokenLogprob | None, *, by_id: bool) -> float | None:
    """The log-probability that `reading`'s model gave, at its token `at`, to another's `choice`; None: not known.

    Of one tokenizer (`by_id`) it is that token's own; of two, that of its text, as this model cuts it.
    """
    if choice is None or (not by_id and not choice.text):
        return None
    if by_id and at < len(reading.tokens):
        if (own := reading.tokens[at]).id == choice.id:
            return own.logprob
        if (known := next((logp for id, _, logp in own.top if id == choice.id), None)) is not None:
            return known
    before = reading.prompt + "".join(token.text for token in reading.said[:at])
    scored = await engine.score(before, choice.text) if choice.text else ()
    if not by_id:
        return sum(token.logprob for token in scored)
    if len(scored) == 1 and scored[0].id == choice.id:
        return scored[0].logprob
    # Its text alone is cut into other tokens: then it is looked for in the whole distribution.
    whole = await engine.next_token(before, engine.info.vocabulary if engine.info else 1)
    return next((token.logprob for token in whole if token.id == choice.id), None)


async def diverge(
    use: Use, left: Subject, right: Subject, *, top: int = TOP, on_step: OnStep = lambda _: None
) -> Divergence:
    """Read both and find where they part. `use` lends the engine of a model's file; `on_step` hears what is done now.

    Raises EngineError where an engine (a server) does not offer what it takes.
    """
    same = left.path == right.path
    readings: list[Reading] = []
    async with use(Path(left.path)) as engine:
        for subject in (left, right) if same else (left,):
            on_step(f"reading {subject.name}")
            readings.append(await read(engine, subject, top=top))
        if same:
            return await _given(engine, engine, *readings)
    async with use(Path(right.path)) as engine:
        on_step(f"reading {right.name}")
        readings.append(await read(engine, right, top=top))
        found = await _given(None, engine, *readings)
    if found.parting is not None:  # the left model again: memory may not hold both at once
        async with use(Path(left.path)) as engine:
            on_step(f"what {left.name} gave to the choice of {right.name}")
            return replace(
                found, left_gave=await gave(engine, found.left, found.parting.left, found.choice(True), by_id=False)
            )
    return found


async def _given(on_left: Engine | None, on_right: Engine, left: Reading, right: Reading) -> Divergence:
    parting = part(left, right)
    found = Divergence(left, right, parting)
    if parting is None:
        return found
    by_id = not parting.by_text
    right_gave = await gave(on_right, right, parting.right, found.choice(False), by_id=by_id)
    left_gave = None
    if on_left is not None:
        left_gave = await gave(on_left, left, parting.left, found.choice(True), by_id=by_id)
    return replace(found, left_gave=left_gave, right_gave=right_gave)


def beside(found: Divergence, at: int, *, right: bool) -> int:
    """The other side's token that goes with this one's token `at`: the same before they part, as far on behind it.

    Of two tokenizers the same place in the text before they part. It may lie behind the last one.
    """
    if found.parting is None:
        return at
    here, there = (found.parting.right, found.parting.left) if right else (found.parting.left, found.parting.right)
    if at >= here or not found.parting.by_text:
        return max(0, at - here + there)
    own, other = (found.right, found.left) if right else (found.left, found.right)
    return _token_at(other, sum(len(token.text) for token in own.said[:at]))


def sentences(found: Divergence) -> list[str]:
    """What there is to say of it, in plain words."""
    left, right = found.left.subject.name, found.right.subject.name
    if found.parting is None:
        return ["they are the same, token by token"]
    one, two = found.choice(False), found.choice(True)
    where = f"they part at token {found.parting.left + 1}"
    if found.parting.by_text:
        where += f" of {left} and token {found.parting.right + 1} of {right}, by their text (two tokenizers)"
    lines = [f"{where}: {left} {_said(found.left, one)}, {right} {_said(found.right, two)}"]
    for name, other, choice, own, given in (
        (left, right, two, one, found.left_gave),
        (right, left, one, two, found.right_gave),
    ):
        if choice is not None and given is not None:
            own_p = "" if own is None else f" (its own {share(own.logprob)})"
            lines.append(f"{name} gave {other}’s {quoted(choice.text, choice.id)} {share(given)}{own_p}")
    if found.same_prompt and found.same_model and one is not None and two is not None:
        lines.append("the prompt and all before are the same, so is the distribution: dice or settings chose otherwise")
    return lines


def _said(reading: Reading, choice: TokenLogprob | None) -> str:
    if choice is None:
        return f"was over ({reading.subject.finish or 'it goes on'})"
    verb = "ended with" if reading.ended and choice is reading.tokens[-1] else "took"
    return f"{verb} {quoted(choice.text, choice.id)} {share(choice.logprob)}"


def quoted(text: str, id: int) -> str:
    """A token in quotes, its line breaks visible; by its id where it is part of a character."""
    return f"‘{text}’".replace("\n", "⏎") if text else f"‘#{id}’"


def share(logprob: float) -> str:
    """A probability as a person reads it: `34.1 %`, `0.02 %`, `2e-07`."""
    p = math.exp(min(0.0, logprob))
    if p >= 0.1:
        return f"{p * 100:.1f} %"
    return f"{p * 100:.2f} %" if p >= 0.0001 else f"{p:.0e}"


@dataclass(frozen=True)
class Candidate:
    """A token that could have come: whether it was chosen, or is what the other side chose.

    `rank` counts from 1, None when it is not known; `text` is "" where it is part of a character.
    """

    id: int
    text: str
    logprob: float
    rank: int | None
    chosen: bool = False
    others: bool = False


def candidates(
    token: TokenLogprob, other: TokenLogprob | None = None, most: int = TOP, *, given: float | None = None
) -> list[Candidate]:
    """The `most` likeliest tokens where `token` was chosen, itself always among them.

    So is `other`, another side's choice, when the log-probability that was `given` to it is known.
    """
    marked = other.id if other is not None else None
    found = [
        Candidate(id, whole(text), logprob, place + 1, id == token.id, id == marked)
        for place, (id, text, logprob) in enumerate(token.top[:most])
    ]
    rare = []
    if not any(each.chosen for each in found):
        rare.append(Candidate(token.id, token.text, token.logprob, token.rank, True, token.id == marked))
    if other is not None and given is not None and marked != token.id and not any(each.others for each in found):
        rare.append(Candidate(other.id, other.text, given, None, others=True))
    rare.sort(key=lambda each: -each.logprob)
    return [*found[: max(0, most - len(rare))], *rare]


async def branching(engine: Engine, reading: Reading, at: int, candidate: Candidate) -> str:
    """The text that an answer begins with which goes on from `candidate` in place of token `at`. Raises UsageError."""
    quote = quoted(candidate.text, candidate.id)
    before = reading.said[:at]
    if not candidate.text or (before and not before[-1].text):
        raise UsageError(f"{quote} is part of a character", hint="branch at whole characters")
    if candidate.chosen:
        raise UsageError(f"{quote} is what was chosen", hint="pick another candidate")
    parsed, plain = await engine.tokenize(candidate.text, special=True), await engine.tokenize(candidate.text)
    if [token.id for token in parsed] == [candidate.id] != [token.id for token in plain]:
        raise UsageError(f"{quote} is a control token: it would end the answer", hint="pick another candidate")
    return "".join(token.text for token in before) + candidate.text


def whole(text: str) -> str:
    """A token's own text, "" where it is not whole characters."""
    return "" if "\ufffd" in text else text
