"""Loops: an answer that says the same again and again.

Two measures, the worse one counts. The *tail*: how much of the text is, at its end, one piece of at most PERIOD
characters repeated TIMES times or more (how a model that is stuck ends). The *n-grams*: the share of the runs of N
words (of characters, where words are not set apart by blanks) that were there before.
"""

from __future__ import annotations

import re

from workbench.experiments.checks.model import Context, Options, Outcome
from workbench.experiments.checks.words import quoted

PERIOD = 2_000
TIMES = 3
LEAST = 40  # characters of a loop; "no, no, no" is none
RULE = 500  # of one without a letter or digit: a shorter one is the rule below a table
TAIL = 30_000  # characters looked at for the tail
LONGEST = 200_000  # words looked at
# Han, kana, Thai, Lao, Burmese and Khmer are written without blanks between words.
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")


def repetition(options: Options, answer: str, context: Context) -> Outcome:
    """Score 1 = nothing repeated, 0 = nothing else."""
    text = answer.strip()
    if not text:
        return Outcome(1, "it says nothing")
    loop, piece = tail(text)
    share = repeated(text, int(options["n"]))
    in_tail = loop / len(text)
    if loop:
        said = f"ends in a loop: {quoted(piece, 40)} {loop // len(piece)} times"
        # A loop at the end is a loop however long the text before it: it is what a stuck model leaves.
        worse = max(share, in_tail)
        return Outcome(1 - worse, said, passed=False, measured=worse)
    return Outcome(1 - share, f"{share:.0%} of it was said before", measured=share)


def tail(text: str) -> tuple[int, str]:
    """The characters of the loop that the text ends in, and the piece that is repeated; (0, "") without one.

    By the prefix function of the reversed text (Knuth, Morris, Pratt 1977): a beginning of length n with a border of b
    has the period n − b. Linear in the text.
    """
    back = text[-TAIL:][::-1]
    border = [0] * len(back)
    best, period = 0, 0
    at = 0
    for i in range(1, len(back)):
        while at and back[i] != back[at]:
            at = border[at - 1]
        if back[i] == back[at]:
            at += 1
        border[i] = at
        length = i + 1
        step = length - at
        if step <= PERIOD and length >= TIMES * step and length >= LEAST:
            best, period = length, step
    piece = back[:period][::-1]
    return (best, piece) if best >= RULE or any(map(str.isalnum, piece)) else (0, "")


def repeated(text: str, n: int) -> float:
    """The share of n-grams that stand in it earlier, 0…1; 0 for a text shorter than two of them."""
    units = re.findall(r"\w+", text.casefold())[:LONGEST]
    if len(_UNSPACED.findall(text)) * 2 > sum(map(len, units)):
        units = [character for unit in units for character in unit][:LONGEST]
        n *= 2  # a word of Chinese is about two characters
    total = len(units) - n + 1
    if total <= n:
        return 0.0
    return 1 - len(set(zip(*(units[start:] for start in range(n)), strict=False))) / total
