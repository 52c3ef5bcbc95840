"""Semantic association: which words a context makes likelier, measured by the model's own probabilities.

A template's slot is filled by each context in turn; what the model would say next is read off in one pass each, and so
is the probability of named continuations, of any length: the product over their tokens. Nothing is sampled.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from workbench.errors import EngineError
from workbench.inference.engine import Engine, TokenLogprob

TOP = 20  # likeliest next tokens that are reported
SEEN = 2000  # and that distances look at; the rest of the vocabulary counts as one
TELLING = 1.5  # a word is named in a contrast when it is so many times likelier or less likely
_TIGHT = ("HIRAGANA", "KATAKANA", "CJK UNIFIED")  # written without blanks


@dataclass(frozen=True)
class Word:
    """A named continuation: its natural-log probability, its tokens' number, and each one's text with its own."""

    word: str
    logp: float
    tokens: int
    pieces: tuple[tuple[str, float], ...] = ()

    @property
    def p(self) -> float:
        """Its probability."""
        return math.exp(self.logp)

    @property
    def per_token(self) -> float:
        """The geometric mean of its tokens' probabilities, as a log (length-normalised)."""
        return self.logp / max(1, self.tokens)


@dataclass(frozen=True)
class Measured:
    """A context: its prompt, the likeliest next tokens, and the words in the order they were given.

    `seen` are the probabilities that distances look at, by token id.
    """

    name: str
    prompt: str
    next: tuple[TokenLogprob, ...]
    words: tuple[Word, ...]
    seen: Mapping[int, float] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True)
class Association:
    """All contexts; `distance[i][j]` is between 0 (the same) and 1."""

    contexts: tuple[Measured, ...]
    distance: tuple[tuple[float, ...], ...]

    def change(self, context: int, word: int, base: int = 0) -> float:
        """How many nats likelier a context makes a word than the baseline does."""
        return self.contexts[context].words[word].logp - self.contexts[base].words[word].logp


async def measure(
    engine: Engine,
    prompts: Mapping[str, str],
    words: Sequence[str],
    *,
    top: int = TOP,
    known: Association | None = None,
    told: Callable[[Association], None] | None = None,
) -> Association:
    """The association of `words` with each named prompt (raw text). Raises EngineError.

    What `known` has is not asked for again. `told` hears of each context that is done, with those before it. A server
    that offers next tokens alone gives them to `told`, without words, before the error is raised.
    """
    refused: EngineError | None = None
    before = {context.prompt: context for context in known.contexts} if known else {}
    done: list[Measured] = []
    for name, prompt in prompts.items():
        old = before.get(prompt)
        had = {word.word: word for word in old.words} if old else {}
        if old is not None and len(old.next) >= min(top, len(old.seen)):
            likeliest, seen = old.next, old.seen
        else:
            likeliest = await engine.next_token(prompt, max(top, SEEN))
            seen = {token.id: math.exp(token.logprob) for token in likeliest}
        fresh = [word for word in dict.fromkeys(words) if word not in had]
        if fresh and refused is None:
            try:
                scored = await engine.score_many(prompt, [continuation(prompt, word) for word in fresh])
                had |= {word: _word(word, tokens) for word, tokens in zip(fresh, scored, strict=True)}
            except EngineError as error:
                refused = error
        asked = tuple(had[word] for word in words) if refused is None else ()
        done.append(Measured(name, prompt, likeliest[:top], asked, seen))
        if told is not None:
            told(Association(tuple(done), distances(done)))
    if refused is not None:
        raise refused
    return Association(tuple(done), distances(done))


def _word(word: str, scored: Sequence[TokenLogprob]) -> Word:
    pieces = tuple((token.text, token.logprob) for token in scored)
    return Word(word, sum(logp for _, logp in pieces), len(pieces), pieces)


def continuation(prompt: str, word: str) -> str:
    """How a word follows a prompt: after a blank, unless there is white space, an opening bracket, or no need of one.

    A comma needs none, nor does a script that is written without.
    """
    last, first = prompt[-1:], word[:1]
    if not last or not first or last.isspace() or first.isspace():
        return word
    tight = unicodedata.category(last) in ("Ps", "Pi") or unicodedata.category(first) in ("Po", "Pe", "Pf")
    return word if tight or unicodedata.name(last, "").startswith(_TIGHT) else f" {word}"


def distances(contexts: Sequence[Measured]) -> tuple[tuple[float, ...], ...]:
    """Each context's distance from each other one."""
    size = len(contexts)
    made = [[0.0] * size for _ in contexts]
    for left in range(size):
        for right in range(left):
            made[left][right] = made[right][left] = jensen_shannon(contexts[left].seen, contexts[right].seen)
    return tuple(map(tuple, made))


def jensen_shannon(left: Mapping[int, float], right: Mapping[int, float]) -> float:
    """The Jensen–Shannon distance (the root of the divergence in bits; Endres and Schindelin 2003), 0…1.

    Tokens that are in only one of the two, and what is missing to 1, count as one further outcome: by the data
    processing inequality the distance is then never more than the whole distributions'.
    """
    both = sorted(left.keys() & right.keys())
    p, q = [left[token] for token in both], [right[token] for token in both]
    p.append(max(0.0, 1 - math.fsum(p)))
    q.append(max(0.0, 1 - math.fsum(q)))
    log2 = math.log2
    total = 0.0
    for a, b in zip(p, q, strict=True):
        if a != b:  # else nothing
            middle = (a + b) / 2
            total += ((a * log2(a / middle) if a else 0.0) + (b * log2(b / middle) if b else 0.0)) / 2
    return math.sqrt(min(1.0, max(0.0, total)))


def contrasts(found: Association, base: int = 0) -> list[str]:
    """A sentence for each context but the baseline: what it makes likelier, and what less likely, than that one."""
    return [contrast(found, place, base) for place in range(len(found.contexts)) if place != base]


def contrast(found: Association, place: int, base: int = 0) -> str:
    """Such a sentence: *galaxy* makes ‘planet’ 38 × likelier and ‘actor’ 12 × less."""
    context = found.contexts[place]
    changes = [(found.change(place, at, base), word.word.strip()) for at, word in enumerate(context.words)]
    up, down = max(changes, default=(0.0, "")), min(changes, default=(0.0, ""))
    more, less = up[0] > math.log(TELLING), -down[0] > math.log(TELLING)
    said = [f"‘{up[1]}’ {times(up[0])} likelier"] if more else []
    said += [f"‘{down[1]}’ {times(-down[0])} less{'' if more else ' likely'}"] if less else []
    change = f"makes {' and '.join(said)}" if said else "changes none of them much"
    return f"{context.name} {change}"


def finding(found: Association, model: str, base: int = 0) -> str:
    """What was found, in a line: the contrasts that say something, against what, by which model."""
    told = [line for line in contrasts(found, base) if " makes " in line] or ["no context changes a word much"]
    return f"{'; '.join(told)} (against {found.contexts[base].name}, {model})"


def times(log: float) -> str:
    """A ratio given by its log: `38 ×`, `1.4 ×`."""
    ratio = math.exp(min(log, 50.0))
    return f"{ratio:,.0f} ×" if ratio >= 10 else f"{ratio:.1f} ×"
