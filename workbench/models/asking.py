"""What a person types to search the hub: words, and filters such as `license:mit`, as the hub takes them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from workbench.errors import UsageError

FILTERS = {
    "license": "a licence: license:apache-2.0",
    "language": "a language, by code or name: language:ko",
    "task": "what it does: task:text-generation",
    "size": "parameters, from and to: size:1B-8B",
    "tag": "any tag of the hub: tag:uncensored",
}
LANGUAGES = {
    "arabic": "ar", "bengali": "bn", "chinese": "zh", "czech": "cs", "dutch": "nl", "english": "en", "finnish": "fi",
    "french": "fr", "german": "de", "greek": "el", "hebrew": "he", "hindi": "hi", "hungarian": "hu",
    "indonesian": "id", "italian": "it", "japanese": "ja", "korean": "ko", "persian": "fa", "polish": "pl",
    "portuguese": "pt", "romanian": "ro", "russian": "ru", "spanish": "es", "swahili": "sw", "swedish": "sv",
    "thai": "th", "turkish": "tr", "ukrainian": "uk", "urdu": "ur", "vietnamese": "vi",
}  # fmt: skip
_ADDRESS = re.compile(r"(?:https?://[^/\s]+/|(?:hf\.co|huggingface\.co)/)([^/\s?#]+/[^/\s?#]+)")


@dataclass(frozen=True)
class Asked:
    """A search of the hub: `filters` are its tags, `parameters` a range such as `min:1B,max:8B`."""

    words: str = ""
    sort: str = "downloads"
    filters: Sequence[str] = ()
    parameters: str = ""


def asked(text: str, sort: str = "downloads") -> Asked:
    """`coder size:1B-8B license:mit` as a search. Raises UsageError for a filter that is none."""
    made = Asked(sort=sort)
    words = []
    for word in map(repository, text.split()):
        name, colon, value = word.partition(":")
        if not colon:
            words.append(word)
        elif name not in FILTERS:
            near = difflib.get_close_matches(name, FILTERS, 1)
            raise UsageError(f"{name}: is no filter", hint=FILTERS[near[0]] if near else f"one of {', '.join(FILTERS)}")
        elif not value:
            raise UsageError(f"{name}: says nothing", hint=FILTERS[name])
        elif name == "size":
            made = replace(made, parameters=_range(value))
        else:
            made = replace(made, filters=[*made.filters, tag(name, value)])
    return replace(made, words=" ".join(words))


def repository(text: str) -> str:
    """`OWNER/NAME` of an address copied from a browser (or from Ollama: `hf.co/OWNER/NAME`); anything else as it is."""
    found = _ADDRESS.match(text)
    return found[1] if found else text


def tag(filter: str, value: str) -> str:
    """The hub's tag for a filter of FILTERS: of a language its code."""
    if filter == "language":
        return LANGUAGES.get(value.lower(), value.lower())
    return f"license:{value.lower()}" if filter == "license" else value


def _range(value: str) -> str:
    """`1B-8B`, `-3B`, `7B-` or `7B` (up to it) as the hub writes a range."""
    low, dash, high = value.upper().partition("-")
    if not dash:
        low, high = "", low
    for part in (low, high):
        if part and not (part[-1] in "BMK" and part[:-1].replace(".", "", 1).isdigit()):
            raise UsageError(f"size:{value} is no range", hint=FILTERS["size"])
    parts = [f"min:{low}"] if low else []
    parts += [f"max:{high}"] if high else []
    if not parts:
        raise UsageError(f"size:{value} is no range", hint=FILTERS["size"])
    return ",".join(parts)
