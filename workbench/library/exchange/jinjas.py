"""What a foreign jinja text uses: names to declare, and the blocks that cannot come along."""

from __future__ import annotations

import re
from collections.abc import Sequence

from workbench.library.exchange.slots import RefusedError
from workbench.library.reader import clipped

_TAG = re.compile(
    r"\{%-?\s*raw\s*-?%\}.*?\{%-?\s*endraw\s*-?%\}|\{#.*?#\}|\{%(?P<block>.*?)%\}|\{\{(?P<value>.*?)\}\}", re.S
)
_BLOCKS = ("if", "elif", "else", "endif", "set", "endset")
_WORDS = frozenset("and or not in is if else true false none True False None defined undefined".split())
_TEXT = re.compile(r"'[^']*'|\"[^\"]*\"")
_IDENTIFIER = re.compile(r"(?<![\w.|])(?P<name>[^\W\d]\w*)(?!\s*[(=])")
_TESTED = re.compile(r"(\||\bis\s+(?:not\s+)?)\s*[^\W\d]\w*")


def names(texts: Sequence[str]) -> list[str]:
    """The names that a value is needed for. Raises RefusedError for loops, includes and macros."""
    found: dict[str, None] = {}
    own: set[str] = set()
    for text in texts:
        for match in _TAG.finditer(text):
            inside = match["value"]
            if match["block"] is not None:
                word, _, inside = match["block"].strip("-+ \t\n").partition(" ")
                if word not in _BLOCKS:
                    said = clipped(word).strip('"')
                    hint = "lists and other files have no like here"
                    raise RefusedError(f"the block {{% {said} %}} is not carried", match[0], hint)
                if word == "set":
                    own.update(re.findall(r"[^\W\d]\w*", inside.partition("=")[0]))
                    inside = inside.partition("=")[2]
            if inside is not None:
                plain = _TESTED.sub(" ", _TEXT.sub(" ", inside.strip("-+")))
                found |= dict.fromkeys(_IDENTIFIER.findall(plain))
    return [name for name in found if name not in _WORDS and name not in own]
