"""From tokens to text: whole characters only, stop strings that span tokens, and token texts that join to the input."""

from __future__ import annotations

import codecs
from collections.abc import Sequence

_BLANK = "▁".encode()  # SentencePiece writes a blank so, and reads the sign itself as one


class Stream:
    """The text of one answer as its tokens come.

    A character that is not whole yet is held back, and so is the end of the text while it may begin a stop string.
    """

    def __init__(self, stop: Sequence[str] = ()) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._stop = tuple(text for text in stop if text)
        self._held = ""
        self.stopped = False

    def feed(self, piece: bytes) -> str:
        """The text that is certain after one more token; sets `stopped` when a stop string is complete."""
        return self._release(self._decoder.decode(piece))

    def _release(self, fresh: str) -> str:
        if not self._stop or self.stopped:
            return "" if self.stopped else fresh
        text = self._held + fresh
        found = min((at for at in (text.find(stop) for stop in self._stop) if at >= 0), default=-1)
        if found >= 0:
            self.stopped, self._held = True, ""
            return text[:found]
        keep = max(_overlap(text, stop) for stop in self._stop)
        cut = len(text) - keep
        self._held = text[cut:]
        return text[:cut]

    def end(self) -> str:
        """What was held back, when the answer ends without a stop string; broken characters are replaced."""
        text = self._release(self._decoder.decode(b"", final=True)) + self._held
        self._held = ""
        return text


def _overlap(text: str, stop: str) -> int:
    """How many characters at the end of `text` begin `stop`."""
    return next((size for size in range(min(len(stop) - 1, len(text)), 0, -1) if text.endswith(stop[:size])), 0)


def split(data: bytes, pieces: Sequence[bytes]) -> list[str]:
    """Texts for tokens with these bytes, that joined give `data`.

    The pieces need not join to `data` themselves: a tokenizer may put a space in front, fold white space, or lose a
    byte it does not know; each piece is then looked for from where the one before ended. A token that ends inside a
    character has no part of it; the token that completes it has all.
    """
    ends: list[int] = []
    at = 0
    joined = b"".join(pieces)
    if joined == data:
        for piece in pieces:
            at += len(piece)
            ends.append(at)
    elif joined[:1] == b" " and joined[1:] == data:
        at = -1
        for piece in pieces:
            at += len(piece)
            ends.append(max(at, 0))
    elif (blanks := data.replace(_BLANK, b" ")) != data and joined in (blanks, b" " + blanks):
        at = len(blanks) - len(joined)
        for piece in pieces:
            for byte in piece:
                at += 3 if byte == 0x20 and data[at : at + 3] == _BLANK else 1
            ends.append(max(at, 0))
    else:
        for piece in pieces:
            at = _follow(data, at, piece)
            ends.append(at)
    if ends:
        ends[-1] = len(data)
    texts: list[str] = []
    start = 0
    for end in ends:
        while end < len(data) and data[end] & 0xC0 == 0x80:  # inside a character: it belongs to a later token
            end -= 1
            while data[end] & 0xC0 == 0x80:
                end -= 1
        end = max(end, start)
        texts.append(data[start:end].decode("utf-8", "replace"))
        start = end
    return texts


def _follow(data: bytes, at: int, piece: bytes) -> int:
    """Where `piece` ends when it is the next in `data` from `at` on, skipping a few bytes that no token holds."""
    window = data[at : at + len(piece) + 64]
    for wanted in (piece, piece.strip(b" ")):
        found = window.find(wanted) if wanted else -1
        if found >= 0:
            return at + found + len(wanted)
    return at
