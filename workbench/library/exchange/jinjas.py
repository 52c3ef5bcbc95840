"""What a foreign jinja text uses: names to declare, and the blocks that cannot come along."""

from __future__ import annotations

import re
from collections.abc import Sequence

from workbench.library.exchange.slots import RefusedError
from workbench.library.reader import clipped

_TAG = re.compile(
    r"\{%-?\s*raw\s*-?%\}.*?\{%-?\s*endraw\s*-?%\}|\{#.*?#\}|\{%(?P<block>.*?)%\}|\{\{(?P<value>.*?)\}\}", re.S
)
_BLOCKS = ("if", "elif", "else", "endif", "set", "endset", "for", "endfor")
_WORDS = frozenset("and or not in is if else true false none True False None defined undefined recursive".split())
_TEXT = re.compile(r"'[^']*'|\"[^\"]*\"")
# No attribute, no filter, no function, no name of an argument (`f(a=1)`; `a == 1` is one).
_IDENTIFIER = re.compile(r"(?<![\w.|])(?P<name>[^\W\d]\w*+)(?!\s*(?:\(|=(?!=)))")
_TESTED = re.compile(r"(\||\bis\s+(?:not\s+)?)\s*[^\W\d]\w*+")
_FOR = re.compile(r"(?P<names>.+?)\s+in\s+(?P<over>.+)", re.S)
_MADE = re.compile(r"\bsplit\s*\(|\brange\s*\(|\blines\b|\[")  # what makes a list out of a text or a number


def names(texts: Sequence[str]) -> list[str]:
    """The names that a value is needed for. Raises RefusedError for loops over lists, includes and macros."""
    found: dict[str, None] = {}
    own: set[str] = set()
    for text in texts:
        for match in _TAG.finditer(text):
            inside = match["value"]
            if match["block"] is not None:
                word, _, inside = match["block"].strip("-+ \t\n").partition(" ")
                if word not in _BLOCKS:
                    raise _refused(match[0], f"the block {{% {clipped(word).strip(chr(34))} %}}")
                if word == "set":
                    own.update(re.findall(r"[^\W\d]\w*", inside.partition("=")[0]))
                    inside = inside.partition("=")[2]
                elif word == "for":
                    inside = _loop(match[0], inside, own)
            if inside is not None:
                found |= dict.fromkeys(_used(inside))
    return [name for name in found if name not in own]


def _loop(whole: str, inside: str, own: set[str]) -> str:
    """What a loop goes over; its own names are added. Raises RefusedError when that is a list that a value would be."""
    match = _FOR.fullmatch(inside)
    if match is None:
        raise _refused(whole, f"the loop {clipped(whole).strip(chr(34))}")
    over = match["over"]
    if not _MADE.search(_TEXT.sub(" ", over)) and not own.intersection(_used(over)):
        raise _refused(whole, f"the loop over {clipped(over.strip()).strip(chr(34))}", 'a text with .split(",") has')
    own.update(re.findall(r"[^\W\d]\w*", match["names"]), ["loop"])
    return over


def _used(expression: str) -> list[str]:
    plain = _TESTED.sub(" ; ", _TEXT.sub(" ", expression.strip("-+")))
    return [name for name in _IDENTIFIER.findall(plain) if name not in _WORDS]


def _refused(needle: str, what: str, instead: str = "") -> RefusedError:
    hint = "lists and other files have no like here" + (f"; {instead}" if instead else "")
    return RefusedError(f"{what} is not carried", needle, hint)
