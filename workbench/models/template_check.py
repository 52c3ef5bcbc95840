"""A model's chat template, looked at without running it: which family it is of, and what in it is out of the ordinary.

A template is a program that decides what a model is told; one from a stranger may say more than the person does.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

# What marks a family's turns, as llama.cpp tells them apart (src/llama-chat.cpp); the first that is there.
_FAMILIES = (
    ("<|start_header_id|>", "Llama 3"),
    ("<|im_start|>", "ChatML"),
    ("<start_of_turn>", "Gemma"),
    ("<|start|>", "gpt-oss (harmony)"),
    ("<|channel|>", "gpt-oss (harmony)"),
    ("[gMASK]", "ChatGLM"),
    ("<|START_OF_TURN_TOKEN|>", "Command R"),
    ("<｜User｜>", "DeepSeek"),
    ("[SYSTEM_PROMPT]", "Mistral v7"),
    ("[INST]", "Mistral, Llama 2"),
    ("<|end_of_role|>", "Granite"),
    ("[|assistant|]", "EXAONE"),
    ("<|user|>", "Zephyr, Phi"),
    ("### Instruction:", "Alpaca"),
    ("USER: ", "Vicuna"),
)
# What the sandbox refuses, and what a plain template has no use for.
_ODD = (
    (r"__\w+__", "names between double underscores reach into Python", True),
    (r"\|\s*attr\b", "the filter attr reaches attributes by name", True),
    (r"\{%-?\s*(?:include|import|extends|from)\b", "it loads other templates", True),
    (r"\b(?:lipsum|cycler|joiner|self\._)", "jinja's helpers are a known way out of a sandbox", True),
    (r"\b(?:os|subprocess|popen|system|eval|exec)\s*[.(]", "it names functions that run programs", True),
    (r"https?://", "an address stands in it", False),
    (r"""\bin\s+(?:message|m|messages\[[^\]]*\])(?:\.content|\[['"]content['"]\])""",
     "what a message says changes the template's course", False),
    (r"range\(\s*\d{5,}", "a very long loop", True),
    ("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]", "characters that are not seen", True),
)  # fmt: skip


@dataclass(frozen=True)
class Warned:
    """What is odd, in which line (from 1); `serious` when no honest template needs it."""

    line: int
    what: str
    text: str
    serious: bool


def family(template: str) -> str:
    """The family whose marks the template writes, "" when none is known."""
    return next((name for mark, name in _FAMILIES if mark in template), "")


def digest(template: str) -> str:
    """SHA-256 (hex) of the template's text."""
    return hashlib.sha256(template.encode("utf-8", "surrogatepass")).hexdigest()


def warnings(template: str) -> list[Warned]:
    """What is out of the ordinary, by line; each kind once."""
    found = []
    for pattern, what, serious in _ODD:
        if match := re.search(pattern, template):
            line = template.count("\n", 0, match.start()) + 1
            found.append(Warned(line, what, match[0][:60], serious))
    return sorted(found, key=lambda each: each.line)
