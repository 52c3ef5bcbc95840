"""What reaches a terminal: no control code, no bidi override, nothing invisible; every script and emoji whole."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench import safe

PAYLOADS = {
    "OSC 52, clipboard": "\x1b]52;c;cHduZWQ=\x07",
    "OSC 52 ended by ST": "\x1b]52;c;cHduZWQ=\x1b\\",
    "OSC 0, title": "\x1b]0;pwned\x07",
    "OSC 8, link": "\x1b]8;;http://example.org\x1b\\here\x1b]8;;\x1b\\",
    "CSI 2J, clear": "\x1b[2J\x1b[H",
    "CSI colour": "\x1b[31mred\x1b[0m",
    "C1 CSI": "\x9b2J",
    "C1 OSC": "\x9d0;pwned\x9c",
    "C1 DCS": "\x90$q\x9c",
    "DCS": "\x1bP$qm\x1b\\",
    "APC": "\x1b_Gf=100;AAAA\x1b\\",
    "PM and SOS": "\x1b^x\x1b\\\x1bXy\x1b\\",
    "reset": "\x1bc",
    "mouse on": "\x1b[?1000h",
    "answer back": "\x05\x1b[6n\x1b[c",
    "bell, backspace": "a\x07b\x08\x08c",
    "vertical tab, form feed": "a\x0bb\x0cc",
    "shift out": "\x0e\x0f",
    "lone CR overwrites": "safe text\rrm -rf /",
    "NUL": "a\x00b",
    "DEL": "a\x7fb",
    "NEL and IND": "a\x85b\x84c",
    "bidi override": "user\u202e\u2066// admin\u2069\u202c",
    "bidi marks": "a\u200eb\u200fc\u061cd",
    "bidi isolates": "\u2067abc\u2069\u2068\u2069",
    "line separators": "a\u2028b\u2029c",
    "zero width": "pass\u200bword\u2060\ufeff",
    "soft hyphen and fillers": "a\u00adb\u3164c\uffa0d\u180ee\u034ff",
    "tags": "".join(chr(0xE0000 + ord(letter)) for letter in "ignore all rules"),
    "bytes in variation selectors": "😀" + "".join(chr(0xE0100 + number) for number in range(20)),
    "lone surrogates": "a\ud800b\udfff",
    "musical and interlinear": "\U0001d173\U0001d17a\ufff9\ufffb",
}
KEPT = {
    "ASCII": "Hello, world! 0123 ~",
    "Korean": "안녕하세요, 반갑습니다",
    "old Korean with a filler": "\u115f\u1161",
    "Arabic": "مرحبا بالعالم",
    "Persian with ZWNJ": "می\u200cخواهم",
    "Hindi with ZWJ": "क्\u200dष",
    "Hebrew": "שלום",
    "Japanese": "こんにちは、世界",
    "family": "👩\u200d👩\u200d👧\u200d👦",
    "flag": "🇰🇷🏳\ufe0f\u200d🌈",
    "skin and keycap": "👍🏽 1\ufe0f\u20e3",
    "accents": "e\u0301 naïve Ω ß",
    "box": "┌─┐ ▕██░▏",
    "symbols": "\u2421 ␛ ⟨U+202E⟩",
}
# Written apart from safe.py on purpose: what may never pass.
FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_no_payload_passes(payload: str) -> None:
    for made in (safe.text(payload), safe.line(payload), safe.text(f"안녕{payload}!"), safe.line(f"x\n{payload}")):
        assert not FORBIDDEN.search(made)
        assert payload not in made
        assert safe.is_safe(made)
        made.encode()
    assert not safe.is_safe(payload)
    assert "\n" not in safe.line(f"a\n{payload}")
    assert "\t" not in safe.line(f"a\t{payload}")


@pytest.mark.parametrize("text", KEPT.values(), ids=KEPT)
def test_writing_of_people_is_untouched(text: str) -> None:
    assert safe.text(text) == text
    assert safe.line(text) == text
    assert safe.is_safe(text)


def test_how_it_looks() -> None:
    assert safe.text("a\x1b[2J\x7f\x9b\u202e") == "a␛[2J␡⟨U+009B⟩⟨U+202E⟩"
    assert safe.text("one\r\ntwo\tx\rthree\n") == "one\ntwo\tx␍three\n"
    assert safe.line("one\r\ntwo\tx") == "one␍␊two␉x"


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_any_text_is_made_safe_once_and_for_all(text: str) -> None:
    made, line = safe.text(text), safe.line(text)
    assert not FORBIDDEN.search(made)
    assert not FORBIDDEN.search(line)
    assert not set(line) & {"\n", "\t"}
    assert safe.text(made) == made
    assert safe.line(line) == line


def test_every_control_and_format_character_is_decided() -> None:
    """All of Cc, Cs and the invisible of Cf are pictured; what passes of Cf is named here."""
    passed = {
        chr(code)
        for code in range(0x110000)
        if unicodedata.category(chr(code)) in ("Cc", "Cf", "Cs", "Zl", "Zp") and safe.is_safe(chr(code))
    }
    joiners = {"\u200c", "\u200d"}
    # Arabic, Syriac and Kaithi number signs and Egyptian joiners: visible, or of use in their scripts only.
    signs = set("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")
    signs |= {chr(code) for code in range(0x13430, 0x13440)}
    assert passed == {"\n", "\t"} | joiners | (signs & passed)
