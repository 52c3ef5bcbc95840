"""The language of an answer, as far as its script tells: the share of its letters that are of the script.

Hangul is Korean's alone; Latin is written by hundreds of languages, and no share of letters says which. So a language
is offered where its script is its own, and the script by name where it is not.
"""

from __future__ import annotations

import re

from workbench.experiments.checks.model import CannotTellError, Context, Options, Outcome
from workbench.experiments.checks.words import quoted

# Letters by Unicode's blocks (Blocks.txt), the rare supplements of Han as one range.
_RANGES = {
    "Latin": "A-Za-zªº\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02af\u1e00-\u1eff\u2c60-\u2c7f"
    "\ua720-\ua7ff\ufb00-\ufb06\uff21-\uff3a\uff41-\uff5a",
    "Greek": "\u0370-\u03ff\u1f00-\u1fff",
    "Cyrillic": "\u0400-\u052f\u1c80-\u1c8f\u2de0-\u2dff\ua640-\ua69f",
    "Armenian": "\u0530-\u058f\ufb13-\ufb17",
    "Hebrew": "\u0590-\u05ff\ufb1d-\ufb4f",
    "Arabic": "\u0600-\u06ff\u0750-\u077f\u0870-\u08ff\ufb50-\ufdff\ufe70-\ufeff",
    "Devanagari": "\u0900-\u097f\ua8e0-\ua8ff",
    "Bengali": "\u0980-\u09ff",
    "Gurmukhi": "\u0a00-\u0a7f",
    "Gujarati": "\u0a80-\u0aff",
    "Tamil": "\u0b80-\u0bff",
    "Telugu": "\u0c00-\u0c7f",
    "Kannada": "\u0c80-\u0cff",
    "Malayalam": "\u0d00-\u0d7f",
    "Sinhala": "\u0d80-\u0dff",
    "Thai": "\u0e00-\u0e7f",
    "Lao": "\u0e80-\u0eff",
    "Tibetan": "\u0f00-\u0fff",
    "Myanmar": "\u1000-\u109f\ua9e0-\ua9ff\uaa60-\uaa7f",
    "Georgian": "\u10a0-\u10ff\u1c90-\u1cbf\u2d00-\u2d2f",
    "Ethiopic": "\u1200-\u139f\u2d80-\u2ddf",
    "Khmer": "\u1780-\u17ff",
    "Hangul": "\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff\uffa1-\uffdc",
    "Kana": "\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9d",
    "Han": "\u2e80-\u2fdf\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af",
}
# ISO 639-1 code, English name, scripts.
_LANGUAGES = (
    ("ko", "Korean", ("Hangul",)),
    ("ja", "Japanese", ("Kana", "Han")),
    ("zh", "Chinese", ("Han",)),
    ("el", "Greek", ("Greek",)),
    ("hy", "Armenian", ("Armenian",)),
    ("he", "Hebrew", ("Hebrew",)),
    ("gu", "Gujarati", ("Gujarati",)),
    ("pa", "Punjabi", ("Gurmukhi",)),
    ("ta", "Tamil", ("Tamil",)),
    ("te", "Telugu", ("Telugu",)),
    ("kn", "Kannada", ("Kannada",)),
    ("ml", "Malayalam", ("Malayalam",)),
    ("si", "Sinhala", ("Sinhala",)),
    ("th", "Thai", ("Thai",)),
    ("lo", "Lao", ("Lao",)),
    ("my", "Burmese", ("Myanmar",)),
    ("ka", "Georgian", ("Georgian",)),
    ("km", "Khmer", ("Khmer",)),
)
_FENCED = re.compile(r"^```.*?(?:^```|\Z)", re.DOTALL | re.MULTILINE)
KANA = 0.05  # of a Japanese text's letters; a Chinese one has none


def names() -> dict[str, str]:
    """What may be asked for, in small letters, and the name it is shown by."""
    found = {name.lower(): name for name in _RANGES}
    for code, name, _ in _LANGUAGES:
        found[code] = found[name.lower()] = name
    return found


def language(options: Options, answer: str, context: Context) -> Outcome:
    """The share of the answer's letters that are of the language's script; code between fences is left out."""
    name = names().get(options["value"].strip().lower())
    if name is None:
        raise CannotTellError(f"{quoted(options['value'])} is no language that its script tells")
    text = _FENCED.sub("", answer)
    letters = sum(map(str.isalpha, text))
    if not letters:
        raise CannotTellError("it has no letters")
    scripts = next((scripts for _, each, scripts in _LANGUAGES if each == name), (name,))
    share = sum(_count(script, text) for script in scripts) / letters
    if name in ("Japanese", "Chinese"):
        kana = _count("Kana", text) / letters
        if name == "Japanese" and kana < KANA:
            return Outcome(0, f"{kana:.0%} of its letters are kana: not Japanese", passed=False, measured=kana)
        if name == "Chinese" and kana >= KANA:
            return Outcome(0, f"{kana:.0%} of its letters are kana: Japanese", passed=False, measured=share)
    share = min(1.0, share)
    return Outcome(share, f"{share:.0%} of its letters are {' or '.join(scripts)}", measured=share)


def _count(script: str, text: str) -> int:
    """The letters of a script (marks and digits in its blocks are none)."""
    return sum(map(str.isalpha, "".join(re.findall(f"[{_RANGES[script]}]+", text))))
