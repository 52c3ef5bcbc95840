"""What comes from the terminal: a paste with control codes in it is text all the same, and bad UTF-8 ends nothing.

Textual's parser takes an ESC within a bracketed paste for a key, so the rest of the paste would be keys as well. Most
terminals filter a paste; `tmux paste-buffer -p` does not.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from functools import partial
from typing import Any

from textual._xterm_parser import XTermParser
from textual.drivers import linux_driver
from textual.message import Message

_BEGIN, _END = "\x1b[200~", "\x1b[201~"


class PasteFilter:
    """Turns each ESC within a paste into its picture; chunks may be cut anywhere."""

    def __init__(self) -> None:
        self._pasting = False
        self._tail = ""  # outside: what a marker may begin with, already given; inside: held back

    def feed(self, data: str) -> str:
        """The next of what was read, made safe."""
        made = []
        while data:
            if self._pasting:
                data, self._tail = self._tail + data, ""
                inside, mark, data = data.partition(_END)
                if not mark:
                    inside, self._tail = _hold(inside)
                made.append(inside.replace("\x1b", "␛") + mark)
                self._pasting = not mark
            else:
                given = len(self._tail)
                before, mark, after = (self._tail + data).partition(_BEGIN)
                made.append((before + mark)[given:])
                data = after
                self._tail = "" if mark else before[-len(_BEGIN) + 1 :]
                self._pasting = bool(mark)
        return "".join(made)


def _hold(text: str) -> tuple[str, str]:
    """(what is certain, an end that may be the beginning of the end marker)."""
    for size in range(min(len(_END) - 1, len(text)), 0, -1):
        if text.endswith(_END[:size]):
            return text[:-size], text[-size:]
    return text, ""


class SafeParser(XTermParser):
    """Textual's, behind the filter."""

    def __init__(self, debug: bool = False) -> None:
        self._paste = PasteFilter()
        super().__init__(debug)

    def feed(self, data: str) -> Iterable[Message]:
        """As XTermParser's; "" is the end."""
        safe = self._paste.feed(data)
        return super().feed(safe) if safe or not data else ()


def guard() -> None:
    """Have Textual's driver read through these."""
    decoder: Any = codecs.getincrementaldecoder("utf-8")
    linux_driver.XTermParser = SafeParser  # type: ignore[attr-defined]  # a name the driver imports
    linux_driver.getincrementaldecoder = lambda _: partial(decoder, "replace")  # type: ignore[attr-defined]  # and another
