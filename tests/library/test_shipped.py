"""The shipped library: whole, instructive, and nothing in it that a terminal would obey."""

from __future__ import annotations

import pytest

from workbench import paths, safe
from workbench.library.check import problems_of
from workbench.library.library import Entry, Libraries, Library
from workbench.library.template import lead

ENTRIES = Libraries([Library("shipped", paths.shipped("prompts"), writable=False)]).entries()


def test_there_is_enough_of_each_kind() -> None:
    kinds = [entry.prompt.kind for entry in ENTRIES if entry.prompt]
    assert kinds.count("system") >= 15
    assert kinds.count("association") >= 6
    assert kinds.count("chat") >= 1
    assert {"system/plain", "system/step-by-step", "system/korean", "association/star"} <= {e.id for e in ENTRIES}
    texts = [entry.prompt.version for entry in ENTRIES if entry.prompt]
    assert len(set(texts)) == len(texts), "two prompts say the same"


@pytest.mark.parametrize("entry", ENTRIES, ids=[entry.id for entry in ENTRIES])
def test_each_is_right_and_says_what_to_look_for(entry: Entry) -> None:
    prompt = entry.prompt
    assert prompt is not None, entry.error
    assert problems_of(entry) == []
    assert prompt.id.startswith(f"{prompt.kind}/")
    assert prompt.title != prompt.id.rsplit("/", 1)[-1]
    assert prompt.tags
    assert len(prompt.description) > 60
    if prompt.kind != "association":
        assert any(word in prompt.description for word in ("Look for", "ompare", "Measure", "does it"))
    data = entry.path.read_text(encoding="utf-8")
    assert safe.is_safe(data)
    messages = lead(prompt, {})
    assert messages
    assert all(message.content and "{{" not in message.content for message in messages)
    assert all(slot.description for slot in prompt.variables.values())
    assert sum(len(message.content) for message in messages) < 700, "small models need short prompts"


@pytest.mark.parametrize("entry", [e for e in ENTRIES if e.id.startswith("association/")], ids=lambda e: str(e.id))
def test_an_association_has_words_and_contexts_to_set_against_each_other(entry: Entry) -> None:
    prompt = entry.prompt
    assert prompt is not None
    assert len(prompt.words) >= 5
    assert len(set(prompt.words)) == len(prompt.words)
    assert len(prompt.contexts) >= 3
    (slot,) = prompt.variables
    for context in prompt.contexts:
        (message,) = lead(prompt, {slot: context.text})
        assert context.text in message.content
