"""A text's log-probabilities where it may not look at a part of what stands before it (attention knockout).

The prompt stays as it was read in sequence 0. A text gets a sequence that shares its cells but for those of the part;
positions keep their gap, so nothing has to be shifted, and a model whose memory cannot shift serves too. What stands
after the part has read it: this is near to leaving it out, not the same. Several texts go in one decode, of fewer rows
than llama.cpp's attention takes by tiles, as in scoring.py.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence

from workbench.errors import EngineError
from workbench.inference.engine import TokenLogprob
from workbench.inference.local.lane import logprob
from workbench.inference.local.llama import Context, Ids, Model
from workbench.inference.local.text import split

BESIDE = 8  # texts that are scored together, at most: sequences of the context besides the prompt's own
ROWS = 60  # rows of them, at most
_ALONE = 32  # rows of a longer text at a time

Part = tuple[tuple[int, int], ...]  # what is hidden: (start, stop), of characters or of tokens


def in_tokens(model: Model, text: str, tokens: Ids, hidden: Sequence[Part]) -> list[Part]:
    """Spans of the prompt's characters as spans of its tokens: those that end in them.

    Never the prompt's last two: the last is read again, and llama.cpp wants the one before it in its sequence.
    """
    pieces = [model.full_piece(token) for token in tokens.tolist()]
    put = len(pieces) > 1 and tokens[0] == model.bos and not text.encode("utf-8", "replace").startswith(pieces[0])
    texts = split(text.encode("utf-8", "replace"), pieces[1:] if put else pieces)
    ends, at = [0] if put else [], 0
    for one in texts:
        at += len(one)
        ends.append(at)
    for place in reversed(range(len(texts) - 1)):  # a token that ends inside a character goes with the character
        if not texts[place]:
            ends[put + place] = ends[put + place + 1]
    found: list[Part] = []
    for spans in hidden:
        places = [at for at, end in enumerate(ends[:-2]) if any(start < end <= stop for start, stop in spans)]
        found.append(tuple((at, at + 1) for at in places))
    return found


def unseen(
    model: Model, context: Context, prompt: Ids, text: Ids, parts: Sequence[Part]
) -> Generator[None, None, list[tuple[TokenLogprob, ...]]]:
    """The text's scores after the prompt, which sequence 0 holds, for each of `parts`; pauses after every decode."""
    if context.sequences < 2:
        raise EngineError("a recurrent model hides no part of a prompt", hint="leave the part out instead")
    together = max(1, min(BESIDE, ROWS // len(text)))
    if len(prompt) + together * len(text) > context.cells:
        together = 1
    each = len(text) if together > 1 else _ALONE
    last = len(prompt) - 1  # it is read again: the text's first token depends on what it sees
    rows = [int(prompt[last]), *text[:-1].tolist()]
    found: list[tuple[TokenLogprob, ...]] = []
    for first in range(0, len(parts), together):
        some = parts[first : first + together]
        scores: list[list[TokenLogprob]] = [[] for _ in some]
        try:
            for sequence, part in enumerate(some, 1):
                _share(context, sequence, part, last)
            for start in range(0, len(rows), each):
                chunk = rows[start : start + each]
                for at in range(len(some)):
                    here = slice(at * len(chunk), (at + 1) * len(chunk))
                    context.token[here] = chunk
                    context.position[here] = range(last + start, last + start + len(chunk))
                    context.sequence[here] = at + 1
                    context.wanted[here] = 1
                if result := context.decode(len(some) * len(chunk)):
                    raise EngineError(f"llama.cpp could not compute this step (code {result})")
                for at, score in enumerate(scores):
                    for row in range(len(chunk)):
                        logits = context.logits(at * len(chunk) + row)
                        score += logprob(model, logits, int(text[start + row]), 0)
                yield
        finally:
            for sequence in range(1, len(some) + 1):
                context.drop(sequence)
        found += map(tuple, scores)
    return found


def _share(context: Context, sequence: int, part: Part, last: int) -> None:
    """Let it see the prompt's tokens before `last`, but for those of the part."""
    at = 0
    for start, stop in (*sorted(part), (last, last)):
        if at < start:
            context.copy(0, sequence, start, at)
        at = stop
