"""Semantic association: which words a context makes likelier, measured by the model's own probabilities.

A template's slot is filled by each context in turn; what the model would say next is read off in one pass each, and so
is the probability of named continuations, of any length: the product over their tokens. Nothing is sampled.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workbench.inference.engine import Engine, TokenLogprob

TOP = 20  # likeliest next tokens that are reported
SEEN = 2000  # and that distances look at; the rest of the vocabulary counts as one
TELLING = 1.5  # a word is named in a contrast when it is so many times likelier or less likely


@dataclass(frozen=True)
class Word:
    """A named continuation: its natural-log probability, and that per token (length-normalised)."""

    word: str
    logp: float
    tokens: int

    @property
    def p(self) -> float:
        """Its probability."""
        return math.exp(self.logp)

    @property
    def per_token(self) -> float:
        """The geometric mean of its tokens' probabilities, as a log."""
        return self.logp / max(1, self.tokens)


@dataclass(frozen=True)
class Measured:
    """A context: its prompt, the likeliest next tokens, and the words in the order they were given."""

    name: str
    prompt: str
    next: tuple[TokenLogprob, ...]
    words: tuple[Word, ...]


@dataclass(frozen=True)
class Association:
    """All contexts, the first being the baseline; `distance[i][j]` is between 0 (the same) and 1."""

    contexts: tuple[Measured, ...]
    distance: tuple[tuple[float, ...], ...]


async def measure(engine: Engine, prompts: Mapping[str, str], words: Sequence[str], *, top: int = TOP) -> Association:
    """The association of `words` with each named prompt (raw text). Raises EngineError.

    A word follows the prompt after a blank, unless the prompt ends in white space already.
    """
    measured, seen = [], []
    for name, prompt in prompts.items():
        likeliest = await engine.next_token(prompt, max(top, SEEN))
        found = [await _word(engine, prompt, word) for word in words]
        measured.append(Measured(name, prompt, likeliest[:top], tuple(found)))
        seen.append({token.id: math.exp(token.logprob) for token in likeliest})
    distance = tuple(tuple(jensen_shannon(left, right) for right in seen) for left in seen)
    return Association(tuple(measured), distance)


async def _word(engine: Engine, prompt: str, word: str) -> Word:
    scored = await engine.score(prompt, word if prompt[-1:].isspace() else f" {word}")
    return Word(word, sum(token.logprob for token in scored), len(scored))


def jensen_shannon(left: Mapping[int, float], right: Mapping[int, float]) -> float:
    """The Jensen–Shannon distance (the root of the divergence in bits; Endres and Schindelin 2003), 0…1.

    Tokens that are in only one of the two, and what is missing to 1, count as one further outcome: by the data
    processing inequality the distance is then never more than the whole distributions'.
    """
    both = left.keys() & right.keys()
    pairs = [(left[token], right[token]) for token in both]
    pairs.append((max(0.0, 1 - sum(p for p, _ in pairs)), max(0.0, 1 - sum(q for _, q in pairs))))
    total = 0.0
    for p, q in pairs:
        middle = (p + q) / 2
        total += (p * math.log2(p / middle) if p else 0.0) / 2 + (q * math.log2(q / middle) if q else 0.0) / 2
    return math.sqrt(min(1.0, max(0.0, total)))


def contrasts(found: Association) -> list[str]:
    """A sentence for each context after the first: what it makes likelier, and what less likely, than that one."""
    if not found.contexts:
        return []
    base, *others = found.contexts
    lines = []
    for context in others:
        changes = [(word.logp - before.logp, word.word) for word, before in zip(context.words, base.words, strict=True)]
        up = max(changes, default=(0.0, ""))
        down = min(changes, default=(0.0, ""))
        said = [
            *([f"‘{up[1]}’ {_times(up[0])} likelier"] if up[0] > math.log(TELLING) else []),
            *([f"‘{down[1]}’ {_times(-down[0])} less likely"] if -down[0] > math.log(TELLING) else []),
        ]
        change = f"makes {' and '.join(said)}" if said else "changes none of them much"
        lines.append(f"{context.name} {change}")
    return lines


def _times(log: float) -> str:
    ratio = math.exp(min(log, 50.0))
    return f"{ratio:,.0f} ×" if ratio >= 10 else f"{ratio:.1f} ×"
