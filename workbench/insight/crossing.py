"""Cross-scores: how likely each answer is after the other's prompt, and which of its words the prompt change bought.

A positive gain, in nats (or bits, where it says so), is what a piece of an answer is likelier after its own prompt.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.inference.engine import TokenLogprob
from workbench.insight.divergence import OnStep, Use, quoted
from workbench.insight.reading import TOP, Reading, Subject, bits, ending, prompt_of, read

TELLING = 1.0  # bits that a piece must gain or lose to be named


@dataclass(frozen=True)
class Piece:
    """A piece of an answer with its log-probability after its own prompt and after the other one.

    A token; of two tokenizers the shortest piece that both cut out. `end` marks the token that ended the answer.
    """

    text: str
    id: int
    own: float
    other: float
    end: bool = False

    @property
    def gain(self) -> float:
        """How much likelier it is after its own prompt, in nats."""
        return self.own - self.other


@dataclass(frozen=True)
class Crossed:
    """An answer read after its own prompt (`own`) and after the other one (`other`), piece by piece."""

    own: Reading
    other: Reading
    pieces: tuple[Piece, ...]

    @property
    def own_logp(self) -> float:
        """Of all pieces, after its own prompt."""
        return sum(piece.own for piece in self.pieces)

    @property
    def other_logp(self) -> float:
        """Of all pieces, after the other prompt."""
        return sum(piece.other for piece in self.pieces)

    @property
    def gain(self) -> float:
        """Of the whole, in nats."""
        return self.own_logp - self.other_logp

    @property
    def per_token(self) -> float:
        """That for each of its own tokens, in nats."""
        return self.gain / max(1, len(self.own.tokens))

    @property
    def telling(self) -> list[Piece]:
        """The pieces that gain or lose the most, the most first."""
        found = [piece for piece in self.pieces if abs(bits(piece.gain)) >= TELLING]
        return sorted(found, key=lambda piece: -abs(piece.gain))


@dataclass(frozen=True)
class Crossing:
    """Both answers, each after either prompt."""

    left: Crossed
    right: Crossed

    @property
    def same_model(self) -> bool:
        """Whether only the prompts differ."""
        return self.left.own.subject.path == self.right.own.subject.path


async def cross(
    use: Use, left: Subject, right: Subject, *, top: int = TOP, on_step: OnStep = lambda _: None
) -> Crossing:
    """Read both answers after both prompts, each prompt by its own model. Raises EngineError.

    `use` lends the engine of a model's file; a prompt is read in once for both answers.
    """
    own: list[Reading] = []
    other: list[Reading] = []
    for host, guest in ((left, right), (right, left)):
        async with use(Path(host.path)) as engine:
            on_step(f"reading {host.name}")
            own.append(await read(engine, host, top=top))
            on_step(f"reading {guest.name} after the prompt of {host.name}")
            prompt = await prompt_of(engine, host)
            end = await ending(engine, host.messages) if guest.finish == "stop" and host.messages else ""
            other.append(await read(engine, guest, prompt=prompt, end=end, top=top))
    return Crossing(crossed(own[0], other[1]), crossed(own[1], other[0]))


def crossed(own: Reading, other: Reading) -> Crossed:
    """The two readings of one answer as pieces; its end counts where both have one."""
    pieces = _pieces(own.said, other.said)
    if own.ended and other.ended:
        last, there = own.tokens[-1], other.tokens[-1]
        pieces.append(Piece(last.text, last.id, last.logprob, there.logprob, end=True))
    return Crossed(own, other, tuple(pieces))


def _pieces(own: Sequence[TokenLogprob], other: Sequence[TokenLogprob]) -> list[Piece]:
    """The shortest pieces that both tokenizations have in common; log-probabilities add up over a piece's tokens."""
    if [token.id for token in own] == [token.id for token in other]:
        return [Piece(a.text, a.id, a.logprob, b.logprob) for a, b in zip(own, other, strict=True)]
    made: list[Piece] = []
    i = j = 0
    while i < len(own) or j < len(other):
        first, text, there = i, "", ""
        logp = logq = 0.0
        while (not text or text != there) and (i < len(own) or j < len(other)):
            if i < len(own) and (len(text) <= len(there) or j >= len(other)):
                text, logp, i = text + own[i].text, logp + own[i].logprob, i + 1
            elif j < len(other):
                there, logq, j = there + other[j].text, logq + other[j].logprob, j + 1
        made.append(Piece(text, own[min(first, len(own) - 1)].id, logp, logq))
    return made


def perplexity(logp: float, tokens: int) -> float:
    """exp of the mean surprise: among how many equally likely tokens each was chosen, in the mean."""
    return math.exp(min(700.0, -logp / max(1, tokens)))


def sentences(found: Crossing) -> list[str]:
    """What there is to say of it, in plain words: a line for each answer."""
    lines = []
    for this, that in ((found.left, found.right), (found.right, found.left)):
        name, other = this.own.subject.name, that.own.subject.name
        change = bits(this.gain)
        word = "likelier" if change >= 0 else "less likely"
        count = len(this.own.tokens)
        said = f"{name}’s answer is {abs(change):.1f} bits {word} after its own prompt than after {other}’s"
        said += f" ({bits(this.per_token):+.2f} a token; perplexity {perplexity(this.own_logp, count):.2f}"
        said += f" against {perplexity(this.other_logp, count):.2f})"
        most = ", ".join(f"{quoted(each.text, each.id)} {bits(each.gain):+.1f}" for each in this.telling[:3])
        lines.append(f"{said}: {most}" if most else said)
    if not found.same_model:
        lines.append("the models differ too: each prompt was read by its own")
    return lines
