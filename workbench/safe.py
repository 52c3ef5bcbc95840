"""Untrusted text made harmless at the boundary: control codes become visible pictures.

Model output, prompt files, GGUF metadata, file names and errors of others all pass through here before they reach a
terminal, in the app and on the command line. C0 codes and DEL show as their Unicode control pictures (U+2400…), C1
codes, bidirectional overrides and invisible format characters as `⟨U+009B⟩`. What is stored stays untouched.
"""

from __future__ import annotations

import re

# The bidi set is Unicode's explicit formatting characters (UAX #9, 2.1–2.2 and the marks of 2.6); with them the
# invisible ones used to hide text: zero width space/no-break, word joiner and relatives, soft hyphen, fillers, musical
# and interlinear marks, tags, the supplementary variation selectors (a byte each: whole texts hide behind one emoji).
# ZWJ and ZWNJ (200C, 200D) and the first sixteen variation selectors (FE00–FE0F) stay: emoji and several scripts need
# them. So do the conjoining jamo fillers (115F, 1160), which old Korean needs.
_BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_HIDDEN = (
    "\u00ad\u034f\u17b4\u17b5\u180e\u200b\u2028\u2029\u2060-\u2065\u206a-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_UNSAFE = re.compile(f"[\x00-\x08\x0b-\x1f\x7f\x80-\x9f{_BIDI}{_HIDDEN}\ud800-\udfff]")
_UNSAFE_LINE = re.compile(f"[\x00-\x1f\x7f\x80-\x9f{_BIDI}{_HIDDEN}\ud800-\udfff]")


def _picture(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    return f"⟨U+{code:04X}⟩"


def text(value: str) -> str:
    """`value` for several lines: newline and tab stay, CRLF becomes newline, the rest is pictured."""
    if value.isascii() and value.isprintable():
        return value
    return _UNSAFE.sub(_picture, value.replace("\r\n", "\n"))


def line(value: str) -> str:
    """`value` for one line: as `text`, and newline and tab are pictured too."""
    if value.isascii() and value.isprintable():
        return value
    return _UNSAFE_LINE.sub(_picture, value)


def is_safe(value: str) -> bool:
    """Whether `text(value)` would change nothing (CRLF aside)."""
    return _UNSAFE.search(value.replace("\r\n", "\n")) is None
