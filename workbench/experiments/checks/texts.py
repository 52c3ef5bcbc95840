"""Checks on the text itself: what it says, how it begins and ends, how long it is, how near it is to another."""

from __future__ import annotations

import re

from workbench.experiments.checks.model import CannotTellError, Context, Options, Outcome
from workbench.experiments.checks.words import listed, quoted

PATTERN = 10_000  # characters a pattern may have


def equals(options: Options, answer: str, context: Context) -> Outcome:
    """The whole answer, blanks around it aside."""
    wanted, found = _cased(options, options["value"].strip(), answer.strip())
    return _yes(wanted == found, f"it is {quoted(options['value'])}", f"it is {quoted(answer.strip(), 120)}")


def contains(options: Options, answer: str, context: Context) -> Outcome:
    """The text stands somewhere in it."""
    wanted, found = _cased(options, options["value"], answer)
    return _yes(wanted in found, f"has {quoted(options['value'])}", f"has no {quoted(options['value'])}")


def contains_any(options: Options, answer: str, context: Context) -> Outcome:
    """One of the texts stands in it."""
    found = next(iter(_found(options, answer)), None)
    return _yes(found is not None, f"has {quoted(found)}", f"has none of {listed(options['value'])}")


def contains_all(options: Options, answer: str, context: Context) -> Outcome:
    """All of the texts; the score is the share that is there."""
    values = options["value"]
    found = _found(options, answer)
    missing = [value for value in values if value not in found]
    return Outcome(len(found) / len(values), f"has no {listed(missing)}" if missing else f"has {listed(values)}")


def starts_with(options: Options, answer: str, context: Context) -> Outcome:
    """Its first characters, after blanks."""
    wanted, found = _cased(options, options["value"], answer.lstrip())
    begins = quoted(answer.lstrip()[: len(wanted) + 20])
    return _yes(found.startswith(wanted), f"begins with {quoted(options['value'])}", f"begins with {begins}")


def ends_with(options: Options, answer: str, context: Context) -> Outcome:
    """Its last characters, before blanks."""
    wanted, found = _cased(options, options["value"], answer.rstrip())
    ends = quoted(answer.rstrip()[-len(wanted) - 20 :])
    return _yes(found.endswith(wanted), f"ends with {quoted(options['value'])}", f"ends with {ends}")


def regex(options: Options, answer: str, context: Context) -> Outcome:
    """A match anywhere (Python's re)."""
    flags = re.IGNORECASE if options.get("ignore_case") else 0
    match = re.compile(options["value"], flags).search(answer)
    if match is None:
        return Outcome(0, f"no match of {quoted(options['value'])}")
    return Outcome(1, f"{quoted(match[0])} matches")


def length(options: Options, answer: str, context: Context) -> Outcome:
    """Words (between blanks), characters (code points, blanks around the answer aside), or tokens as generated."""
    unit = options["unit"]
    if unit == "tokens":
        if context.completion_tokens is None:
            raise CannotTellError("its tokens were not counted")
        return within(context.completion_tokens, options, unit)
    return within(len(answer.split()) if unit == "words" else len(answer.strip()), options, unit)


def similarity(options: Options, answer: str, context: Context) -> Outcome:
    """rapidfuzz's ratio, 0…1: 1 − insertions and deletions / both lengths."""
    from rapidfuzz import fuzz

    wanted, found = _cased(options, options["value"].strip(), answer.strip())
    score = fuzz.ratio(wanted, found) / 100
    return Outcome(score, f"{score:.2f} like {quoted(options['value'])}", measured=score)


def levenshtein(options: Options, answer: str, context: Context) -> Outcome:
    """Insertions, deletions and substitutions, at most `max`."""
    from rapidfuzz.distance import Levenshtein

    wanted, found = _cased(options, options["value"].strip(), answer.strip())
    most = int(options["max"])
    edits = Levenshtein.distance(wanted, found, score_cutoff=most)
    said = f"more than {most} edits" if edits > most else f"{edits} edits"
    return Outcome(float(edits <= most), f"{said} from {quoted(options['value'])}", measured=float(edits))


def within(measured: float, options: Options, unit: str) -> Outcome:
    """Whether a measure keeps to `min` and `max` (and is `value`, where that is given), in words."""
    shown = f"{measured:,.4g} {unit}" if isinstance(measured, float) else f"{measured:,} {unit}"
    exact, least, most = options.get("value"), options.get("min"), options.get("max")
    if exact is not None and measured != exact:
        return Outcome(0, f"{shown}, not {exact:,g}", measured=measured)
    if least is not None and measured < least:
        return Outcome(0, f"{shown}, under {least:,g}", measured=measured)
    if most is not None and measured > most:
        return Outcome(0, f"{shown}, over {most:,g}", measured=measured)
    return Outcome(1, shown, measured=measured)


def _yes(passed: bool, good: str, bad: str) -> Outcome:
    return Outcome(float(passed), good if passed else bad)


def _found(options: Options, answer: str) -> list[str]:
    return [value for value in options["value"] if _in(options, value, answer)]


def _in(options: Options, value: str, answer: str) -> bool:
    wanted, found = _cased(options, value, answer)
    return wanted in found


def _cased(options: Options, *texts: str) -> list[str]:
    """Casefolded, where case is not to matter (ß is ss, İ is i̇)."""
    return [text.casefold() for text in texts] if options.get("ignore_case") else list(texts)
