"""A text's sentences, paragraphs and examples: parts that joined give the text back, blanks after a part being its own.

Sentences end as English, German, Korean, Chinese and Japanese prompts write them; a line break alone ends none, for
prompt files wrap their lines, but a blank line, a heading or the next point of a list does.
"""

from __future__ import annotations

import re
from itertools import pairwise

_ABBREVIATIONS = frozenset(
    "mr mrs ms dr prof st jr sr vs e.g i.e cf approx no nr fig eq vol inc ltd co corp u.s u.k z.b d.h bzw ca".split()
)
_CLOSING = "\"'”’»)]}*_`"
_END = re.compile(
    rf"[.!?…]+[{re.escape(_CLOSING)}]*(?=\s|\Z)"  # a stop, with what closes after it
    r"|[。！？｡]+[」』”’）】》]*"  # CJK stops need no blank after them
    r"|\n(?=[ \t]*\n)"  # a blank line
    r"|\n(?=[ \t]*(?:[-*•·>]|#+|\d{1,3}[.)]|[A-Za-z][.)])[ \t])"  # the next point of a list, a heading
)
_HEADING = re.compile(r"^[ \t]*#+[ \t].*$", re.MULTILINE)
_MARKER = re.compile(r"(?:^|\n)[ \t]*(?:\d{1,3}|[A-Za-z])\Z")  # what stands before the stop of `1.` or `a.`
_BLANK_LINE = re.compile(r"\n[ \t]*\n\s*")
_ASKS = (
    r"[ \t]*(?:[#*]+[ \t]*)?(?:(?:example|beispiel|exemple|예시|예제|例|示例)\b[^\n:]{0,20}"
    r"|q|question|input|user|human|frage|질문|입력|사용자|问|输入|入力)[ \t]*\d*\**[ \t]*[:：.)]"
)
_ANSWERS = (
    r"[ \t]*\**(?:a|answer|output|assistant|response|antwort|답|답변|대답|출력|答|输出|出力)[ \t]*\d*\**[ \t]*[:：.)]"
)
_ASK = re.compile(rf"(?:^|(?<=\n)){_ASKS}", re.IGNORECASE)
_ANSWER = re.compile(_ANSWERS, re.IGNORECASE)


def sentences(text: str) -> list[str]:
    """The sentences of `text`; a heading and a point of a list are one too."""
    cuts = {found.end() for found in _END.finditer(text) if _ends(text, found)}
    cuts |= {found.end() for found in _HEADING.finditer(text)}
    return _parts(text, cuts)


def _ends(text: str, found: re.Match[str]) -> bool:
    """Whether what looks like a stop is one: no abbreviation, initial or number of a list, nothing small after it."""
    if not found[0].startswith("."):
        return found[0][0] not in "!?…" or not _goes_on(text, found.end())
    if _goes_on(text, found.end()) or _MARKER.search(text, max(0, found.start() - 80), found.start()):
        return False
    if len(found[0].strip(_CLOSING)) > 1:
        return True
    word = text[: found.start()].rsplit(None, 1)[-1:] if found.start() <= 80 else _word(text, found.start())
    last = "".join(word).lstrip(_CLOSING + "(").lower()
    return not (last in _ABBREVIATIONS or (len(last) == 1 and last.isascii() and last.isalpha()))


def _word(text: str, end: int) -> list[str]:
    return text[end - 80 : end].rsplit(None, 1)[-1:]


def _goes_on(text: str, at: int) -> bool:
    """Whether the next word begins with a small letter."""
    rest = text[at : at + 80].lstrip(" \t")
    rest = rest[1:].lstrip(" \t") if rest[:1] == "\n" else rest
    return rest[:1].islower()


def paragraphs(text: str) -> list[str]:
    """What blank lines part."""
    return _parts(text, {found.start() for found in _BLANK_LINE.finditer(text)})


def examples(text: str) -> list[str]:
    """Few-shot examples as people write them (`Example 1:`, `Q:` with its `A:`); the rest by paragraphs."""
    found: list[str] = []
    for paragraph in paragraphs(text):
        parts = _parts(paragraph, {match.start() for match in _ASK.finditer(paragraph)})
        joins = found and _ANSWER.match(parts[0]) and not _ASK.match(parts[0]) and _ASK.match(found[-1].lstrip("\n"))
        if joins:
            found[-1] += parts.pop(0)
        found += parts
    return found


def _parts(text: str, cuts: set[int]) -> list[str]:
    """`text` cut there, white space moved to the end of the part before; none of only white space but a whole text."""
    places = set()
    for cut in cuts:
        while cut < len(text) and text[cut].isspace():
            cut += 1
        places.add(cut)
    first = len(text) - len(text.lstrip())
    inner = sorted(place for place in places if first < place < len(text))
    return [text[start:end] for start, end in pairwise([0, *inner, len(text)])] if text else []
