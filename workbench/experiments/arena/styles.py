"""Style of an answer as numbers, so that a ranking can say what is left of a win when looks are taken out."""

from __future__ import annotations

import re

from workbench.experiments.arena.votes import Style, Vote

NAMES = ("length", "lists", "headings", "bold")

_FENCE = re.compile(r"^ {0,3}(```|~~~).*?(?:^ {0,3}\1|\Z)", re.MULTILINE | re.DOTALL)
_LIST = re.compile(r"^[ \t]*(?:[-*+•]|\d{1,3}[.)])[ \t]+\S", re.MULTILINE)
_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+\S", re.MULTILINE)
_BOLD = re.compile(r"\*\*[^*\n]+\*\*|__[^_\n]+__")


def style_of(text: str, tokens: int | None = None) -> Style:
    """Length in tokens (characters when not given), list items, headings and bold spans of Markdown; code left out."""
    prose = _FENCE.sub("", text)
    return Style(
        length=len(text) if tokens is None else tokens,
        lists=len(_LIST.findall(prose)),
        headings=len(_HEADING.findall(prose)),
        bold=len(_BOLD.findall(prose)),
    )


def differences(vote: Vote) -> tuple[float, ...]:
    """(left - right) / (left + right) for each of NAMES, -1…1; 0 where neither has any or the styles are not known.

    As in Chatbot Arena's style control (Li, Angelopoulos and Chiang 2024, LMSYS, "Does style matter?").
    """
    if vote.styles is None:
        return (0.0,) * len(NAMES)
    left, right = vote.styles
    pairs = [(getattr(left, name), getattr(right, name)) for name in NAMES]
    return tuple((one - other) / (one + other) if one + other else 0.0 for one, other in pairs)
